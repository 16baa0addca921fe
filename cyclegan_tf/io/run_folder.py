"""The run folder: where a training run keeps its config, curves, samples, weights, submission."""

import dataclasses
import errno
import json
import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from cyclegan_tf import __version__
from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.errors import Fault, InputError, first_line
from cyclegan_tf.io.files import (
    PARTIAL,
    append_line,
    atomic_file,
    read_file,
    require_file,
    require_local,
    user_path,
    write_text,
)

if TYPE_CHECKING:  # they import TensorFlow, which whoever reads a config need not wait for
    import keras

_MOST_CONFIG = 2**20  # bytes; a config has a few thousand
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)


class FolderRemoved(Fault):
    """The run folder went away in the middle of a write."""


class RunFolder:
    """The files of one run, by name.

    Attributes:
        path: the folder.
        samples: grids of originals above translations, one PNG per reported epoch.
        weights: the networks' weights of the last good epoch.
        tensorboard: event files.
        plots: `losses.png`.
        submission: `images.zip`.
        report: `report.html`.
        report_folder: what the report tells besides the other files.
        state_file: what a resumed training goes on from.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path = user_path(path)
        self.config_file = path / "config.json"
        self.metrics_file = path / "metrics.jsonl"
        self.samples = path / "samples"
        self.weights = path / "weights"
        self.tensorboard = path / "tensorboard"
        self.plots = path / "plots"
        self.submission = path / "images.zip"
        self.report = path / "report.html"
        self.report_folder = path / "report"
        self.state_file = path / "checkpoint" / "state.npz"
        self.finished_file = path / "checkpoint" / "finished"
        self._written: TrainConfig | None = None

    @classmethod
    def create(cls, path: str | Path, config: TrainConfig) -> "RunFolder":
        """Makes the folder and writes the config into it.

        Raises:
            InputError: if it already holds a run, or cannot be written.
        """
        run = cls(path)
        try:
            run.require_new()
            run.lock()
            run.write_config(config)
        except OSError as error:
            raise InputError(
                f"{path} cannot be written ({error.strerror}); expected a folder for the run. "
                "Choose another with --run."
            ) from error
        return run

    def require_new(self) -> None:
        """Raises `InputError` if the folder already holds a run, or is none on this machine."""
        require_local(self.path)
        if self.config_file.exists() or self.metrics_file.exists():
            raise InputError(
                f"{self.path} already holds a run; expected a new folder. Choose another --run, "
                f"or go on with this one: --run {self.path} --resume."
            )

    def write_config(self, config: TrainConfig) -> None:
        """Writes the config with the versions of today, and makes the folders that are missing."""
        for folder in (self.samples, self.weights, self.tensorboard, self.plots):
            folder.mkdir(parents=True, exist_ok=True)
        values = {**config.to_dict(), "versions": versions()}
        write_text(self.config_file, json.dumps(values, indent=2) + "\n")
        self._written = config

    def reopen(self, config: TrainConfig, *, epochs: int) -> None:
        """Makes the folder ready to go on: without half-written files and epochs not yet done.

        Args:
            config: of the run from now on.
            epochs: that are done; later ones in `metrics.jsonl` will come again.

        Raises:
            InputError: if it cannot be written.
        """
        try:
            self.lock()
            # folders; older versions wrote files of such names
            for partial in list(self.path.rglob(f"{PARTIAL}*")):
                shutil.rmtree(partial) if partial.is_dir() else partial.unlink(missing_ok=True)
            self.finished_file.unlink(missing_ok=True)
            self.write_config(config)
            self.write_metrics([row for row in self.metrics() if row["epoch"] <= epochs])
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be written ({error.strerror}); copy the run to a folder that "
                "can, and resume it there."
            ) from error

    def lock(self) -> None:
        """Keeps other processes from training here as long as this object is there.

        Raises:
            InputError: if one does.
        """
        # not Path.resolve: it has no OSError for a link that leads to itself
        file = Path(os.path.realpath(self.state_file.parent)) / "lock"
        file.parent.mkdir(parents=True, exist_ok=True)
        # One lock for all that this process does here; the end of the process frees it, too.
        self._lock = FileLock(file, thread_local=False, is_singleton=True)
        try:
            with warnings.catch_warnings():
                # in its place filelock would take a file that stays when the process is killed
                warnings.filterwarnings("error", message="flock not supported")
                self._lock.acquire(blocking=False)
        except Timeout as error:
            raise InputError(
                f"{self.path} is being trained by another process; wait for its end, or end it."
            ) from error
        except (UserWarning, NotImplementedError):  # a file system without locks
            return
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise

    def restore(self) -> bool:
        """Makes the folder anew, with its config, if somebody has removed it since.

        Returns:
            Whether it had to: what else was in it is gone.
        """
        if self._written is None or self.config_file.exists():
            return False
        self.write_config(self._written)
        print(
            f"warning: {self.path} was removed while the training ran; it is made anew, without "
            "the earlier samples.",
            file=sys.stderr,
        )
        return True

    def config(self) -> TrainConfig:
        """The config the run was started or last resumed with.

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

    def located(self, config: TrainConfig) -> TrainConfig:
        """A config whose data is looked for beside the run, if it is not there as seen from here.

        Its paths are relative to where the training was started; a line tells what was found.
        """
        above = Path(os.path.realpath(self.path)).parents
        moved = {}
        for name in ("data", "a", "b"):
            path = Path(getattr(config, name))
            if path.name and not path.is_absolute() and not path.exists():
                found = [str(folder / path) for folder in above if (folder / path).exists()]
                moved |= {name: found[0]} if found else {}
        if moved:
            places = " ".join(f"--{name} {place}" for name, place in moved.items())
            print(
                f"note: the paths of {self.path} are relative to where it was started; going on "
                f"with {places}",
                file=sys.stderr,
            )
        return dataclasses.replace(config, **moved)

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Adds one epoch to `metrics.jsonl`."""
        append_line(self.metrics_file, json.dumps(row))

    def write_metrics(self, rows: Sequence[dict[str, Any]]) -> None:
        """Replaces `metrics.jsonl`."""
        write_text(self.metrics_file, "".join(json.dumps(row) + "\n" for row in rows))

    def metrics(self) -> Iterator[dict[str, Any]]:
        """The epochs of `metrics.jsonl`, oldest first; bad lines are left out, with a warning."""
        if not self.metrics_file.exists():
            return
        lines = self.metrics_file.read_text(errors="replace").splitlines()
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if isinstance(row, dict) and isinstance(row.get("epoch"), int):
                yield row
            else:
                print(
                    f"warning: {self.metrics_file}: line {number} holds no epoch, or one that was "
                    "cut off; it is left out.",
                    file=sys.stderr,
                )

    def finish(self) -> None:
        """Notes that nothing is left to be done."""
        write_text(self.finished_file, "")

    @property
    def finished(self) -> bool:
        """Whether nothing is left to be done."""
        return self.finished_file.exists()

    @property
    def has_best(self) -> bool:
        """Whether an epoch was scored, and its weights kept."""
        return any(self.weights.glob("best_*.weights.h5"))

    def save_weights(self, network: "keras.Model", *, best: bool = False) -> None:
        """Writes a network to its `weights_file`, keeping the old file until it is done."""
        size = 4 * network.count_params()
        with atomic_file(self.weights_file(network, best=best), size=size) as partial:
            network.save_weights(partial)

    def load_weights(self, network: "keras.Model", *, best: bool = False) -> None:
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
                f"({first_line(error)}); restore it, or train again."
            ) from error

    def weights_file(self, network: "keras.Model", *, best: bool = False) -> Path:
        """Where a network's weights are: `weights/NAME.weights.h5`, or `weights/best_NAME...`."""
        return self.weights / f"{'best_' if best else ''}{network.name}.weights.h5"


def next_free_run(parent: Path, prefix: str) -> Path:
    """The first of `PREFIX-1`, `PREFIX-2`, ... that does not exist."""
    number = 1
    while (parent / f"{prefix}-{number}").exists():
        number += 1
    return parent / f"{prefix}-{number}"


def versions() -> dict[str, str]:
    """What computes: the package and the libraries below it, and in which precision."""
    import keras
    import tensorflow as tf

    return {
        "cyclegan_tf": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "precision": keras.config.dtype_policy().name,
    }
