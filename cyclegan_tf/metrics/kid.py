"""Measures of generated images, all under this one roof, in NumPy float64 alone.

By features, here:

* `kernel_distance` (KID; Binkowski et al. 2018, arXiv:1801.01401, section 4)
* `memorization_distance`, `memorization_informed` (MiFID; Bai et al. 2021, arXiv:2106.03062)
* `precision_recall` (Kynkäänniemi et al. 2019, arXiv:1904.06991, section 3)

By features, in `frechet.py` (FID; Heusel et al. 2017, arXiv:1706.08500, section 3):
`FeatureStatistics`, `frechet_distance`, `feature_frechet_distance`, `frechet_interval`.
By pixels, in `similarity.py`: `structural_similarity` (Wang et al. 2004), `sample_diversity`.
"""

from collections.abc import Iterator

import numpy as np

from cyclegan_tf.metrics.fid import (
    FeatureStatistics,
    checked_pair,
    feature_frechet_distance,
    frechet_distance,
    frechet_interval,
)
from cyclegan_tf.metrics.similarity import sample_diversity, structural_similarity

__all__ = [
    "FeatureStatistics",
    "feature_frechet_distance",
    "frechet_distance",
    "frechet_interval",
    "kernel_distance",
    "memorization_distance",
    "memorization_informed",
    "precision_recall",
    "sample_diversity",
    "structural_similarity",
]

_BLOCK = 4_000_000  # entries of a distance matrix held at a time: 32 MB


def kernel_distance(
    features_1: np.ndarray,
    features_2: np.ndarray,
    *,
    subsets: int = 100,
    subset_size: int | None = None,
    seed: int = 0,
) -> tuple[float, float]:
    """Squared maximum mean discrepancy with the kernel (x . y / d + 1)^3: the KID.

    The estimator is unbiased: sets of one distribution come out near 0, as often below as above.

    Args:
        features_1: `(n, d)` features, n at least 2.
        features_2: `(m, d)` features, m at least 2.
        subsets: how many pairs of subsets to average.
        subset_size: images drawn of each set for a subset, without replacement. Default: half of
            the smaller set, at least 2 and at most 1000.
        seed: of the drawing.

    Returns:
        Mean and standard deviation (divisor `subsets`) over the subsets.

    Raises:
        ValueError: if there are fewer images than 2 or than a subset needs, the dimensions differ,
            or a value is not finite.

    Reference: Binkowski et al. 2018, arXiv:1801.01401, section 4.
    """
    first, second = checked_pair(features_1, features_2, at_least=2)
    smaller = min(len(first), len(second))
    size = min(1000, max(2, smaller // 2)) if subset_size is None else subset_size
    if not 2 <= size <= smaller or subsets < 1:
        raise ValueError(
            f"Expected subsets of 2 to {smaller} images, the smaller set's count, and at least 1 "
            f"of them. Received: subset_size={subset_size}, subsets={subsets}"
        )
    rng = np.random.default_rng(seed)
    distances = []
    for _ in range(subsets):
        x = first[rng.choice(len(first), size, replace=False)]
        y = second[rng.choice(len(second), size, replace=False)]
        within = _mean_off_diagonal(_kernel(x, x)) + _mean_off_diagonal(_kernel(y, y))
        distances.append(within - 2.0 * _kernel(x, y).mean())
    return float(np.mean(distances)), float(np.std(distances))


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1.0) ** 3


def _mean_off_diagonal(matrix: np.ndarray) -> float:
    # an image against itself would be the bias of the estimator
    return (matrix.sum() - np.trace(matrix)) / (len(matrix) * (len(matrix) - 1))


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
    for rows in _blocks(len(first), len(second)):
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


def precision_recall(
    generated: np.ndarray, reference: np.ndarray, *, neighbours: int = 3
) -> tuple[float, float]:
    """How many generated images are like real ones, and how many real ones are like generated.

    Each set's manifold is made of balls about its features, each reaching to the k-th nearest
    other feature of the set, borders included.

    Args:
        generated: `(n, d)` features, n above `neighbours`.
        reference: `(m, d)` features, m above `neighbours`.
        neighbours: k.

    Returns:
        Precision, the share of generated features inside the reference's manifold (quality), and
        recall, the share of reference features inside the generated one's (variety).

    Raises:
        ValueError: if a set has no more than `neighbours` images, the dimensions differ, a value
            is not finite, or `neighbours` is below 1.

    Reference: Kynkäänniemi et al. 2019, arXiv:1904.06991, section 3.
    """
    first, second = checked_pair(generated, reference, at_least=1)
    if not 1 <= neighbours < min(len(first), len(second)):
        raise ValueError(
            "Expected more images than neighbours, and at least 1 neighbour: add images or lower "
            f"it. Received: neighbours={neighbours} for {len(first)} generated and {len(second)} "
            "reference images"
        )
    # as seen from one of them, fewer digits cancel
    first, second = first - second[:1], second - second[:1]
    reach_1, reach_2 = _squared_reaches(first, neighbours), _squared_reaches(second, neighbours)
    precise, recalled = 0, np.zeros(len(second), bool)
    for rows in _blocks(len(first), len(second)):
        squares = _squared_distances(first[rows], second)
        precise += int((squares <= reach_2).any(axis=1).sum())
        recalled |= (squares <= reach_1[rows, None]).any(axis=0)
    return precise / len(first), float(recalled.mean())


def _squared_reaches(features: np.ndarray, neighbours: int) -> np.ndarray:
    """`(n,)` squared distance of each row to its k-th nearest other row."""
    reaches = np.empty(len(features))
    for rows in _blocks(len(features), len(features)):
        squares = _squared_distances(features[rows], features)
        squares[np.arange(len(squares)), np.arange(rows.start, rows.stop)] = np.inf
        reaches[rows] = np.partition(squares, neighbours - 1, axis=1)[:, neighbours - 1]
    return reaches


def _squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`(n, m)` squared Euclidean distances of all rows."""
    norms_x, norms_y = np.einsum("nd,nd->n", x, x), np.einsum("nd,nd->n", y, y)
    # rounding leaves some a little below 0
    return np.maximum(norms_x[:, None] + norms_y - 2.0 * (x @ y.T), 0.0)


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of rows so that a block of `columns` fits in memory."""
    step = max(1, _BLOCK // columns)
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))
