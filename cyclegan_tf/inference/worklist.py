"""Worklist: the pictures of any files, folders and zips, checked and named before the long work."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cyclegan_tf.data.image import LONGEST_SIDES, load_upright
from cyclegan_tf.data.sources import Entry, entry_reader
from cyclegan_tf.errors import InputError
from cyclegan_tf.io import display
from cyclegan_tf.io.outputs import FORMATS, FreeNames
from cyclegan_tf.io.parallel import in_order

_PATIENCE = 3.0  # seconds without a progress bar: most lists are checked by then
_JPEG_START = b"\xff\xd8\xff"

Measure = Callable[[int, int], tuple[int, int]]


@dataclass(frozen=True)
class Worklist:
    """Pictures in the order of their files, and what their translations are called.

    Iterating reads the files anew: it yields file name, origin (for errors) and encoded bytes.

    Attributes:
        paths: where the pictures are.
        names: a file name for each picture, none twice; None for one that is left out.
        skipped: where each picture is that is left out, and why.
        renamed: how many names are not those of the pictures.
    """

    paths: tuple[Path, ...]
    names: tuple[str | None, ...]
    skipped: tuple[tuple[str, str], ...]
    renamed: int

    def __len__(self) -> int:
        return len(self.names) - len(self.skipped)

    def __iter__(self) -> Iterator[tuple[str, str, bytes]]:
        readers = [entry_reader(path, single=True) for path in self.paths]
        entries = itertools.chain.from_iterable(read() for read in readers)
        for entry, name in itertools.zip_longest(entries, self.names, fillvalue=""):
            if entry == "" or name == "":
                raise InputError("the input has changed while it was read; start again.")
            if name is not None:
                origin, _, encoded = entry
                yield name, origin, encoded


def survey(
    paths: Sequence[Path], measure: Measure, *, suffix: str | None = None, skip_bad: bool = False
) -> Worklist:
    """Decodes every picture once, one at a time in each thread.

    Decoding takes a moment, translating minutes: faults are found before.

    Args:
        paths: of image files, folders of images or TFRecords, TFRecord files and zips.
        measure: from height and width of a picture to those of its translation.
        suffix: of all translations; by default `.jpg` for JPEGs and `.png` for all else.
        skip_bad: leave out what is no image.

    Raises:
        InputError: naming the path that leads to no pictures, the picture that is none, or the
            one whose translation is too large for its format.
    """
    names: list[str | None] = []
    skipped: list[tuple[str, str]] = []
    free = FreeNames()
    readers = [entry_reader(path, single=True) for path in paths]
    options = {"title": "checking", "unit": "picture", "stays": False, "delay": _PATIENCE}
    with display.bar(None, **options) as bar:
        for path, read in zip(paths, readers, strict=True):
            before = len(names) - len(skipped)
            for origin, name, encoded, found in in_order(_decoded, read()):
                bar.update()
                if isinstance(found, ValueError):
                    if not skip_bad:
                        raise InputError(
                            f"{origin} is no image: {found}. Replace it, or leave such images out "
                            "with --skip-bad-images."
                        ) from found
                    skipped.append((origin, str(found)))
                    names.append(None)
                    continue
                ending = suffix or (".jpg" if encoded.startswith(_JPEG_START) else ".png")
                _require_fitting(origin, *measure(*found), ending)
                names.append(free.take(name, ending))
            if len(names) - len(skipped) == before:
                raise InputError(f"{path} holds no readable image; expected at least one.")
    return Worklist(tuple(paths), tuple(names), tuple(skipped), free.changed)


def _decoded(entry: Entry) -> tuple[str, str, bytes, tuple[int, int] | ValueError]:
    """The entry, and height and width of the upright picture, or why it is none."""
    try:
        return *entry, load_upright(entry[2]).shape[:2]
    except ValueError as error:
        return *entry, error


def _require_fitting(origin: str, height: int, width: int, suffix: str) -> None:
    image_format = FORMATS[suffix.lower()]
    most = LONGEST_SIDES.get(image_format)
    if most and max(height, width) > most:
        raise InputError(
            f"{origin} would become a {image_format} of {width} x {height} pixels, which holds at "
            f"most {most:,} a side; take PNG, or reduce it with --longest."
        )
