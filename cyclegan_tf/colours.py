"""Colours of pictures in numbers: how often each level occurs, saturation, colourfulness."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

CHANNELS = ("red", "green", "blue")
LEVELS = 256

_LUMA = (0.299, 0.587, 0.114)  # how bright red, green and blue look, Rec. 601
# Pixels that are measured at a time: their numbers stay in the cache, and below the 128 kB from
# which on the C library fetches every array's memory from the system anew, at four times the cost.
_STRIP = 2**14


@dataclass(frozen=True)
class Colours:
    """What was measured on all pixels of one picture.

    Attributes:
        counts: `(3, 256)` int64, how many pixels have each level of red, green and blue.
        saturation: mean of the pixels' HSV saturation, (max - min) / max, in [0, 1]. A black pixel
            counts as 0, one that is nearly black easily as 1.
        colourfulness: of Hasler and Süsstrunk, 0 for grey, about 45 for a picture that people
            call "averagely" and 82 for one that they call "highly colourful".
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
    """Measures every pixel.

    Args:
        image: RGB, of any size.

    Reference for the colourfulness: Hasler and Süsstrunk 2003, "Measuring colourfulness in natural
    images", equation for M^(3).
    """
    flat = np.asarray(image).reshape(-1, 3)
    strips = range(0, len(flat), _STRIP)
    sums = sum(_sums(flat[start : start + _STRIP]) for start in strips)
    saturation, *means = sums[:3] / len(flat)
    squares = sums[3:] / len(flat)
    spread = np.sqrt(np.maximum(squares - np.square(means), 0).sum())
    colourfulness = spread + 0.3 * np.hypot(*means)
    counts = np.array(image.histogram(), np.int64).reshape(3, LEVELS)
    return Colours(counts, float(saturation), float(colourfulness))


def level_means(counts: np.ndarray) -> np.ndarray:
    """Mean levels of `(..., 256)` counts, 0 to 255."""
    return counts @ np.arange(LEVELS) / counts.sum(axis=-1)


def level_spreads(counts: np.ndarray) -> np.ndarray:
    """Standard deviations of `(..., 256)` counts, in levels, divisor n."""
    deviations = np.arange(LEVELS) - level_means(counts)[..., None]
    return np.sqrt((counts * np.square(deviations)).sum(axis=-1) / counts.sum(axis=-1))


def level_quantiles(counts: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    """Levels that these shares of the pixels do not exceed.

    Args:
        counts: `(256,)`.
        shares: in (0, 1].

    Returns:
        `(len(shares),)` integers, 0 to 255: the lowest such levels.
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
    parts = [np.cumsum(counts) / counts.sum() for counts in (counts_1, counts_2)]
    return float(np.abs(parts[0] - parts[1]).sum())


def _sums(strip: np.ndarray) -> np.ndarray:
    """`(5,)` sums of saturation, two opponent colours, and their squares over `(n, 3)` uint8."""
    planes = np.ascontiguousarray(strip.T)
    highest = planes.max(axis=0)
    chroma = highest - planes.min(axis=0)
    saturations = np.divide(chroma, np.maximum(highest, 1), dtype=np.float32)
    red, green, blue = planes.astype(np.int16)
    red_green = (red - green).astype(np.float32)
    twice_yellow_blue = (red + green - 2 * blue).astype(np.float32)
    sums = (
        saturations.sum(dtype=np.float64),
        red_green.sum(dtype=np.float64),
        twice_yellow_blue.sum(dtype=np.float64) / 2,
        np.dot(red_green, red_green),
        np.dot(twice_yellow_blue, twice_yellow_blue) / 4,
    )
    return np.array(sums, np.float64)
