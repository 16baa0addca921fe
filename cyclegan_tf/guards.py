"""What watches over a training run: numbers that are none, the clock, a lopsided game."""

import math
import time
from typing import Any

import keras
import tensorflow as tf

Logs = dict[str, Any]


class TrainingDiverged(RuntimeError):
    """A loss became NaN or infinite."""


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops the run at the first NaN or infinity in any log or weight; before what saves these.

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
        """Checks the validation logs, and the weights: the last update is in no loss yet."""
        weights = {v.path: tf.reduce_sum(tf.abs(v)) for v in self.model.trainable_variables}
        self._check((logs or {}) | weights)

    def _check(self, logs: Logs) -> None:
        for key, value in logs.items():
            if not math.isfinite(value):
                raise TrainingDiverged(
                    f"{key} became {float(value)} at step {self.step}; the weights of the last "
                    "good epoch are kept. Try a lower --learning-rate, or --precision float32."
                )


class TimeBudget(keras.callbacks.Callback):
    """Plans the training so that what follows still fits before the deadline.

    After every step it sets the model's `total_steps` by the pace so far, so that learning rates
    and weights that fall over the training arrive at their ends with the last step.

    Args:
        deadline: of everything, on the clock of `time.monotonic`, in seconds.
        reserve: seconds that samples and submission take after the last step.
        most_steps: end of the training if the clock does not end it before.
    """

    def __init__(self, deadline: float, reserve: float, most_steps: int) -> None:
        super().__init__()
        self.last_step_ends = deadline - reserve
        self.most_steps = most_steps
        self.done = 0
        self.pace: float | None = None
        self.between = 0.0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Starts the clock of what the other callbacks do before the first step."""
        self.ended = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Validation, scores and samples also follow the last step: keeps room for them."""
        self.between = max(self.between, time.monotonic() - self.ended)

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Starts the step's clock."""
        self.began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Plans again; stops if another step like the last ones would end too late."""
        now = time.monotonic()
        self.ended = now
        took, self.done = now - self.began, self.done + 1
        last_step_ends = self.last_step_ends - self.between
        if self.done > 1:  # the first step compiles
            # a slow average: one hiccup must not bend the schedule
            self.pace = took if self.pace is None else 0.95 * self.pace + 0.05 * took
            left = max(0.0, last_step_ends - now)
            planned = self.done + int(left / self.pace)
            self.model.total_steps.assign(min(planned, self.most_steps))
        if now + max(took if self.done > 1 else 0.0, self.pace or 0.0) > last_step_ends:
            self.model.stop_training = True


class DiscriminatorWatch(keras.callbacks.Callback):
    """Warns when a discriminator has been right about nearly everything for several epochs.

    Args:
        limit: share of patches judged rightly, real and fake, that counts as won.
        patience: epochs in a row before the warning.
    """

    def __init__(self, *, limit: float = 0.98, patience: int = 3) -> None:
        super().__init__()
        self.limit = limit
        self.patience = patience
        self.won: dict[str, int] = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Counts the epochs that each discriminator has won, and says so once."""
        logs = logs or {}
        suffix = "_real_accuracy"
        for key in [key.removesuffix(suffix) for key in logs if key.endswith(suffix)]:
            worse = min(logs[f"{key}{suffix}"], logs[f"{key}_fake_accuracy"])
            self.won[key] = self.won.get(key, 0) + 1 if worse >= self.limit else 0
            if self.won[key] == self.patience:
                print(
                    f"\nwarning: {key} has judged at least {self.limit:.0%} of all patches rightly "
                    f"for {self.patience} epochs; its generator learns little from it. Try "
                    "--diff-augment all, --discriminator-noise 0.05, a lower "
                    "--discriminator-learning-rate or --r1-weight 1."
                )
