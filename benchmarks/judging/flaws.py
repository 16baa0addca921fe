"""Three measures of what goes wrong in translations: halo, streaks and weave.

All look at luminance in 0..1. Real paintings have some of each, so a figure means something only
as a ratio to theirs.
"""

import itertools
from collections.abc import Iterable

import numpy as np
from scipy import ndimage

from cyclegan_tf.io.parallel import FAR_AHEAD, in_order

# Halo: edges are looked for at the scale of things, so that dabs of paint are none.
_EDGE_SCALE = 2.0  # pixels, standard deviation of a Gaussian
_SHARPEST, _PLATEAU = 6, (8, 12)  # pixels from the edge: overshoot lies up to the first
_LEAST_STEP = 0.15  # between the plateaus, of the range of luminance
_LEAST_EDGES = 20

# Streaks
_WINDOW = 33  # pixels a side of what is called flat, and of what one direction is sought in
# Blur in pixels, and the root mean square of the gradient that is then called flat: of a photo two
# grey levels a pixel; of a painting half of one once its strokes are blurred away. Both then find
# skies and still water, about a fifth of all.
_FLAT_PHOTO, _FLAT_PAINTING = (1.0, 0.008), (6.0, 0.002)

# Weave
_TILE, _STRIDE = 64, 16  # pixels of the windows of the spectrum
_AVERAGED = 3  # neighbouring windows a side that one spectrum is a mean of
_LONGEST = 16  # pixels of the longest period that counts
_PEAK = 2.0  # times what is usual beside it
_BESIDE = range(-4, 5)  # frequencies in each of four directions
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))


def luminance(pixels: np.ndarray) -> np.ndarray:
    """Rec. 601 luminance in 0..1 of `(..., 3)` uint8 pixels."""
    return (pixels @ np.array([0.299, 0.587, 0.114]) / 255.0).astype(np.float32)


def flaws(pictures: Iterable[np.ndarray], photos: Iterable[np.ndarray] | None) -> dict[str, float]:
    """The means over a set of pictures.

    Args:
        pictures: `(h, w, 3)` uint8.
        photos: what they were translated from, in the same order; None for paintings.

    Returns:
        `halo`, `streaks` and `weave`; NaN where no picture has what a measure looks at.
    """
    plain = itertools.repeat(None) if photos is None else photos
    pairs = zip(pictures, plain, strict=photos is not None)
    rows = list(in_order(_measured, pairs, ahead=FAR_AHEAD))
    means = [
        np.mean([x for x in column if np.isfinite(x)] or [np.nan]) for column in np.transpose(rows)
    ]
    return dict(zip(("halo", "streaks", "weave"), map(float, means), strict=True))


def _measured(pair: tuple[np.ndarray, np.ndarray | None]) -> tuple[float, float, float]:
    """Halo, streaks and weave of a picture; where it should be flat its photo shows."""
    picture, photo = pair
    light = luminance(picture)
    if photo is None:
        flat = flat_areas(light, *_FLAT_PAINTING)
    else:
        flat = flat_areas(luminance(photo), *_FLAT_PHOTO)
    return halo(light), streaks(light, flat), weave(light)


def halo(light: np.ndarray) -> float:
    """How far luminance overshoots beside strong edges.

    The mean profile across all strong edges of a picture rises from a dark plateau to a bright
    one; texture averages out, a rim that goes along with edges does not.

    Args:
        light: `(h, w)` luminance.

    Returns:
        Overshoot on the bright side and undershoot on the dark one, their mean in units of the
        step: 0 for a plain step, 0.2 for one whose rims go a fifth of it too far. NaN if there
        are hardly any strong edges.
    """
    profiles = _profiles(light)
    far, near = slice(_PLATEAU[0] - 1, None), slice(None, _SHARPEST)
    centre = _PLATEAU[1]
    bright, dark = profiles[:, centre + 1 :], profiles[:, :centre][:, ::-1]
    low, high = dark[:, far].mean(axis=1), bright[:, far].mean(axis=1)
    strong = high - low > _LEAST_STEP
    if strong.sum() < _LEAST_EDGES:
        return float("nan")
    step = (high - low)[strong, None]
    above = ((bright[strong, near] - high[strong, None]) / step).mean(axis=0).max()
    below = ((low[strong, None] - dark[strong, near]) / step).mean(axis=0).max()
    return float((max(above, 0.0) + max(below, 0.0)) / 2.0)


