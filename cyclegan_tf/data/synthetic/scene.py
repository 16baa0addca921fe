"""The stage of a landscape: its light, its season, and the marks that are drawn on it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

# Zenith, horizon and sun in RGB, height of the sun.
_LIGHTS = (
    ((0.13, 0.33, 0.68), (0.66, 0.80, 0.90), (1.00, 0.97, 0.88), 0.30),  # noon
    ((0.28, 0.45, 0.70), (0.96, 0.80, 0.64), (1.00, 0.90, 0.70), 0.12),  # morning
    ((0.18, 0.24, 0.50), (0.98, 0.58, 0.26), (1.00, 0.74, 0.40), 0.07),  # sunset
    ((0.16, 0.16, 0.38), (0.82, 0.50, 0.50), (0.98, 0.70, 0.58), 0.04),  # dusk
    ((0.44, 0.52, 0.62), (0.76, 0.79, 0.80), (0.97, 0.95, 0.88), 0.22),  # overcast
)
# Grass, leaf, accent and flower in RGB.
_SEASONS = (
    ((0.34, 0.50, 0.15), (0.30, 0.44, 0.13), (0.94, 0.62, 0.72), (0.98, 0.82, 0.88)),  # spring
    ((0.37, 0.47, 0.14), (0.13, 0.30, 0.09), (0.24, 0.36, 0.10), (0.84, 0.10, 0.06)),  # summer
    ((0.60, 0.49, 0.18), (0.62, 0.30, 0.06), (0.80, 0.52, 0.10), (0.60, 0.36, 0.62)),  # autumn
    ((0.88, 0.90, 0.96), (0.22, 0.22, 0.20), (0.60, 0.63, 0.70), (0.90, 0.91, 0.95)),  # winter
)


class Light(NamedTuple):
    """A time of day.

    Attributes:
        zenith: `(3,)` float32 RGB in [0, 1], the sky overhead.
        horizon: `(3,)`, the sky at the horizon and all that is lost in haze.
        sun: `(3,)`, the sun and what it falls on.
        height: of the sun over the horizon.
    """

    zenith: np.ndarray
    horizon: np.ndarray
    sun: np.ndarray
    height: float


class Season(NamedTuple):
    """What grows: `(3,)` float32 RGB in [0, 1] each; `accent` is the rarer colour of leaves."""

    grass: np.ndarray
    leaf: np.ndarray
    accent: np.ndarray
    flower: np.ndarray


@dataclass
class Stage:
    """A picture in the making; positions and lengths are fractions of its side, y points down.

    Attributes:
        image: `(n, n, 3)` float32 RGB in [0, 1].
        rng: source of every choice that is still to be made.
        light: time of day.
        season: what grows.
        horizon: y of the horizon.
        sun: x and y of the sun.
        broad: `(n, n)` slow noise, standard deviation 1.
        fine: `(n, n)` leaf-sized noise, standard deviation 1.
    """

    image: np.ndarray
    rng: np.random.Generator
    light: Light
    season: Season
    horizon: float
    sun: tuple[float, float]
    broad: np.ndarray
    fine: np.ndarray

    @property
    def side(self) -> int:
        """Side of the picture in pixels, n."""
        return self.image.shape[0]

    @property
    def x(self) -> np.ndarray:
        """`(1, n)` float32 x of the pixels' centres."""
        return ((np.arange(self.side, dtype=np.float32) + 0.5) / self.side)[None, :]

    @property
    def y(self) -> np.ndarray:
        """`(n, 1)` float32 y of the pixels' centres."""
        return self.x.T


def new_stage(rng: np.random.Generator, side: int) -> Stage:
    """An empty stage: draws the time of day, the season, the horizon and the noise.

    Args:
        rng: kept in the stage, which draws everything that follows from it.
        side: of the picture in pixels.
    """
    first, second = rng.choice(len(_LIGHTS), 2, p=(0.3, 0.25, 0.2, 0.1, 0.15), replace=False)
    amount = rng.uniform(0, 0.35)
    pairs = zip(_LIGHTS[first], _LIGHTS[second], strict=True)
    light = Light(*(mix(rgb(a), rgb(b), amount) for a, b in pairs))
    horizon = rng.uniform(0.42, 0.58)
    sun = (rng.uniform(0.12, 0.88), horizon - light.height * rng.uniform(0.8, 1.3))
    return Stage(
        image=np.zeros((side, side, 3), np.float32),
        rng=rng,
        light=light,
        season=Season(*map(rgb, _SEASONS[rng.choice(4, p=(0.3, 0.35, 0.24, 0.11))])),
        horizon=horizon,
        sun=sun,
        broad=noise(rng, side, cells=(5, 4), octaves=4),
        fine=noise(rng, side, cells=(72, 72), octaves=2),
    )


