"""Training epoch by epoch from any step on, also from one in the middle of an epoch."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cyclegan_tf.models.adversarial import AdversarialModel
from cyclegan_tf.training.checkpoint import Start, set_means

Logs = dict[str, Any]


class EpochLoop:
    """Calls `fit` so that callbacks and logs are those of a training that never stopped.

    Keras goes on at the beginning of an epoch only. The rest of a broken-off epoch is a `fit` of
    its own here; the callbacks see one training.

    Args:
        model: compiled, with the state of the start.
        batches_from: gives the endless batches from a step on.
        callbacks: as `fit` takes them.
        epochs: of the whole training.
        steps_per_epoch: of every epoch.
        validation: as `fit` takes it.
    """

    def __init__(
        self,
        model: AdversarialModel,
        batches_from: Callable[[int], tf.data.Dataset],
        callbacks: Sequence[keras.callbacks.Callback],
        *,
        epochs: int,
        steps_per_epoch: int,
        validation: tf.data.Dataset | None = None,
    ) -> None:
        self.model = model
        self.batches_from = batches_from
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.validation = validation
        self._callbacks = _OneTraining(
            list(callbacks),
            add_history=True,
            model=model,
            epochs=epochs,
            steps=steps_per_epoch,
        )

    def run(self, start: Start = Start()) -> None:  # noqa: B008 - frozen
        """Trains from a start to the last epoch, or until a callback stops the training."""
        step, epoch = start.step, start.epoch
        if start.epoch_steps:
            self._callbacks.begin_within_epoch(start)
            rest = self.steps_per_epoch - start.epoch_steps
            if rest:
                self._fit(step, epoch, epochs=epoch + 1, steps=rest)
            else:
                self._end_epoch(epoch)
            step, epoch = step + rest, epoch + 1
            if self.model.stop_training or epoch >= self.epochs:
                self._callbacks.close()
                return
        self._callbacks.last = True
        self._fit(step, epoch, epochs=self.epochs, steps=self.steps_per_epoch)

    def _fit(self, step: int, epoch: int, *, epochs: int, steps: int) -> None:
        self.model.fit(
            self.batches_from(step),
            initial_epoch=epoch,
            epochs=epochs,
            steps_per_epoch=steps,
            validation_data=self.validation,
            callbacks=self._callbacks,
            shuffle=False,  # the pipeline does
        )

    def _end_epoch(self, epoch: int) -> None:
        """What `fit` does after the last step of an epoch; the steps were done before the stop."""
        model, callbacks = self.model, self._callbacks
        model.stop_training = False
        callbacks.on_train_begin()
        model.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        logs = {key: mean.result() for key, mean in model.means.items()}
        if self.validation is not None:
            found = model.evaluate(
                self.validation, callbacks=callbacks, return_dict=True, verbose=0
            )
            logs |= {f"val_{key}": value for key, value in found.items()}
        callbacks.on_epoch_end(epoch, logs)


class _OneTraining(keras.callbacks.CallbackList):
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

    def begin_within_epoch(self, start: Start) -> None:
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
