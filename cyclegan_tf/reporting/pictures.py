"""The pictures of a report: sheets that a training leaves, and what the page shows of them.

A sheet is one JPEG: rows of squares without a gap, a column for each picture. The rows are the
pictures themselves, what a generator makes of them, and what the other one makes of that.
"""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageStat, UnidentifiedImageError

from cyclegan_tf.io.files import atomic_file

LARGEST = 256  # pixels of a side in a sheet
GAP = 4  # white pixels between the squares of a sample grid
_FINE = {"format": "JPEG", "quality": 92, "subsampling": 0}  # what is cut and written once more
_COARSE = {"format": "JPEG", "quality": 82}
_UNREADABLE = (OSError, ValueError, SyntaxError, UnidentifiedImageError)

Rows = list[list[Image.Image]]


class Colour(NamedTuple):
    """A colour of a palette: `#rrggbb`, and its share of all pixels."""

    code: str
    share: float


def write_sheet(path: Path, rows: Sequence[np.ndarray]) -> None:
    """Writes a sheet.

    Args:
        path: of the file, NAME.jpg.
        rows: arrays `(n, side, side, 3)` uint8, all of one shape; above `LARGEST` they are reduced.
    """
    side = min(LARGEST, rows[0].shape[1])
    sheet = Image.new("RGB", (side * len(rows[0]), side * len(rows)))
    for y, row in enumerate(rows):
        for x, pixels in enumerate(row):
            sheet.paste(_reduced(Image.fromarray(pixels), side), (side * x, side * y))
    with atomic_file(path) as partial:
        sheet.save(partial, **_FINE)


def read_sheet(path: Path, columns: int) -> Rows:
    """The rows of a sheet of so many columns; none where the file is missing or damaged."""
    sheet = read_picture(path)
    return cut(sheet, sheet.width // columns) if sheet and columns else []


def read_samples(path: Path, side: int) -> Rows:
    """The rows of a grid of samples; none if it is no grid of squares of this side."""
    sheet = read_picture(path)
    if sheet is None or any((length + GAP) % (side + GAP) for length in sheet.size):
        return []
    return cut(sheet, side, gap=GAP)


def read_picture(path: Path) -> Image.Image | None:
    """A picture of the run; None where the file is missing or damaged."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except _UNREADABLE:
        return None


def cut(sheet: Image.Image, side: int, *, gap: int = 0) -> Rows:
    """The squares of a sheet, row by row; none if it holds no whole one."""
    if not side:
        return []
    tops, lefts = (range(0, n - side + 1, side + gap) for n in (sheet.height, sheet.width))
    return [[sheet.crop((x, y, x + side, y + side)) for x in lefts] for y in tops]


def strip(pictures: Sequence[Image.Image], side: int, *, gap: int = GAP) -> Image.Image:
    """Squares beside each other, at most so large."""
    side = min(side, pictures[0].width)
    joined = Image.new("RGB", (len(pictures) * (side + gap) - gap, side), "white")
    for place, picture in enumerate(pictures):
        joined.paste(_reduced(picture, side), (place * (side + gap), 0))
    return joined


def embedded(picture: Image.Image, longest: int) -> str:
    """A picture as the address that an `img` takes: `data:`, with the bytes of a JPEG in it."""
    picture = picture.copy()
    picture.thumbnail((longest, longest))
    buffer = io.BytesIO()
    picture.save(buffer, **_COARSE)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def change(before: Image.Image, after: Image.Image) -> float:
    """Mean absolute difference in grey levels, 0 to 255."""
    return float(np.mean(ImageStat.Stat(ImageChops.difference(before, after)).mean))


def palette(pictures: Sequence[Image.Image], *, colours: int = 8) -> list[Colour]:
    """The colours that all pictures together are nearest to, the most frequent one first."""
    found = strip(pictures, 32, gap=0).quantize(colours)
    red_green_blue = found.getpalette()
    counts = sorted(found.getcolors(), reverse=True)
    total = sum(count for count, _ in counts)
    return [
        Colour("#" + bytes(red_green_blue[3 * i : 3 * i + 3]).hex(), count / total)
        for count, i in counts
    ]


def spread(items: Sequence, most: int) -> list:
    """At most so many of them, at even distances, the first and the last among them."""
    places = np.linspace(0, len(items) - 1, min(most, len(items)))
    return [items[round(place)] for place in places]


def _reduced(picture: Image.Image, side: int) -> Image.Image:
    if picture.width <= side:
        return picture
    return picture.resize((side, side), Image.Resampling.LANCZOS)
