"""What happens while a model trains: samples, curves, weights, guards."""

import math
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cyclegan_tf import images
from cyclegan_tf.rundir import RunDir

Logs = dict[str, Any]


class TrainingDiverged(RuntimeError):
    """A loss became NaN or infinite."""


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops the run at the first NaN or infinity in any log; put it first.

    Keras's own guard reads only `loss`, which a GAN does not log.

    Raises:
        TrainingDiverged: naming the log, the step and the remedies.
    """

    def __init__(self) -> None:
        super().__init__()
        self.step = 0

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Checks the running means, which stay NaN once they are."""
        self.step += 1
        self._check(logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Checks the validation logs too."""
        self._check(logs or {})

    def _check(self, logs: Logs) -> None:
        for key, value in logs.items():
            if not math.isfinite(value):
                raise TrainingDiverged(
                    f"{key} became {float(value)} at step {self.step}; the weights of the last "
                    "good epoch are kept. Try a lower --learning-rate, or --precision float32."
                )


class SaveWeights(keras.callbacks.Callback):
    """Keeps the networks' weights of the last complete epoch, and before it those of the start."""

    def __init__(self, run: RunDir, networks: list[keras.Model]) -> None:
        super().__init__()
        self.run = run
        self.networks = networks

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Saves the weights training starts from."""
        self._save()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves the weights of the epoch."""
        self._save()

    def _save(self) -> None:
        for network in self.networks:
            self.run.save_weights(network)


class SampleGrid(keras.callbacks.Callback):
    """Draws fixed inputs above their translations: before training, every N epochs, at the end.

    Args:
        run: where the PNGs go; TensorBoard gets them too.
        translate: maps `(n, h, w, 3)` in [-1, 1] to translations.
        inputs: `(n, h, w, 3)` in [-1, 1].
        every: epochs between grids.
        truth: true translations of the inputs, drawn below, if they are known.
    """

    def __init__(
        self,
        run: RunDir,
        translate: Callable[[np.ndarray], np.ndarray],
        inputs: np.ndarray,
        *,
        every: int,
        truth: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self.run = run
        self.translate = translate
        self.inputs = inputs
        self.every = every
        self.truth = truth
        self.events = tf.summary.create_file_writer(str(run.tensorboard))
        self.epoch = 0
        self.drawn = -1

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Draws what the untrained network does."""
        self._draw()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Draws every N epochs."""
        self.epoch = epoch + 1
        if self.epoch % self.every == 0:
            self._draw()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Draws the final state, unless the last epoch did."""
        if self.drawn != self.epoch:
            self._draw()

    def _draw(self) -> None:
        rows = [self.inputs, self.translate(self.inputs)]
        rows += [] if self.truth is None else [self.truth]
        picture = images.grid([images.to_uint8(row) for row in rows])
        images.save_png(self.run.samples / f"epoch_{self.epoch:04d}.png", picture)
        with self.events.as_default():
            tf.summary.image("samples", picture[None], step=self.epoch)
        self.events.flush()
        self.drawn = self.epoch


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


class EpochLog(keras.callbacks.Callback):
    """Writes each epoch to `metrics.jsonl`, TensorBoard and `plots/losses.png`; put it last.

    Args:
        run: where they go.
        images_per_step: of both domains together.
    """

    def __init__(self, run: RunDir, images_per_step: int) -> None:
        super().__init__()
        self.run = run
        self.images_per_step = images_per_step
        self.events = tf.summary.create_file_writer(str(run.tensorboard))
        self.step = 0
        self.rows: list[Logs] = []

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Starts the epoch's clock."""
        self.started, self.first_step = time.perf_counter(), self.step

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Counts steps, and notes when the last one ended: validation is not training time."""
        self.step += 1
        self.ended = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes the epoch."""
        seconds = self.ended - self.started
        pace = (self.step - self.first_step) * self.images_per_step / seconds
        row = {
            "epoch": epoch + 1,
            "step": self.step,
            **{key: float(value) for key, value in (logs or {}).items()},
            "learning_rate": float(self.model.generator_optimizer.learning_rate),
            "seconds": round(seconds, 3),
            "images_per_second": round(pace, 3),
        }
        self.rows.append(row)
        self.run.append_metrics(row)
        with self.events.as_default():
            for key, value in row.items():
                tf.summary.scalar(key, value, step=epoch + 1)
        self.events.flush()
        plot_losses(self.run, self.rows)


class StopAtDeadline(keras.callbacks.Callback):
    """Ends training so that what follows still fits before the deadline.

    Args:
        deadline: of everything, on the clock of `time.monotonic`, in seconds.
        reserve: seconds that samples and submission take afterwards.
    """

    def __init__(self, deadline: float, reserve: float) -> None:
        super().__init__()
        self.last_step_ends = deadline - reserve

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Starts the step's clock."""
        self.began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Stops if another step like this one would end too late."""
        now = time.monotonic()
        if now + (now - self.began) > self.last_step_ends:
            self.model.stop_training = True


def plot_losses(run: RunDir, rows: list[Logs]) -> None:
    """Draws every loss over the epochs: players on the left, reconstruction on the right."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = (("players", ("gen_", "disc_")), ("reconstruction", ("cycle", "identity")))
    for axes, (title, prefixes) in zip(figure.subplots(1, 2), panels, strict=True):
        for key in [key for key in rows[-1] if key.startswith(prefixes)]:
            epochs = [row["epoch"] for row in rows]
            axes.plot(epochs, [row[key] for row in rows], ".-", label=key)
        axes.set(title=title, xlabel="epoch", ylabel="mean loss of the epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    partial = run.plots / "losses.partial.png"
    figure.savefig(partial, dpi=110)
    partial.replace(run.plots / "losses.png")
