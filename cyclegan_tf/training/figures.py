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

# Of each panel: what its keys begin with, what they end with, what its axis says.
_PANELS = {
    "players": (("gen_", "disc_"), "_loss", "mean loss of the epoch"),
    "reconstruction": (("cycle", "identity"), "_loss", "mean absolute error, both domains"),
    "discriminators": (("disc_",), "_accuracy", "share judged rightly"),
    "score": (("fid",), "", "Frechet distance to real pictures"),
    "diversity": (("sample_diversity",), "", "distances, real pictures: 1"),
}


def loss_curves(rows: Iterable[Mapping[str, Any]]) -> Plate:
    """The logs over the epochs: players, reconstruction, discriminators' verdicts, scores.

    Args:
        rows: the epochs of a run as `RunFolder.metrics` reads them.
    """
    rows = list(rows)
    if not rows:
        plate = Plate(11, 0.6)
        plate.text(0.5, 0.5, "No epoch is done yet.", ha="center", va="center")
        return plate
    logged = list(dict.fromkeys(key for row in rows for key in row))  # scores skip epochs
    if not any(row.get("identity_loss") for row in rows):  # its weight is 0: it is not computed
        logged = [key for key in logged if key != "identity_loss"]
    keys = {
        title: [key for key in logged if key.startswith(prefixes) and key.endswith(suffix)]
        for title, (prefixes, suffix, _) in _PANELS.items()
    }
    shown = [title for title in _PANELS if keys[title]]
    figure = Plate(5.5 * len(shown), 4)
    for axes, title in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        for key in keys[title]:
            points = [(row["epoch"], row[key]) for row in rows if key in row]
            axes.plot(*zip(*points, strict=True), ".-", label=key)
        axes.set(title=title, xlabel="epoch", ylabel=_PANELS[title][2])
        axes.xaxis.get_major_locator().set_params(integer=True)  # there is no half an epoch
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def picture_rows(rows: Mapping[str, np.ndarray]) -> Plate:
    """Rows of pictures, one below the other, each with its name at the left.

    Args:
        rows: by name arrays `(n, h, w, 3)`, uint8 or float32 in [-1, 1], all of one n; rows of
            smaller pictures are enlarged.
    """
    strips = {name: _strip(row) for name, row in rows.items()}
    height, width, _ = next(iter(strips.values())).shape
    figure = Plate(11, 0.2 + 10.6 * len(strips) * height / width)
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
    chosen = _spread(files, most)
    grids = {f"epoch {int(path.stem[6:])}": _pixels(path) for path in chosen}
    config = run.config()
    if config.model == "dcgan":
        return _panels(grids)
    side = config.picture_size or config.image_size
    rows = {"original": _row(next(iter(grids.values())), 0, side)}
    return picture_rows(rows | {name: _row(sheet, 1, side) for name, sheet in grids.items()})


def picture(path: Path, title: str = "") -> Plate:
    """A picture of a run, for example its strip of interpolations.

    Args:
        path: of the file.
        title: what stands above it.
    """
    return _panels({title: _pixels(path)})


def _panels(pictures: Mapping[str, np.ndarray]) -> Plate:
    """Pictures beside each other, at most three in a row, their names above them."""
    columns = min(3, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    height, width, _ = next(iter(pictures.values())).shape
    figure = Plate(11, rows * (11 / columns * height / width + 0.3))
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


def _spread(files: list[Path], most: int) -> list[Path]:
    places = np.linspace(0, len(files) - 1, min(most, len(files)))
    return [files[round(place)] for place in places]


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _without_frame(axes: Any) -> None:
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
