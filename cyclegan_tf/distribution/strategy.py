"""Which devices train: the choice of a tf.distribute strategy, and the line that explains it."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from cyclegan_tf.distribution.cluster import read_cluster, require_cluster
from cyclegan_tf.distribution.workers import Workers, connect
from cyclegan_tf.errors import InputError

INSTALL_TPU = "pip install tensorflow-tpu"  # Kaggle's TPU image has TensorFlow for the CPU
INSTALL_CUDA = 'pip install "tensorflow[and-cuda]<2.22"'
TPU_VARIABLES = ("TPU_NAME", "TPU_ACCELERATOR_TYPE", "TPU_WORKER_HOSTNAMES")


@dataclass(frozen=True)
class Choice:
    """A strategy, and why it is this one.

    Attributes:
        strategy: models are built and trained under its `scope()`.
        reason: one line for the user.
    """

    strategy: tf.distribute.Strategy
    reason: str

    @property
    def replicas(self) -> int:
        """Copies of the model that train together."""
        return self.strategy.num_replicas_in_sync


def choose_strategy(name: str, batch_size: int) -> Choice:
    """The devices that train a global batch.

    It starts TensorFlow's devices: what has to be set before, `runtime.set_up` sets.

    Args:
        name: "one": the first GPU, or the CPU; "mirrored": all GPUs, or the logical CPUs of a
            process that has several; "tpu"; "auto": a TPU that TensorFlow drives, or else all
            GPUs, or else one device; one also if the batch cannot be shared.
        batch_size: images of each domain in a step, over all replicas.

    Raises:
        InputError: if there are no such devices, or the batch cannot be shared among them.
    """
    if name not in _CHOICES:
        raise InputError(f"--strategy is {name!r}; choose one of: {', '.join(_CHOICES)}.")
    choice = _CHOICES[name]()
    if name == "auto" and batch_size % choice.replicas:
        one = _one()
        return Choice(one.strategy, f"{one.reason}: {choice.replicas} cannot share {batch_size}")
    check_batch(batch_size, choice.replicas)
    return choice


def choose_workers(name: str, batch_size: int) -> Workers:
    """The machines and devices that train a global batch; their summary says which and why.

    Args:
        name: as in `choose_strategy`, or "multiworker": the machines that `TF_CONFIG` or Slurm
            names; "auto" takes these, too, where they are named.
        batch_size: images of each domain in a step, over all replicas of all machines.

    Raises:
        InputError: if there are no such machines or devices, or the batch cannot be shared.
        WorkerLost: if another machine does not come.
    """
    cluster = None
    if name == "multiworker":
        cluster = require_cluster(os.environ)
    elif name == "auto":
        cluster = read_cluster(os.environ)
    if cluster is None:
        choice = choose_strategy(name, batch_size)
        return Workers(choice.strategy, summary=choice.reason)
    check_batch(batch_size, cluster.count)  # before anybody waits
    workers = connect(cluster)
    check_batch(batch_size, workers.strategy.num_replicas_in_sync)
    return workers


def check_batch(batch_size: int, replicas: int) -> None:
    """Raises `InputError`, with the nearest sizes that fit, where replicas would differ."""
    if batch_size % replicas == 0:
        return
    fitting = [n * replicas for n in (batch_size // replicas, batch_size // replicas + 1) if n]
    raise InputError(
        f"--batch-size {batch_size} cannot be shared equally among {replicas} replicas; take "
        f"{' or '.join(map(str, fitting))}, or --strategy one."
    )


def has_tpu(devices: Path = Path("/dev"), environment: Iterable[str] | None = None) -> bool:
    """Whether the machine has a TPU, as its device files or its environment tell."""
    names = os.environ if environment is None else environment
    if any(devices.glob("accel[0-9]*")):
        return True
    return any(name in names for name in TPU_VARIABLES)


def has_nvidia(devices: Path = Path("/dev"), environment: Mapping[str, str] | None = None) -> bool:
    """Whether the machine has an NVIDIA GPU that nobody has hidden from TensorFlow."""
    variables = os.environ if environment is None else environment
    hidden = variables.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1")
    return not hidden and any(devices.glob("nvidia[0-9]*"))


def _auto() -> Choice:
    note = ""
    if has_tpu():
        try:
            return _tpu()
        except InputError as error:
            note = f"; {error}"
    choice = _mirrored() if len(tf.config.list_physical_devices("GPU")) > 1 else _one()
    return Choice(choice.strategy, choice.reason + note)


def _one() -> Choice:
    # TensorFlow's default strategy: one replica, on the first GPU where there is one
    strategy = tf.distribute.get_strategy()
    gpus = len(tf.config.list_physical_devices("GPU"))
    if gpus > 1:
        return Choice(strategy, f"strategy: one GPU of {gpus}")
    if gpus:
        return Choice(strategy, "strategy: one GPU")
    if has_nvidia():
        return Choice(
            strategy,
            "strategy: the CPU, because TensorFlow finds no CUDA libraries for the NVIDIA GPU of "
            f"this machine; to use it, run `{INSTALL_CUDA}`",
        )
    return Choice(strategy, "strategy: the CPU (no GPU, no TPU)")


def _mirrored() -> Choice:
    gpus = tf.config.list_physical_devices("GPU")
    if len(gpus) > 1:
        reason = f"strategy: mirrored on {len(gpus)} GPUs, each takes its share of every batch"
        return Choice(tf.distribute.MirroredStrategy(), reason)
    cpus = [device.name for device in tf.config.list_logical_devices("CPU")]
    if gpus or len(cpus) < 2:
        raise InputError(
            f"--strategy mirrored needs several GPUs, this machine has {len(gpus)}; take "
            "--strategy auto or one."
        )
    # sums in the order of the devices; the usual ones would leave threads behind
    summing = tf.distribute.ReductionToOneDevice()
    strategy = tf.distribute.MirroredStrategy(cpus, cross_device_ops=summing)
    return Choice(strategy, f"strategy: mirrored on {len(cpus)} logical CPUs")


def _tpu() -> Choice:
    try:
        # the TPU of this machine; those behind a network are a thing of the past
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu="local")
        tf.tpu.experimental.initialize_tpu_system(resolver)
        strategy = tf.distribute.TPUStrategy(resolver)
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(_no_tpu()) from error
    count = strategy.num_replicas_in_sync
    return Choice(strategy, f"strategy: TPU of {count} cores, each takes its share of every batch")


def _no_tpu() -> str:
    if has_tpu():
        return (
            f"this machine has a TPU, but TensorFlow {tf.__version__} cannot drive it; run "
            f"`{INSTALL_TPU}` and start again"
        )
    return "--strategy tpu: this machine has no TPU; take --strategy auto."


_CHOICES: dict[str, Callable[[], Choice]] = {
    "auto": _auto,
    "one": _one,
    "mirrored": _mirrored,
    "tpu": _tpu,
}
