"""A training as a notebook shows it: one line, and its newest samples."""

import sys
import time
from pathlib import Path
from typing import Any

import keras

from cyclegan_tf.io.display import Line, in_notebook

Logs = dict[str, Any]


def of_training(samples: Path) -> tuple[int, list[keras.callbacks.Callback]]:
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
