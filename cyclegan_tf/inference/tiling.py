"""Tiles: how a picture of any size is shown to a network, and put together again. NumPy only."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cyclegan_tf.errors import InputError

DEFAULT_TILE = 1024  # pixels
# What a user may ask for, in pixels.
SIZES = {"size": (1, 8192), "longest": (1, 65_500), "canvas": (16, 8192), "tile": (16, 8192)}
CANVASES = ("auto", "full")  # what `canvas` may be instead of a number
_OVERLAP = 4  # a tile shares this part of its side with the next one: a quarter


@dataclass(frozen=True)
class Frame:
    """What a network asks of the sides of its inputs, and how large they may be.

    Attributes:
        tile: side in pixels up to which a picture is translated in one piece; beyond it, of the
            tiles (somewhat more, if the multiple is coarse).
        multiple: sides are multiples of this.
        margin: pixels of surroundings, mirrored beyond the picture, that the network sees on each
            side and that are cut off again: there convolutions that pad with zeros draw a frame.
        least: the smallest side.

    Raises:
        ValueError: if `tile` is smaller than `smallest_tile(multiple)`.
    """

    tile: int
    multiple: int = 1
    margin: int = 0
    least: int = 1

    def __post_init__(self) -> None:
        if self.tile < (smallest := smallest_tile(self.multiple)):
            raise ValueError(f"Expected a tile of at least {smallest}. Received: {self.tile}")

    def divide(self, length: int) -> "Axis":
        """How a side of `length` pixels is divided.

        All tiles have the same size: the network is compiled once, and several make a batch. Their
        distances are multiples as well, so that neighbours halve the same pairs of pixels, and
        differ where they overlap by their surroundings alone.
        """
        if length <= self.tile:
            core, count, step = length, 1, 0
        else:
            overlap = self.tile // _OVERLAP
            longest_step = (self.tile - overlap) // self.multiple * self.multiple
            count = math.ceil((length - overlap) / longest_step)
            step = self._up((length - overlap) / count)
            core = step + overlap
        shown = max(self._up(core + 2 * self.margin), self._up(self.least))
        core = shown - 2 * self.margin
        before = (step * (count - 1) + core - length) // 2
        return Axis(length, core, tuple(step * i - before for i in range(count)), self.margin)

    def _up(self, length: float) -> int:
        return math.ceil(length / self.multiple) * self.multiple


@dataclass(frozen=True)
class Axis:
    """One side of a picture, divided.

    Attributes:
        length: of the side in pixels.
        core: pixels that each tile adds to the result.
        starts: where each tile's core begins; the outer ones may lie beyond the picture.
        margin: pixels shown before and behind each core.
    """

    length: int
    core: int
    starts: tuple[int, ...]
    margin: int

    @property
    def shown(self) -> int:
        """Pixels of a tile that the network sees."""
        return self.core + 2 * self.margin

    def places(self, number: int) -> np.ndarray:
        """Which pixels of the picture tile `number` shows: `(shown,)` indices."""
        start = self.starts[number] - self.margin
        return mirrored(np.arange(start, start + self.shown), self.length)

    def inside(self, number: int) -> tuple[slice, slice]:
        """Where the core lies in the picture, and which part of the core lies in the picture."""
        start = self.starts[number]
        low, high = max(start, 0), min(start + self.core, self.length)
        return slice(low, high), slice(low - start, high - start)

    def weights(self) -> np.ndarray:
        """What each tile counts for, `(count, core)` float32: the sum is 1 at every pixel.

        Where tiles overlap they fade into each other along half a wave of a cosine: no steps, and
        nothing of a tile's border, where its surroundings were unknown to the network.
        """
        count = len(self.starts)
        weights = np.ones((count, self.core))
        overlap = self.core - (self.starts[1] - self.starts[0]) if count > 1 else 0
        rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(overlap) + 0.5) / max(1, overlap))
        weights[1:, :overlap] *= rise
        weights[:-1, self.core - overlap :] *= rise[::-1]
        total = np.zeros(self.starts[-1] - self.starts[0] + self.core)
        spans = [slice(s - self.starts[0], s - self.starts[0] + self.core) for s in self.starts]
        for span, row in zip(spans, weights, strict=True):
            total[span] += row  # more than 1 only where three tiles overlap
        return np.stack(
            [row / total[span] for span, row in zip(spans, weights, strict=True)]
        ).astype(np.float32)


class Tiling:
    """A picture's tiles, row by row.

    Args:
        height: of the picture in pixels.
        width: the same.
        frame: what the network asks for.

    Attributes:
        shown: height and width of what the network sees of each tile.
    """

    def __init__(self, height: int, width: int, frame: Frame) -> None:
        self.rows, self.columns = frame.divide(height), frame.divide(width)
        self.shown = (self.rows.shown, self.columns.shown)

    def __len__(self) -> int:
        return len(self.rows.starts) * len(self.columns.starts)

    def cut(self, picture: np.ndarray) -> Iterator[np.ndarray]:
        """Yields what the network sees of each tile of `(height, width, c)`: `(*shown, c)`."""
        for row, column in self._numbers():
            yield picture[self.rows.places(row)[:, None], self.columns.places(column)]

    def join(self, tiles: Iterator[np.ndarray]) -> np.ndarray:
        """Puts translated tiles together.

        Args:
            tiles: one `(*shown, c)` float array a tile, in the order of `cut`.

        Returns:
            `(height, width, c)` float32.
        """
        down, across = self.rows.weights(), self.columns.weights()
        canvas = None
        margin = self.rows.margin
        for (row, column), tile in zip(self._numbers(), tiles, strict=True):
            if canvas is None:
                shape = (self.rows.length, self.columns.length, tile.shape[-1])
                canvas = np.zeros(shape, np.float32)
            (rows, core_rows), (columns, core_columns) = (
                self.rows.inside(row),
                self.columns.inside(column),
            )
            weights = down[row, core_rows, None] * across[column, core_columns]
            core = tile[margin:, margin:][core_rows, core_columns]
            canvas[rows, columns] += core * weights[..., None]
        return canvas

    def _numbers(self) -> Iterator[tuple[int, int]]:
        return itertools.product(range(len(self.rows.starts)), range(len(self.columns.starts)))


def check_sizes(**sizes: int | str | None) -> None:
    """Checks the sizes at which pictures are to be translated.

    Args:
        **sizes: some of `SIZES`, by name; None for one that is not asked for.

    Raises:
        InputError: if one is out of range, or `size` is given with one for whole pictures.
    """
    for name, value in sizes.items():
        low, high = SIZES[name]
        words = CANVASES if name == "canvas" else ()
        if value is None or value in words:
            continue
        if isinstance(value, str) or not low <= value <= high:
            expected = " or ".join([f"a value from {low} to {high:,}", *words])
            raise InputError(f"--{name} is {value}; expected {expected}.")
    whole = {"longest": sizes.get("longest"), "canvas": sizes.get("canvas")}
    for name, value in whole.items():
        if sizes.get("size") is not None and value not in (None, *CANVASES):
            raise InputError(
                f"--size {sizes['size']} and --{name} {value} contradict each other: one is for "
                "squares, the other for whole pictures; give one of them."
            )


def smallest_tile(multiple: int) -> int:
    """The smallest tile that still goes on by a multiple, when it has shared its quarter."""
    return next(t for t in itertools.count(multiple) if t - t // _OVERLAP >= multiple)


def sample(picture: np.ndarray, side: int, most: int) -> np.ndarray:
    """Squares of a picture at even distances, all there are or as many as allowed.

    Args:
        picture: `(h, w, c)`; mirrored where it is smaller than a square.
        side: of the squares in pixels.
        most: squares, at least 1.

    Returns:
        `(n, side, side, c)`.
    """
    height, width = picture.shape[:2]
    rows, columns = math.ceil(height / side), math.ceil(width / side)
    if rows * columns > most:
        rows = min(rows, max(1, round(math.sqrt(most * height / width))), most)
        columns = min(columns, most // rows)
    squares = [
        picture[
            mirrored(_spread(row, rows, height, side), height)[:, None],
            mirrored(_spread(column, columns, width, side), width),
        ]
        for row, column in itertools.product(range(rows), range(columns))
    ]
    return np.stack(squares)


def _spread(number: int, count: int, length: int, side: int) -> np.ndarray:
    """Places of one of `count` parts of a line: the outer ones at its ends, one in its middle."""
    share = number / (count - 1) if count > 1 else 0.5
    return round((length - side) * share) + np.arange(side)


def mirrored(places: np.ndarray, length: int) -> np.ndarray:
    """Indices beyond a side of `length` pixels, reflected into it as often as it takes.

    The border itself is not repeated: -1 is 1, and `length` is `length - 2`.
    """
    period = max(1, 2 * (length - 1))
    folded = np.mod(places, period)
    return np.minimum(folded, period - folded) if length > 1 else np.zeros_like(places)
