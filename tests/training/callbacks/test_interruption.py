import os
import signal
import threading

import pytest

from cyclegan_tf.training.callbacks.interruption import Interrupted, Interruption
from tests.tiny_models import pixel_cyclegan
from tests.training.callbacks.test_samples import fit


class SignalInStep(Interruption):
    """Gets its signal in the middle of the second step."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.ended = 0

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(batch, logs)
        if batch == 1:
            os.kill(os.getpid(), self.number)

    def on_train_batch_end(self, batch, logs=None):
        self.ended += 1
        super().on_train_batch_end(batch, logs)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_step_under_way_is_ended_first(number):
    interruption, model = SignalInStep(number), pixel_cyclegan()
    with pytest.raises(Interrupted, match=signal.Signals(number).name), interruption.watching():
        fit(model, [interruption], epochs=1, steps=5)
    assert interruption.ended == 2
    assert int(model.step_number) == 2


def test_between_steps_it_stops_at_once():
    interruption, after = Interruption(), []
    with pytest.raises(Interrupted, match="SIGTERM"), interruption.watching():
        os.kill(os.getpid(), signal.SIGTERM)
        after.append("still there")
    assert not after


def test_nothing_that_catches_errors_swallows_it():
    assert not issubclass(Interrupted, Exception)


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    interruption = Interruption()
    with interruption.watching():
        assert signal.getsignal(signal.SIGTERM) == interruption._ask
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_second_signal_is_left_to_what_was_there_before():
    caught = []
    before = signal.signal(signal.SIGTERM, lambda *_: caught.append("second"))
    try:
        interruption = Interruption()
        with interruption.watching():
            interruption.on_train_batch_begin(0)
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert caught == ["second"]


def test_other_threads_train_without_it():
    entered = []

    def train() -> None:
        with Interruption().watching():
            entered.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert entered == [before]
