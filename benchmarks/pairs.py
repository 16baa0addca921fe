"""Interleaved comparisons: each side in a process of its own, A B A B, the median of the ratios."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # `eda.py` measures itself without TensorFlow
    import tensorflow as tf

    from cyclegan_tf.config.train_config import TrainConfig

ROOT = Path(__file__).parents[1]
SIDES = ("ours", "reference")


@dataclass(frozen=True)
class Measured:
    """What one process took.

    Attributes:
        seconds: as the process says of its work, or else of the whole process.
        gigabytes: peak memory of the process, or what it says if it has children.
        facts: what it printed as JSON in its last line.
    """

    seconds: float
    gigabytes: float
    facts: dict


@dataclass(frozen=True)
class Comparison:
    """Both sides, pair by pair."""

    ours: list[Measured]
    reference: list[Measured]

    def ratio(self, of: Callable[[Measured], float]) -> tuple[float, float, float]:
        """Ours over the reference: lowest, median and highest of the pairs."""
        pairs = zip(self.ours, self.reference, strict=True)
        ratios = sorted(of(ours) / of(reference) for ours, reference in pairs)
        return ratios[0], statistics.median(ratios), ratios[-1]

    def row(self, title: str) -> str:
        """A row of `HEAD`'s table: medians, ratios of time and memory."""
        cells = [title]
        for of, digits in ((_seconds, 3), (_gigabytes, 2)):
            cells += [
                f"{statistics.median(map(of, side)):.{digits}f}"
                for side in (self.ours, self.reference)
            ]
            low, middle, high = self.ratio(of)
            cells.append(f"**{middle:.2f}** ({low:.2f} - {high:.2f})")
        return f"| {' | '.join(cells)} |"


HEAD = (
    "| what | ours, s | reference, s | ratio | ours, GB | reference, GB | ratio |\n"
    "| --- | --- | --- | --- | --- | --- | --- |"
)


def compare(script: str, ours: Sequence[str], reference: Sequence[str], pairs: int) -> Comparison:
    """Runs `script --side SIDE ...` in turn.

    Args:
        script: path of a benchmark.
        ours: its arguments for our side.
        reference: its arguments for the other side.
        pairs: how often each is run.
    """
    found: dict[str, list[Measured]] = {side: [] for side in SIDES}
    for _ in range(pairs):
        for side, arguments in zip(SIDES, (ours, reference), strict=True):
            found[side].append(measure([script, "--side", side, *arguments]))
            print(f"  {side}: {found[side][-1].seconds:.3f} s", file=sys.stderr, flush=True)
    return Comparison(**found)


def measure(argv: Sequence[str]) -> Measured:
    """Runs a Python script to its end.

    Raises:
        RuntimeError: if it fails; with what it wrote.
    """
    environment = os.environ | {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *argv], stdout=out, stderr=errors, env=environment, cwd=ROOT
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        for file in (out, errors):
            file.seek(0)
        if process.returncode:
            raise RuntimeError(f"{' '.join(argv)} failed:\n{errors.read()[-4000:]}")
        lines = out.read().strip().splitlines()
    facts = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    gigabytes = facts.get("gigabytes", usage.ru_maxrss / 1e6)
    return Measured(facts.get("seconds", seconds), gigabytes, facts)


def parser(description: str | None) -> argparse.ArgumentParser:
    """Flags that all comparisons have."""
    flags = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    flags.add_argument("--side", choices=SIDES, help="measure this side only, print JSON")
    flags.add_argument("--pairs", type=int, default=5, help="how often each side runs")
    return flags


def notebook_config(options: Sequence[str] = (), **fields: Any) -> "TrainConfig":
    """The preset that does what the tutorial does, for our side, with the machine set up for it.

    Args:
        options: further fields as NAME=VALUE, the value as JSON.
        **fields: of the config.
    """
    from cyclegan_tf.config.presets import preset_config
    from cyclegan_tf.distribution import runtime

    further = {name: json.loads(value) for name, value in (o.split("=") for o in options)}
    config = preset_config("notebook", **fields, **further)
    runtime.set_up(precision=config.precision, seed=config.seed, deterministic=False)
    return config


def random_images(batch: int, size: int) -> "tuple[tf.Tensor, tf.Tensor]":
    """A batch of both domains, `(batch, size, size, 3)` float32 in [-1, 1]."""
    import numpy as np
    import tensorflow as tf

    random = np.random.default_rng(0)
    draws = [random.uniform(-1, 1, (batch, size, size, 3)) for _ in range(2)]
    return tuple(tf.constant(draw.astype(np.float32)) for draw in draws)


def _seconds(measured: Measured) -> float:
    return measured.seconds


def _gigabytes(measured: Measured) -> float:
    return measured.gigabytes
