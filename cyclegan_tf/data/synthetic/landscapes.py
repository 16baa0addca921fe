"""Synthetic landscapes, smooth as photographs: lake, pond, meadow, haystacks, poplars, coast."""

import numpy as np

from cyclegan_tf.data.synthetic.scene import (
    Stage,
    mix,
    new_stage,
    noise,
    ramp,
    rgb,
    to_pixels,
    work_side,
)
from cyclegan_tf.data.synthetic.scenery import (
    draw_boat,
    draw_bridge,
    draw_flowers,
    draw_haystack,
    draw_house,
    draw_lilies,
    draw_near_tree,
    draw_tree,
    plant_row,
)

_SALT = 11  # brushwork has another: one (seed, index) starts two random streams


def landscape(seed: int, index: int, *, size: int = 256) -> np.ndarray:
    """Renders the landscape `index` of the collection `seed`.

    Args:
        seed: non-negative, names the collection.
        index: non-negative, names the picture in it.
        size: side in pixels, at least 16; the composition is the same at every size.

    Returns:
        `(size, size, 3)` uint8 RGB; the same arguments give the same bytes.

    Raises:
        ValueError: if `size` is below 16.
    """
    if size < 16:
        raise ValueError(f"A landscape needs a size of at least 16 pixels. Received: size={size}.")
    stage = new_stage(np.random.default_rng([seed, index, _SALT]), work_side(size))
    _draw_sky(stage)
    compositions = (_lake, _pond, _meadow, _haystacks, _poplars, _coast)
    compositions[stage.rng.integers(len(compositions))](stage)
    return to_pixels(stage.image, size)


def _lake(stage: Stage) -> None:
    rng, top = stage.rng, stage.horizon
    _draw_hills(stage, 3, rng.uniform(0.12, 0.26))
    plant_row(stage, top + 0.01, count=9, height=0.10, shapes=("round", "bush", "pine"), haze=0.3)
    if rng.random() < 0.5:
        draw_house(stage, rng.uniform(0.2, 0.7), top + 0.008, size=rng.uniform(0.03, 0.05))
    _draw_water(stage, top, rng.uniform(0.5, 1.1))
    for _ in range(rng.integers(0, 3)):
        y = top + rng.uniform(0.04, 0.2)
        draw_boat(stage, rng.uniform(0.15, 0.85), y, size=0.05 + 0.35 * (y - top))
    _draw_foreground(stage, rng.uniform(0.9, 1.0))
    if rng.random() < 0.6:
        draw_near_tree(stage, 0.97)


def _pond(stage: Stage) -> None:
    rng = stage.rng
    top = stage.horizon = rng.uniform(0.34, 0.46)
    _draw_hills(stage, 2, 0.16)
    plant_row(stage, top, count=8, height=0.30, shapes=("round", "poplar"), haze=0.35)
    plant_row(stage, top + 0.015, count=9, height=0.19, shapes=("round", "bush"), haze=0.1)
    if rng.random() < 0.5:
        draw_bridge(stage, top - 0.01)
    _draw_water(stage, top, 1.1)
    draw_lilies(stage, top, count=int(rng.integers(60, 150)))


def _meadow(stage: Stage) -> None:
    rng, top = stage.rng, stage.horizon
    _draw_hills(stage, 4, rng.uniform(0.10, 0.22))
    plant_row(
        stage, top + 0.012, count=10, height=0.09, shapes=("round", "bush", "poplar"), haze=0.3
    )
    _draw_ground(stage, _ridge(stage, top + 0.02, 0.03, 2), 0.9)
    for _ in range(rng.integers(0, 4)):
        draw_house(
            stage,
            rng.uniform(0.1, 0.8),
            top + rng.uniform(0.02, 0.06),
            size=rng.uniform(0.03, 0.06),
        )
    plant_row(stage, top + 0.07, count=4, height=0.16, shapes=("round", "bush"), haze=0.1)
    draw_flowers(stage, top + 0.1, count=700)
    if rng.random() < 0.6:
        draw_near_tree(stage, rng.uniform(0.82, 0.95))


