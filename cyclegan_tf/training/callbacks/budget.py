"""The clock of a run: how long the rest of it takes, and how many steps fit before that."""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from cyclegan_tf.errors import InputError

Logs = dict[str, Any]

_SPARE = 0.04  # share of a budget that is planned to be left over
_FIRST_STEPS = 10  # that tell how fast the machine was at first
_MEMORY = 15.0  # seconds that the pace is an average of: one hiccup must not bend the schedule
_AGAIN = 0.15  # share of the training's time before whose end the submission is measured again
_WORTH_IT = 0.02  # share of the budget below which that would gain nothing
_FEW_STEPS = 300  # below this hardly anything is learned
_ENOUGH_STEPS = 1000


@dataclass(frozen=True)
class Clock:
    """The clock of the user.

    Attributes:
        started: when it began to run, as `time.monotonic` counts.
        minutes: that the whole run may take; None: as many as it needs.
        used: seconds that earlier sessions took; they ended before `started`.
    """

    started: float
    minutes: float | None = None
    used: float = 0.0

    @property
    def seconds(self) -> float:
        """That the whole run may take."""
        return math.inf if self.minutes is None else 60.0 * self.minutes

    @property
    def spare(self) -> float:
        """Seconds that are planned to be left over: machines slow down, too."""
        return 0.0 if self.minutes is None else _SPARE * self.seconds

    @property
    def spent(self) -> float:
        """Seconds that are over."""
        return self.used + time.monotonic() - self.started

    @property
    def left(self) -> float:
        """Seconds that may be planned with."""
        return self.seconds - self.spare - self.spent


