"""SIGTERM and SIGINT: how a user, Kaggle or Slurm asks a training to stop."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

import keras

Logs = dict[str, Any]
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupted(KeyboardInterrupt):
    """The training was asked to stop. No error: nothing that catches errors may swallow it."""


class Interruption(keras.callbacks.Callback):
    """Turns a signal into `Interrupted`, but never in the middle of a step; put it last.

    What a step leaves is whole. Between steps (validation, samples, submission, which can take
    longer than whoever sent the signal waits) it comes at once. Several machines stop after the
    same step, whichever of them was asked.

    Args:
        anyone: of several machines: whether one of them says so, for all alike; None: alone.
    """

    def __init__(self, anyone: Callable[[bool], bool] | None = None) -> None:
        super().__init__()
        self._anyone = anyone
        self._stepping = False
        self._asked: int | None = None

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Catches the signals; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._before = {number: signal.signal(number, self._ask) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in self._before.items():
                signal.signal(number, handler or signal.SIG_DFL)

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """From here on the step is not disturbed."""
        self._stepping = True

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Stops if it was asked to while stepping."""
        self._stepping = False
        asked = self._asked is not None
        if self._anyone(asked) if self._anyone else asked:
            self._stop()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked is not None:
            return  # another signal than the first, while that is being followed
        self._asked = number
        # a second one ends the process at once; None stands for a handler that is not Python's
        signal.signal(number, self._before[number] or signal.SIG_DFL)
        if not self._stepping and not self._anyone:
            self._stop()

    def leave_training(self) -> None:
        """From here on this machine stops alone, and at once."""
        self._anyone = None
        if self._asked is not None:
            self._stop()

    def _stop(self) -> NoReturn:
        raise Interrupted(signal.Signals(self._asked).name if self._asked else "another worker")
