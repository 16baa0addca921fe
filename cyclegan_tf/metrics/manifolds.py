"""Improved precision and recall: the manifolds of real and of generated images."""

from collections.abc import Iterator

import numpy as np

from cyclegan_tf.metrics.fid import checked_pair

_BLOCK = 4_000_000  # entries of a distance matrix held at a time: 32 MB


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
    for rows in row_blocks(len(first), len(second)):
        squares = _squared_distances(first[rows], second)
        precise += int((squares <= reach_2).any(axis=1).sum())
        recalled |= (squares <= reach_1[rows, None]).any(axis=0)
    return precise / len(first), float(recalled.mean())


def _squared_reaches(features: np.ndarray, neighbours: int) -> np.ndarray:
    """`(n,)` squared distance of each row to its k-th nearest other row."""
    reaches = np.empty(len(features))
    for rows in row_blocks(len(features), len(features)):
        squares = _squared_distances(features[rows], features)
        squares[np.arange(len(squares)), np.arange(rows.start, rows.stop)] = np.inf
        reaches[rows] = np.partition(squares, neighbours - 1, axis=1)[:, neighbours - 1]
    return reaches


def _squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`(n, m)` squared Euclidean distances of all rows."""
    norms_x, norms_y = np.einsum("nd,nd->n", x, x), np.einsum("nd,nd->n", y, y)
    # rounding leaves some a little below 0
    return np.maximum(norms_x[:, None] + norms_y - 2.0 * (x @ y.T), 0.0)


def row_blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of rows so that a block of `columns` fits in memory."""
    step = max(1, _BLOCK // columns)
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))
