"""Several machines: who trains together, as `TF_CONFIG` or Slurm tell, and who of them writes."""

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cyclegan_tf.errors import InputError

WORKERS = '{"worker": ["HOST:PORT", "HOST:PORT"]}'
EXAMPLE = f'{{"cluster": {WORKERS}, "task": {{"type": "worker", "index": 0}}}}'
FIRST_PORT = 12000  # of Slurm's tasks; two jobs on one node must not meet, so theirs differ
PORT_RANGE = 16000  # ends below 32768, where Linux picks ports for outgoing connections


@dataclass(frozen=True)
class Cluster:
    """The workers of one training, and which of them this process is.

    Attributes:
        addresses: `host:port` of each worker, in the order of their indices.
        index: of this process.
        source: where this was read: "TF_CONFIG" or "Slurm".
    """

    addresses: tuple[str, ...]
    index: int
    source: str

    @property
    def count(self) -> int:
        """Workers, this one included."""
        return len(self.addresses)

    @property
    def is_chief(self) -> bool:
        """Whether this worker is the one that writes."""
        return self.index == 0

    def name(self, index: int) -> str:
        """What messages call a worker; users count from 1."""
        role = "the chief" if index == 0 else f"worker {index + 1} of {self.count}"
        return f"{role}, {self.addresses[index]}"

    def summary(self) -> str:
        """One line for the user."""
        place = f"worker {self.index + 1} of {self.count}"
        chief = "this is the chief" if self.is_chief else f"chief {self.addresses[0]}"
        return f"{place}, {chief}, from {self.source}"

    @contextlib.contextmanager
    def own_folder(self, path: Path) -> Iterator[Path]:
        """Where this worker writes: the chief in `path`, the others where it is thrown away.

        All workers have to run the same callbacks, because what these compute may wait for all
        others; so the files of the others must go somewhere.
        """
        if self.is_chief:
            yield path
            return
        with tempfile.TemporaryDirectory(prefix=f"worker-{self.index + 1}-") as folder:
            yield Path(folder) / path.name


@dataclass(frozen=True)
class Shard:
    """The part of each batch that a worker decodes.

    Attributes:
        index: of the worker.
        count: of the workers, which divides the batch.
        replicas: of the worker, each of which takes a batch of its own: a part of its share.
    """

    index: int = 0
    count: int = 1
    replicas: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count or self.replicas < 1:
            raise ValueError(
                "A share needs 0 <= index < count and at least 1 replica. "
                f"Received: index={self.index}, count={self.count}, replicas={self.replicas}"
            )

    def size(self, batch_size: int) -> int:
        """Images in the batch of a replica."""
        if batch_size % (self.count * self.replicas):
            raise ValueError(
                f"A batch must divide evenly among {self.count} workers of {self.replicas} "
                f"replicas. Received: batch_size={batch_size}"
            )
        return batch_size // (self.count * self.replicas)


WHOLE = Shard()


def read_cluster(environment: Mapping[str, str]) -> Cluster | None:
    """The cluster that the environment variables describe; None if this process is alone.

    `TF_CONFIG` wins over Slurm, whose variables are also set in a shell inside a job.

    Raises:
        InputError: if `TF_CONFIG` or Slurm's variables cannot be understood.
    """
    text = environment.get("TF_CONFIG", "").strip()
    cluster = _from_tf_config(text) if text else _from_slurm(environment)
    return cluster if cluster and cluster.count > 1 else None


def require_cluster(environment: Mapping[str, str]) -> Cluster:
    """`read_cluster` for a user who has asked for several machines.

    Raises:
        InputError: also if this process is alone.
    """
    cluster = read_cluster(environment)
    if cluster is None:
        raise InputError(
            "--strategy multiworker needs two or more workers, but neither TF_CONFIG nor Slurm "
            f"(SLURM_STEP_NUM_TASKS) names them; set TF_CONFIG='{EXAMPLE}' on each machine, or "
            "start with srun."
        )
    return cluster


def _from_tf_config(text: str) -> Cluster | None:
    config = _parsed(text)
    jobs = config.get("cluster") or {}
    if not isinstance(jobs, dict):
        _refuse(f"cluster is {_shown(jobs)}", "lists of workers by their job")
    if not jobs:
        return None
    if unknown := sorted(set(jobs) - {"chief", "worker"}):
        _refuse(f"the cluster has the job {unknown[0]!r}", "only chief and worker")
    chiefs, workers = (_addresses(job, jobs.get(job, [])) for job in ("chief", "worker"))
    if len(chiefs) > 1:
        _refuse(f"the cluster has {len(chiefs)} chiefs", "at most one")
    addresses = chiefs + workers
    if twice := [a for a in addresses if addresses.count(a) > 1]:
        _refuse(f"{twice[0]} is named twice", "an address of its own for each worker")
    kind, index = _task(config.get("task"), {"chief": chiefs, "worker": workers})
    return Cluster(addresses, index + (len(chiefs) if kind == "worker" else 0), "TF_CONFIG")


