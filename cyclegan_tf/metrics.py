"""Measures of generated images, in NumPy alone."""

import numpy as np

_COLUMNS = 8192  # pixels converted to float64 at a time: 20 MB for 300 images


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