def draw_polygons(stage: Stage, shapes: Sequence[tuple[ArrayLike, np.ndarray, float]]) -> None:
    """Draws filled polygons, four samples per pixel each way.

    Args:
        stage: drawn on.
        shapes: `(points, colour, opacity)` each: `(k, 2)` corners (x, y), `(3,)` RGB, clipped to
            [0, 1], and a number in [0, 1].
    """
    points = np.concatenate([np.array(shape[0]) for shape in shapes]) * stage.side
    left, upper = np.clip(np.floor(points.min(0)) - 1, 0, stage.side).astype(int)
    right, lower = np.clip(np.ceil(points.max(0)) + 1, 0, stage.side).astype(int)
    if right <= left or lower <= upper:
        return
    layer = Image.new("RGBA", (4 * (right - left), 4 * (lower - upper)))
    draw = ImageDraw.Draw(layer)
    for corners, colour, opacity in shapes:
        spots = (np.array(corners) * stage.side - (left, upper)) * 4
        paint = tuple(int(255 * np.clip(c, 0, 1)) for c in (*colour, opacity))
        draw.polygon([tuple(spot) for spot in spots], fill=paint)
    cut = np.asarray(layer.reduce(4), np.float32) / 255
    window = stage.image[upper:lower, left:right]
    window += (cut[..., :3] - window) * cut[..., 3:]


def draw_dots(stage: Stage, spots: np.ndarray, colours: np.ndarray) -> None:
    """Draws ellipses, the last on top.

    Args:
        stage: drawn on.
        spots: `(k, 4)` x, y, half width and half height.
        colours: `(k, 3)` RGB in [0, 1].
    """
    side = stage.side
    reach_x, reach_y = np.ceil(spots[:, 2:].max(0) * side).astype(int) + 1
    home = (spots[:, :2] * side).astype(int)[..., None, None]
    columns = home[:, 0] + np.arange(-reach_x, reach_x + 1)[None, :]
    rows = home[:, 1] + np.arange(-reach_y, reach_y + 1)[:, None]
    x, y, wide, high = (spots[:, i, None, None] for i in range(4))
    radius = np.hypot(((columns + 0.5) / side - x) / wide, ((rows + 0.5) / side - y) / high)
    alpha = np.clip((1 - radius) * np.minimum(wide, high) * side + 0.5, 0, 1)
    inside = (columns >= 0) & (columns < side) & (rows >= 0) & (rows < side)
    dot, row, column = np.nonzero((alpha > 0) & inside)
    share = alpha[dot, row, column][:, None]
    row, column = rows[dot, row, 0], columns[dot, 0, column]
    stage.image[row, column] = mix(stage.image[row, column], colours[dot], share)


