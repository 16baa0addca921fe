"""A training as a notebook shows it: one line, and its newest samples."""

import sys
import time
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from cyclegan_tf.io.display import Line, in_notebook
from cyclegan_tf.io.files import atomic_file
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.models.optimizers import current_rate
from cyclegan_tf.training.figures import loss_curves

Logs = dict[str, Any]


def progress_display(samples: Path) -> tuple[int, list[keras.callbacks.Callback]]:
    """How a training shows where it is.

    Args:
        samples: folder of its sample grids.

    Returns:
        The `verbose` of `fit`: Keras's bar on a terminal, a line an epoch in a log file; and the
        callback that shows it in a notebook, where Keras stays silent.
    """
    if in_notebook():
        return 0, [TrainingLine(samples)]
    return 1 if sys.stdout.isatty() else 2, []


class TrainingLine(keras.callbacks.Callback):
    """A training as one line of a notebook: where it is and what the players lose.

    Below it stand the newest samples.

    Args:
        samples: folder of the sample grids; those that other callbacks draw, put it behind them.
        every: seconds between two states of the line.
    """

    def __init__(self, samples: Path, *, every: float = 1.0) -> None:
        super().__init__()
        self.samples = samples
        self.every = every
        self._line, self._picture = Line(), Line()
        self._shown: Path | None = None
        self._next = 0.0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Starts the clock."""
        self._began, self._first = time.monotonic(), self.model.steps_done
        self._line.show("compiling the training step ...")
        self._show_samples()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Counts from 1."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Writes the line again, once in a while."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self.every
            self._line.show(self._text(logs or {}))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes the line, and shows samples that are new."""
        self._line.show(self._text(logs or {}))
        self._show_samples()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Shows the last samples."""
        self._show_samples()

    def _text(self, logs: Logs) -> str:
        steps, minutes = self.model.steps_done, (time.monotonic() - self._began) / 60
        pace = (steps - self._first) / max(60 * minutes, 1e-9)
        losses = [
            f"{key.removesuffix('_loss')} {float(value):.3f}"
            for key, value in logs.items()
            if key.endswith("_loss") and not key.startswith("val_")
        ]
        return (
            f"epoch {self._epoch}, step {steps:,} of about {int(self.model.total_steps):,}, "
            f"{minutes:.1f} minutes, {pace:.1f} steps a second\nlosses: {', '.join(losses)}"
        )

    def _show_samples(self) -> None:
        from IPython.display import Image

        newest = max(self.samples.glob("epoch_*.png"), default=None)
        if newest is not None and newest != self._shown:
            self._shown = newest
            self._picture.show(Image(data=newest.read_bytes()))


class SaveWeights(keras.callbacks.Callback):
    """Keeps the networks' weights of the last complete epoch, and before it those of the start."""

    def __init__(self, run: RunFolder, networks: list[keras.Model]) -> None:
        super().__init__()
        self.run = run
        self.networks = networks

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Saves the weights training starts from."""
        if self.model.steps_done == 0:
            self._save()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves the weights of the epoch."""
        self._save()

    def _save(self) -> None:
        for network in self.networks:
            self.run.save_weights(network)


class EpochLog(keras.callbacks.Callback):
    """Writes each epoch to `metrics.jsonl`, TensorBoard and `plots/losses.png`; put it last.

    Args:
        run: where they go.
        images_per_step: of both domains together.
    """

    state_key = "EpochLog"

    def __init__(self, run: RunFolder, images_per_step: int) -> None:
        super().__init__()
        self.run = run
        self.images_per_step = images_per_step
        self.events = tf.summary.create_file_writer(str(run.tensorboard))
        self.rows: list[Logs] = []
        self.epoch, self.steps, self.seconds = 0, 0, 0.0  # of the epoch under way

    def get_state(self) -> dict[str, Any]:
        """What the epoch under way has taken so far."""
        return {"epoch": self.epoch, "steps": self.steps, "seconds": self.seconds}

    def set_state(self, state: dict[str, Any]) -> None:
        """Adds that to the rest of the epoch."""
        self.epoch, self.steps = state["epoch"], state["steps"]
        self.seconds = state["seconds"]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Reads the epochs that an earlier part of the training has written."""
        self.rows = list(self.run.metrics())

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Starts the epoch's clock."""
        if epoch != self.epoch:
            self.epoch, self.steps, self.seconds = epoch, 0, 0.0
        self.started = time.perf_counter() - self.seconds

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Counts steps, and notes when the last one ended: validation is not training time."""
        self.steps += 1
        self.seconds = time.perf_counter() - self.started

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes the epoch."""
        pace = self.steps * self.images_per_step / self.seconds
        row = {
            "epoch": epoch + 1,
            "step": self.model.steps_done,
            **{key: float(value) for key, value in (logs or {}).items()},
            "learning_rate": current_rate(self.model.generator_optimizer),
            "discriminator_learning_rate": current_rate(self.model.discriminator_optimizer),
            "seconds": round(self.seconds, 3),
            "images_per_second": round(pace, 3),
        }
        self.rows.append(row)
        if self.run.restore() or not self.run.metrics_file.exists():
            self.run.write_metrics(self.rows)
        else:
            self.run.append_metrics(row)
        with self.events.as_default():
            for key, value in row.items():
                tf.summary.scalar(key, value, step=epoch + 1)
        self.events.flush()
        with atomic_file(self.run.plots / "losses.png") as partial:
            loss_curves(self.rows).savefig(partial)
