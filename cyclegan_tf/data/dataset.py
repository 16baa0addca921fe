"""Data sets: which layout a folder has, reading it into memory, splitting it by name."""

import contextlib
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cyclegan_tf.data.image import (
    center_square,
    clipped,
    decode,
    holds_deep,
    load_upright,
    picture_size,
    upright_rgb,
)
from cyclegan_tf.data.layouts import Layout
from cyclegan_tf.data.reader import Entry, Source
from cyclegan_tf.errors import InputError
from cyclegan_tf.io import display
from cyclegan_tf.io.parallel import FAR_AHEAD, in_order

if TYPE_CHECKING:  # the processes of a survey do without it
    import tensorflow as tf


_SHARP_ENOUGH = 512  # pixels a side that are never reduced: twice what a submission shows
_NAMED = 10  # images left out that are told one by one
_LOOKED_AT = 16  # images of a set whose levels are looked at
_DARK = 32  # levels: less than this is nearly black
_CLIPPED = 0.05  # share of the values beyond the range: less is noise
_PATIENCE = 3.0  # seconds without a progress bar: most sets are read by then


@dataclass(frozen=True)
class ImageSet:
    """Encoded images in memory.

    Attributes:
        names: one name an image, without folder and suffix.
        encoded: JPEG or PNG bytes that `image.decode` reads as RGB.
    """

    names: tuple[str, ...] = ()
    encoded: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def __add__(self, other: "ImageSet") -> "ImageSet":
        return ImageSet(self.names + other.names, self.encoded + other.encoded)

    @cached_property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Width and height of each image."""
        return tuple(picture_size(encoded) for encoded in self.encoded)

    @cached_property
    def pixels(self) -> "tf.Tensor":
        """The centred square of each image, `(n,)` strings of uint8; kept as long as the set."""
        import tensorflow as tf

        def square(encoded: bytes) -> bytes:
            return center_square(decode(tf.constant(encoded))).numpy().tobytes()

        return tf.constant(list(in_order(square, self.encoded, ahead=FAR_AHEAD)))

    @property
    def pixel_bytes(self) -> int:
        """What `pixels` takes."""
        return sum(3 * min(size) ** 2 for size in self.sizes)

    def take(self, indices: Sequence[int]) -> "ImageSet":
        """The images at the given places, in that order."""
        return ImageSet(
            tuple(self.names[i] for i in indices), tuple(self.encoded[i] for i in indices)
        )

    def spread(self, count: int) -> "ImageSet":
        """At most `count` images at even distances over the set."""
        count = min(count, len(self))
        return self.take([i * len(self) // count for i in range(count)])

    def split(self, fraction: float) -> tuple["ImageSet", "ImageSet"]:
        """Splits into training and held-out images by a hash of the names.

        Adding files later moves no image from one side to the other.
        """
        held_out = [i for i, name in enumerate(self.names) if _name_hash(name) < fraction]
        kept = sorted(set(range(len(self))) - set(held_out))
        return self.take(kept), self.take(held_out)


@dataclass(frozen=True)
class DataSet:
    """Two image domains, split into training and validation.

    Attributes:
        train_a, train_b: what is trained on.
        validation_a, validation_b: held out, possibly empty.
        truth: the true translations of some images of A, by name; empty but for the demo's set.
        kaggle_shaped: whether a submission can be made of it.
        skipped: where the unreadable images are that were left out.
    """

    train_a: ImageSet
    train_b: ImageSet
    validation_a: ImageSet
    validation_b: ImageSet
    truth: ImageSet
    kaggle_shaped: bool
    skipped: tuple[str, ...]

    def summary(self) -> str:
        """One line for the user: counts of both domains."""
        text = (
            f"A: {len(self.train_a):,} images ({len(self.validation_a):,} more held out), "
            f"B: {len(self.train_b):,} images ({len(self.validation_b):,} more held out)"
        )
        return text + (f"; {tell_skipped(self.skipped)}" if self.skipped else "")

    def all_a(self) -> ImageSet:
        """Every image of A: what a submission translates."""
        return self.train_a + self.validation_a

    def looks_grey(self) -> bool:
        """Whether no colour is seen in a sample of either domain."""
        samples = (domain.spread(_LOOKED_AT).encoded for domain in (self.train_a, self.train_b))
        pictures = (load_upright(encoded) for sample in samples for encoded in sample)
        return all((picture == picture[..., :1]).all() for picture in pictures)

    def held_out_pairs(self) -> tuple[ImageSet, ImageSet]:
        """Held-out images of A whose true translation is known, and those translations."""
        place = {name: i for i, name in enumerate(self.truth.names)}
        known = [i for i, name in enumerate(self.validation_a.names) if name in place]
        inputs = self.validation_a.take(known)
        return inputs, self.truth.take([place[name] for name in inputs.names])


def load_data_set(
    layout: Layout,
    *,
    validation_fraction: float,
    skip_bad: bool,
    convert: Callable[[bytes], bytes] = upright_rgb,
    span: tuple[float, float] | None = None,
    only_b: bool = False,
) -> DataSet:
    """Reads a data set into memory.

    Args:
        layout: where its pictures are.
        validation_fraction: share of each domain held out where there are no test pictures.
        skip_bad: leave out and name what is no image.
        convert: makes of an image's file what is kept of it.
        span: the values that become black and white by it, where the user has said so.
        only_b: leave domain A empty, for models that need none.

    Raises:
        InputError: if a file is unreadable, or there is none that can be read.
    """
    reader = _Reader(convert, span, skip_bad=skip_bad)

    def read(training: Source, test: Source | None) -> tuple[ImageSet, ImageSet]:
        images = reader.read(training)
        return (images, reader.read(test)) if test else images.split(validation_fraction)

    train_a, validation_a = (ImageSet(), ImageSet()) if only_b else read(layout.a, layout.test_a)
    train_b, validation_b = read(layout.b, layout.test_b)
    truth = reader.read(layout.truth) if layout.truth else ImageSet()
    skipped = tuple(reader.skipped)
    return DataSet(
        train_a, train_b, validation_a, validation_b, truth, layout.kaggle_shaped, skipped
    )


def tell_skipped(origins: Sequence[str]) -> str:
    """How many images were left out, and where the first ones are."""
    named = ", ".join(origins[:_NAMED])
    more = f" and {len(origins) - _NAMED:,} more" if len(origins) > _NAMED else ""
    return f"{len(origins):,} unreadable images skipped ({named}{more})"


def largest_side(image_size: int) -> int:
    """Shorter side in pixels above which images are reduced once, when they are read."""
    return max(2 * image_size, _SHARP_ENOUGH)


class _Reader:
    """Reads image sets on all cores, and notes what it had to leave out."""

    def __init__(
        self,
        convert: Callable[[bytes], bytes],
        span: tuple[float, float] | None,
        *,
        skip_bad: bool,
    ) -> None:
        self.convert = convert
        self.span = span
        self.skip_bad = skip_bad
        self.skipped: list[str] = []

    def read(self, source: Source) -> ImageSet:
        source.tell()
        names, images, count = [], [], len(source)
        files: list[bytes] = []  # some deep ones, as they are
        entries = _keeping(source.read(), -(-(count or 1) // _LOOKED_AT), files)
        with display.bar(count, title=source.name, stays=False, delay=_PATIENCE) as bar:
            for origin, name, encoded in in_order(self._check, entries, ahead=FAR_AHEAD):
                bar.update()
                if encoded is None:
                    self.skipped.append(origin)
                else:
                    names.append(name)
                    images.append(encoded)
        if not names:
            raise InputError(f"{source.title} holds no readable image; expected at least one.")
        found = ImageSet(tuple(names), tuple(images))
        _tell_levels(source, found)
        _tell_clipped(source, files, self.span)
        return found

    def _check(self, entry: tuple[str, str, bytes]) -> tuple[str, str, bytes | None]:
        origin, name, data = entry
        try:
            return origin, name, self.convert(data)
        except ValueError as error:
            if self.skip_bad:
                return origin, name, None
            raise InputError(
                f"{origin} is no image: {error}. Replace it, or leave such images out with "
                "--skip-bad-images."
            ) from error


def _tell_levels(source: Source, images: ImageSet) -> None:
    """Warns of pictures in which nothing is to be seen: their values were taken for others."""
    shown = [load_upright(encoded) for encoded in images.spread(_LOOKED_AT).encoded]
    darkest, brightest = np.median([np.percentile(p, (0.1, 99.9)) for p in shown], axis=0)
    if brightest < _DARK or darkest > 255 - _DARK:
        end = "black" if brightest < _DARK else "white"
        print(
            f"warning: {source.title} comes out nearly {end}: its levels are {darkest:.0f} to "
            f"{brightest:.0f} of 255. If its files have more than 8 bits a channel, say which "
            "values are black and white, such as --range 0 4095.",
            file=sys.stderr,
        )


def _keeping(entries: Iterable[Entry], step: int, kept: list[bytes]) -> Iterator[Entry]:
    """Passes entries on, and keeps the bytes of every `step`th that has more than 8 bits."""
    for number, entry in enumerate(entries):
        if number % step == 0 and holds_deep(entry[2]):
            kept.append(entry[2])
        yield entry


def _tell_clipped(source: Source, files: list[bytes], span: tuple[float, float] | None) -> None:
    """Tells of a range that leaves out much of what is there."""
    found = []
    for data in files:
        with contextlib.suppress(ValueError):  # it was skipped
            found.append(clipped(data, span))
    if not found:
        return
    belows, aboves, lowest, highest = zip(*found, strict=True)
    below, above = np.mean(belows), np.mean(aboves)
    if below + above >= _CLIPPED:
        given = "--range {:g} {:g}".format(*span) if span else "the usual range"
        print(
            f"note: {source.title} comes out clipped: {below:.0%} of its values lie below {given} "
            f"and become black, {above:.0%} lie above it and become white. They go from "
            f"{min(lowest):g} to {max(highest):g}: give a --range that holds them, unless that is "
            "meant.",
            file=sys.stderr,
        )


def _name_hash(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    # a file's name may be no UTF-8
    data = name.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big") / 2**64


def name_hashes(data: DataSet) -> dict[str, str]:
    """Number and hash of the names of each domain's images, which fix the order of the data."""
    domains = {"A": (data.train_a, data.validation_a), "B": (data.train_b, data.validation_b)}
    return {key: _described(*sets) for key, sets in domains.items()}


def _described(train: ImageSet, validation: ImageSet) -> str:
    names = "\n".join((*train.names, "", *validation.names))
    digest = hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{len(train) + len(validation)} images, names {digest[:12]}"
