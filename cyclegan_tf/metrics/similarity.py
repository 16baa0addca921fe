"""Distances between images themselves, not their features, in NumPy alone.

`structural_similarity` is Wang et al. 2004, "Image quality assessment: from error visibility to
structural similarity"; `sample_diversity` is a plain mean of distances.

`tf.image.ssim` computes the same, but in float32, whose rounding moves a photo's value by up to
5e-5 and takes that of flat pictures beyond 1; on a CPU a grey picture takes it ten times as long.
"""

from collections.abc import Callable

import numpy as np

_COLUMNS = 8192  # pixels converted to float64 at a time: 20 MB for 300 images

_LUMINANCE = (0.299, 0.587, 0.114)  # Rec. 601, as Wang et al. turn colour to grey
_WINDOW, _SIGMA = 11, 1.5  # section III-B: circular-symmetric Gaussian weights
_STABILIZER_1 = (0.01 * 2.0) ** 2  # (K L)^2 with the pixels' range L = 2
_STABILIZER_2 = (0.03 * 2.0) ** 2


def structural_similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How much of each first picture's structure its second picture keeps.

    The mean over all positions at which an 11 x 11 Gaussian window lies inside the picture, on
    luminance counted from black: the index is made for intensities from 0 up, so this is the
    number that pixels of 0..255 have with a range of 255.

    Args:
        first: `(n, h, w, 3)` float pictures in [-1, 1], 11 pixels or more a side.
        second: the same number of pictures of the same size and range.

    Returns:
        `(n,)` float64 up to 1, which only equal pictures have; below 0 for inverted ones.

    Raises:
        ValueError: if the shapes differ, a side is shorter than 11, or the pixels are integers.

    Reference: Wang et al. 2004, IEEE Transactions on Image Processing 13(4), equation 13.
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape or first.ndim != 4 or first.shape[-1] != 3:
        raise ValueError(
            "Expected two sets of pictures of one shape (n, h, w, 3): resize one of them. "
            f"Received: shapes {first.shape} and {second.shape}"
        )
    if min(first.shape[1:3]) < _WINDOW:
        raise ValueError(
            f"Expected pictures of at least {_WINDOW} pixels a side, the window's size. "
            f"Received: {first.shape[1]} x {first.shape[2]} pixels"
        )
    if not all(np.issubdtype(pictures.dtype, np.floating) for pictures in (first, second)):
        raise ValueError(
            "Expected floats in [-1, 1]: divide bytes by 127.5 and subtract 1. Received: "
            f"{first.dtype} and {second.dtype}"
        )
    # one picture at a time stays in the processor's cache
    return np.array([_similarity(a, b) for a, b in zip(first, second, strict=True)], np.float64)


def _similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Structural similarity of two `(h, w, 3)` pictures."""
    x, y = (picture.astype(np.float64) @ np.array(_LUMINANCE) + 1.0 for picture in (first, second))
    mean_x, mean_y, square_x, square_y, product = _blur(np.stack([x, y, x * x, y * y, x * y]))
    means, squared_means = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance, variances = product - means, square_x + square_y - squared_means
    index = (2.0 * means + _STABILIZER_1) * (2.0 * covariance + _STABILIZER_2)
    index /= (squared_means + _STABILIZER_1) * (variances + _STABILIZER_2)
    return float(index.mean())


def _blur(planes: np.ndarray) -> np.ndarray:
    """Gaussian means at all positions of the window inside `(k, h, w)` planes."""
    offsets = np.arange(_WINDOW) - _WINDOW // 2
    taps = np.exp(-(offsets**2) / (2.0 * _SIGMA**2))
    taps /= taps.sum()
    # the Gaussian of two dimensions is the product of two of one: 22 products a pixel, not 121
    height, width = (side - _WINDOW + 1 for side in planes.shape[1:])
    rows = sum(tap * planes[:, i : i + height] for i, tap in enumerate(taps))
    return sum(tap * rows[:, :, i : i + width] for i, tap in enumerate(taps))


def sample_diversity(samples: np.ndarray, reals: np.ndarray) -> float:
    """How varied generated images are, in units of how varied real ones are.

    The mean Euclidean distance, over all pairs, between generated images divided by that between
    real images: 0 if all samples are one picture (mode collapse), about 1 if they are as varied
    as the real ones. It says nothing of how good they look: noise has a diversity too.

    Args:
        samples: `(n, h, w, c)` generated images, n at least 2.
        reals: `(m, h, w, c)` real images in the same range, m at least 2, not all the same.

    Raises:
        ValueError: if there are fewer than 2 images on a side, if the shapes of the images
            differ, or if the real images are all the same.
    """
    if samples.shape[1:] != reals.shape[1:]:
        raise ValueError(
            "Generated and real images must have one shape: resize one of them. Received: "
            f"samples of shape {samples.shape[1:]} and reals of shape {reals.shape[1:]}"
        )
    real_distance = _mean_distance(reals, "reals")
    if real_distance == 0.0:
        raise ValueError(
            "Diversity is measured against real images that differ. Received: "
            f"{len(reals)} reals that are all the same"
        )
    return _mean_distance(samples, "samples") / real_distance


def _mean_distance(images: np.ndarray, name: str) -> float:
    """Mean Euclidean distance over all pairs i < j."""
    count = len(images)
    if count < 2:
        raise ValueError(f"A distance needs at least 2 images. Received: {count} in {name}")
    flat = images.reshape(count, -1)
    gram = np.zeros((count, count))
    for start in range(0, flat.shape[1], _COLUMNS):
        part = flat[:, start : start + _COLUMNS].astype(np.float64)
        # as seen from the first image, equal images are exactly 0, and fewer digits cancel
        part = part - part[:1]
        gram += part @ part.T
    norms = np.diag(gram)
    squares = norms[:, None] + norms[None, :] - 2.0 * gram
    pairs = np.triu_indices(count, k=1)
    # rounding leaves some squares a little below 0
    return float(np.sqrt(np.maximum(squares[pairs], 0.0)).mean())


class ContentKept:
    """What translations keep of their photos: means over all batches that it is shown.

    Args:
        back: maps translations `(n, h, w, 3)` in [-1, 1] back to photos; None: nothing does.
    """

    def __init__(self, back: Callable[[np.ndarray], np.ndarray] | None) -> None:
        self._back = back
        self._rows: dict[str, list[np.ndarray]] = {}

    def __call__(self, photos: np.ndarray, painted: np.ndarray) -> None:
        """Takes in photos and their translations, `(n, h, w, 3)` float32 in [-1, 1]."""
        measures = {
            "structural_similarity": structural_similarity(photos, painted),
            "change": np.abs(painted - photos).mean(axis=(1, 2, 3)),
        }
        if self._back:
            error = np.abs(self._back(painted) - photos).mean(axis=(1, 2, 3))
            measures = {"cycle_error": error} | measures
        for key, values in measures.items():
            self._rows.setdefault(key, []).append(values)

    def means(self) -> dict[str, float]:
        """The means so far.

        Returns:
            `cycle_error`, where there is a way back: mean absolute error of photo against photo
            translated there and back, in [-1, 1] units; `structural_similarity` of the luminance
            of photo and translation (Wang et al. 2004), 1 for equal ones; `change`: mean absolute
            difference of the two, in [-1, 1] units: a translator that does nothing has 0.

        Raises:
            ValueError: if it was shown none.
        """
        if not self._rows:
            raise ValueError("Expected translations to be measured. Received: none")
        return {key: float(np.concatenate(rows).mean()) for key, rows in self._rows.items()}