def clock_text(seconds: float) -> str:
    """Seconds as a clock shows them: `0:05`, `12:40`, `1:02:03`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class TimeBudget(keras.callbacks.Callback):
    """Plans the training so that what follows still fits before the deadline.

    After every step it sets the model's `total_steps` by the pace of late, so that learning rates
    and weights that fall over the training arrive at their ends with the last step. Where steps
    have become slower or faster than they were when the submission was measured, so will be what
    follows the last. Without a deadline it only knows how long the rest takes. Put it first.

    Args:
        clock: of the user.
        most_steps: end of the training if the clock does not end it before.
        submission: measures how many seconds the submission takes; None: there is none.
        agreed: gives all machines of a training the number of one: their clocks differ.

    Attributes:
        pace: seconds of a step of late; None: not known yet.
        planned: steps at the end of the training, as planned last.
    """

    state_key = "TimeBudget"

    def __init__(
        self,
        clock: Clock,
        most_steps: int,
        *,
        submission: Callable[[], float] | None = None,
        agreed: Callable[[float], float] = float,
    ) -> None:
        super().__init__()
        self.clock = clock
        self.most_steps = self.planned = most_steps
        self.agreed = agreed
        self.pace: float | None = None
        self.validation = 0.0
        self.between, self.measured = 0.0, False
        self.first = self.done = 0
        self.stepping = self.all = 0.0
        self.ready: float | None = None  # when the first step began
        self.ended = 0.0
        self._measure = submission
        self._submission = 0.0
        self._pace_then: float | None = None  # when the submission was measured
        self._again_at = -math.inf

    def get_state(self) -> dict[str, Any]:
        """What the end of an epoch takes."""
        return {"between": self.between, "measured": self.measured}

    def set_state(self, state: dict[str, Any]) -> None:
        """Keeps room for that from the beginning."""
        self.between, self.measured = state["between"], state["measured"]

    def learn(self, *, pace: float, validation: float = 0.0) -> None:
        """Knows before the first step how long one takes.

        Args:
            pace: seconds of a step.
            validation: seconds of a validation.
        """
        self.pace = self._pace_then = pace
        self.validation = validation

    def measure_submission(self) -> None:
        """Learns how long the submission takes on the machine as it is now."""
        if self._measure:
            self._submission, self._pace_then = self._measure(), self.pace

    @property
    def rest(self) -> float:
        """Seconds from the last step to the end of the run."""
        between = self.between + (0.0 if self.measured else self.validation)
        return self._slower * (self._submission + between)

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the end of the run, all included; None: not known yet."""
        if self.pace is None:
            return None
        return max(0, self.planned - self.done) * self._step_seconds + self.rest

    def require_time(self) -> None:
        """Refuses a budget in which nothing can be learned.

        Raises:
            InputError: if no time is left for a step.
        """
        pace = self.pace or 0.0
        clock = self.clock
        if clock.minutes is None or not self.agreed(float(clock.left < self.rest + pace)):
            return
        spent = f" {clock.used / 60:.1f} of them are used up, and" if clock.used else ""
        alone = (clock.spent - clock.used + self.rest) / 60
        tasks = "starting and images.zip alone take" if self._submission else "starting alone takes"
        remedy = f"give at least {self._enough(_FEW_STEPS)}" if pace else "give more"
        remedy += ", or --no-submission to train without the zip" if self._submission else ""
        raise InputError(
            f"--budget-minutes {clock.minutes:g} leaves no time for training:{spent} {tasks} "
            f"about {alone:.1f} minutes; {remedy} (a budget that is given with "
            "--resume counts from then on)."
        )

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Starts the clock of what the other callbacks do before the first step."""
        self.first = self.done = self.model.steps_done
        self.ended = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Validation, scores and samples also follow the last step: keeps room for them."""
        now = time.monotonic()
        self.between = max(self.between, now - self.ended)
        if self.ready is None:
            self.ready = self.ended = now
            if self.clock.minutes is not None and self.pace is not None:
                self._plan()
                self._announce()
                self._again_at = _AGAIN * (self.clock.left - self.rest)
            return
        self.measured = True
        if self._measure and not self._submission:  # without a budget there was no hurry
            self.measure_submission()
            self.ended = time.monotonic()

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Starts the clock of the step."""
        self.began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Plans again; stops if another step would end too late."""
        now = time.monotonic()
        took, since_last = now - self.began, now - self.ended
        self.done, self.ended = self.done + 1, now
        if self.pace is None and self.done == self.first + 1:
            return  # it has compiled
        self.stepping, self.all = self.stepping + took, self.all + since_last
        self.pace = took if self.pace is None else self.pace
        self.pace += min(0.2, max(0.01, self.pace / _MEMORY)) * (took - self.pace)
        if self._pace_then is None and self.done >= self.first + _FIRST_STEPS:
            self._pace_then = self.pace
        if self.clock.minutes is not None:
            self._measure_again()
            self._plan()
            if self.done >= self.planned:
                self.model.stop_training = True

    def plan(self) -> str:
        """One line for the user, before the first step."""
        steps, rest = self.planned, self.rest
        training = (steps - self.done) * self._step_seconds
        count = f"to about step {steps:,}" if self.done else f"about {steps:,} steps"
        parts = self._parts(self.clock.spent, training, count, rest)
        spare = clock_text(self.clock.seconds - self.clock.spent - training - rest)
        return f"plan for {clock_text(self.clock.seconds)}: {parts}, spare {spare}"

    def report(self) -> str:
        """One line for the user, after the end of the run."""
        clock, now = self.clock, time.monotonic()
        begun = now if self.ready is None else self.ready
        start = clock.used + begun - clock.started
        steps = f"{self.done - self.first:,} steps"
        parts = self._parts(start, self.ended - begun, steps, now - self.ended)
        if clock.minutes is None:
            return f"took {clock_text(clock.spent)}: {parts}"
        share, whole = clock.spent / clock.seconds, clock_text(clock.seconds)
        return f"used {clock_text(clock.spent)} of {whole} ({share:.0%}): {parts}"

    def _parts(self, start: float, training: float, steps: str, rest: float) -> str:
        first = "earlier sessions and start-up" if self.clock.used else "start-up"
        last = "samples and images.zip" if self._measure else "samples"
        return (
            f"{first} {clock_text(start)}, training {clock_text(training)} ({steps}), "
            f"{last} {clock_text(rest)}"
        )

    @property
    def _slower(self) -> float:
        """What everything takes now, by what it took when the submission was measured."""
        pace, then = self.pace, self._pace_then
        return pace / then if pace and then else 1.0

    @property
    def _step_seconds(self) -> float:
        """Of a step with its share of what is done between the steps."""
        pauses = self.all / self.stepping if self.stepping else 1.0
        # an end of an epoch that was not seen yet is in no average
        ends = 0.0 if self.measured else self.between + self.validation
        return self.pace * pauses + ends / (self.params or {}).get("steps", math.inf)

    def _plan(self) -> None:
        steps = self.done + max(0, int((self.clock.left - self.rest) / self._step_seconds))
        self.planned = int(self.agreed(max(1, min(steps, self.most_steps))))
        self.model.total_steps.assign(self.planned)

    def _measure_again(self) -> None:
        """Before the end of the training it counts how fast the machine is now."""
        if self.clock.left - self.rest > self._again_at:
            return
        self._again_at = -math.inf
        if self._submission > _WORTH_IT * self.clock.seconds:
            before = self._submission * self._slower
            self.measure_submission()
            # load comes and goes: what was measured before counts, too
            self._submission = 0.5 * (before + self._submission)
            self.ended = time.monotonic()  # once is no pause to be planned with

    def _announce(self) -> None:
        print(self.plan(), flush=True)
        if self.planned >= min(_FEW_STEPS, self.most_steps):
            return
        saved = clock_text(self._submission)
        zipped = f"--no-submission, which trains {saved} longer, " if self._submission else ""
        print(
            f"warning: {self.planned:,} steps are few, hardly anything is learned in them; give "
            f"--budget-minutes {self._enough(_ENOUGH_STEPS)}, {zipped}or a smaller --image-size.",
            file=sys.stderr,
        )

    def _enough(self, steps: int) -> int:
        """Minutes that would have been enough for so many steps in all."""
        left = max(0, steps - self.done) * self._step_seconds
        # a budget that is given with --resume counts from then on
        seconds = self.clock.spent - self.clock.used + left + self.rest
        return math.ceil(seconds / (1.0 - _SPARE) / 60.0)
