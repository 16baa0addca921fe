"""Kernel distance between sets of image features (KID), in NumPy float64 alone."""

import numpy as np

from cyclegan_tf.metrics.fid import checked_pair


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
