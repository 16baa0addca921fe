"""Canvas: a large picture is painted small, with strokes to be seen, and the painting enlarged."""

import numpy as np
from PIL import Image

from cyclegan_tf.data.image import shrink

_CRISP = 4  # times the canvas: edges are made crisp at this size at most, and then only enlarged
_REACH = 0.75  # pixels of the canvas that a square reaches; less leaves edges soft, more eats dabs
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_BAND = 256  # rows that are computed at a time: float copies of a large picture fill the memory


def on_canvas(picture: np.ndarray, side: int) -> np.ndarray:
    """Reduces `(h, w, 3)` uint8 to a shorter side of `side` pixels; a smaller one stays itself."""
    return shrink(picture, ratio=side / min(picture.shape[:2]))


def enlarge(painting: np.ndarray, height: int, width: int) -> np.ndarray:
    """Enlarges a painting and keeps its paint crisp.

    Straight lines between its pixels never overshoot, so no halo comes up, but they leave the edges
    of strokes soft: a filter that keeps to one side of each edge makes steps of them.

    Args:
        painting: `(h, w, 3)` uint8.
        height: of the result.
        width: the same.

    Returns:
        `(height, width, 3)` uint8.
    """
    scale = min(_CRISP, height / painting.shape[0])
    crisp = (height, width)
    if scale == _CRISP:
        crisp = (_CRISP * painting.shape[0], _CRISP * painting.shape[1])
    larger = _resized(painting, *crisp)
    reach = int(_REACH * scale)
    return _resized(_flattened(larger, reach) if reach else larger, height, width)


def _resized(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    resized = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized)


def _flattened(pixels: np.ndarray, reach: int) -> np.ndarray:
    """Makes each pixel the mean of that square beside it which is of one colour.

    Args:
        pixels: `(h, w, 3)` uint8.
        reach: how far the four squares, of which each pixel is a corner, go.

    Reference: Kuwahara et al. 1976; weighted as in Papari et al. 2007, IEEE Transactions on Image
    Processing 16 (10).
    """
    padded = np.pad(pixels, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    flat = np.empty_like(pixels)
    for top in range(0, len(pixels), _BAND):
        rows = padded[top : top + _BAND + 2 * reach]
        flat[top : top + _BAND] = _flat_rows(rows, reach)
    return flat


def _flat_rows(padded: np.ndarray, reach: int) -> np.ndarray:
    """`_flattened` of `(h + 2 reach, w + 2 reach, 3)`: `(h, w, 3)` float32 to be truncated."""
    colours = np.moveaxis(padded, 2, 0).astype(np.float32)
    luma = np.tensordot(_LUMA, colours, 1)
    *means, squares = _means(np.stack([*colours, luma * luma]), reach + 1)
    means = np.stack(means)
    variance = np.maximum(squares - np.square(np.tensordot(_LUMA, means, 1)), 0)
    weights = np.square(np.square(1 / (variance + 1)))
    parts = [slice(None, -reach), slice(reach, None)]
    corners = [(..., rows, columns) for rows in parts for columns in parts]
    total = sum(weights[corner] for corner in corners)
    mixed = sum(weights[corner] * means[corner] for corner in corners) / total
    return np.moveaxis(mixed, 0, 2) + 0.5


def _means(planes: np.ndarray, side: int) -> np.ndarray:
    """Means of all squares: `(c, h, w)` to `(c, h - side + 1, w - side + 1)`."""
    height, width = (length - side + 1 for length in planes.shape[1:])
    rows = sum(planes[:, start : start + height] for start in range(side))
    return sum(rows[:, :, start : start + width] for start in range(side)) / np.float32(side**2)
