"""Curves of a report: what `metrics.jsonl` holds, as lines that the page draws."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 360, 200  # of the area that is drawn in, in the units of the SVG
_MOST_POINTS = 400  # of a line: a page has no more pixels for it
_MOST_TICKS = 5

Row = Mapping[str, Any]
Point = tuple[float, float]

# Of each chart: its title, what its keys begin with, what they end with, what its axis says.
_CHARTS = (
    ("losses of both sides", ("gen_", "disc_"), "_loss", "mean of the epoch"),
    (
        "what is to be kept",
        ("cycle", "identity", "content", "colour"),
        "_loss",
        "mean of the epoch",
    ),
    ("discriminators", ("disc_",), "_accuracy", "share judged rightly"),
    ("losses on held-out pictures", ("val_",), "_loss", "mean of the epoch"),
    ("Frechet distance", ("fid",), "", "to real pictures, 0: equal"),
    ("kernel distance", ("kid",), "", "to real pictures, 0: equal"),
    ("error to the truth", ("val_truth_error",), "", "in [-1, 1]"),
    ("diversity", ("sample_diversity",), "", "real pictures: 1"),
    ("learning rates", ("learning_rate", "discriminator_learning_rate"), "", "at the epoch's end"),
    ("time", ("seconds_a_step",), "", "seconds a step"),
)


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        name: key of the logs.
        points: as the attribute of a `polyline`.
        last: its newest value.
    """

    name: str
    points: str
    last: float


@dataclass(frozen=True)
class Chart:
    """Lines over the epochs, on a plane `WIDTH` wide and `HEIGHT` high.

    Attributes:
        title, axis: what it shows, and in which measure.
        lines: of it.
        across, upwards: marks of both axes, by their place on the plane.
    """

    title: str
    axis: str
    lines: Sequence[Line]
    across: Mapping[float, str]
    upwards: Mapping[float, str]


def charts(rows: Iterable[Row]) -> list[Chart]:
    """All charts for which the epochs of a run hold numbers.

    Args:
        rows: as `RunFolder.metrics` reads them.
    """
    rows = _with_pace(rows)
    keys = list(dict.fromkeys(key for row in rows for key in row))  # scores skip epochs
    found = []
    for title, starts, end, axis in _CHARTS:
        named = [key for key in keys if key.startswith(starts) and key.endswith(end)]
        series = {key: points for key in named if (points := _points(rows, key))}
        if series:
            found.append(_chart(title, axis, series))
    return found


def _with_pace(rows: Iterable[Row]) -> list[Row]:
    """The rows with `seconds_a_step`, where they tell it."""
    found, before = [], 0
    for row in rows:
        steps = _number(row.get("step")) - before
        before += steps if steps > 0 else 0
        pace = _number(row.get("seconds")) / steps if steps > 0 else math.nan
        found.append({**row, "seconds_a_step": pace})
    return found


def _points(rows: Sequence[Row], key: str) -> list[Point]:
    points = [(float(row["epoch"]), _number(row.get(key))) for row in rows]
    points = [point for point in points if math.isfinite(point[1])]
    if not any(value for _, value in points):  # its weight is 0: it is not computed
        return []
    step = -(-len(points) // _MOST_POINTS)
    return points[:-1:step] + points[-1:]


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _chart(title: str, axis: str, series: Mapping[str, list[Point]]) -> Chart:
    epochs, values = zip(*(point for points in series.values() for point in points), strict=True)
    across, upwards = _Axis(epochs, WIDTH, whole=True), _Axis(values, HEIGHT)

    def place(point: Point) -> str:
        return f"{across.place(point[0]):.1f},{HEIGHT - upwards.place(point[1]):.1f}"

    return Chart(
        title,
        axis,
        [
            Line(name, " ".join(map(place, points)), points[-1][1])
            for name, points in series.items()
        ],
        {round(across.place(mark), 1): f"{mark:,.0f}" for mark in across.marks},
        {round(HEIGHT - upwards.place(mark), 1): f"{mark:.6g}" for mark in upwards.marks},
    )


class _Axis:
    """Maps numbers to places between 0 and a length, with marks at round numbers."""

    def __init__(self, values: Sequence[float], length: float, *, whole: bool = False) -> None:
        self.low, self.high = min(values), max(values)
        if self.low == self.high:  # one epoch, or a line that is flat
            around = 1.0 if whole else abs(self.low) / 2 or 1.0
            self.low, self.high = self.low - around, self.high + around
        self.length = length
        self.step = max(_round_step((self.high - self.low) / _MOST_TICKS), float(whole))

    def place(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low) * self.length

    @property
    def marks(self) -> list[float]:
        first, last = math.ceil(self.low / self.step), math.floor(self.high / self.step)
        return [self.step * number for number in range(first, last + 1)]


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20, ... and 0.5, 0.2, 0.1, ... that is not below."""
    unit = 10.0 ** math.floor(math.log10(least))
    return next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= least * (1 - 1e-9))
