"""Pictures as arrays: noise, mixing of colours, the working size and the way to pixels."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image


def work_side(size: int) -> int:
    """Side in pixels to draw at: the least multiple of `size` that is at least 192.

    Small pictures are made larger and averaged down: thin shapes keep their form.
    """
    return size * math.ceil(192 / size)


def to_pixels(image: np.ndarray, size: int) -> np.ndarray:
    """Averages an image down and rounds it.

    Args:
        image: `(n, n, 3)` float in [0, 1], clipped to it; n is a multiple of `size`.
        size: side of the result in pixels.

    Returns:
        `(size, size, 3)` uint8 RGB.
    """
    picture = Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8))
    return np.asarray(picture.reduce(image.shape[0] // size))


def rgb(colour: Sequence[float]) -> np.ndarray:
    """A colour as float32: a float64 one would drag whole pictures to double precision."""
    return np.asarray(colour, np.float32)


def mix(first: Any, second: Any, amount: Any) -> Any:
    """Goes from `first` (amount 0) to `second` (amount 1); numbers or arrays that broadcast."""
    return first + (second - first) * amount


def ramp(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """Smooth step from 0 at `low` to 1 at `high`, of the shape of `value`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def noise(
    rng: np.random.Generator, side: int, *, cells: tuple[int, int], octaves: int
) -> np.ndarray:
    """Smooth noise: random bumps, and finer ones of 0.55 times the height at each octave.

    Args:
        rng: drawn from once for each octave.
        side: of the result in pixels.
        cells: rows and columns of bumps in the first octave; each further one doubles both.
        octaves: at least 1.

    Returns:
        `(side, side)` float32 of mean near 0 and standard deviation 1.
    """
    total = np.zeros((side, side), np.float32)
    for octave in range(octaves):
        rows, columns = (count << octave for count in cells)
        grid = Image.fromarray(rng.standard_normal((rows, columns), dtype=np.float32))
        total += np.asarray(grid.resize((side, side), Image.Resampling.BICUBIC)) * 0.55**octave
    return total / total.std()
