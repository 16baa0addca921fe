"""Data sets: which layout a folder has, reading it into memory, splitting it by name."""

import hashlib
import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from cyclegan_tf.data.image import center_square, decode, picture_size, upright_rgb
from cyclegan_tf.data.tfrecord import count_records, read_records, record_files
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.inputs import is_hidden, read_file
from cyclegan_tf.io.machine import available_cores

if TYPE_CHECKING:  # surveys read data without it
    import tensorflow as tf

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")

# A and B of each layout, in the order in which they are looked for, and whether Kaggle made it.
_LAYOUTS = (
    ("photo_tfrec", "monet_tfrec", True),
    ("photo_jpg", "monet_jpg", True),
    ("trainA", "trainB", False),
)
_TEST_FOLDERS = {"trainA": "testA", "trainB": "testB"}
_SHARP_ENOUGH = 512  # pixels a side that are never reduced: twice what a submission shows
_NAMED = 10  # images left out that are told one by one
TRUTH_FOLDER = "truth_tfrec"  # written by the demo: the true paintings of its photos


@dataclass(frozen=True)
class ImageSet:
    """Encoded images in memory.

    Attributes:
        names: one name an image, without folder and suffix.
        encoded: JPEG or PNG bytes that `images.decode` reads as upright RGB.
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

        with ThreadPoolExecutor(available_cores()) as pool:
            return tf.constant(list(pool.map(square, self.encoded)))

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
            f"A: {len(self.train_a)} images ({len(self.validation_a)} more held out), "
            f"B: {len(self.train_b)} images ({len(self.validation_b)} more held out)"
        )
        return text + (f"; {tell_skipped(self.skipped)}" if self.skipped else "")

    def all_a(self) -> ImageSet:
        """Every image of A: what a submission translates."""
        return self.train_a + self.validation_a

    def held_out_pairs(self) -> tuple[ImageSet, ImageSet]:
        """Held-out images of A whose true translation is known, and those translations."""
        place = {name: i for i, name in enumerate(self.truth.names)}
        known = [i for i, name in enumerate(self.validation_a.names) if name in place]
        inputs = self.validation_a.take(known)
        return inputs, self.truth.take([place[name] for name in inputs.names])


def load_data_set(
    *,
    data: str,
    a: str,
    b: str,
    validation_fraction: float,
    skip_bad: bool,
    image_size: int,
    only_b: bool = False,
) -> DataSet:
    """Reads a data set folder (`data`), or two folders (`a` and `b`), into memory.

    Args:
        data: folder in one of the known layouts, or empty.
        a: folder of images or TFRecords of domain A, or empty.
        b: the same of domain B.
        validation_fraction: share of each domain held out where there are no test folders.
        skip_bad: leave out and name what is no image.
        image_size: training size; images more than four times as large are reduced once.
        only_b: leave domain A empty, for models that need none.

    Raises:
        InputError: if a folder is missing, empty or of no known layout, or a file is unreadable.
    """
    folder_a, folder_b, kaggle_shaped = (
        find_layout(Path(data)) if data else (Path(a), Path(b), False)
    )
    if not only_b and folder_a.is_dir() and folder_b.is_dir() and folder_a.samefile(folder_b):
        print(f"warning: {folder_a} and {folder_b} are one folder: A is B.", file=sys.stderr)
    reader = _Reader(skip_bad=skip_bad, shrink_above=largest_side(image_size))

    def read(folder: Path) -> tuple[ImageSet, ImageSet]:
        images = reader.read(folder)
        if data and (test := held_out_folder(folder)):
            return images, reader.read(test)
        return images.split(validation_fraction)

    train_a, validation_a = (ImageSet(), ImageSet()) if only_b else read(folder_a)
    train_b, validation_b = read(folder_b)
    truth_folder = Path(data) / TRUTH_FOLDER
    truth = reader.read(truth_folder) if data and truth_folder.is_dir() else ImageSet()
    skipped = tuple(reader.skipped)
    return DataSet(train_a, train_b, validation_a, validation_b, truth, kaggle_shaped, skipped)


def tell_skipped(origins: Sequence[str]) -> str:
    """How many images were left out, and where the first ones are."""
    named = ", ".join(origins[:_NAMED])
    more = f" and {len(origins) - _NAMED:,} more" if len(origins) > _NAMED else ""
    return f"{len(origins):,} unreadable images skipped ({named}{more})"


def largest_side(image_size: int) -> int:
    """Shorter side in pixels above which images are reduced once, when they are read."""
    return max(4 * image_size, _SHARP_ENOUGH)


def find_layout(folder: Path) -> tuple[Path, Path, bool]:
    """Tells a data set's layout by what is there.

    Returns:
        The folder of domain A, the folder of domain B, whether it is Kaggle's data set.

    Raises:
        InputError: if the folder is missing or its layout is unknown.
    """
    _require_folder(folder)
    for name_a, name_b, kaggle_shaped in _LAYOUTS:
        if (folder / name_a).is_dir() and (folder / name_b).is_dir():
            return folder / name_a, folder / name_b, kaggle_shaped
    known = ", ".join(f"{name_a}/ and {name_b}/" for name_a, name_b, _ in _LAYOUTS)
    found = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
    raise InputError(
        f"{folder} has no known layout (found: {found}); expected {known}. "
        "For two folders of your own use --a DIR --b DIR."
    )


def held_out_folder(folder: Path) -> Path | None:
    """The folder of test images beside one of training images, where the layout has it."""
    test = _TEST_FOLDERS.get(folder.name)
    return folder.parent / test if test and (folder.parent / test).is_dir() else None


def is_picture(path: PurePath) -> bool:
    """Whether a file is taken for an image: by its suffix, and if it is not hidden.

    Args:
        path: as of `is_hidden`.
    """
    return path.suffix.lower() in IMAGE_SUFFIXES and not is_hidden(path)


def count_encoded(folder: Path) -> int:
    """How many images `read_encoded` would yield, unread; raises `InputError`, too."""
    _require_folder(folder)
    shards = record_files(folder)
    return sum(map(count_records, shards)) if shards else len(_image_files(folder))


def read_encoded(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yields `(origin, name, bytes)` of every image file or record in a folder, unchecked.

    What is hidden (`is_hidden`) is passed over.

    Raises:
        InputError: if the folder is missing or holds neither images nor TFRecords.
    """
    _require_folder(folder)
    shards = record_files(folder)
    for shard in shards:
        for number, (name, encoded) in enumerate(read_records(shard)):
            yield f"{shard}: record {number} ({name})", name, encoded
    if shards:
        return
    files = _image_files(folder)
    if not files:
        raise InputError(
            f"{folder} holds no images; expected *.tfrec files or images "
            f"({', '.join(IMAGE_SUFFIXES)}). Check the path."
        )
    yield from map(read_image, files)


