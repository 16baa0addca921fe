"""Contact sheets for the eye: photos above their translations beside paintings; large photos."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

from benchmarks.judging.pictures import PictureSet
from cyclegan_tf.data.image import grid, save_png
from cyclegan_tf.data.synthetic.landscapes import landscape

# The photos that every sheet shows: their names in the last shard of monet2photo's photos that this
# was tried on, and what is in them, in the order of the sheet.
SHOWN = {
    "2016-04-20 08_55_26": "day: a hill, its wood, the sky",
    "2016-04-04 12_54_16": "night: a barn under stars",
    "2015-08-03 17_06_49": "darkness: the vault of a tunnel",
    "2016-02-23 09_05_50": "snow: a skier on a slope",
    "2016-06-14 05_45_29": "water: clouds and trees in a lake",
    "2015-12-22 16_39_19": "face: a woman in the dark",
    "2016-01-02 20_25_57": "face: a wallaby",
    "2014-02-11 05_48_28": "city: towers",
    "2015-06-20 01_05_43": "near-empty sky: an aeroplane",
    "2015-05-12 05_30_12": "text on a wall of bricks",
    "2016-11-27 16_21_59": "a sunset over the sea",
    "2016-06-28 21_17_36": "a flower before a blurred ground",
}
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
    """The whole picture as a screen shows it, and as large a part of its middle at 1:1."""
    ratio = min(1.0, _WHOLE / max(picture.size))
    size = tuple(round(side * ratio) for side in picture.size)
    whole = np.asarray(picture.resize(size, Image.Resampling.LANCZOS) if ratio < 1 else picture)
    side = len(whole)
    left, top = ((length - side) // 2 for length in picture.size)
    crop = np.asarray(picture.crop((left, top, left + side, top + side)))
    gap = np.full((side, _GAP, 3), 255, np.uint8)
    return np.hstack([whole, gap, crop])
