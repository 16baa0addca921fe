"""Run folders from hell: configs, weights and states that are damaged, or of something else."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.hell.files import Make, place_special, write


def run_copy(here: Path, good: Path, kind: str = "dcgan") -> Path:
    shutil.copytree(good / kind, here / "bad")
    return here / "bad"


def run_beside(here: Path, good: Path) -> None:
    """A run that a command may write its scores into."""
    shutil.copytree(good / "dcgan", here / "bad_run")


def config_text(content: bytes) -> Make:
    """A run whose config.json holds these bytes."""

    def make(here: Path, good: Path) -> None:
        (run_copy(here, good) / "config.json").write_bytes(content)

    return make


def config_with(**changes: Any) -> Make:
    def make(here: Path, good: Path) -> None:
        path = run_copy(here, good) / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return make


def config_raw(key: str, value: str) -> Make:
    """A run whose config has one value that `json.dumps` would not write."""

    def make(here: Path, good: Path) -> None:
        path = run_copy(here, good) / "config.json"
        path.write_text(
            json.dumps({**json.loads(path.read_text()), key: "@"}).replace('"@"', value)
        )

    return make


def special_in_run(kind: str, name: str) -> Make:
    def make(here: Path, good: Path) -> None:
        path = run_copy(here, good) / name
        if path.is_dir():
            shutil.rmtree(path)
        place_special(kind, path)

    return make


def weights(change: Callable[[bytes], bytes]) -> Make:
    """A run whose generator's weights are changed."""

    def make(here: Path, good: Path) -> None:
        path = run_copy(here, good) / "weights/generator.weights.h5"
        path.write_bytes(change(path.read_bytes()))

    return make


def weights_of_another(here: Path, good: Path) -> None:
    config_with(base_filters=3)(here, good)


def weights_of_a_cyclegan(here: Path, good: Path) -> None:
    other = (good / "cyclegan/weights/generator_ab.weights.h5").read_bytes()
    weights(lambda data: other)(here, good)


def state(content: bytes) -> Make:
    """A run whose saved state holds these bytes."""

    def make(here: Path, good: Path) -> None:
        write(run_copy(here, good) / "checkpoint", {"state.npz": content})

    return make


def special_state(kind: str) -> Make:
    def make(here: Path, good: Path) -> None:
        state(b"")(here, good)
        place_special(kind, here / "bad/checkpoint/state.npz")

    return make


def npz(**arrays: list) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def cut_metrics(here: Path, good: Path) -> None:
    """A run whose last line of metrics was cut off; no command needs it."""
    row = '{"epoch": 1, "gen_loss": 0.5}\n'
    (run_copy(here, good) / "metrics.jsonl").write_text(row + row[:11])