def read_image(path: Path) -> tuple[str, str, bytes]:
    """Origin, name and bytes of one image file, unchecked.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        return str(path), path.stem, read_file(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check it.") from error


class _Reader:
    """Reads image sets on all cores, and notes what it had to leave out."""

    def __init__(self, *, skip_bad: bool, shrink_above: int) -> None:
        self.skip_bad = skip_bad
        self.shrink_above = shrink_above
        self.skipped: list[str] = []

    def read(self, folder: Path) -> ImageSet:
        names, images = [], []
        entries = read_encoded(folder)
        with ThreadPoolExecutor(available_cores()) as pool:
            # a pool takes all it is given at once: large files must not pile up unreduced
            while chunk := list(itertools.islice(entries, 256)):
                checked = pool.map(self._check, chunk)
                for (origin, name, _), encoded in zip(chunk, checked, strict=True):
                    if encoded is None:
                        self.skipped.append(origin)
                    else:
                        names.append(name)
                        images.append(encoded)
        if not names:
            raise InputError(f"{folder} holds no readable image; expected at least one.")
        return ImageSet(tuple(names), tuple(images))

    def _check(self, entry: tuple[str, str, bytes]) -> bytes | None:
        origin, _, data = entry
        try:
            return upright_rgb(data, shrink_above=self.shrink_above)
        except ValueError as error:
            if self.skip_bad:
                return None
            raise InputError(
                f"{origin} is no image: {error}. Replace it, or leave such images out with "
                "--skip-bad-images."
            ) from error


def _image_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if is_picture(path.relative_to(folder)))
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}); check it.") from error


def _require_folder(folder: Path) -> None:
    if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
        raise InputError(f"{folder} cannot be read (no permission); change its permissions.")
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {what}; expected a folder of images. Check the path.")


def _name_hash(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    # a file's name may be no UTF-8
    data = name.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big") / 2**64