def draw_foliage(
    stage: Stage, balls: np.ndarray, colour: np.ndarray, *, haze: float, rough: float = 0.45
) -> None:
    """Shades a heap of balls as one leafy solid.

    Args:
        stage: drawn on.
        balls: `(k, 3)` x, y and radius.
        colour: `(3,)` RGB in [0, 1] in white light.
        haze: from 0, near, to 1, lost in the colour of the horizon.
        rough: depth of the leaves on the surface; 0 gives smooth balls.
    """
    balls = balls.astype(np.float32)
    side, radius = stage.side, float(balls[:, 2].mean())
    reach = 1.4 * balls[:, 2:]
    left, upper = np.clip((balls[:, :2] - reach).min(0) * side, 0, side).astype(int)
    right, lower = np.clip((balls[:, :2] + reach).max(0) * side, 0, side).astype(int)
    if right - left < 2 or lower - upper < 2:
        return
    window = np.s_[upper:lower, left:right]
    across = balls[:, 2:] ** 2 - (stage.x[:, left:right] - balls[:, :1]) ** 2
    down = (stage.y.T[:, upper:lower] - balls[:, 1:2]) ** 2
    solid = (across[:, None, :] - down[:, :, None]).max(0)
    solid += rough * radius**2 * (stage.fine[window] - 0.2)
    alpha = np.clip(solid * side / (2 * radius) + 0.5, 0, 1)
    # The floor under the root keeps the rim of each ball from turning into a hard crease.
    slope_y, slope_x = np.gradient(np.sqrt(np.maximum(solid, 0) + 0.15 * radius**2) * side)
    towards = 0.6 if stage.sun[0] > 0.5 else -0.6
    shade = (slope_x * -towards + slope_y * 0.8) / np.sqrt(1 + slope_x**2 + slope_y**2)
    level = np.linspace(0.2, -0.25, lower - upper, dtype=np.float32)[:, None]
    bright = np.clip(0.46 + 0.36 * shade + level + 0.10 * stage.fine[window], 0, 1)[..., None]
    body = rgb(colour) * stage.light.sun
    shaded = mix(body * rgb((0.26, 0.30, 0.46)), body * 1.25 + 0.05, bright)
    shaded = mix(shaded, stage.light.horizon, float(haze))
    stage.image[window] += (shaded - stage.image[window]) * alpha[..., None]


def draw_shadow(stage: Stage, x: float, y: float, *, width: float, strength: float = 0.55) -> None:
    """A soft patch of shade on the ground, drawn out away from the sun.

    Args:
        stage: drawn on.
        x: of the foot of what casts the shadow.
        y: of the same foot.
        width: half width of the patch.
        strength: from 0, none, to 1, nearly black.
    """
    lean = -0.3 * width if stage.sun[0] > 0.5 else 0.3 * width
    spot = ((stage.x - x - lean) / width) ** 2 + ((stage.y - y) / (0.16 * width)) ** 2
    row = max(0, int((y - 0.5 * width) * stage.side))
    stage.image[row:] *= 1 - strength * np.exp(-spot[row:, :, None]) * rgb((0.95, 0.85, 0.6))


def work_side(size: int) -> int:
    """Side in pixels to draw at: the least multiple of `size` that is at least 192.

    Small pictures are made larger and averaged down: thin shapes keep their form.
    """
    return size * math.ceil(192 / size)


def to_pixels(image: np.ndarray, size: int) -> np.ndarray:
    """Averages an image down and rounds it.

    Args:
        image: `(n, n, 3)` float in [0, 1], clipped to it; n is a multiple of `size`.
        size: side of the result in pixels.

    Returns:
        `(size, size, 3)` uint8 RGB.
    """
    picture = Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8))
    return np.asarray(picture.reduce(image.shape[0] // size))


def rgb(colour: Sequence[float]) -> np.ndarray:
    """A colour as float32: a float64 one would drag whole pictures to double precision."""
    return np.asarray(colour, np.float32)


def mix(first: Any, second: Any, amount: Any) -> Any:
    """Goes from `first` (amount 0) to `second` (amount 1); numbers or arrays that broadcast."""
    return first + (second - first) * amount


def ramp(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """Smooth step from 0 at `low` to 1 at `high`, of the shape of `value`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def noise(
    rng: np.random.Generator, side: int, *, cells: tuple[int, int], octaves: int
) -> np.ndarray:
    """Smooth noise: random bumps, and finer ones of 0.55 times the height at each octave.

    Args:
        rng: drawn from once for each octave.
        side: of the result in pixels.
        cells: rows and columns of bumps in the first octave; each further one doubles both.
        octaves: at least 1.

    Returns:
        `(side, side)` float32 of mean near 0 and standard deviation 1.
    """
    total = np.zeros((side, side), np.float32)
    for octave in range(octaves):
        rows, columns = (count << octave for count in cells)
        grid = Image.fromarray(rng.standard_normal((rows, columns), dtype=np.float32))
        total += np.asarray(grid.resize((side, side), Image.Resampling.BICUBIC)) * 0.55**octave
    return total / total.std()
