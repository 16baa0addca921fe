"""Figures of a training: curves, samples over the epochs, pictures side by side."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cyclegan_tf.data.image import grid, to_uint8
from cyclegan_tf.io.figures import Plate
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.reporting.pictures import spread

_PANEL = (4.2, 3.4)  # inches
_MOST_PANELS = 3  # in a row
_COLOURS = {"a": "#3b78b5", "b": "#e07b28", "": "#555555"}

# Of each panel: what its keys begin with, what they end with, what its axis says, a level to
# compare with and its name. Losses of both sides have different scales, hence a panel for each.
_PANELS = {
    "generators": (("gen_",), "_loss", "all that each minimizes", None, ""),
    "discriminators": (("disc_",), "_loss", "mean loss", None, ""),
    "round trip and identity": (
        ("cycle", "identity", "content"), "_loss", "mean error, not weighted", None, "",
    ),
    "discriminators' verdicts": (("disc_",), "_accuracy", "share judged rightly", 0.5, "guessing"),
    "score": (("fid",), "", "Frechet distance to real pictures", None, ""),
    "diversity": (
        ("sample_diversity",), "", "mean distance of two pictures", 1.0, "real pictures",
    ),
}  # fmt: skip
_LABELS = {
    "gen_ab_loss": "{a} to {b}, generator",
    "gen_ba_loss": "{b} to {a}, generator",
    "gen_loss": "generator",
    "disc_a_loss": "{a}, discriminator",
    "disc_b_loss": "{b}, discriminator",
    "disc_loss": "discriminator",
    "cycle_loss": "there and back, both ways",
    "identity_loss": "own kind left alone, both ways",
    "content_loss": "content of the {a}",
    "disc_a_real_accuracy": "{a}: real ones",
    "disc_a_fake_accuracy": "{a}: generated ones",
    "disc_b_real_accuracy": "{b}: real ones",
    "disc_b_fake_accuracy": "{b}: generated ones",
    "disc_real_accuracy": "real ones",
    "disc_fake_accuracy": "generated ones",
    "fid": "FID",
    "sample_diversity": "samples",
}


def loss_curves(
    rows: Iterable[Mapping[str, Any]], *, names: tuple[str, str] = ("A", "B"), title: str = ""
) -> Plate:
    """The logs over the epochs, a panel for each scale: losses, round trip, verdicts, scores.

    Args:
        rows: the epochs of a run as `RunFolder.metrics` reads them.
        names: of the two domains, for example `("photo", "Monet")`.
        title: what stands above; by default how many epochs there are.
    """
    rows = list(rows)
    if not rows:
        plate = Plate(11, 0.6)
        plate.text(0.5, 0.5, "No epoch is done yet.", ha="center", va="center")
        return plate
    shown = _keys_of_panels(rows)
    columns = 2 if len(shown) == 4 else min(_MOST_PANELS, len(shown))
    lines = -(-len(shown) // columns)
    epochs = len(rows)
    title = title or f"Training curves: {epochs} {'epoch' if epochs == 1 else 'epochs'}"
    figure = Plate(_PANEL[0] * columns, _PANEL[1] * lines, title)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    for axes, (name, keys) in zip(panels, shown.items(), strict=False):
        _draw_panel(axes, name, keys, rows, names)
    return figure


def _keys_of_panels(rows: list[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Which logs each panel shows; panels without one are left out."""
    logged = list(dict.fromkeys(key for row in rows for key in row))  # scores skip epochs
    if not any(row.get("identity_loss") for row in rows):  # its weight is 0: it is not computed
        logged = [key for key in logged if key != "identity_loss"]
    ordered = sorted(logged, key=[*_LABELS, *logged].index)  # the same in every run
    keys = {
        name: [key for key in ordered if key.startswith(prefixes) and key.endswith(suffix)]
        for name, (prefixes, suffix, *_) in _PANELS.items()
    }
    return {name: found for name, found in keys.items() if found}


