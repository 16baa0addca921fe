"""The run folder: where a training run keeps its config, curves, samples, weights, submission."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from cyclegan_tf import __version__
from cyclegan_tf.config import TrainConfig
from cyclegan_tf.errors import InputError
from cyclegan_tf.inputs import read_file, require_file

_MOST_CONFIG = 2**20  # bytes; a config has a few thousand


class RunDir:
    """The files of one run, by name.

    Attributes:
        path: the folder.
        samples: grids of originals above translations, one PNG per reported epoch.
        weights: the networks' weights of the last good epoch.
        tensorboard: event files.
        plots: `losses.png`.
        submission: `images.zip`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_file = path / "config.json"
        self.metrics_file = path / "metrics.jsonl"
        self.samples = path / "samples"
        self.weights = path / "weights"
        self.tensorboard = path / "tensorboard"
        self.plots = path / "plots"
        self.submission = path / "images.zip"

    @classmethod
    def create(cls, path: Path, config: TrainConfig) -> "RunDir":
        """Makes the folder and writes the config into it.

        Raises:
            InputError: if it already holds a run, or cannot be written.
        """
        run = cls(path)
        try:
            if run.config_file.exists() or run.metrics_file.exists():
                raise InputError(
                    f"{path} already holds a run; expected a new folder. Choose another --run, "
                    "or remove that one."
                )
            for folder in (path, run.samples, run.weights, run.tensorboard, run.plots):
                folder.mkdir(parents=True, exist_ok=True)
            write_text(run.config_file, json.dumps(_with_versions(config), indent=2) + "\n")
        except OSError as error:
            raise InputError(
                f"{path} cannot be written ({error.strerror}); expected a folder for the run. "
                "Choose another with --run."
            ) from error
        return run

    def config(self) -> TrainConfig:
        """The config the run was started with.

        Raises:
            InputError: if there is none, or it does not fit this version of the package.
        """
        try:
            values = json.loads(read_file(self.config_file, most=_MOST_CONFIG).decode())
        except OSError as error:
            raise InputError(
                f"{self.path} holds no run (config.json: {error.strerror}); expected a folder that "
                "train wrote."
            ) from error
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{self.config_file} is no JSON ({error}); restore the file."
            ) from error
        if not isinstance(values, dict):
            raise InputError(f"{self.config_file} is no JSON object; restore the file.")
        values.pop("versions", None)
        return TrainConfig.from_dict(values)

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Adds one epoch to `metrics.jsonl`."""
        with self.metrics_file.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def metrics(self) -> Iterator[dict[str, Any]]:
        """The epochs of `metrics.jsonl`, oldest first."""
        if self.metrics_file.exists():
            yield from (json.loads(line) for line in self.metrics_file.read_text().splitlines())

    def save_weights(self, network: keras.Model, *, best: bool = False) -> None:
        """Writes a network to its `weights_file`, keeping the old file until it is done."""
        path = self.weights_file(network, best=best)
        partial = path.with_name("partial." + path.name)
        network.save_weights(partial)
        partial.replace(path)

    def load_weights(self, network: keras.Model, *, best: bool = False) -> None:
        """Reads a network's weights back.

        Raises:
            InputError: if the run has none, or they are of another architecture.
        """
        path = self.weights_file(network, best=best)
        if not path.exists():
            raise InputError(f"{path} does not exist; expected the weights of a finished run.")
        try:
            require_file(path)
            with warnings.catch_warnings():
                # Keras only warns of layers it does not find; half a network is no network
                warnings.filterwarnings("error", message="Skipping")
                network.load_weights(path)
        except (OSError, ValueError, KeyError, UserWarning) as error:
            raise InputError(
                f"{path} does not hold the weights of {network.name} "
                f"({str(error).splitlines()[0]}); restore it, or train again."
            ) from error

    def weights_file(self, network: keras.Model, *, best: bool = False) -> Path:
        """Where a network's weights are: `weights/NAME.weights.h5`, or `weights/best_NAME...`."""
        return self.weights / f"{'best_' if best else ''}{network.name}.weights.h5"


def next_free_run(parent: Path, prefix: str) -> Path:
    """The first of `PREFIX-1`, `PREFIX-2`, ... that does not exist."""
    number = 1
    while (parent / f"{prefix}-{number}").exists():
        number += 1
    return parent / f"{prefix}-{number}"


def write_text(path: Path, text: str) -> None:
    """Writes a file under a temporary name and renames it."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)


def _with_versions(config: TrainConfig) -> dict[str, Any]:
    versions = {
        "cyclegan_tf": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    return {**config.to_dict(), "versions": versions}