def _haystacks(stage: Stage) -> None:
    rng, top = stage.rng, stage.horizon
    _draw_hills(stage, 3, rng.uniform(0.08, 0.18))
    plant_row(
        stage, top + 0.012, count=11, height=0.09, shapes=("round", "bush", "poplar"), haze=0.35
    )
    _draw_ground(stage, _ridge(stage, top + 0.015, 0.02, 2), 1.0)
    if rng.random() < 0.6:
        draw_house(stage, rng.uniform(0.1, 0.8), top + 0.03, size=rng.uniform(0.03, 0.045))
    for y in np.sort(rng.uniform(top + 0.08, 0.9, rng.integers(1, 4))):
        draw_haystack(stage, rng.uniform(0.12, 0.88), y, size=0.06 + 0.62 * (y - top))
    draw_flowers(stage, top + 0.2, count=150)


def _poplars(stage: Stage) -> None:
    rng, top = stage.rng, stage.horizon + 0.06
    _draw_hills(stage, 2, rng.uniform(0.08, 0.16))
    _draw_ground(stage, _ridge(stage, stage.horizon, 0.02, 2), 0.9)
    plant_row(
        stage, stage.horizon + 0.01, count=8, height=0.08, shapes=("bush", "round"), haze=0.35
    )
    lean = float(rng.choice((-1, 1)))
    for near in np.linspace(0, 1, rng.integers(5, 9)).tolist():
        x = 0.5 - lean * (0.46 - 0.92 * near**1.2)
        height = mix(0.22, 0.50, near**1.4) * rng.uniform(0.9, 1.1)
        draw_tree(stage, x, top, height=height, shape="poplar", haze=0.25 * (1 - near))
    plant_row(stage, top + 0.004, count=9, height=0.06, shapes=("bush",), haze=0.05)
    _draw_water(stage, top, rng.uniform(0.7, 1.2))
    if rng.random() < 0.6:
        _draw_foreground(stage, rng.uniform(0.92, 1.0))
    if rng.random() < 0.4:
        draw_lilies(stage, top, count=40)


def _coast(stage: Stage) -> None:
    rng = stage.rng
    top = stage.horizon
    _draw_hills(stage, 2, rng.uniform(0.03, 0.10))
    _draw_water(stage, top, rng.uniform(0.0, 0.5))
    for y in np.sort(top + rng.uniform(0.02, 0.25, rng.integers(2, 6))):
        draw_boat(stage, rng.uniform(0.1, 0.9), y, size=0.04 + 0.42 * (y - top))
    if rng.random() < 0.7:
        slope = rng.choice((-1, 1)) * rng.uniform(0.25, 0.5)
        cliff = _ridge(stage, 0.93, 0.10, 3) + slope * (stage.x - 0.5)
        _draw_ground(stage, cliff, 0.85)
        draw_flowers(stage, 0.93, count=120)


