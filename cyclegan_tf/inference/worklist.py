"""Worklist: the pictures of any files, folders and zips, checked and named before the long work."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from cyclegan_tf.data.image import LONGEST_SIDES, load_upright
from cyclegan_tf.data.reader import Entry, Source
from cyclegan_tf.errors import InputError
from cyclegan_tf.io import display
from cyclegan_tf.io.outputs import FORMATS, FreeNames
from cyclegan_tf.io.parallel import in_order

_PATIENCE = 3.0  # seconds without a progress bar: most lists are checked by then
_JPEG_START = b"\xff\xd8\xff"

Measure = Callable[[int, int], tuple[int, int]]
Load = Callable[[bytes], np.ndarray]


@dataclass(frozen=True)
class Worklist:
    """Pictures in the order of their files, and what their translations are called.

    Iterating reads the files anew: it yields file name, origin (for errors) and encoded bytes.

    Attributes:
        sources: where the pictures are.
        names: a file name for each picture, none twice; None for one that is left out.
        skipped: where each picture is that is left out, and why.
        renamed: how many names are not those of the pictures.
    """

    sources: tuple[Source, ...]
    names: tuple[str | None, ...]
    skipped: tuple[tuple[str, str], ...]
    renamed: int

    def __len__(self) -> int:
        return len(self.names) - len(self.skipped)

    def __iter__(self) -> Iterator[tuple[str, str, bytes]]:
        entries = itertools.chain.from_iterable(source.read() for source in self.sources)
        for entry, name in itertools.zip_longest(entries, self.names, fillvalue=""):
            if entry == "" or name == "":
                raise InputError("the input has changed while it was read; start again.")
            if name is not None:
                origin, _, encoded = entry
                yield name, origin, encoded


def survey(
    sources: Sequence[Source],
    measure: Measure,
    *,
    suffix: str | None = None,
    skip_bad: bool = False,
    load: Load = load_upright,
) -> Worklist:
    """Decodes every picture once, one at a time in each thread; tells what else lies there.

    Decoding takes a moment, translating minutes: faults are found before.

    Args:
        sources: of the pictures.
        measure: from height and width of a picture to those of its translation.
        suffix: of all translations; by default `.jpg` for JPEGs and `.png` for all else.
        skip_bad: leave out what is no image.
        load: decodes a picture.

    Raises:
        InputError: naming the source without pictures, the picture that is none, or the one whose
            translation is too large for its format.
    """
    names: list[str | None] = []
    skipped: list[tuple[str, str]] = []
    free = FreeNames()
    options = {"title": "checking", "unit": "picture", "stays": False, "delay": _PATIENCE}
    with display.bar(None, **options) as bar:
        for source in sources:
            source.tell()
            before = len(names) - len(skipped)
            for origin, name, encoded, found in in_order(partial(_decoded, load), source.read()):
                bar.update()
                if isinstance(found, ValueError):
                    skipped.append(_skipped(origin, found, skip_bad=skip_bad))
                    names.append(None)
                    continue
                ending = suffix or (".jpg" if encoded.startswith(_JPEG_START) else ".png")
                _require_fitting(origin, *measure(*found), ending)
                names.append(free.take(name, ending))
            if len(names) - len(skipped) == before:
                raise InputError(f"{source.title} holds no readable image; expected at least one.")
    return Worklist(tuple(sources), tuple(names), tuple(skipped), free.changed)


def _decoded(load: Load, entry: Entry) -> tuple[str, str, bytes, tuple[int, int] | ValueError]:
    """The entry, and height and width of the upright picture, or why it is none."""
    try:
        return *entry, load(entry[2]).shape[:2]
    except ValueError as error:
        return *entry, error


def _skipped(origin: str, error: ValueError, *, skip_bad: bool) -> tuple[str, str]:
    if not skip_bad:
        raise InputError(
            f"{origin} is no image: {error}. Replace it, or leave such images out with "
            "--skip-bad-images."
        ) from error
    return origin, str(error)


def _require_fitting(origin: str, height: int, width: int, suffix: str) -> None:
    image_format = FORMATS[suffix.lower()]
    most = LONGEST_SIDES.get(image_format)
    if most and max(height, width) > most:
        raise InputError(
            f"{origin} would become a {image_format} of {width} x {height} pixels, which holds at "
            f"most {most:,} a side; take PNG, or reduce it with --longest."
        )
