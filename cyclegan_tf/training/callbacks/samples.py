"""What a training run shows and keeps: samples, curves, weights."""

import abc
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cyclegan_tf.data.image import grid, save_png, to_uint8
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.metrics.similarity import sample_diversity

Logs = dict[str, Any]


class Grids(keras.callbacks.Callback, abc.ABC):
    """Draws a grid before the first step, every N epochs and at the end.

    Args:
        run: where the PNGs go; TensorBoard gets them too.
        every: epochs between grids.
    """

    def __init__(self, run: RunFolder, *, every: int) -> None:
        super().__init__()
        self.run = run
        self.every = every
        self.events = tf.summary.create_file_writer(str(run.tensorboard))
        self.epoch = 0
        self.drawn = -1

    @abc.abstractmethod
    def picture(self) -> np.ndarray:
        """The grid as it looks now, `(h, w, 3)` uint8."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Draws what the untrained network does."""
        if self.model.steps_done == 0:
            self._draw()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Counts the epochs that are done."""
        self.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Draws every N epochs, and after the last: what is saved then must not lack it."""
        self.epoch = epoch + 1
        last = self.model.stop_training or self.epoch == self.params.get("epochs")
        if self.epoch % self.every == 0 or last:
            self._draw()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Draws the final state, unless the last epoch did."""
        if self.drawn != self.epoch:
            self._draw()

    def _draw(self) -> None:
        picture = self.picture()
        save_png(self.run.samples / f"epoch_{self.epoch:04d}.png", picture)
        with self.events.as_default():
            tf.summary.image("samples/grid", picture[None], step=self.model.steps_done)
        self.events.flush()
        self.drawn = self.epoch


class SampleGrid(Grids):
    """Fixed inputs above their translations.

    Args:
        run: where the PNGs go.
        translate: maps `(n, h, w, 3)` in [-1, 1] to translations.
        inputs: `(n, h, w, 3)` in [-1, 1].
        every: epochs between grids.
        truth: true translations of the inputs, drawn below, if they are known.
    """

    def __init__(
        self,
        run: RunFolder,
        translate: Callable[[np.ndarray], np.ndarray],
        inputs: np.ndarray,
        *,
        every: int,
        truth: np.ndarray | None = None,
    ) -> None:
        super().__init__(run, every=every)
        self.translate = translate
        self.inputs = inputs
        self.truth = truth

    def picture(self) -> np.ndarray:
        """Inputs, translations and, if known, the truth."""
        rows = [self.inputs, self.translate(self.inputs)]
        rows += [] if self.truth is None else [self.truth]
        return grid([to_uint8(row) for row in rows])


class LatentGrid(Grids):
    """Pictures of fixed latents, and how much they differ from each other.

    Adds `sample_diversity` to the logs of every epoch. Put it before what reads the logs.

    Args:
        run: where the PNGs go.
        generate: maps `(n, latent_size)` to `(n, h, w, 3)` in [-1, 1].
        latents: `(n, latent_size)`, n at least 2.
        reals: real images to compare with, `(m, h, w, 3)` in [-1, 1]; if they are all the same
            there is no diversity to be measured.
        every: epochs between grids.
        shown: how many of the latents the grid shows.
    """

    def __init__(
        self,
        run: RunFolder,
        generate: Callable[[np.ndarray], np.ndarray],
        latents: np.ndarray,
        reals: np.ndarray,
        *,
        every: int,
        shown: int,
    ) -> None:
        super().__init__(run, every=every)
        self.generate = generate
        self.latents = latents
        self.reals = reals
        self.shown = shown
        self.diversity = math.nan

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Measures and logs the diversity."""
        if not (self.reals == self.reals[0]).all():
            self.diversity = sample_diversity(self.generate(self.latents), self.reals)
            if logs is not None:
                logs["sample_diversity"] = self.diversity
        super().on_epoch_end(epoch, logs)

    def picture(self) -> np.ndarray:
        """The pictures in a square, as near as their number allows."""
        pictures = to_uint8(self.generate(self.latents[: self.shown]))
        columns = math.ceil(math.sqrt(self.shown))
        rows = [pictures[i : i + columns] for i in range(0, self.shown, columns)]
        return grid(rows)

    def summary(self) -> str:
        """One line for the user."""
        if math.isnan(self.diversity):
            return "sample diversity: not measured, the real images are all the same"
        return (
            f"sample diversity: {self.diversity:.2f} ({len(self.latents)} samples; 0: all the same "
            "picture, 1: as different as the real ones)"
        )


class TruthError(keras.callbacks.Callback):
    """Logs how far translations of held-out images are from their known true translations.

    Adds `val_truth_error` to the logs of every epoch: the mean absolute error in [-1, 1] units,
    beside `untranslated_error`, that of the inputs themselves. Put it before what reads the logs.

    Args:
        translate: maps `(n, h, w, 3)` in [-1, 1] to translations.
        inputs: held-out images of domain A.
        truth: their true translations.
    """

    def __init__(
        self, translate: Callable[[np.ndarray], np.ndarray], inputs: np.ndarray, truth: np.ndarray
    ) -> None:
        super().__init__()
        self.translate = translate
        self.inputs = inputs
        self.truth = truth
        self.untranslated_error = float(np.abs(inputs - truth).mean())
        self.error = math.nan

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Measures and logs the error."""
        self.error = float(np.abs(self.translate(self.inputs) - self.truth).mean())
        if logs is not None:
            logs["val_truth_error"] = self.error

    def summary(self) -> str:
        """One line for the user."""
        change = 1 - self.error / self.untranslated_error
        return (
            f"held-out error to the true painting: {self.error:.3f}, untranslated "
            f"{self.untranslated_error:.3f} ({change:.0%} nearer, {len(self.inputs)} photos)"
        )
