"""Colours of pictures in numbers: how often each level occurs, saturation, colourfulness."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

CHANNELS = ("red", "green", "blue")
LEVELS = 256

_LUMA = (0.299, 0.587, 0.114)  # how bright red, green and blue look, Rec. 601
_LATTICE = 2**12  # pixels that tell a mean to a fiftieth of what images differ by


@dataclass(frozen=True)
class Colours:
    """What was measured on one picture.

    Attributes:
        counts: `(3, 256)` int64, how many of all pixels have each level of red, green and blue.
        saturation: mean of HSV's, (max - min) / max, in [0, 1]. A black pixel counts as 0, one
            that is nearly black easily as 1.
        colourfulness: of Hasler and Süsstrunk; 0 for grey, 45 for what people call "averagely" and
            82 for what they call "highly colourful".
    """

    counts: np.ndarray
    saturation: float
    colourfulness: float

    @property
    def means(self) -> np.ndarray:
        """`(3,)` mean levels, 0 to 255."""
        return level_means(self.counts)

    @property
    def brightness(self) -> float:
        """Mean luma (Rec. 601), 0 to 255."""
        return float(self.means @ _LUMA)


def measure_colours(image: Image.Image) -> Colours:
    """Counts the levels of all pixels; saturation and colourfulness are those of a lattice.

    The lattice is every k-th pixel of every k-th row, k as large as leaves 4,096 pixels or more.
    Nothing is averaged before it is measured: dabs of paint are more colourful than their mean.

    Args:
        image: RGB, of any size.

    Reference: Hasler and Süsstrunk 2003, "Measuring colourfulness in natural images", M^(3).
    """
    step = max(1, math.isqrt(image.width * image.height // _LATTICE))
    size = (max(1, image.width // step), max(1, image.height // step))
    lattice = np.asarray(image.resize(size, Image.Resampling.NEAREST)).reshape(-1, 3)
    red, green, blue = np.ascontiguousarray(lattice.T, np.float32)
    highest = np.maximum(np.maximum(red, green), blue)
    chroma = highest - np.minimum(np.minimum(red, green), blue)
    opponents = np.stack([red - green, (red + green) / 2 - blue])
    spread = np.linalg.norm(opponents.std(axis=1, dtype=np.float64))
    distance = np.linalg.norm(opponents.mean(axis=1, dtype=np.float64))
    return Colours(
        counts=np.array(image.histogram(), np.int64).reshape(len(CHANNELS), LEVELS),
        saturation=float((chroma / np.maximum(highest, 1)).mean(dtype=np.float64)),
        colourfulness=float(spread + 0.3 * distance),
    )


def level_means(counts: np.ndarray) -> np.ndarray:
    """Mean levels of `(..., 256)` counts, 0 to 255."""
    return counts @ np.arange(LEVELS) / counts.sum(axis=-1)


def level_spreads(counts: np.ndarray) -> np.ndarray:
    """Standard deviations of `(..., 256)` counts, in levels, divisor n."""
    deviations = np.arange(LEVELS) - level_means(counts)[..., None]
    return np.sqrt((counts * np.square(deviations)).sum(axis=-1) / counts.sum(axis=-1))


def level_quantiles(counts: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    """The lowest levels that are not exceeded by these shares of the pixels.

    Args:
        counts: `(256,)`.
        shares: in (0, 1].

    Returns:
        `(len(shares),)` integers, 0 to 255.
    """
    return np.searchsorted(np.cumsum(counts), np.asarray(shares) * counts.sum())


def wasserstein_distance(counts_1: np.ndarray, counts_2: np.ndarray) -> float:
    """By how many levels the average pixel must change to make one histogram the other.

    Args:
        counts_1: `(256,)`, of any positive sum.
        counts_2: `(256,)`, of any positive sum.

    Returns:
        0 to 255; the difference of the means if one is the other shifted.
    """
    shares = [np.cumsum(counts) / counts.sum() for counts in (counts_1, counts_2)]
    return float(np.abs(shares[0] - shares[1]).sum())