def _draw_panel(
    axes: Any, name: str, keys: list[str], rows: list[Mapping[str, Any]], names: tuple[str, str]
) -> None:
    _, _, ylabel, level, level_name = _PANELS[name]
    few = len(rows) < 3  # points without lines are easily overlooked
    for key in keys:
        points = [(row["epoch"], row[key]) for row in rows if key in row]
        label = _LABELS.get(key, key.replace("_", " ")).format(a=names[0], b=names[1])
        label += f": {points[-1][1]:.3g}" if few else ""
        axes.plot(*zip(*points, strict=True), label=label, **_look(key, few=few))
    if level is not None:
        axes.axhline(level, color="black", linestyle=":", linewidth=1, label=level_name)
    first, last = rows[0]["epoch"], rows[-1]["epoch"]
    axes.set(title=name, xlabel="epoch", ylabel=ylabel)
    if few:  # else the axis of one epoch would go from 0.96 to 1.04
        axes.set(xlim=(first - 0.6, last + 0.6), xticks=sorted({first, last}))
        axes.margins(y=0.4)
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)  # there is no half an epoch
    low, high = axes.get_ylim()
    missing = 0.1 * abs(low + high) / 2 - (high - low)
    if missing > 0:  # a rounding error is no curve
        axes.set_ylim(low - missing / 2, high + missing / 2)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    # below, where it covers no curve
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize="small", frameon=False)


def _look(key: str, *, few: bool) -> dict[str, Any]:
    """Colour by domain, as in the survey; what is generated is dashed, so is the identity."""
    domain = "b" if key.startswith(("gen_ab", "disc_b")) else "a" if "a_" in key[:7] else ""
    single = key in ("gen_loss", "disc_loss", "sample_diversity", "fid", "disc_real_accuracy")
    dashed = "fake" in key or key.startswith("identity")
    return {
        "color": _COLOURS["b" if single or key == "disc_fake_accuracy" else domain],
        "linestyle": "--" if dashed else "-",
        "marker": "o" if few else ".",
        "markersize": 8 if few else 4,
        "markerfacecolor": "white" if dashed and few else None,
    }


def picture_rows(rows: Mapping[str, np.ndarray], *, title: str = "") -> Plate:
    """Rows of pictures, one below the other, each with its name at the left.

    Args:
        rows: by name arrays `(n, h, w, 3)`, uint8 or float32 in [-1, 1], all of one n; rows of
            smaller pictures are enlarged.
        title: what stands above.
    """
    strips = {name: _strip(row) for name, row in rows.items()}
    height, width, _ = next(iter(strips.values())).shape
    figure = Plate(11, 0.2 + 10.6 * len(strips) * height / width, title)
    panels = figure.subplots(len(strips), 1, squeeze=False)[:, 0]
    for axes, (name, strip) in zip(panels, strips.items(), strict=True):
        axes.imshow(strip)
        axes.set_ylabel(name)
        _without_frame(axes)
    return figure


def samples_over_epochs(run: RunFolder, *, most: int = 6) -> Plate:
    """What a run drew of the same inputs at different times.

    Args:
        run: of a CycleGan: its originals, and below them their translations; of a DcGan: the
            grids, one beside the other.
        most: epochs that are shown, at even distances, the first and the last among them.

    Raises:
        FileNotFoundError: if the run has drawn none yet.
    """
    files = sorted(run.samples.glob("epoch_*.png"))
    if not files:
        raise FileNotFoundError(f"{run.samples} holds no samples; expected those of a training.")
    chosen = spread(files, most)
    grids = {f"epoch {int(path.stem[6:])}": _pixels(path) for path in chosen}
    config = run.config()
    if config.model == "dcgan":
        return _panels(grids, "The same latents at different times")
    side = config.whole_size
    rows = {"original": _row(next(iter(grids.values())), 0, side)}
    rows |= {name: _row(sheet, 1, side) for name, sheet in grids.items()}
    return picture_rows(rows, title="The same pictures at different times of the training")


def picture(path: Path, title: str = "") -> Plate:
    """A picture of a run, for example its strip of interpolations.

    Args:
        path: of the file.
        title: what stands above it.
    """
    return _panels({title: _pixels(path)})


def _panels(pictures: Mapping[str, np.ndarray], title: str = "") -> Plate:
    """Pictures beside each other, at most three in a row, their names above them."""
    columns = min(3, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    height, width, _ = next(iter(pictures.values())).shape
    figure = Plate(11, rows * (11 / columns * height / width + 0.3), title)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, (name, pixels) in zip(panels, pictures.items(), strict=False):
        axes.imshow(pixels)
        axes.set_title(name)
    return figure


def _strip(row: np.ndarray) -> np.ndarray:
    pictures = row if row.dtype == np.uint8 else to_uint8(row)
    return grid([pictures], gap=max(1, row.shape[2] // 48))


def _row(sheet: np.ndarray, number: int, side: int, gap: int = 4) -> np.ndarray:
    """A row of a grid of squares that `grid` laid out, as `(n, side, side, 3)`."""
    top = number * (side + gap)
    lefts = range(0, sheet.shape[1], side + gap)
    return np.stack([sheet[top : top + side, left : left + side] for left in lefts])


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _without_frame(axes: Any) -> None:
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