def _profiles(light: np.ndarray) -> np.ndarray:
    """`(n, 2 * _PLATEAU[1] + 1)` luminance across edges, from their dark to their bright side."""
    reach = _PLATEAU[1]
    rise = np.stack(np.gradient(ndimage.gaussian_filter(light, _EDGE_SCALE)))
    slope = np.hypot(*rise)
    # the steepest place of its neighbourhood, and so steep as the least step would be
    steep = slope >= 0.7 * _LEAST_STEP / (_EDGE_SCALE * np.sqrt(2.0 * np.pi))
    places = steep & (slope >= ndimage.maximum_filter(slope, 5))
    places[:reach], places[-reach:], places[:, :reach], places[:, -reach:] = (False,) * 4
    centres = np.stack(np.nonzero(places)).astype(np.float32)[:, :, None]  # (2, n, 1)
    towards = (rise / np.maximum(slope, 1e-9))[:, places][:, :, None]
    steps = np.arange(-reach, reach + 1, dtype=np.float32)
    return ndimage.map_coordinates(light, centres + towards * steps, order=1, mode="nearest")


def flat_areas(light: np.ndarray, blur: float, most: float) -> np.ndarray:
    """Where a window about a pixel has hardly any gradient.

    Args:
        light: `(h, w)` luminance.
        blur: standard deviation in pixels of a Gaussian that it is seen through.
        most: root mean square of the gradient, luminance a pixel.

    Returns:
        `(h, w)` bool.
    """
    return _energy(ndimage.gaussian_filter(light, blur)).sum(axis=0) < most**2


def streaks(light: np.ndarray, flat: np.ndarray) -> float:
    """How much more luminance changes in one direction than across it, where all should be flat.

    The structure tensor of a window has two eigenvalues, the energies of the gradient along and
    across its main direction. Texture without a direction has equal ones.

    Args:
        light: `(h, w)` luminance.
        flat: `(h, w)` bool: the centres of windows that count.

    Returns:
        Root of the mean difference of the eigenvalues, luminance a pixel; NaN without flat areas.
    """
    if flat.mean() < 0.01:
        return float("nan")
    tall, wide, mixed = _energy(ndimage.gaussian_filter(light, 1.0), products=True)
    difference = np.hypot(tall - wide, 2.0 * mixed)
    return float(np.sqrt(difference[flat].mean()))


def _energy(light: np.ndarray, *, products: bool = False) -> np.ndarray:
    """`(2, h, w)` variances of the gradient down and across in windows; the covariance third.

    As variances, not squares: a smooth ramp is flat.
    """
    down, across = np.gradient(light)
    pairs = [(down, down), (across, across), *([(down, across)] if products else [])]

    def mean(values: np.ndarray) -> np.ndarray:
        return ndimage.uniform_filter(values, _WINDOW)

    return np.stack([mean(a * b) - mean(a) * mean(b) for a, b in pairs])


def weave(light: np.ndarray) -> float:
    """How much of the fine structure stands in peaks of the spectrum, as a regular grid's does.

    Args:
        light: `(h, w)` luminance, 64 pixels or more a side.

    Returns:
        Share of the energy of periods up to 16 pixels that stands in peaks, 0 to 1: the mean over
        windows of 64 pixels. A peak is what goes beyond twice the median of its line in all four
        directions, since an edge draws a line through the spectrum. Chance gives some
        thousandths. Structure of less than a grey level counts for little.
    """
    windows = np.lib.stride_tricks.sliding_window_view(light, (_TILE, _TILE))
    windows = windows[::_STRIDE, ::_STRIDE]
    taper = np.outer(np.hanning(_TILE), np.hanning(_TILE)).astype(np.float32)
    taper /= np.sqrt((taper**2).sum())
    centred = (windows - windows.mean(axis=(2, 3), keepdims=True)) * taper
    power = np.abs(np.fft.fft2(centred)) ** 2 / _TILE**2  # sums up to the variance
    power = ndimage.uniform_filter(power, (_AVERAGED, _AVERAGED, 1, 1))
    power = power[1::_AVERAGED, 1::_AVERAGED]
    usual = np.max([_line_median(power, direction) for direction in _DIRECTIONS], axis=0)
    frequency = np.fft.fftfreq(_TILE)
    fine = np.hypot(frequency[:, None], frequency) >= 1.0 / _LONGEST
    peaks = np.maximum(power - _PEAK * usual, 0.0)[:, :, fine].sum(axis=2)
    return float((peaks / (power[:, :, fine].sum(axis=2) + 255.0**-2)).mean())


def _line_median(power: np.ndarray, direction: tuple[int, int]) -> np.ndarray:
    """The median of the frequencies on a line through each, for `(..., h, w)` spectra."""
    down, across = direction
    line = [np.roll(power, (i * down, i * across), (-2, -1)) for i in _BESIDE]
    return np.median(line, axis=0)
