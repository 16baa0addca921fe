"""What stands in a landscape: trees, flowers, lilies, houses, boats, haystacks and a bridge.

Positions and lengths are fractions of the picture's side; y points down.
"""

import numpy as np

from cyclegan_tf.data.synthetic.scene import (
    Stage,
    draw_dots,
    draw_foliage,
    draw_polygons,
    draw_shadow,
    mix,
    rgb,
)


def draw_tree(
    stage: Stage, x: float, y: float, *, height: float, shape: str, haze: float = 0.0
) -> None:
    """A tree.

    Args:
        stage: drawn on.
        x: of its foot.
        y: of its foot.
        height: from the foot to the tip.
        shape: `round`, `poplar`, `pine` or `bush`.
        haze: from 0, near, to 1, lost in the colour of the horizon.
    """
    rng = stage.rng
    balls = (x, y, 0) + _crown(rng, shape) * (height, -height, height)
    kind = stage.season.accent if rng.random() < 0.3 else stage.season.leaf
    colour = mix(kind, stage.season.grass, rng.uniform(0, 0.35)) * rng.uniform(0.8, 1.2)
    thick, tip = 0.024 * height + 0.001, y - 0.6 * height
    trunk = [(x - thick, y), (x + thick, y), (x + 0.4 * thick, tip), (x, tip)]
    if shape != "bush":
        bark = mix(rgb((0.13, 0.10, 0.09)), stage.light.horizon, haze)
        draw_polygons(stage, [(trunk, bark, 1.0)])
    draw_foliage(stage, balls, colour, haze=haze)


def _crown(rng: np.random.Generator, shape: str) -> np.ndarray:
    """`(k, 3)` balls (x, height, radius) of a tree of height 1: clumps of five about a lobe."""
    spread, foot, lobes, radius = {
        "round": (0.38, 0.20, 12, 0.10),
        "poplar": (0.05, 0.02, 15, 0.055),
        "pine": (0.22, 0.08, 15, 0.055),
        "bush": (0.65, -0.05, 7, 0.15),
    }[shape]
    up = (np.arange(lobes) + rng.uniform(0, 1, lobes)) / lobes
    profile = (1 - up) if shape == "pine" else np.sin(np.pi * (0.12 + 0.85 * up)) ** 0.7
    # A shuffled ladder: independent draws may all fall on one side and leave a lopsided tree.
    aside = rng.permutation(np.linspace(-1, 1, lobes)) * spread * profile
    centres = np.stack([aside, foot + 0.12 + (0.82 - foot) * up], 1).repeat(5, 0)
    centres += rng.normal(0, 0.7 * radius, centres.shape)
    return np.column_stack([centres, radius * rng.uniform(0.6, 1.15, len(centres))])


def plant_row(
    stage: Stage, y: float, *, count: int, height: float, shapes: tuple[str, ...], haze: float
) -> None:
    """A loose row of trees from side to side, shuffled in place, size and kind.

    Args:
        stage: drawn on.
        y: of their feet.
        count: of trees.
        height: of the middling tree; bushes stand about half as high.
        shapes: as `draw_tree` names them, each as likely as the others.
        haze: from 0, near, to 1, lost in the colour of the horizon.
    """
    rng = stage.rng
    for place in np.linspace(0, 1, count) + rng.normal(0, 0.25 / count, count):
        kind = shapes[rng.integers(len(shapes))]
        scale = height * rng.uniform(0.6, 1.2) * (0.55 if kind == "bush" else 1)
        draw_tree(stage, place, y + rng.uniform(0, 0.006), height=scale, shape=kind, haze=haze)


def draw_near_tree(stage: Stage, y: float) -> None:
    """A tall tree at one side, its foot at `y`, against which the distance looks far."""
    x = stage.rng.choice((stage.rng.uniform(0.02, 0.2), stage.rng.uniform(0.8, 0.98)))
    height = stage.rng.uniform(0.45, 0.7)
    draw_shadow(stage, float(x), y, width=0.3 * height)
    draw_tree(stage, x, y, height=height, shape=stage.rng.choice(("round", "poplar", "pine")))


