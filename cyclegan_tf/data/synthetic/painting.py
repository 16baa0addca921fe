"""Paints a picture in short strokes and in the colours of an impressionist."""

import math
from typing import NamedTuple

import numpy as np
from PIL import Image

from cyclegan_tf.data.synthetic.scene import mix, noise, to_pixels, work_side

_SALT = 23  # landscapes has another: one (seed, index) starts two random streams


class _Layer(NamedTuple):
    """One pass of the brush; lengths in cells, the cell as a fraction of the picture's side."""

    cell: float
    half_length: float
    half_width: float
    least_detail: float  # strokes fall only where the picture differs this much from the canvas
    jitter: float


_LAYERS = (
    _Layer(12 / 256, 2.0, 0.75, 0.0, 0.050),
    _Layer(8 / 256, 1.8, 0.60, 0.008, 0.060),
    _Layer(4 / 256, 1.6, 0.60, 0.050, 0.036),
)


def monet_palette(scene: np.ndarray) -> np.ndarray:
    """Maps natural colours to a high-keyed impressionist palette.

    Two steps, the same for every picture, so that it can be learned from unpaired ones. A
    mixing matrix turns greens towards blue-green; its rows add to 1, so greys stay grey. A
    rising curve for each channel then lifts shadows to blue-violet and warms highlights to
    cream. Both steps can be undone, but for the few colours so pure that they leave the RGB
    cube in the first and are clipped.

    Args:
        scene: `(..., 3)` uint8 RGB.

    Returns:
        `(..., 3)` uint8 RGB of the same shape.
    """
    mixing = np.array([[1.28, -0.24, -0.04], [-0.08, 1.06, 0.02], [-0.12, 0.20, 0.92]], np.float32)
    shadow = np.array((0.15, 0.17, 0.36), np.float32)
    highlight = np.array((1.00, 0.97, 0.87), np.float32)
    mixed = np.clip(scene.astype(np.float32) @ mixing.T / 255, 0, 1)
    mapped = mix(shadow, highlight, mixed ** np.array((0.76, 0.76, 0.86), np.float32))
    return (np.clip(mapped, 0, 1) * 255 + 0.5).astype(np.uint8)


def painting(scene: np.ndarray, seed: int, index: int) -> np.ndarray:
    """Paints a picture in short strokes that follow its forms.

    Args:
        scene: `(n, n, 3)` uint8 RGB with n at least 16, for instance from `landscape`.
        seed: non-negative, names the collection.
        index: non-negative; with `seed` it decides where each stroke falls.

    Returns:
        `(n, n, 3)` uint8 RGB; the same arguments give the same bytes.

    Raises:
        ValueError: if `scene` is no square uint8 RGB picture of at least 16 pixels.
    """
    _check_scene(scene)
    size = len(scene)
    side = work_side(size)
    rng = np.random.default_rng([seed, index, _SALT])
    picture = Image.fromarray(monet_palette(scene)).resize((side, side), Image.Resampling.BICUBIC)
    flow = _flow(rng, picture)
    ground = picture.resize((20, 20), Image.Resampling.BOX).resize((side, side))
    canvas = np.asarray(ground, np.float32) / 255
    relief = np.zeros((side, side), np.float32)
    for layer in _LAYERS:
        _brush(canvas, relief, picture, flow=flow, layer=layer, rng=rng)
    return to_pixels(canvas + _surface(relief)[..., None], size)


def _check_scene(scene: np.ndarray) -> None:
    if scene.ndim != 3 or scene.shape[0] != scene.shape[1] or scene.shape[2] != 3:
        raise ValueError(f"A scene is a square RGB array (n, n, 3). Received: shape={scene.shape}.")
    if scene.dtype != np.uint8 or len(scene) < 16:
        raise ValueError(
            "A scene is uint8 with a side of at least 16 pixels. "
            f"Received: dtype={scene.dtype}, side={len(scene)}."
        )


def _flow(rng: np.random.Generator, picture: Image.Image) -> np.ndarray:
    """`(64, 64)` angles along the forms, level where nothing stands out."""
    grey = np.asarray(picture.convert("L").resize((64, 64), Image.Resampling.BOX), np.float32) / 255
    down, right = np.gradient(grey)
    # Twice the angle: opposite gradients belong to the same edge and must not cancel.
    level, slant = down**2 - right**2, -2 * down * right
    level, slant = (_spread(part) for part in (level, slant))
    level = level + 2e-4
    slant = slant + 1.5e-4 * noise(rng, 64, cells=(5, 5), octaves=1)
    return 0.5 * np.arctan2(slant, level)


def _spread(values: np.ndarray) -> np.ndarray:
    """Blurs a (64, 64) map, so that a stroke follows the form and not one pixel."""
    small = Image.fromarray(values).resize((32, 32), Image.Resampling.BOX)
    return np.asarray(small.resize(values.shape, Image.Resampling.BICUBIC))


