"""A training as the user sees it: one line on a screen, an epoch a line in a log file."""

import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import keras

from cyclegan_tf.io.display import Line, in_notebook
from cyclegan_tf.training.callbacks.budget import TimeBudget, clock_text

Logs = dict[str, Any]

_WIDEST = 119  # signs of a line, wherever it goes
_NOTEBOOK = 100  # that a cell shows without a break
_SCORES = ("fid", "kid", "sample_diversity", "val_truth_error")  # told first: they say most
_PLAYERS = ("gen", "disc")


def build_console(budget: TimeBudget, images_per_step: int, samples: Path) -> "Console":
    """What shows the training here: on a terminal, in a notebook, or in a log file.

    Args:
        budget: knows how long the rest of the run takes; a callback before this one.
        images_per_step: of both domains together.
        samples: folder of the sample grids; those that other callbacks draw, put it behind them.
    """
    if in_notebook():
        return NotebookConsole(budget, images_per_step, samples)
    kind = TerminalConsole if sys.stdout.isatty() else LogConsole
    return kind(budget, images_per_step)


class Console(keras.callbacks.Callback):
    """What all of them say; by itself it is silent.

    Args:
        budget: knows how long the rest of the run takes; a callback before this one.
        images_per_step: of both domains together.
    """

    def __init__(self, budget: TimeBudget, images_per_step: int) -> None:
        super().__init__()
        self.budget = budget
        self.images_per_step = images_per_step
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Counts from 1."""
        self.epoch = epoch + 1

    def close(self) -> None:
        """Leaves the place to what others print."""

    def status(self, logs: Logs, *, width: int, players_only: bool = True) -> list[str]:
        """Where the training is, in parts that fit the width together.

        Args:
            logs: of the step, or of the epoch.
            width: of the line, in signs.
            players_only: without the losses that are parts of those of the generators.
        """
        losses = shown_losses(logs)
        if players_only:
            losses = {k: v for k, v in losses.items() if k.startswith(_PLAYERS)}
        step, total = self.model.steps_done, self.budget.planned
        seconds, pace = self.budget.seconds_left, self.budget.pace
        left = [] if seconds is None else [f"{clock_text(seconds)} left"]
        speed = [f"{self.images_per_step / pace:.1f} images/s"] if pace else []
        epoch = [] if players_only else [f"epoch {self.epoch}"]
        named = [f"{key} {value:.2f}" for key, value in losses.items()]
        parts = [*epoch, f"step {step:,} of {total:,}", *left, *named, *speed]
        if len(", ".join(parts)) <= width:
            return parts
        return fitting([*epoch, f"{step:,}/{total:,}", *left, *_grouped(losses), *speed], width)

    def verdict(self, logs: Logs, *, width: int) -> str:
        """Validation and scores of an epoch, on a line of their own; empty without any."""
        held_out = {key: value for key, value in logs.items() if key.startswith("val_")}
        scores = {key: float(logs[key]) for key in _SCORES if key in logs}
        parts = [f"{key.removeprefix('val_')} {value:.3f}" for key, value in scores.items()]
        found = {key.removeprefix("val_"): value for key, value in held_out.items()}
        parts += [f"{key} {value:.2f}" for key, value in shown_losses(found).items()]
        title = f"epoch {self.epoch}, {'validation' if held_out else 'scores'}: "
        return title + ", ".join(fitting(parts, width - len(title))) if parts else ""


class TerminalConsole(Console):
    """One line that is written over itself; what validation says stays above it.

    Args:
        budget: as `Console` takes it.
        images_per_step: the same.
        every: seconds between two states of the line.
    """

    def __init__(self, budget: TimeBudget, images_per_step: int, *, every: float = 0.2) -> None:
        super().__init__(budget, images_per_step)
        self.every = every
        self._next = 0.0
        self._shown = ""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Says why nothing moves yet."""
        super().on_epoch_begin(epoch, logs)
        if self.budget.pace is None:
            self._show("compiling the training step ...")

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Writes the line again, once in a while."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self.every
            self._show(", ".join(self.status(logs or {}, width=self._width())))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Leaves a line for validation and scores, and writes on below it."""
        if verdict := self.verdict(logs or {}, width=self._width()):
            self._show(verdict)
            self.close()
        self._show(", ".join(self.status(logs or {}, width=self._width())))

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Leaves the last state."""
        self.close()

    def close(self) -> None:
        """Ends the line."""
        if self._shown:
            self._shown = ""
            print(flush=True)

    def _show(self, text: str) -> None:
        text = text[: self._width()]
        # spaces rather than a control sequence: they clear a line on any terminal
        cleared = min(len(self._shown), self._width())
        print(f"\r{text.ljust(cleared)}", end="", flush=True)
        self._shown = text

    @staticmethod
    def _width() -> int:
        """One less than the terminal has now: some break the line behind the last column."""
        return max(1, min(_WIDEST, shutil.get_terminal_size().columns - 1))