def draw_flowers(stage: Stage, top: float, *, count: int) -> None:
    """Scatters up to `count` flowers over the ground below `top`, in drifts, larger when nearer."""
    rng, side = stage.rng, stage.side
    depth = rng.uniform(0, 1, count) ** 0.8
    spots = np.stack([rng.uniform(0, 1, count), top + (1 - top) * depth], 1)
    drift = stage.broad[tuple((spots[:, ::-1] * (side - 1)).astype(int).T)]
    chosen = drift > rng.normal(0.1, 0.5, count)
    radius = (0.0022 + 0.0075 * depth) * rng.uniform(0.6, 1.2, count)
    spots = np.column_stack([spots, radius, 0.8 * radius])[chosen]
    base = stage.season.flower * stage.light.sun
    tones = base * rng.uniform(0.7, 1.15, (count, 1))[chosen]
    if len(spots):
        order = np.argsort(spots[:, 1])
        draw_dots(stage, spots[order], tones[order] * 0.78)
        draw_dots(stage, spots[order] * (1, 1, 0.6, 0.5) - (0, 0.0015, 0, 0), tones[order] * 1.12)


def draw_lilies(stage: Stage, top: float, *, count: int) -> None:
    """Rafts of `count` lily pads with a few blossoms, foreshortened towards `top`; none in snow."""
    rng = stage.rng
    if stage.season.grass[2] > 0.5:  # snow lies: no lilies
        return
    raft = rng.uniform((0.05, 0.12), (0.95, 0.95), (7, 2))[rng.integers(7, size=count)]
    place = raft + rng.normal(0, 1, (count, 2)) * (0.09, 0.035)
    depth = np.sort(np.clip(place[:, 1], 0.06, 1))
    place = place[np.argsort(place[:, 1])]
    wide = (0.008 + 0.028 * depth) * rng.uniform(0.7, 1.2, count)
    spots = np.column_stack([place[:, 0], top + (1 - top) * depth, wide, 0.36 * wide])
    pad = mix(rgb((0.20, 0.40, 0.16)), rgb((0.42, 0.56, 0.30)), rng.uniform(0, 1, (count, 1)))
    pad = pad * stage.light.sun
    draw_dots(stage, spots + np.array((0, 0.004, 0, 0)), pad * 0.35)
    draw_dots(stage, spots, pad)
    bloom = rng.random(count) < 0.28
    if bloom.any():
        flowers = spots[bloom] * (1, 1, 0.34, 0.8) - (0, 0.005, 0, 0)
        tint = mix(rgb((0.98, 0.95, 0.93)), rgb((0.94, 0.52, 0.64)), rng.random((bloom.sum(), 1)))
        draw_dots(stage, flowers, tint * stage.light.sun)


def draw_house(stage: Stage, x: float, y: float, *, size: float) -> None:
    """A cottage seen from a corner: a lit gable, a shaded long wall and a roof.

    Args:
        stage: drawn on.
        x: of the outer foot of the gable.
        y: of the same foot.
        size: the long wall is 1.3 times as long, the chimney ends 1.4 times as high.
    """
    wall = rgb((0.86, 0.80, 0.70)) * stage.light.sun
    warm, cold = ((0.56, 0.24, 0.15), (0.34, 0.36, 0.44))
    roof = np.array(warm if stage.rng.random() < 0.6 else cold) * stage.light.sun
    flip = 1 if stage.sun[0] < 0.5 else -1
    outlines = (
        ([(0, 0), (0.7, 0), (0.7, -0.6), (0.35, -1.05), (0, -0.6)], wall),
        ([(0.7, 0), (2, 0), (2, -0.6), (0.7, -0.6)], wall * (0.56, 0.58, 0.68)),
        ([(0.35, -1.1), (1.75, -1.1), (2.1, -0.55), (0.72, -0.55)], roof),
        ([(1.4, -1.0), (1.4, -1.4), (1.56, -1.4), (1.56, -1.0)], roof * 0.7),
        ([(0.27, 0), (0.27, -0.34), (0.45, -0.34), (0.45, 0)], roof * 0.4),
        ([(1.1, -0.2), (1.1, -0.42), (1.3, -0.42), (1.3, -0.2)], wall * 0.25),
    )
    shapes = [
        ([(x + flip * size * u, y + size * v) for u, v in form], c, 1.0) for form, c in outlines
    ]
    draw_polygons(stage, shapes)


