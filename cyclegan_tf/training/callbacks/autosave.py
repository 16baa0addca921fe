"""Saving the state of a training while it goes on."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import keras
import numpy as np

from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.training.checkpoint import CheckpointMetadata, Start, current_means, write_state

Logs = dict[str, Any]


@runtime_checkable
class Stateful(Protocol):
    """A callback that has to go on with what it knew.

    Attributes:
        state_key: what its state is called in the file; it stays when the class is renamed.
    """

    state_key: str

    def get_state(self) -> dict[str, Any]:
        """What it knows, as JSON values; told again, an epoch counts once."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on with that."""


class AutoSave(keras.callbacks.Callback):
    """Saves the state every few minutes and at the end of each epoch; after all that log or stop.

    Args:
        run: where the state goes.
        minutes: between saves within an epoch.
        writes: whether this process is the one that writes, of several machines.
        agreed: the time of one machine, for all: they read the running means together.
        start: where this training began.
        callbacks: those that are `Stateful` are asked for their state.
        seconds: of the user's clock.
        **metadata: of the run that do not change: `steps_per_epoch`, `data`, `versions`.
    """

    def __init__(
        self,
        run: RunFolder,
        *,
        minutes: float,
        writes: bool = True,
        agreed: Callable[[float], float] = float,
        start: Start,
        callbacks: Sequence[keras.callbacks.Callback],
        seconds: Callable[[], float],
        **metadata: Any,
    ) -> None:
        super().__init__()
        self.run = run
        self.interval = 60.0 * minutes
        self.writes = writes
        self.agreed = agreed
        self.epoch, self.epoch_steps = start.epoch, start.epoch_steps
        self.stateful = [c for c in callbacks if isinstance(c, Stateful)]
        self.seconds = seconds
        self.metadata = metadata
        self.trained = False
        # None: those that the model has
        self._means: Sequence[np.ndarray] | None = start.means or None
        self._saved: tuple[int, int] | None = None  # epoch and its steps

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Saves where it begins: a run that was lengthened is no longer trained.

        A disk that has no room is better found now than after hours.
        """
        self.save()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """The running means are those of this epoch again."""
        self._means = None

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Saves if it is time."""
        self.epoch_steps = batch + 1
        if self.agreed(time.monotonic() >= self._due):
            self.save()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Keeps the running means of the epoch; validation is about to reset them."""
        self._means = current_means(self.model)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves."""
        self.epoch, self.epoch_steps, self._means = epoch + 1, 0, None
        self.trained = self.model.stop_training or self.epoch >= self.params["epochs"]
        self.save()

    def save(self, *, again: bool = False) -> None:
        """Saves the state after the last step, unless that was done.

        Args:
            again: also if it was.

        Raises:
            DiskFull: if there is no room; the state before stays.
            TrainingDiverged: if a weight is not finite; the state before stays.
        """
        place = (self.epoch, self.epoch_steps)
        if place == self._saved and not again:
            return
        means = self._means or current_means(self.model)
        metadata = CheckpointMetadata(
            step=self.model.steps_done,
            epoch=self.epoch,
            epoch_steps=self.epoch_steps,
            epochs=self.params["epochs"],
            trained=self.trained,
            seconds=self.seconds(),
            states={c.state_key: c.get_state() for c in self.stateful},
            **self.metadata,
        )
        self.run.restore()
        if self.writes:
            write_state(self.run.state_file, self.model, metadata, means)
        self._saved = place
        self._due = time.monotonic() + self.interval
