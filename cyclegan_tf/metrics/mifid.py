"""MiFID: FID, punished where images were learned by heart."""

import numpy as np

from cyclegan_tf.metrics.fid import checked_pair
from cyclegan_tf.metrics.manifolds import row_blocks


def memorization_distance(generated: np.ndarray, training: np.ndarray) -> float:
    """How far generated images are from the training images that resemble them most.

    The mean over *generated* images of the least 1 - |cosine| to a training image: 0 for copies.
    Features of zeros have no direction and are left out on both sides, as in the competition's
    scoring code.

    Args:
        generated: `(n, d)` features.
        training: `(m, d)` features of the images trained on.

    Returns:
        Distance in [0, 1].

    Raises:
        ValueError: if a side has no features other than zeros, the dimensions differ, or a value
            is not finite.

    Reference: Bai et al. 2021, arXiv:2106.03062, section 3.
    """
    sets = checked_pair(generated, training, at_least=0)
    first, second = (
        _directions(features, name)
        for features, name in zip(sets, ("generated", "training"), strict=True)
    )
    total = 0.0
    for rows in row_blocks(len(first), len(second)):
        cosines = first[rows] @ second.T
        nearest = np.abs(cosines).argmax(axis=1)
        # opposite directions count as equal ones; of no direction is 0, as np.sign would have it
        signs = np.where(cosines[np.arange(len(nearest)), nearest] < 0.0, -1.0, 1.0)[:, None]
        # |u - v|^2 / 2 is 1 - cosine, and 0 for a copy, where the cosine itself is 1 but for 1e-16
        gaps = first[rows] - signs * second[nearest]
        total += 0.5 * np.vdot(gaps, gaps)
    return float(total / len(first))


def _directions(features: np.ndarray, name: str) -> np.ndarray:
    """Rows of length 1, without the rows of zeros."""
    lengths = np.linalg.norm(features, axis=1)
    if not (lengths > 0.0).any():
        raise ValueError(
            f"Expected {name} features other than zeros: take them from a layer that tells these "
            f"images apart. Received: shape {features.shape}, all zeros"
        )
    return features[lengths > 0.0] / lengths[lengths > 0.0, None]


def memorization_informed(fid: float, distance: float, *, epsilon: float = 0.1) -> float:
    """Punishes copies: FID / d' with d' = d if d < epsilon else 1, the competition's MiFID.

    The published scoring code divides by d' + 1e-15, which is the same to all digits that
    features have, except for d = 0: there it makes a score of the FID's rounding. A set of exact
    copies scores infinity here, even if its FID is 0.

    Args:
        fid: Frechet distance on the network's 2048 pooled features, 0 or more.
        distance: d, the `memorization_distance` on the same features, 0 to 1.
        epsilon: images at least so far from the training images are no copies. 0.1 is the
            published value for this network.

    Raises:
        ValueError: if the FID or the distance is negative or NaN.

    Reference: Bai et al. 2021, arXiv:2106.03062, section 3.
    """
    if not (fid >= 0.0 and distance >= 0.0):
        raise ValueError(f"Expected distances of 0 or more. Received: {fid} and {distance}")
    if distance >= epsilon:
        return float(fid)
    return float(fid / distance) if distance > 0.0 else float("inf")