def _draw_sky(stage: Stage) -> None:
    (zenith, low, glow, _), (sun_x, sun_y) = stage.light, stage.sun
    rows = np.s_[: int((stage.horizon + 0.08) * stage.side)]
    height = np.clip(1 - stage.y[rows] / stage.horizon, 0, 1)[..., None] ** 0.8
    sky = mix(low, zenith, height)
    distance = np.hypot(stage.x - sun_x, stage.y[rows] - sun_y)[..., None]
    sky = mix(sky, glow, 0.85 * np.exp(-distance / 0.15))
    sky += 0.55 * np.exp(-((distance / 0.026) ** 4)) * glow
    shift = max(1, stage.side // 32)
    puffs = noise(stage.rng, stage.side + shift, cells=(9, 5), octaves=4)
    cloud, aside = puffs[shift:, :-shift][rows], puffs[:-shift, shift:][rows]
    if sun_x < 0.5:
        cloud, aside = puffs[shift:, shift:][rows], puffs[:-shift, :-shift][rows]
    shade = ramp(-1.0, 0.9, 0.8 * (cloud - aside) - 0.15 * cloud)[..., None]
    shadow = mix(mix(zenith, low, 0.62), glow, 0.12) * 0.92
    colour = mix(shadow, mix(low, glow, 0.75) * 1.06, shade)
    thick = ramp(0.0, 1.3, cloud + stage.rng.uniform(-0.5, 0.6))[..., None]
    stage.image[rows] = mix(sky, colour, thick * (0.30 + 0.65 * height**0.5))


def _draw_hills(stage: Stage, count: int, height: float) -> None:
    """Ranges from far to near, each hazier and bluer than the one before it."""
    haze = mix(stage.light.horizon, rgb((0.50, 0.60, 0.78)), 0.35)
    near = mix(stage.season.leaf, stage.season.grass, 0.4)
    upper, lower = (int((stage.horizon + far) * stage.side) for far in (-1.5 * height, 0.08))
    rows = np.s_[max(0, upper) : lower]
    for number in range(count):
        depth = (number + 1) / count
        outline = _ridge(stage, stage.horizon + 0.01, height * (1.25 - depth), 3 + number)
        outline = outline - 0.006 * depth * stage.fine[number : number + 1]
        relief = np.roll(stage.broad, 37 * stage.side * number // 256, 1) + 0.5 * depth * stage.fine
        tone = 0.74 + 0.20 * np.clip(relief[rows], -2, 2) * depth**0.5
        fog = 0.88 - 0.62 * depth + 1.6 * np.clip(stage.y[rows] - outline, 0, 0.25)
        colour = mix(near * stage.light.sun * tone[..., None], haze, fog[..., None])
        share = _edge(stage, outline)[rows, :, None]
        stage.image[rows] += (colour - stage.image[rows]) * share


def _draw_ground(stage: Stage, outline: np.ndarray, lush: float) -> None:
    """A meadow below the outline, with patches of light and blades of grass."""
    top = float(outline.min())
    rows = np.s_[max(0, int((top - 0.02) * stage.side)) :]
    depth = np.clip((stage.y[rows] - top) / (1 - top), 0, 1)
    blades = noise(stage.rng, stage.side, cells=(36, 140), octaves=1)[rows]
    tone = 0.90 + 0.14 * _depth_rows(stage, stage.broad, top)[rows] + 0.10 * blades * depth
    grass = stage.season.grass * stage.light.sun
    far = mix(grass, stage.light.horizon, 0.45)
    colour = mix(far, grass * lush, depth[..., None] ** 0.6) * tone[..., None]
    share = _edge(stage, outline)[rows, :, None]
    stage.image[rows] += (colour - stage.image[rows]) * share


def _draw_water(stage: Stage, top: float, calm: float) -> None:
    """Mirrors what stands above `top`, broken by ripples, with glints below the sun."""
    side, row = stage.side, round(top * stage.side)
    depth = (stage.y[row:] - top) / (1 - top)
    waves = noise(stage.rng, side, cells=(56, 9), octaves=2)
    ripple = _depth_rows(stage, waves, top)[row:]
    reach = (stage.y[row:] - top) * (0.95 * top / (1 - top) if top < 0.5 else 0.95)
    shake = ripple * (0.004 + 0.03 * depth) * (1.4 - calm)
    rows = np.clip((top - np.abs(reach + shake)) * side, 0, row - 1).astype(int)
    columns = np.clip((stage.x + 0.3 * shake) * side, 0, side - 1).astype(int)
    mirror = stage.image[rows, columns] * np.array((0.80, 0.86, 0.90), np.float32)
    deep = mix(stage.light.zenith, stage.light.horizon, 0.2) * 0.6
    water = mix(mirror, deep, 0.12 + 0.22 * depth[..., None])
    water *= 1 + 0.06 * ripple[..., None]
    path = np.exp(-(((stage.x - stage.sun[0]) / (0.03 + 0.14 * depth)) ** 2))
    glint = ramp(0.6, 1.9, ripple) * path * 0.9
    stage.image[row:] = mix(water, stage.light.sun, glint[..., None])


def _draw_foreground(stage: Stage, base: float) -> None:
    """A near bank with a few flowers."""
    outline = _ridge(stage, base, 0.10, 2)
    _draw_ground(stage, outline, 0.8)
    draw_flowers(stage, min(float(outline.max()), 0.97), count=160)


def _ridge(stage: Stage, base: float, height: float, waves: int) -> np.ndarray:
    """`(1, n)` outline of a hill range: a sum of sines, the slow ones tallest."""
    outline = np.zeros_like(stage.x)
    for wave in range(1, waves + 1):
        frequency, phase = wave * stage.rng.uniform(0.6, 1.4), stage.rng.uniform(0, 6.28)
        outline += np.sin(6.28 * frequency * stage.x + phase) / wave**1.3
    return base - height * (0.5 + 0.3 * outline)


def _edge(stage: Stage, outline: np.ndarray) -> np.ndarray:
    """`(n, n)` share of each pixel that lies below the outline."""
    return np.clip((stage.y - outline) * stage.side + 0.5, 0, 1)


def _depth_rows(stage: Stage, texture: np.ndarray, top: float) -> np.ndarray:
    """Squeezes the rows of a texture towards the horizon `top`, as perspective does."""
    depth = np.clip((stage.y[:, 0] - top) / (1.02 - top), 0, 1)
    return texture[(depth**0.5 * (stage.side - 1)).astype(int)]
