"""Trainings in processes of their own that are killed, resumed and compared bit by bit."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.training.checkpoint import CheckpointMetadata, read_metadata

ROOT = Path(__file__).parents[1]


@dataclass
class Death:
    """How one process ended.

    Attributes:
        metadata: of the state it left.
        lost: seconds of training since that state was saved.
        saving: whether it was killed while it wrote a state.
    """

    metadata: CheckpointMetadata
    lost: float
    saving: bool

    @property
    def moment(self) -> str:
        """In words."""
        if self.saving:
            return "while saving"
        return "in mid-epoch" if self.metadata.epoch_steps else "after an epoch"


def start(argv: Sequence[str], log: Path) -> subprocess.Popen:
    """Starts `python -m cyclegan_tf.train`; its output goes to a file."""
    with log.open("a") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "cyclegan_tf.train", *argv],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )


def wait_for_step(
    process: subprocess.Popen, run: RunFolder, step: int, *, seconds: float = 900.0
) -> None:
    """Waits until the process has saved a state of its own, of that step or a later one.

    Raises:
        RuntimeError: if it ended before, or took too long.
    """
    before, began = saved_at(run), time.time()
    while saved_at(run) == before or read_metadata(run.state_file).step < step:
        _require_alive(process, began + seconds)
        time.sleep(0.02)


def kill_while_saving(process: subprocess.Popen, run: RunFolder, *, seconds: float = 60.0) -> Death:
    """Kills the process as soon as it begins to write a state."""
    folder, began = run.state_file.parent, time.time()
    while not any(entry.name.startswith("partial.") for entry in os.scandir(folder)):
        _require_alive(process, began + seconds)
    return kill(process, run)


def kill(process: subprocess.Popen, run: RunFolder) -> Death:
    """Kills the process with a signal that it cannot catch."""
    process.send_signal(signal.SIGKILL)
    killed = time.time()
    process.wait()
    saving = any(run.state_file.parent.glob("partial.*"))
    return Death(read_metadata(run.state_file), max(0.0, killed - saved_at(run)), saving)


def saved_at(run: RunFolder) -> float:
    """When the last state was saved; 0 if none was."""
    return run.state_file.stat().st_mtime if run.state_file.exists() else 0.0


def different_variables(one: RunFolder, other: RunFolder) -> list[str]:
    """Names of the variables whose bits differ between the states of two runs."""
    with np.load(one.state_file) as first, np.load(other.state_file) as second:
        described = [json.loads(archive["facts"].tobytes()) for archive in (first, second)]
        names = [list(description["variables"]) for description in described]
        if names[0] != names[1]:
            raise RuntimeError("the runs are of different models")
        return [name for name in names[0] if first[name].tobytes() != second[name].tobytes()]


def _require_alive(process: subprocess.Popen, deadline: float) -> None:
    if process.poll() is not None:
        raise RuntimeError(f"the training ended with exit code {process.returncode} too early")
    if time.time() > deadline:
        process.kill()
        raise RuntimeError("the training did not get there in time")
