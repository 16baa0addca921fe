"""Pictures of files, decoded one at a time, as they are scored and shown."""

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from cyclegan_tf.data.dataset import ImageSet, largest_side
from cyclegan_tf.data.image import (
    center_square,
    load_stored,
    load_upright,
    resize,
    shrink,
    to_float,
    to_uint8,
)
from cyclegan_tf.data.pipeline import image_batches
from cyclegan_tf.data.reader import Entry, open_source
from cyclegan_tf.data.srgb import DEFAULT_LEVELS, Levels
from cyclegan_tf.data.tfrecord import parse_features
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.parallel import FAR_AHEAD, in_order

_MOST_PIXELS = 2**25  # of a picture that is scored as it is: the graph computes in float32


class PictureFiles:
    """Pictures of files, checked once and then decoded anew in every pass.

    Iterating yields `(h, w, 3)` uint8, RGB as it is stored (`image.stored_rgb`: they are scored),
    decoded by Pillow; only one is in memory.

    Attributes:
        title: what the set is called in errors and progress bars.
        names: one a picture, without folder and suffix.
        size: width and height in pixels, the same for all unless `mixed_sizes`.
        digest: SHA-256 of all encoded bytes in order and of how they are read; names play no part.

    Args:
        title: see above.
        entries: yields origin, name and encoded bytes of every picture, in each call the same.
        mixed_sizes: take pictures of different sizes.
        shrink_above: reduce pictures whose shorter side is longer than this to it, as training
            does; by default none, and those of more than 2**25 pixels are refused.
        levels: how the values of the files are to be understood.

    Raises:
        InputError: if there are no pictures, one is no readable image, or the sizes differ.
    """

    def __init__(
        self,
        title: str,
        entries: Callable[[], Iterable[Entry]],
        *,
        mixed_sizes: bool = False,
        shrink_above: int | None = None,
        levels: Levels = DEFAULT_LEVELS,
    ) -> None:
        self.title = title
        self._entries = entries
        self._decode = partial(_decode, shrink_above=shrink_above, levels=levels)
        names, digest = [], hashlib.sha256(b"as stored")  # once they were upright and in sRGB
        if levels != DEFAULT_LEVELS:
            digest.update(f"{tuple(levels)}".encode())
        self.size = (0, 0)
        # decoding all of them takes seconds; the graph, minutes: faults are found before it runs
        for name, encoded, size in _checked(entries(), self._decode):
            if names and size != self.size and not mixed_sizes:
                raise InputError(
                    f"{title} has pictures of different sizes: {names[0]} is {_show(self.size)}, "
                    f"{name} is {_show(size)} pixels; expected one size. Resize them, or score "
                    "each size on its own."
                )
            self.size = size
            names.append(name)
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        if not names:
            raise InputError(f"{title} holds no pictures; expected at least two. Check the path.")
        self.names = tuple(names)
        self.digest = digest.hexdigest()

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[np.ndarray]:
        for entry in self._entries():
            yield self._decode(entry)


class ResizedPictures:
    """Pictures of files as a run shows them: their centred squares, at another size.

    Iterating yields `(size, size, 3)` uint8.

    Attributes:
        title: as of the files.
        digest: of the files and the size.

    Args:
        files: the pictures.
        size: pixels a side.
    """

    def __init__(self, files: PictureFiles, size: int) -> None:
        self.title = files.title
        self.digest = f"{files.digest} {size}"
        self._files = files
        self._size = size

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[np.ndarray]:
        for picture in self._files:
            yield to_square(picture, self._size)


def to_square(picture: np.ndarray, size: int) -> np.ndarray:
    """The centred square of `(h, w, 3)` uint8 pixels, at another size: `(size, size, 3)` uint8."""
    picture = shrink(picture, ratio=largest_side(size) / min(picture.shape[:2]))
    square = resize(center_square(picture), size)
    return to_uint8(to_float(square))


def load_pictures(
    path: str | Path,
    *,
    mixed_sizes: bool = False,
    shrink_above: int | None = None,
    features: str = "",
    levels: Levels = DEFAULT_LEVELS,
) -> PictureFiles:
    """Opens the pictures of a folder, of TFRecords or of a zip; a line tells what is left out.

    Pictures come sorted by name, so that the same files give the same numbers; those of a TFRecord
    file come in their own order.

    Args:
        path: as of `reader.open_source`.
        mixed_sizes: take pictures of different sizes, for `ResizedPictures`.
        shrink_above: as in `PictureFiles`.
        features: what the features of TFRecords are called, as of `parse_features`.
        levels: as in `PictureFiles`.

    Raises:
        InputError: if there is no such thing, or what `PictureFiles` refuses.
    """
    source = open_source(path, features=parse_features(features))
    source.tell()
    options = {"mixed_sizes": mixed_sizes, "shrink_above": shrink_above, "levels": levels}
    return PictureFiles(str(path), source.read, **options)


