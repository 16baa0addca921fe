"""Contact sheets for the eye: photos above their translations beside paintings; large photos."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

from benchmarks.judging.pictures import PictureSet
from cyclegan_tf.data.image import grid, save_png
from cyclegan_tf.data.synthetic.landscapes import landscape

# Names of the photos that every sheet shows, and what is in them, in the order of the sheet.
SHOWN: dict[str, str] = {}
_COUNT = 12
_PAINTINGS = 8
_LANDSCAPE = 2048  # pixels a side
_WHOLE = 1000  # pixels of the longer side of a large picture shown whole: what a screen shows
_GAP = 4


def shown_places(photos: PictureSet) -> list[int]:
    """Places of the photos to show: the named ones, or some at even distances."""
    places = {name: i for i, name in enumerate(photos.names)}
    if all(name in places for name in SHOWN):
        return [places[name] for name in SHOWN]
    count = min(_COUNT, len(photos)) // 2 * 2
    return [i * len(photos) // count for i in range(count)]


def write_sheet(
    path: Path, photos: PictureSet, translations: PictureSet, paintings: PictureSet
) -> None:
    """Writes photos above their translations, all at 1:1, beside real paintings.

    Args:
        path: of the PNG.
        photos: at least two.
        translations: of the same photos, in their order.
        paintings: of the same size.
    """
    places = shown_places(photos)
    beside = [i * len(paintings) // _PAINTINGS for i in range(min(_PAINTINGS, len(paintings)))]
    # as many columns of paintings as fill the four rows
    columns = np.array_split(paintings.pixels[beside], 4)
    rows = []
    for half in np.array_split(places, 2):
        for pictures in (photos, translations):
            column = columns[len(rows)][: len(columns[-1])]
            rows.append(np.concatenate([pictures.pixels[half], column]))
    save_png(path, grid(rows, _GAP))


def write_large(folder: Path, name: str, translate: Callable[[Image.Image], Image.Image]) -> None:
    """Writes a PNG for each large photo: photo above translation, whole and as a crop at 1:1.

    Args:
        folder: to write into.
        name: of the run; the files are called `NAME-china.png` and so on.
        translate: maps a picture to one of its size.
    """
    for title, pixels in _large_photos().items():
        photo = Image.fromarray(pixels)
        path = folder / f"{name}-{title}.png"
        save_png(path, np.vstack([_views(photo), _views(translate(photo))]))


def _large_photos() -> dict[str, np.ndarray]:
    samples = {name: load_sample_image(f"{name}.jpg") for name in ("china", "flower")}
    return samples | {"landscape": landscape(0, 0, size=_LANDSCAPE)}


def _views(picture: Image.Image) -> np.ndarray:
    """The whole picture as a screen shows it, and beside it as large a part of its middle at 1:1."""
    ratio = min(1.0, _WHOLE / max(picture.size))
    size = tuple(round(side * ratio) for side in picture.size)
    whole = np.asarray(picture.resize(size, Image.Resampling.LANCZOS) if ratio < 1 else picture)
    side = len(whole)
    left, top = ((length - side) // 2 for length in picture.size)
    crop = np.asarray(picture.crop((left, top, left + side, top + side)))
    gap = np.full((side, _GAP, 3), 255, np.uint8)
    return np.hstack([whole, gap, crop])
