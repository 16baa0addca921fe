"""Training epoch by epoch from any step on, also from one in the middle of an epoch."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cyclegan_tf.models.adversarial import AdversarialModel
from cyclegan_tf.training.checkpoint import Start, set_means

Logs = dict[str, Any]


def train_epochs(
    model: AdversarialModel,
    batches_from: Callable[[int], tf.data.Dataset],
    *,
    epochs: int,
    steps_per_epoch: int,
    callbacks: Sequence[keras.callbacks.Callback],
    start: Start = Start(),  # noqa: B008 - frozen
    validation: tf.data.Dataset | None = None,
    verbose: int = 0,
) -> None:
    """Calls `fit` so that callbacks and logs are those of a training that never stopped.

    Keras goes on at the beginning of an epoch only. The rest of a broken-off epoch is a `fit` of
    its own here; the callbacks see one training.

    Args:
        model: compiled, with the state of the start.
        batches_from: the endless batches from a step on.
        epochs: of the whole training.
        steps_per_epoch: of every epoch.
        callbacks: as `fit` takes them.
        start: where to go on.
        validation: as `fit` takes it.
        verbose: as `fit` takes it.
    """
    parts = _Parts(
        list(callbacks),
        add_history=True,
        add_progbar=verbose != 0,
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=steps_per_epoch,
    )
    step, epoch = start.step, start.epoch
    if start.epoch_steps:
        parts.take_up(start)
        rest = steps_per_epoch - start.epoch_steps
        if rest:
            _fit(model, batches_from(step), parts, epoch, epoch + 1, rest, validation)
        else:
            _end_epoch(model, parts, epoch, validation)
        step, epoch = step + rest, epoch + 1
        if model.stop_training or epoch >= epochs:
            parts.close()
            return
    parts.last = True
    _fit(model, batches_from(step), parts, epoch, epochs, steps_per_epoch, validation)


def _fit(
    model: AdversarialModel,
    batches: tf.data.Dataset,
    parts: "_Parts",
    epoch: int,
    epochs: int,
    steps: int,
    validation: tf.data.Dataset | None,
) -> None:
    model.fit(
        batches,
        initial_epoch=epoch,
        epochs=epochs,
        steps_per_epoch=steps,
        validation_data=validation,
        callbacks=parts,
        shuffle=False,  # the pipeline does
    )


def _end_epoch(
    model: AdversarialModel, parts: "_Parts", epoch: int, validation: tf.data.Dataset | None
) -> None:
    """What `fit` does after the last step of an epoch; the steps were done before the stop."""
    model.stop_training = False
    parts.on_train_begin()
    model.reset_metrics()
    parts.on_epoch_begin(epoch)
    logs = {key: mean.result() for key, mean in model.means.items()}
    if validation is not None:
        found = model.evaluate(validation, callbacks=parts, return_dict=True, verbose=0)
        logs |= {f"val_{key}": value for key, value in found.items()}
    parts.on_epoch_end(epoch, logs)


class _Parts(keras.callbacks.CallbackList):
    """Callbacks to which several calls of `fit` are one training.

    Attributes:
        last: whether the call under way is the last one.
    """

    def __init__(self, callbacks: list[keras.callbacks.Callback], **options: Any) -> None:
        super().__init__(callbacks, **options)
        self.last = False
        self._begun = False
        self._first_batch = 0
        self._means: Sequence[np.ndarray] = ()

    def take_up(self, start: Start) -> None:
        """Counts the steps of the epoch from where it was broken off."""
        self._first_batch, self._means = start.epoch_steps, start.means

    def close(self) -> None:
        """Ends the training."""
        super().on_train_end()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Passes on the first beginning."""
        if not self._begun:
            self._begun = True
            super().on_train_begin(logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Passes on the last end."""
        if self.last:
            super().on_train_end(logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Gives the running means back what `fit` has just reset."""
        if self._means:
            set_means(self.model, self._means)
            self._means = ()
        super().on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Counts the next epoch's steps from 0."""
        super().on_epoch_end(epoch, logs)
        self._first_batch = 0

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Passes on the number of the step in the whole epoch."""
        super().on_train_batch_begin(batch + self._first_batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Passes on the number of the step in the whole epoch."""
        super().on_train_batch_end(batch + self._first_batch, logs)
