"""What a training leaves in its run folder after each epoch: weights, numbers, curves."""

import math
import time
from typing import Any

import keras
import tensorflow as tf

from cyclegan_tf.io.files import atomic_file
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.models.optimizers import current_rate
from cyclegan_tf.training.figures import loss_curves

Logs = dict[str, Any]
_POINTS = 10  # of an epoch's curves in TensorBoard
_TAGS = {
    "epoch": None,
    "step": None,
    "learning_rate": "rate/generator",
    "discriminator_learning_rate": "rate/discriminator",
    "seconds": "speed/seconds_an_epoch",
    "images_per_second": "speed/images_a_second",
}


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
    """Writes each epoch to `metrics.jsonl` and `plots/losses.png`, and all to TensorBoard.

    Put it behind what adds to the logs.

    Args:
        run: where they go.
        images_per_step: of both domains together.
    """

    state_key = "EpochLog"

    def __init__(self, run: RunFolder, images_per_step: int) -> None:
        super().__init__()
        self.run = run
        self.images_per_step = images_per_step
        self.events = Events(run)
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
        self.events.begin_epoch()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Counts steps, and notes when the last one ended: validation is not training time."""
        self.steps += 1
        self.seconds = time.perf_counter() - self.started
        length = (self.params or {}).get("steps") or 1
        if self.steps % max(1, length // _POINTS) == 0:
            self.events.write_means(self.model.steps_done, self.steps, (logs or {}) | self._rates())

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes the epoch."""
        pace = self.steps * self.images_per_step / self.seconds
        rates = self._rates()
        row = {
            "epoch": epoch + 1,
            "step": self.model.steps_done,
            **{key: float(value) for key, value in (logs or {}).items()},
            **rates,
            "seconds": round(self.seconds, 3),
            "images_per_second": round(pace, 3),
        }
        self.rows.append(row)
        if self.run.restore() or not self.run.metrics_file.exists():
            self.run.write_metrics(self.rows)
        else:
            self.run.append_metrics(row)
        means = {key: row[key] for key in (*self.model.means, *rates) if key in row}
        self.events.write_means(row["step"], self.steps, means)
        self.events.write(row["step"], {k: v for k, v in row.items() if k not in means})
        with atomic_file(self.run.plots / "losses.png") as partial:
            loss_curves(self.rows).savefig(partial)

    def _rates(self) -> Logs:
        return {
            "learning_rate": current_rate(self.model.generator_optimizer),
            "discriminator_learning_rate": current_rate(self.model.discriminator_optimizer),
        }


class Events:
    """Numbers of a training for TensorBoard, in groups, over the steps.

    Args:
        run: where the event files go.
    """

    def __init__(self, run: RunFolder) -> None:
        self._writer = tf.summary.create_file_writer(str(run.tensorboard))
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """From here on the running means are those of another epoch."""
        self._steps, self._means = 0, {}

    def write_means(self, step: int, steps: int, means: Logs) -> None:
        """Writes what running means say of the steps since the last time.

        Args:
            step: of the whole training.
            steps: of the epoch, which the means are of.
            means: of the epoch up to here; learning rates, which are no means, stay as they are.
        """
        if steps == self._steps:
            return
        before, counted = self._means, self._steps
        values = {
            key: value
            if key.endswith("rate")
            else (value * steps - before.get(key, 0.0) * counted) / (steps - counted)
            for key, value in means.items()
        }
        self._steps, self._means = steps, dict(means)
        self.write(step, values)

    def write(self, step: int, values: Logs) -> None:
        """Writes numbers as they are; what is none is left out."""
        with self._writer.as_default():
            for key, value in values.items():
                if (tag := tensorboard_tag(key)) and math.isfinite(value):
                    tf.summary.scalar(tag, value, step=step)
        self._writer.flush()


def tensorboard_tag(key: str) -> str | None:
    """Group and name of a log in TensorBoard; None of what is the axis of all."""
    if key in _TAGS:
        return _TAGS[key]
    for group in ("loss", "accuracy"):
        if key.endswith(f"_{group}"):
            return f"{group}/{key.removesuffix(f'_{group}')}"
    return f"score/{key}"
