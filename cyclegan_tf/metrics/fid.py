"""Frechet distance between sets of image features (FID), in NumPy float64 alone.

`feature_frechet_distance` is Heusel et al. 2017, arXiv:1706.08500, section 3; `frechet_interval` is
a bootstrap over the images (Efron 1979).
"""

import numpy as np

_MOST_DRAWN = 500  # images of the smaller set in one bootstrap resample


def feature_frechet_distance(features_1: np.ndarray, features_2: np.ndarray) -> float:
    """Squared Frechet distance between Gaussians fitted to two feature sets: the FID.

    No covariance is computed: centred features are a root of it as they stand. So with fewer images
    than dimensions no matrix is larger than n x m, and no digit is lost in squares.

    Args:
        features_1: `(n, d)` features, n at least 2.
        features_2: `(m, d)` features, m at least 2.

    Raises:
        ValueError: if there are fewer than 2 images, the dimensions differ, or a value is not
            finite.

    Reference: Heusel et al. 2017, arXiv:1706.08500, section 3.
    """
    sets = checked_pair(features_1, features_2, at_least=2)
    means = [features.mean(axis=0) for features in sets]
    roots = [(f - mean) / np.sqrt(len(f) - 1) for f, mean in zip(sets, means, strict=True)]
    if min(len(root) for root in roots) > sets[0].shape[1]:
        roots = [np.linalg.qr(root, mode="r") for root in roots]  # (d, d), the same covariance
    return _distance_by_roots(means[0] - means[1], *roots)


def _distance_by_roots(shift: np.ndarray, root_1: np.ndarray, root_2: np.ndarray) -> float:
    """Frechet distance of Gaussians of covariances R.T @ R, their means `shift` apart."""
    # Tr (C1 C2)^(1/2) is the sum of the singular values of R1 R2.T: real, and never rooted
    overlap = np.linalg.svd(root_1 @ root_2.T, compute_uv=False).sum()
    traces = np.vdot(root_1, root_1) + np.vdot(root_2, root_2)
    return max(float(shift @ shift + traces - 2.0 * overlap), 0.0)


def frechet_interval(
    generated: np.ndarray,
    reference: np.ndarray,
    *,
    resamples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of the FID over other images of the same kind, as many as these: a bootstrap.

    Both sets are drawn anew with replacement. A resample repeats images and so lacks others,
    which raises its FID above that of the sets; only the spread of the resamples around their own
    mean is therefore taken, and laid around the sets' FID. The bias that any FID of so few images
    has stays in it: compare intervals of equal counts. If both sets are larger than 500, a
    resample draws 500 of the smaller and that share of the other, and the spread is scaled to
    the full counts by the root of the share.

    Args:
        generated: `(n, d)` features, n at least 2.
        reference: `(m, d)` features, m at least 2.
        resamples: how often to draw; 200 take a second for 352 and 300 images, 10 for 7,000 and
            300.
        confidence: share of the resamples inside.
        seed: of the drawing.

    Returns:
        Lower and upper end, with the sets' own FID between them.

    Raises:
        ValueError: as `feature_frechet_distance`; if `resamples` is below 2; if `confidence` does
            not lie between 0 and 1.
    """
    sets = checked_pair(generated, reference, at_least=2)
    _check_resampling(resamples, confidence)
    point = feature_frechet_distance(*sets)
    rng = np.random.default_rng(seed)
    origin = sets[1].mean(axis=0)  # seen from there, fewer digits cancel
    resampler = _Resampler(*(features - origin for features in sets))
    share = min(1.0, _MOST_DRAWN / min(len(features) for features in sets))
    scores = np.array([resampler.distance(share, rng) for _ in range(resamples)])
    ends = np.quantile(scores, [(1.0 - confidence) / 2, (1.0 + confidence) / 2])
    below, above = (float(end) for end in (ends - scores.mean()) * np.sqrt(share))
    return max(point + min(below, 0.0), 0.0), point + max(above, 0.0)


def _check_resampling(resamples: int, confidence: float) -> None:
    if resamples < 2 or not 0.0 < confidence < 1.0:
        raise ValueError(
            "Expected at least 2 resamples and a confidence between 0 and 1. "
            f"Received: resamples={resamples}, confidence={confidence}"
        )


class _Resampler:
    """FIDs of resamples of two sets, from inner products taken once."""

    def __init__(self, first: np.ndarray, second: np.ndarray) -> None:
        self.sets = (first, second)
        self.squares = [np.einsum("nd,nd->n", features, features) for features in self.sets]
        self.products = first @ second.T

    def distance(self, share: float, rng: np.random.Generator) -> float:
        """FID of this share of each set's count, drawn with replacement."""
        counts = [_draw(len(features), share, rng) for features in self.sets]
        sizes = [count.sum() for count in counts]
        p, q = (count / size for count, size in zip(counts, sizes, strict=True))
        unbiased = [size / (size - 1) for size in sizes]
        means = [p @ self.sets[0], q @ self.sets[1]]
        traces = [
            factor * (weights @ squares - mean @ mean)
            for factor, weights, squares, mean in zip(
                unbiased, (p, q), self.squares, means, strict=True
            )
        ]
        rows, columns = np.flatnonzero(p), np.flatnonzero(q)
        # products of the features less their resample's means, each by the root of its weight
        by_row, by_column = self.products @ q, p @ self.products
        centred = self.products[np.ix_(rows, columns)] - by_row[rows, None] - by_column[columns]
        centred = (centred + p @ by_row) * np.sqrt(np.outer(p[rows], q[columns]))
        overlap = np.sqrt(unbiased[0] * unbiased[1]) * _nuclear_norm(centred)
        shift = means[0] - means[1]
        return float(shift @ shift + sum(traces) - 2.0 * overlap)


def _draw(count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """`(count,)` how often each image is drawn, with replacement."""
    return np.bincount(rng.integers(count, size=round(share * count)), minlength=count)


def _nuclear_norm(matrix: np.ndarray) -> float:
    """Sum of the singular values, to the 1e-8 of the largest that a spread can do without."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    # several times faster than the singular values themselves
    return float(np.sqrt(np.maximum(np.linalg.eigvalsh(wide @ wide.T), 0.0)).sum())


def checked_features(features: np.ndarray, *, at_least: int) -> np.ndarray:
    """Float64 features, once they are a finite `(n, d)` matrix of enough images.

    Raises:
        ValueError: if they are not.
    """
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or len(features) < at_least or features.shape[1] == 0:
        raise ValueError(
            f"Expected features (n, d) of at least {at_least} images. "
            f"Received: shape {features.shape}"
        )
    if not np.isfinite(features).all():
        broken = int((~np.isfinite(features)).any(axis=1).sum())
        raise ValueError(f"Expected finite features. Received: NaN or infinity in {broken} rows")
    return features


def checked_pair(
    features_1: np.ndarray, features_2: np.ndarray, *, at_least: int
) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of `checked_features` of one dimension.

    Raises:
        ValueError: if they are not.
    """
    first = checked_features(features_1, at_least=at_least)
    second = checked_features(features_2, at_least=at_least)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            "Expected features of one dimension: take both from one layer of one network. "
            f"Received: shapes {first.shape} and {second.shape}"
        )
    return first, second