def read_images(
    path: str | Path, *, size: int | None = None, skip_bad: bool = False, features: str = ""
) -> Iterator[tuple[str, np.ndarray]]:
    """Reads the pictures of a folder, of TFRecords or of a zip, one after the other.

    They come sorted by name; a line tells which files are left out because they are none.

    Args:
        path: as of `reader.open_source`, or one picture.
        size: give the centred square of each at this side, as training does; by default the whole
            picture at its own size.
        skip_bad: name and leave out pictures that cannot be read, instead of stopping.
        features: what the features of TFRecords are called, as of `parse_features`.

    Yields:
        The name, without folder and suffix, and the pixels: `(h, w, 3)` uint8, upright sRGB.

    Raises:
        InputError: if there is no such thing, or a picture cannot be read.

    Example:
        >>> import cyclegan_tf as cg
        >>> for name, image in cg.read_images("photos", size=64):
        ...     print(name, image.shape, image.dtype)
        1 (64, 64, 3) uint8
        2 (64, 64, 3) uint8
    """
    source = open_source(path, features=parse_features(features), single=True)
    source.tell()
    least = largest_side(size) if size else None

    def load(entry: Entry) -> tuple[str, np.ndarray | None]:
        origin, name, encoded = entry
        try:
            pixels = load_upright(encoded, shrink_above=least)
        except ValueError as error:
            if not skip_bad:
                raise InputError(
                    f"{origin} is no image: {error}. Replace it, or give skip_bad=True."
                ) from error
            print(f"warning: {origin} is no image: {error}; skipped", file=sys.stderr)
            return name, None
        return name, to_square(pixels, size) if size else pixels

    loaded = in_order(load, source.read())
    return ((name, pixels) for name, pixels in loaded if pixels is not None)


def _checked(
    entries: Iterable[Entry], decode: Callable[[Entry], np.ndarray]
) -> Iterator[tuple[str, bytes, tuple[int, int]]]:
    """Decodes every picture on all cores; yields its name, its bytes, and its width and height."""

    def check(entry: Entry) -> tuple[str, bytes, tuple[int, int]]:
        _, name, encoded = entry
        height, width, _ = decode(entry).shape
        return name, encoded, (width, height)

    return in_order(check, entries, ahead=FAR_AHEAD)


def _decode(entry: Entry, shrink_above: int | None, levels: Levels) -> np.ndarray:
    """`(h, w, 3)` uint8."""
    origin, _, encoded = entry
    most = None if shrink_above else _MOST_PIXELS
    try:
        return load_stored(encoded, shrink_above=shrink_above, most_pixels=most, levels=levels)
    except ValueError as error:
        raise InputError(f"{origin} is no image: {error}. Replace it, or remove it.") from error


def _show(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


class SquarePictures:
    """A set of images as they are shown whole: centred squares of one size, decoded one by one.

    Iterating yields `(size, size, 3)` uint8.

    Attributes:
        title: what progress bars call the set.
        digest: SHA-256 of all encoded bytes in order, and the size.
    """

    def __init__(self, title: str, domain: ImageSet, size: int) -> None:
        self.title = title
        self._domain = domain
        self._size = size
        digest = hashlib.sha256(str(size).encode())
        for encoded in domain.encoded:
            digest.update(hashlib.sha256(encoded).digest())
        self.digest = digest.hexdigest()

    def __len__(self) -> int:
        return len(self._domain)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (picture for batch in self.batches(8) for picture in to_uint8(batch))

    def batches(self, batch_size: int) -> Iterator[np.ndarray]:
        """The same as `(n, size, size, 3)` float32 in [-1, 1], the last batch smaller."""
        batches = image_batches(self._domain, image_size=self._size, batch_size=batch_size)
        return batches.as_numpy_iterator()


class Pictures(Protocol):
    """A set of pictures of one size, which come in the same order in every pass.

    Iterating yields `(h, w, 3)` uint8.

    Attributes:
        title: what the set is called in errors and progress bars.
        digest: hash of all that the pixels depend on.
    """

    title: str
    digest: str

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[np.ndarray]: ...