def draw_boat(stage: Stage, x: float, y: float, *, size: float) -> None:
    """A sailing boat with its reflection.

    Args:
        stage: drawn on.
        x: of the mast.
        y: of the water line.
        size: the hull is 1.15 times as long, the mast 1.45 times as high.
    """
    sail = np.array((0.94, 0.90, 0.82) if stage.rng.random() < 0.6 else (0.72, 0.34, 0.18))
    sail = sail * stage.light.sun
    hull = rgb((0.16, 0.13, 0.16))
    flip = 1 if stage.rng.random() < 0.5 else -1
    outlines = (
        ([(0.02, -1.45), (0.5, -0.25), (0.02, -0.25)], sail),
        ([(-0.03, -1.3), (-0.42, -0.22), (-0.03, -0.25)], sail * 0.78),
        ([(-0.55, -0.2), (0.6, -0.2), (0.42, 0), (-0.42, 0)], hull),
    )
    for mirror, opacity in ((-0.8, 0.4), (1.0, 1.0)):
        shapes = [
            ([(x + flip * size * u, y + mirror * size * v) for u, v in form], colour, opacity)
            for form, colour in outlines
        ]
        draw_polygons(stage, shapes)


def draw_haystack(stage: Stage, x: float, y: float, *, size: float) -> None:
    """A thatched stack: a drum of straw under a pointed cap.

    Args:
        stage: drawn on.
        x: of the middle of its foot.
        y: of its foot.
        size: about its height and its width.
    """
    straw = rgb((0.72, 0.55, 0.28))
    step = np.linspace(0, 1, 12)
    half = np.where(
        step < 0.4, 0.46 + 0.14 * step, 0.52 * (1 - (np.maximum(step - 0.4, 0) / 0.6) ** 1.15)
    )
    radius = np.repeat(0.17 - 0.10 * step, 9)
    u = (np.maximum(half - 0.13, 0.01)[:, None] * np.linspace(-1, 1, 9)).ravel()
    centre = y - size * (0.14 + 0.80 * np.repeat(step, 9))
    centre += 0.012 * size * stage.rng.standard_normal(len(centre))
    balls = np.stack([x + u * size, centre, radius * size], 1)
    draw_shadow(stage, x, y, width=0.85 * size, strength=0.65)
    draw_foliage(stage, balls, straw, haze=0.02, rough=0.03)


def draw_bridge(stage: Stage, y: float) -> None:
    """An arched wooden foot bridge with rails and posts, its ends at the height `y`."""
    rng, step = stage.rng, np.linspace(-1, 1, 25)
    x = rng.uniform(0.35, 0.65) + rng.uniform(0.42, 0.65) * step
    arch = y - rng.uniform(0.06, 0.13) * (1 - step**2)
    wood = mix(rgb((0.24, 0.36, 0.30)), rgb((0.42, 0.26, 0.18)), float(rng.random() < 0.3))
    wood = wood * stage.light.sun
    shapes = []
    for lift, thick, tone in ((0, 0.018, 0.7), (-0.05, 0.008, 1.1), (-0.085, 0.011, 1.3)):
        upper, lower = np.stack([x, arch + lift], 1), np.stack([x, arch + lift + thick], 1)
        shapes.append((np.concatenate([upper, lower[::-1]]), wood * tone, 1.0))
    for u, v in np.stack([x, arch], 1)[::2]:
        post = [(u, v + 0.01), (u, v - 0.085), (u + 0.008, v - 0.085), (u + 0.008, v + 0.01)]
        shapes.append((post, wood, 1.0))
    draw_polygons(stage, shapes)