def _brush(
    canvas: np.ndarray,
    relief: np.ndarray,
    picture: Image.Image,
    *,
    flow: np.ndarray,
    layer: _Layer,
    rng: np.random.Generator,
) -> None:
    """Paints one layer of strokes onto `canvas` (n, n, 3) and its height onto `relief` (n, n)."""
    side = len(relief)
    cell = max(2, round(layer.cell * side))
    cells = math.ceil(side / cell)
    centre = (np.indices((cells, cells)) + rng.uniform(0.1, 0.9, (2, cells, cells))) * cell
    row, column = np.clip(centre, 0, side - 1).astype(int)
    # Half the resolution: a brush picks up the mean of a few pixels, not one of them.
    source = np.asarray(picture.resize((side // 2, side // 2), Image.Resampling.BOX), np.float32)
    half_row, half_column = (np.minimum(part // 2, side // 2 - 1) for part in (row, column))
    colour = source[half_row, half_column] / 255
    missing = np.abs(colour - canvas[row, column]).max(-1)
    angle = flow[row * 64 // side, column * 64 // side] + rng.normal(0, 0.22, (cells, cells))
    colour += layer.jitter * rng.standard_normal((cells, cells, 1), dtype=np.float32)
    colour += layer.jitter * 0.7 * rng.standard_normal((cells, cells, 3), dtype=np.float32)
    rank = rng.permutation(cells * cells).reshape(cells, cells) + 1
    rank[missing < layer.least_detail] = 0
    stroke, along, across = _lay(centre, angle, rank=rank, cell=cell, layer=layer, side=side)
    bristles = rng.standard_normal((64, 12), dtype=np.float32)
    hair = bristles[stroke % 64, np.clip((across + 1) * 6, 0, 11).astype(int)]
    alpha = 0.92 * np.clip((1 - np.square(np.square(along)) - np.square(across)) * 2.5, 0, 1)
    canvas += (colour.reshape(-1, 3)[stroke] - canvas) * alpha[..., None]
    canvas += (0.016 * hair * alpha)[..., None]
    relief += (1 - np.square(across) + 0.25 * hair - 0.3 * along - relief) * alpha


def _lay(
    centre: np.ndarray, angle: np.ndarray, *, rank: np.ndarray, cell: int, layer: _Layer, side: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each pixel the stroke on top, and the place in it: along and across, -1 to 1 inside."""
    cells = len(rank)
    axes = np.stack([np.cos(angle), np.sin(angle)]) / cell
    home = np.indices((cells, cells)) * cell
    strokes = np.stack([*(centre - home)[::-1], *axes, rank]).astype(np.float32)
    reach = (layer.half_length, layer.half_width)
    top = _topmost(strokes, cell=cell, reach=reach)[:side, :side]
    order = np.zeros(rank.size + 1, np.int32)
    order[rank.ravel()] = np.arange(rank.size)
    stroke = order[top]
    spots = np.stack([*centre[::-1], *axes]).astype(np.float32).reshape(4, -1)
    x, y, cos, sin = (values[stroke] for values in spots)
    pixel = np.arange(side, dtype=np.float32) + 0.5
    dx, dy = pixel - x, pixel[:, None] - y
    along = np.where(top > 0, (dx * cos + dy * sin) / reach[0], 1)  # 1: the end, bare of paint
    return stroke, along, (dy * cos - dx * sin) / reach[1]


def _topmost(strokes: np.ndarray, *, cell: int, reach: tuple[float, float]) -> np.ndarray:
    """Finds for each pixel the highest rank of the strokes that cover it.

    Each cell of the picture is the home of one stroke, which reaches at most two cells far, so
    25 neighbours are tried. Pixels are laid out (row in cell, column in cell, cell row, cell
    column): every step is then one operation on whole pictures.

    Args:
        strokes: `(5, cells, cells)` float32: x and y in the cell, cosine and sine of the angle
            divided by the cell's side, rank (0 for a stroke left out).
        cell: side of a cell in pixels.
        reach: half length and half width of a stroke, in cells.

    Returns:
        `(cells * cell, cells * cell)` int ranks, 0 where no stroke falls.
    """
    cells = strokes.shape[1]
    padded = np.pad(strokes, [(0, 0), (2, 2), (2, 2)])
    best = np.zeros((cell, cell, cells, cells), np.float32)
    along, across = np.empty_like(best), np.empty_like(best)
    step = np.arange(cell, dtype=np.float32) + 0.5
    for down, right in np.ndindex(5, 5):
        near = padded[:, down : down + cells, right : right + cells]
        x, y, cos, sin, rank = np.ascontiguousarray(near)
        dx = step[None, :, None, None] - (x + (right - 2) * cell)
        dy = step[:, None, None, None] - (y + (down - 2) * cell)
        np.add(dx * (cos / reach[0]), dy * (sin / reach[0]), out=along)
        np.subtract(dy * (cos / reach[1]), dx * (sin / reach[1]), out=across)
        np.square(np.square(along, out=along), out=along)
        along += np.square(across, out=across)
        np.maximum(best, np.multiply(along < 1, rank, out=across), out=best)
    return best.transpose(2, 0, 3, 1).reshape(cells * cell, -1).astype(np.int32)


def _surface(relief: np.ndarray) -> np.ndarray:
    """`(n, n)` light and shade of the paint ridges, lit from the upper left, and of the weave."""
    side = len(relief)
    ridges = 2 * relief - np.roll(relief, 1, 0) - np.roll(relief, 1, 1)
    thread = np.sin(np.arange(side) * (2 * np.pi * 85 / side)).astype(np.float32)
    return 0.050 * np.clip(ridges, -1.5, 1.5) + 0.006 * (thread[:, None] + thread)
