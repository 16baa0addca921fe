from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.errors import InputError
from cyclegan_tf.models.optimizers import LinearDecay
from cyclegan_tf.training.callbacks import budget as module
from cyclegan_tf.training.callbacks.budget import Clock, TimeBudget, clock_text
from tests.tiny_models import pixel_cyclegan
from tests.training.callbacks.test_samples import fit


class Now:
    """Stands in for the module `time`; only the test moves it."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


class Total(int):
    """Stands for the variable of a model."""

    def assign(self, value: int) -> None:
        self.value = value


@pytest.fixture
def now(monkeypatch) -> Now:
    clock = Now()
    monkeypatch.setattr(module, "time", clock)
    return clock


def watched(minutes: float | None = 1.0, most: int = 10**6, *, used: float = 0.0, **options):
    """A budget over a model that has done nothing yet, in epochs of 10 steps."""
    budget = TimeBudget(Clock(0.0, minutes, used), most, **options)
    model = SimpleNamespace(total_steps=Total(most), steps_done=0, stop_training=False)
    budget.set_model(model)
    budget.set_params({"steps": 10})
    return budget


def steps(budget: TimeBudget, now: Now, most: int, *, seconds: float = 1.0) -> int:
    """Takes steps until the budget stops them; returns how many there were."""
    for step in range(1, most + 1):
        budget.on_train_batch_begin(0)
        now.now += seconds
        budget.on_train_batch_end(0)
        if budget.model.stop_training:
            return step
    return most


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "0:00"), (5.4, "0:05"), (760, "12:40"), (3723, "1:02:03")]
)
def test_seconds_are_shown_as_on_a_clock(seconds, text):
    assert clock_text(seconds) == text


def test_pace_that_is_known_plans_from_the_first_step_on(now, capsys):
    budget = watched(4.0, submission=lambda: 60.0)
    budget.measure_submission()
    budget.learn(pace=0.2)
    now.now = 20.0
    budget.on_train_begin()
    now.now = 24.0  # samples of the untrained network, which the last epoch draws, too
    budget.on_epoch_begin(0)
    # 240 s, less 4 %, less 24 of start-up, less 64 of the rest; a step and a tenth of such an end
    assert budget.planned == int((240 * 0.96 - 24 - 64) / (0.2 + 0.4)) == 237
    out, err = capsys.readouterr()
    assert out == (
        "plan for 4:00: start-up 0:24, training 2:22 (about 237 steps), samples and images.zip "
        "1:04, spare 0:10\n"
    )
    assert "warning: 237 steps are few" in err
    assert "--budget-minutes 12, --no-submission, which trains 1:00 longer, or a smaller" in err


def test_enough_steps_are_not_warned_of(now, capsys):
    budget = watched(4.0)
    budget.learn(pace=0.1)
    budget.on_train_begin()
    budget.on_epoch_begin(0)
    out, err = capsys.readouterr()
    assert "training 3:50 (about 2,304 steps), samples 0:00, spare 0:10" in out
    assert err == ""


def test_short_training_of_all_its_epochs_is_not_called_short(now, capsys):
    budget = watched(4.0, 20)
    budget.learn(pace=0.1)
    budget.on_train_begin()
    budget.on_epoch_begin(0)
    assert "(about 20 steps)" in capsys.readouterr().out
    assert budget.planned == 20


def run_of(
    budget: TimeBudget,
    now: Now,
    slower: Callable[[float], float],
) -> float:
    """A whole run on a machine whose slowness changes with the time, in shares of the budget.

    Returns:
        The share of the budget that it took.
    """

    whole = budget.clock.seconds
    start, epoch_end, step, submission = (part * whole for part in (0.15, 0.01, 0.001, 0.25))

    def pass_time(seconds: float, parts: int = 20) -> None:
        for _ in range(parts):
            now.now += seconds / parts * slower(now.now / whole)

    def measure() -> float:
        pace = slower(now.now / whole)
        pass_time(0.01 * whole)
        return submission * pace

    budget._measure = measure
    pass_time(start)
    budget.measure_submission()
    budget.learn(pace=step * slower(now.now / whole))
    budget.on_train_begin()
    pass_time(epoch_end)
    budget.set_params({"steps": 250})
    for epoch in range(10**6):
        budget.on_epoch_begin(epoch)
        for _ in range(250):
            budget.on_train_batch_begin(0)
            pass_time(step, 1)
            budget.on_train_batch_end(0)
            if budget.model.stop_training:
                break
        pass_time(epoch_end)
        if budget.model.stop_training:
            break
    pass_time(submission, 200)
    return now.now / whole


@pytest.mark.parametrize("minutes", [4.0, 40.0])
@pytest.mark.parametrize(
    "slower",
    [
        lambda t: 1.0,
        lambda t: 1.5 if t > 0.4 else 1.0,  # another process starts
        lambda t: 1.0 if t > 0.4 else 1.5,  # it ends
        lambda t: 1.0 + 0.2 * (int(t / 0.05) % 2),  # it comes and goes
        lambda t: 1.0 + 0.1 * np.sin(20 * t),
    ],
)
def test_budget_is_used_and_kept_whatever_else_the_machine_does(now, minutes, slower):
    budget = watched(minutes)
    share = run_of(budget, now, slower)
    assert 0.92 <= share <= 1.0
    assert budget.planned == budget.done == budget.model.total_steps.value
    rate = LinearDecay(1.0, tf.constant(budget.planned))
    assert float(rate(tf.constant(budget.done))) == 0.0
    assert float(rate(tf.constant(budget.done - 1))) < 0.03


def test_pause_between_two_epochs_is_left_room_for_after_the_last(now):
    budget = watched(1.0)
    budget.on_train_begin()
    budget.on_epoch_begin(0)
    assert steps(budget, now, 10) == 10
    now.now += 20.0
    budget.on_epoch_begin(1)
    assert budget.rest == 20.0
    # at 30 seconds; the last step must end at 60 * 0.96 - 20, and another such pause may come
    assert steps(budget, now, 1000) == 6


def test_pause_longer_than_what_is_left_ends_the_training_at_once(now):
    budget = watched(1.0)
    budget.on_train_begin()
    budget.on_epoch_begin(0)
    assert steps(budget, now, 10) == 10
    now.now += 45.0
    budget.on_epoch_begin(1)
    assert steps(budget, now, 1000) == 1
    assert budget.planned == 11


def test_machine_that_slows_down_is_given_more_time_for_what_follows(now):
    budget = watched(4.0, submission=lambda: 10.0)
    budget.measure_submission()
    budget.learn(pace=1.0)
    budget.on_train_begin()
    budget.on_epoch_begin(0)
    assert steps(budget, now, 10) == 10
    assert budget.rest == 10.0
    assert steps(budget, now, 60, seconds=2.0) == 60
    assert budget.rest == pytest.approx(20.0, abs=0.7)


def test_submission_is_measured_again_before_the_end(now):
    found = iter([10.0, 25.0])
    budget = watched(2.0, submission=lambda: next(found))
    budget.measure_submission()
    budget.learn(pace=1.0)
    budget.on_train_begin()
    budget.on_epoch_begin(0)
    # the mean of both counts: 120 * 0.96 - 17.5 are 97.7 seconds
    assert steps(budget, now, 1000) == 97
    assert budget.rest == pytest.approx(17.5)


def test_validation_that_was_never_seen_is_planned_with(now):
    budget = watched(1.0)
    budget.learn(pace=1.0, validation=8.0)
    budget.on_train_begin()
    budget.on_epoch_begin(0)
    assert budget.rest == 8.0
    now.now += 1.0
    budget.on_epoch_begin(1)
    assert budget.rest == 1.0


def test_resumed_budget_keeps_room_for_the_end_of_an_epoch(now):
    budget = watched(1.0, used=20.0)
    budget.set_state({"between": 10.0, "measured": True})
    budget.learn(pace=1.0)
    budget.on_train_begin()
    budget.on_epoch_begin(0)
    assert steps(budget, now, 1000) == int(60 * 0.96 - 20 - 10)
    assert budget.get_state() == {"between": 10.0, "measured": True}
    assert "earlier sessions and start-up 0:20" in budget.report()


def test_clock_does_not_lengthen_a_training(now):
    model = pixel_cyclegan()
    budget = TimeBudget(Clock(0.0, 1000.0), 4)
    budget.learn(pace=1.0)
    fit(model, [budget], epochs=2, steps=2)
    assert (int(model.total_steps), budget.done) == (4, 4)


def test_without_a_deadline_it_knows_what_is_left_and_changes_nothing(now):
    budget = watched(None, 100, submission=lambda: 30.0)
    budget.on_train_begin()
    budget.on_epoch_begin(0)
    assert budget.seconds_left is None
    assert steps(budget, now, 1, seconds=9.0) == 1  # it compiles
    assert steps(budget, now, 19, seconds=0.5) == 19
    assert budget.seconds_left == pytest.approx(80 * 0.5)
    budget.on_epoch_begin(1)  # measured then: before the first step it would be waited for
    assert budget.seconds_left == pytest.approx(80 * 0.5 + 30.0)
    assert not hasattr(budget.model.total_steps, "value")
    now.now += 21.5
    assert budget.report() == (
        "took 0:40: start-up 0:00, training 0:18 (20 steps), samples and images.zip 0:22"
    )


def test_report_tells_the_share_that_was_used(now):
    budget = watched(1.0)
    now.now = 6.0
    budget.on_train_begin()
    budget.on_epoch_begin(0)
    assert steps(budget, now, 50) == 50
    now.now += 1.0
    assert budget.report() == (
        "used 0:57 of 1:00 (95%): start-up 0:06, training 0:50 (50 steps), samples 0:01"
    )


def test_budget_without_time_for_a_step_is_refused_with_a_remedy(now):
    budget = watched(1.0, submission=lambda: 50.0)
    now.now = 5.0
    budget.measure_submission()
    budget.require_time()
    budget.learn(pace=5.0)
    told = r"alone take about 0\.9 minutes; give at least 27, or --no-sub"
    with pytest.raises(InputError, match=told):
        budget.require_time()
    later = watched(1.0, used=70.0)
    with pytest.raises(InputError, match=r"1\.2 of them are used up, and starting alone takes"):
        later.require_time()