class LogConsole(Console):
    """An epoch a line, for a file or a pipe."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes it at once: who follows the file wants to see it."""
        parts = self.status(logs or {}, width=_WIDEST, players_only=False)
        print(", ".join(parts), flush=True)
        if verdict := self.verdict(logs or {}, width=_WIDEST):
            print(verdict, flush=True)


class NotebookConsole(Console):
    """One piece of output that changes, and the newest samples below it.

    Args:
        budget: as `Console` takes it.
        images_per_step: the same.
        samples: folder of the sample grids.
        every: seconds between two states of the line.
    """

    def __init__(
        self, budget: TimeBudget, images_per_step: int, samples: Path, *, every: float = 1.0
    ) -> None:
        super().__init__(budget, images_per_step)
        self.samples = samples
        self.every = every
        self._line, self._picture = Line(), Line()
        self._newest: Path | None = None
        self._verdict = ""
        self._next = 0.0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Shows that it has begun."""
        self._line.show("starting ...")
        self._show_samples()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Writes the line again, once in a while."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self.every
            self._show(logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes the line, below it validation and scores, and shows samples that are new."""
        self._verdict = self.verdict(logs or {}, width=_NOTEBOOK) or self._verdict
        self._show(logs or {})
        self._show_samples()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Shows the last samples."""
        self._show_samples()

    def _show(self, logs: Logs) -> None:
        line = ", ".join(self.status(logs, width=_NOTEBOOK))
        self._line.show("\n".join(filter(None, (line, self._verdict))))

    def _show_samples(self) -> None:
        from IPython.display import Image

        newest = max(self.samples.glob("epoch_*.png"), default=None)
        if newest is not None and newest != self._newest:
            self._newest = newest
            self._picture.show(Image(data=newest.read_bytes()))


def shown_losses(logs: Logs) -> dict[str, float]:
    """The losses by their short names, generators first, without those that are switched off."""
    losses = {
        key.removesuffix("_loss"): float(value)
        for key, value in logs.items()
        if key.endswith("_loss") and not key.startswith("val_")
    }
    players = {key: losses[key] for side in _PLAYERS for key in losses if key.startswith(side)}
    # that of a player may become 0; another one is 0 if its weight is: it is not computed
    return players | {key: value for key, value in losses.items() if value}


def fitting(parts: Iterable[str], width: int) -> list[str]:
    """As many of the first parts as fit the width with commas between them."""
    kept: list[str] = []
    for part in parts:
        if len(", ".join([*kept, part])) > width:
            break
        kept.append(part)
    return kept


def _grouped(losses: dict[str, float]) -> Iterator[str]:
    """`gen 1.24 1.32, disc 0.61 0.66`: those of one side together."""
    groups: dict[str, list[str]] = {}
    for key, value in losses.items():
        groups.setdefault(key.split("_")[0], []).append(f"{value:.2f}")
    return (" ".join([name, *values]) for name, values in groups.items())
