"""The run's report, written anew as the training goes on."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.reporting.contents import read_facts
from cyclegan_tf.reporting.page import keep_for_report, write_report

Logs = dict[str, Any]

_SHARE = 0.005  # of the training's time, at most, so long as it goes on


class Report(keras.callbacks.Callback):
    """Writes `report.html` before the first step, every N epochs and at the end.

    An epoch in between is passed over if the reports so far have taken more than half a percent of
    the time: of a training of seconds there is one at the beginning and one at the end. Put it
    behind what writes logs and samples.

    Args:
        run: where it goes.
        draw: makes the sheets of now, as `keep_for_report` takes them.
        facts: tells the facts of now, as `keep_for_report` takes them.
        every: epochs between reports.
    """

    def __init__(
        self,
        run: RunFolder,
        draw: Callable[[], Mapping[str, Sequence[np.ndarray]]],
        facts: Callable[[], Mapping[str, Any]],
        *,
        every: int,
    ) -> None:
        super().__init__()
        self.run = run
        self.draw = draw
        self.facts = facts
        self.every = every
        self.seconds = 0.0  # that reports have taken since the first step

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Writes the first one; what is compiled for it, for the samples too, is so but once."""
        self._write()
        self.seconds, self.began = 0.0, time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes every N epochs, and after the last."""
        last = self.model.stop_training or epoch + 1 == self.params.get("epochs")
        spent = self.seconds > _SHARE * (time.monotonic() - self.began)
        if last or ((epoch + 1) % self.every == 0 and not spent):
            self._write()

    def _write(self) -> None:
        started = time.monotonic()
        keep_for_report(self.run, self.facts(), self.draw())
        write_report(self.run)
        self.seconds += time.monotonic() - started


def facts_so_far(
    run: RunFolder, constant: Mapping[str, Any], *, seconds: float, warnings: Sequence[str]
) -> Callable[[], dict[str, Any]]:
    """What tells the facts of now; a resumed run also has those of its earlier sessions.

    Args:
        run: whose report it is for.
        constant: facts that stay.
        seconds: that the run has taken so far.
        warnings: that came in this session; the list may still grow.
    """
    earlier, began = read_facts(run), time.monotonic() - seconds
    first = time.strftime("%Y-%m-%d %H:%M", time.localtime(time.time() - seconds))
    before = list(map(str, earlier.get("warnings") or ()))

    def facts() -> dict[str, Any]:
        return {
            **constant,
            "started": earlier.get("started", first),
            "seconds": round(time.monotonic() - began, 1),
            "warnings": list(dict.fromkeys([*before, *warnings])),
        }

    return facts
