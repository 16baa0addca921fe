"""What watches over a training run: numbers that are none, the clock, a lopsided game."""

import math
import time
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from cyclegan_tf.errors import InputError
from cyclegan_tf.training.checkpoint import TrainingDiverged

Logs = dict[str, Any]
_FIRST_STEPS = 10  # that tell how fast the machine was at first


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops the run at the first NaN or infinity in any log or weight; before what saves these.

    Under loss scaling (float16) a loss may be none: the optimizer then leaves the step out and
    halves its scale, and the log is of the other steps. There the run stops only if it does not
    recover: at a weight that is none; at an epoch, or a validation, without one finite step; or
    when the scale is as far below 1 as it began above, where it cannot be what overflows.

    Keras's own guard reads only `loss`, which a GAN does not log.

    Raises:
        TrainingDiverged: naming the log, the step and the remedies.
    """

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Checks the running means, which stay NaN once they are, or else the loss scales."""
        optimizers = (self.model.generator_optimizer, self.model.discriminator_optimizer)
        scaled = [o for o in optimizers if isinstance(o, keras.optimizers.LossScaleOptimizer)]
        for optimizer in scaled:
            scale = float(keras.ops.convert_to_numpy(optimizer.dynamic_scale))
            if scale * optimizer.initial_scale < 1:
                name = "the loss scale, with which float16 still overflows,"
                raise TrainingDiverged.of(name, self.model.steps_done, scale)
        if not scaled:
            self._check(logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Checks all logs, and what is about to be saved: the last update is in no loss yet."""
        self._check(logs or {})
        networks = (*self.model.generators, *self.model.averages, *self.model.discriminators)
        for network in networks:
            # several networks may have layers of one name
            self._check({w.path: tf.reduce_sum(tf.abs(w)) for w in network.weights})

    def _check(self, logs: Logs) -> None:
        for key, value in logs.items():
            if not math.isfinite(value):
                raise TrainingDiverged.of(key, self.model.steps_done, float(value))


def validation_steps(batches: float, *, enlarged: float) -> float:
    """What a validation takes, in training steps.

    Args:
        batches: of the training's size, of each domain.
        enlarged: side of the validated pictures by that of the training's.
    """
    return 0.6 * batches * enlarged**2  # it goes forwards only


def plan_time_budget(
    minutes: float,
    *,
    started: float,
    used: float,
    reserve: float,
    most_steps: int,
    epoch_end: float,
    agreed: Callable[[float], float],
) -> "TimeBudget":
    """The callback for a budget of minutes that started to run some time ago.

    Args:
        minutes: of the whole run.
        started: when the budget began to run, as `time.monotonic` counts.
        used: seconds of the budget that earlier sessions took; they ended before `started`.
        reserve: as in `TimeBudget`, like the arguments that follow.
        most_steps: the same.
        epoch_end: the same.
        agreed: the same.

    Raises:
        InputError: if no time is left for training.
    """
    now = time.monotonic()
    deadline = started + 60 * minutes - used
    if now + reserve > deadline:
        needed = (now + reserve - started) / 60
        spent = f" {used / 60:.1f} of them are used up, and" if used else ""
        raise InputError(
            f"--budget-minutes {minutes:g} leaves no time for training:{spent} starting and "
            f"images.zip alone take about {needed:.1f}; give more (a budget that is given with "
            "--resume counts from then on)."
        )
    return TimeBudget(deadline, reserve, most_steps, agreed=agreed, epoch_end=epoch_end)


class TimeBudget(keras.callbacks.Callback):
    """Plans the training so that what follows still fits before the deadline.

    After every step it sets the model's `total_steps` by the pace of late, so that learning rates
    and weights that fall over the training arrive at their ends with the last step. Where steps
    have become slower than the first ones were, so will be what follows the last.

    Args:
        deadline: of everything, on the clock of `time.monotonic`, in seconds.
        reserve: seconds that samples and submission would take after the last step, at first.
        most_steps: end of the training if the clock does not end it before.
        epoch_end: what the end of an epoch takes, in steps, as long as it is not measured.
        agreed: gives all machines of a training the plan of one: their clocks differ.
    """

    state_key = "TimeBudget"

    def __init__(
        self,
        deadline: float,
        reserve: float,
        most_steps: int,
        *,
        agreed: Callable[[float], float] = float,
        epoch_end: float = 0.0,
    ) -> None:
        super().__init__()
        self.epoch_end = epoch_end
        self.agreed = agreed
        self.deadline = deadline
        self.reserve = reserve
        self.most_steps = most_steps
        self.pace: float | None = None
        self.first_pace: float | None = None
        self.between = self.compiling = 0.0
        self.measured = False

    def get_state(self) -> dict[str, Any]:
        """What the end of an epoch takes."""
        return {"between": self.between, "measured": self.measured}

    def set_state(self, state: dict[str, Any]) -> None:
        """Keeps room for that from the beginning."""
        self.between, self.measured = state["between"], state["measured"]

    @property
    def last_step_ends(self) -> float:
        """When the last step must be over."""
        slower = max(1.0, self.pace / self.first_pace) if self.pace else 1.0
        between = self.between
        if not self.measured and self.pace:
            # what runs for the first time is compiled first, as the first step was
            between = max(between, self.epoch_end * self.first_pace + self.compiling)
        return self.deadline - slower * (self.reserve + between)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Starts the clock of what the other callbacks do before the first step."""
        self.first = self.done = self.model.steps_done
        self.stepping = self.all = 0.0
        self.ended = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Validation, scores and samples also follow the last step: keeps room for them."""
        self.between = max(self.between, time.monotonic() - self.ended)
        self.measured |= self.done > self.first

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Starts the step's clock."""
        self.began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Plans again; stops if another step like the last ones would end too late."""
        now = time.monotonic()
        took, since_last = now - self.began, now - self.ended
        self.done, self.ended = self.done + 1, now
        if self.done == self.first + 1:  # it has compiled
            self.compiling = took if self.epoch_end else 0.0
            if now > self.last_step_ends:
                self.model.stop_training = True
            return
        self.stepping, self.all = self.stepping + took, self.all + since_last
        # a slow average: one hiccup must not bend the schedule
        self.pace = took if self.pace is None else 0.95 * self.pace + 0.05 * took
        if self.done <= self.first + _FIRST_STEPS:
            self.first_pace = self.pace
        left = max(0.0, self.last_step_ends - now)
        # validation, samples and saves between the steps take their share of what is left
        planned = self.done + int(left * self.stepping / self.all / self.pace)
        self.model.total_steps.assign(int(self.agreed(min(planned, self.most_steps))))
        if now + max(took, self.pace) > self.last_step_ends:
            self.model.stop_training = True


class DiscriminatorWatch(keras.callbacks.Callback):
    """Warns when a discriminator has been right about nearly everything for several epochs.

    Args:
        limit: share of patches judged rightly, real and fake, that counts as won.
        patience: epochs in a row before the warning.
    """

    state_key = "DiscriminatorWatch"

    def __init__(self, *, limit: float = 0.98, patience: int = 3) -> None:
        super().__init__()
        self.limit = limit
        self.patience = patience
        self.won: dict[str, int] = {}  # the first epoch of each streak that lasts

    def get_state(self) -> dict[str, Any]:
        """Which discriminators win, and since when."""
        return {"won": self.won}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on counting."""
        self.won = state["won"]

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Counts the epochs that each discriminator has won, and says so once."""
        logs = logs or {}
        suffix = "_real_accuracy"
        for key in [key.removesuffix(suffix) for key in logs if key.endswith(suffix)]:
            worse = min(logs[f"{key}{suffix}"], logs[f"{key}_fake_accuracy"])
            if worse < self.limit:
                self.won.pop(key, None)
            elif epoch - self.won.setdefault(key, epoch) + 1 == self.patience:
                print(
                    f"\nwarning: {key} has judged at least {self.limit:.0%} of all patches rightly "
                    f"for {self.patience} epochs; its generator learns little from it. Try "
                    "--diff-augment all, --discriminator-noise 0.05, a lower "
                    "--discriminator-learning-rate or --r1-weight 1."
                )