def _parsed(text: str) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        _refuse(f"{_shown(text)} is no JSON ({error.msg}, column {error.colno})", "a JSON object")
    except RecursionError:
        _refuse(f"{_shown(text)} is nested too deeply", "a JSON object")
    if not isinstance(config, dict):
        _refuse(f"it is {_shown(config)}", "a JSON object")
    return config


def _addresses(job: str, addresses: Any) -> tuple[str, ...]:
    if not isinstance(addresses, list):
        _refuse(f"cluster.{job} is {_shown(addresses)}", "a list of host:port")
    for address in addresses:
        host, _, port = address.rpartition(":") if isinstance(address, str) else ("", "", "")
        right = re.fullmatch(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]", host)
        if not right or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
            _refuse(f"cluster.{job} names {_shown(address)}", "host:port, the port 1 to 65535")
    return tuple(addresses)


def _task(task: Any, jobs: dict[str, tuple[str, ...]]) -> tuple[str, int]:
    if not isinstance(task, dict):
        _refuse(f"task is {_shown(task)}", "the type and index of this process")
    kind, index = task.get("type"), task.get("index")
    there = [job for job, addresses in jobs.items() if addresses]
    if kind not in there:
        _refuse(f"task.type is {_shown(kind)}", " or ".join(there) or "a cluster with workers")
    if isinstance(index, str) and re.fullmatch(r"[0-9]{1,6}", index):
        index = int(index)  # TensorFlow takes both
    last = len(jobs[kind]) - 1
    if type(index) is not int or not 0 <= index <= last:
        expected = f"0 to {last}: the cluster has {last + 1} of type {kind}"
        _refuse(f"task.index is {_shown(index)}", expected)
    return kind, index


def _refuse(found: str, expected: str) -> NoReturn:
    raise InputError(
        f"TF_CONFIG: {found}; expected is {expected}, as in {EXAMPLE}. Correct or unset it."
    )


def _shown(value: Any) -> str:
    """A value as messages quote it: short, on one line."""
    text = repr(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:56]} ..."


def _from_slurm(environment: Mapping[str, str]) -> Cluster | None:
    """The tasks of a Slurm step, in Slurm's own order of nodes.

    TensorFlow's `SlurmClusterResolver` names the same addresses where it works; but it fails on
    nodes without GPUs, and puts node n10 before n2, where Slurm counts the other way round.
    """
    names = ("STEP_NUM_TASKS", "PROCID", "STEP_NODELIST", "STEP_TASKS_PER_NODE")
    tasks, index, nodes, per_node = (environment.get(f"SLURM_{name}", "") for name in names)
    if not re.fullmatch(r"[0-9]+", tasks) or int(tasks) < 2:  # no step, or a single task
        return None
    try:
        counts = _task_counts(per_node)
        hosts = _expanded(nodes)
        job = int(environment.get("SLURM_JOB_ID", "0"))
        port = FIRST_PORT + job % PORT_RANGE
        addresses = tuple(
            f"{host}:{port + task}"
            for host, count in zip(hosts, counts, strict=True)
            for task in range(count)
        )
        place = int(index)
        fits = len(addresses) == int(tasks) and 0 <= place < len(addresses)
    except ValueError:
        fits = False
    if not fits:
        raise InputError(
            f"Slurm says SLURM_STEP_NUM_TASKS={tasks!r}, SLURM_PROCID={index!r}, "
            f"SLURM_STEP_NODELIST={nodes!r}, SLURM_STEP_TASKS_PER_NODE={per_node!r}, which do not "
            "fit together; start with srun, or set TF_CONFIG."
        )
    return Cluster(addresses, place, "Slurm")


def _task_counts(text: str) -> list[int]:
    """`2(x3),1` is `[2, 2, 2, 1]`."""
    counts = []
    for part in text.split(","):
        found = re.fullmatch(r"([0-9]+)(?:\(x([0-9]{1,5})\))?", part)
        if not found:
            raise ValueError(part)
        counts += [int(found[1])] * int(found[2] or 1)
    return counts


def _expanded(nodes: str) -> list[str]:
    """`n[1-2,07],m5` is `["n1", "n2", "n07", "m5"]`."""
    hosts = []
    for part in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", nodes):
        found = re.fullmatch(r"([\w.-]*)(?:\[([0-9,-]+)\])?([\w.-]*)", part)
        if not found:
            raise ValueError(part)
        prefix, ranges, suffix = found.groups()
        numbers = _numbers(ranges) if ranges else [""]
        hosts += [f"{prefix}{number}{suffix}" for number in numbers]
    return hosts


def _numbers(ranges: str) -> list[str]:
    numbers = []
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        last = last or first
        if int(last) - int(first) > 100_000:
            raise ValueError(part)
        numbers += [str(n).zfill(len(first)) for n in range(int(first), int(last) + 1)]
    return numbers
