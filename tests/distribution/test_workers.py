"""Two workers on this machine train like one process, and stop when one of them is killed."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.distribution.strategy import choose_workers
from cyclegan_tf.distribution.workers import StopTogether, Workers
from cyclegan_tf.errors import InputError
from cyclegan_tf.models.build import build_model
from tests.distribution import worker

ROOT = Path(__file__).parents[2]


def free_addresses(count: int) -> list[str]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return [f"localhost:{s.getsockname()[1]}" for s in sockets]


def start(folder: Path, addresses: list[str], index: int) -> subprocess.Popen:
    task = {"type": "worker", "index": index}
    environment = os.environ | {
        "TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task})
    }
    with (folder / f"output-{index}.txt").open("w") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.distribution.worker", str(folder)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def wait_for(file: Path, text: str, process: subprocess.Popen, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while text not in file.read_text():
        assert process.poll() is None, file.read_text()
        assert time.monotonic() < deadline, file.read_text()
        time.sleep(0.2)


def alone(folder: Path) -> dict[str, np.ndarray]:
    """What one process leaves that trains on the whole batches."""
    path = folder / "alone.npz"
    worker.train(Workers(tf.distribute.get_strategy()), path, epochs=1)
    found = dict(np.load(path))
    start = worker.named(build_model(worker.CONFIG))
    ways = [np.abs(found[name] - value).max() for name, value in start.items()]
    assert np.median(ways) > 1e-3  # so that 1e-5 means something
    return found


def assert_trained_alike(one: dict, two: list[dict]) -> None:
    assert one["read"].shape == (20, 2, 4)  # steps, domains, pictures
    together = np.concatenate([w["read"][:20] for w in two], axis=2)
    np.testing.assert_array_equal(together, one["read"])
    for key, values in one.items():
        if key.startswith("weight"):
            np.testing.assert_array_equal(two[0][key], two[1][key], err_msg=key)
            # the pool remembers pictures, where the norms of the networks have magnified rounding
            atol = 1e-4 if key.endswith(" images") else 1e-5
            np.testing.assert_allclose(two[0][key], values, atol=atol, err_msg=key)
        elif key.startswith("log"):
            assert two[0][key] == two[1][key], key
            assert two[0][key] == pytest.approx(values, rel=1e-4, abs=1e-6), key


def test_two_workers_train_like_one_until_one_is_killed_and_the_other_stops(tmp_path):
    addresses = free_addresses(2)
    processes = [start(tmp_path, addresses, index) for index in (0, 1)]
    outputs = [tmp_path / f"output-{index}.txt" for index in (0, 1)]
    try:
        one = alone(tmp_path)
        wait_for(outputs[0], "epoch 2", processes[0])
        processes[1].kill()
        began = time.monotonic()
        assert processes[0].wait(60) == 1
        assert time.monotonic() - began < 60
    finally:
        for process in processes:
            process.kill()
            process.wait()
    message = f"error: lost worker 2 of 2, {addresses[1]}: it was killed"
    assert re.search(f"^{re.escape(message)}.*--resume", outputs[0].read_text(), re.MULTILINE)
    two = [dict(np.load(tmp_path / f"worker-{index}.npz")) for index in (0, 1)]
    assert_trained_alike(one, two)
    assert [float(w["agreed"]) for w in two] == [7.0, 7.0]
    assert [bool(w["anyone"]) for w in two] == [True, True]
    refusals = [f"settings of {who} worker differ from the chief's" for who in ("another", "this")]
    assert [str(w["refused"])[: len(r)] for w, r in zip(two, refusals, strict=True)] == refusals


def test_a_worker_alone_agrees_with_itself():
    workers = Workers(tf.distribute.get_strategy())
    batches = tf.data.Dataset.range(3)
    assert workers.agreed(3.5) == 3.5
    assert workers.anyone(True) is True
    assert workers.anyone(False) is False
    assert workers.distributed(batches) is batches
    workers.require_same("settings", "anything")
    with workers.watched():
        pass


class Asked(Workers):
    """Answers that another worker stops, at the second question."""

    def __init__(self) -> None:
        super().__init__(tf.distribute.get_strategy())
        self.questions: list[bool] = []

    def anyone(self, flag: bool) -> bool:
        self.questions.append(flag)
        return flag or len(self.questions) == 2


def test_batch_that_workers_cannot_share_is_refused_before_anybody_waits(monkeypatch):
    cluster = {"worker": ["localhost:1", "localhost:2"]}
    text = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})
    monkeypatch.setenv("TF_CONFIG", text)
    for name in ("auto", "multiworker"):
        with pytest.raises(InputError, match="--batch-size 3 cannot be shared equally among 2"):
            choose_workers(name, 3)


def test_one_worker_that_stops_stops_all():
    workers = Asked()
    callback = StopTogether(workers)
    callback.set_model(tf.Module())
    callback.model.stop_training = False
    callback.on_train_batch_end(0)
    assert callback.model.stop_training is False
    callback.on_train_batch_end(1)
    assert callback.model.stop_training is True
