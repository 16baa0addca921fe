"""The synthetic data set as Kaggle-shaped TFRecords: photos, paintings, and the true paintings."""

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import ModuleType

from cyclegan_tf.data.image import encode_jpeg
from cyclegan_tf.data.synthetic.landscapes import landscape
from cyclegan_tf.data.synthetic.painting import painting
from cyclegan_tf.data.tfrecord import write_records
from cyclegan_tf.errors import Fault, InputError
from cyclegan_tf.io.files import atomic_folder, is_taken, user_path
from cyclegan_tf.io.machine import available_cores

SYNTHETIC_DATA = Path("data/synthetic")

# Paintings show other landscapes than the photos: the domains stay unpaired.
_PAINTINGS_FROM = 1_000_000
Images = Iterator[tuple[str, bytes]]

_MOST_PROCESSES = 61  # Windows waits for no more of them at once


def synthetic_data(
    folder: str | Path = SYNTHETIC_DATA, *, size: int = 256, count: int = 200, why: str
) -> Path:
    """The synthetic set, written if it is not there.

    Args:
        folder: where it is, or goes.
        size: pixels a side, where it has to be written.
        count: images of each domain, where it has to be written.
        why: what the line for the user begins with.

    Returns:
        The folder.

    Raises:
        InputError: if it cannot be written.
    """
    folder = user_path(folder)
    if folder.is_dir():
        print(f"{why}: using the synthetic set in {folder}")
        return folder

    print(f"{why}: writing the synthetic set to {folder} ...", flush=True)
    write_demo(folder, size=size, count=count)
    return folder


def is_synthetic(folder: str | Path) -> bool:
    """Whether a folder is the one that `synthetic_data` writes, however it is spelled."""
    # not Path.resolve: it raises where a link leads to itself
    return os.path.realpath(folder) == os.path.realpath(SYNTHETIC_DATA)


def write_demo(folder: str | Path, *, size: int = 256, count: int = 200, seed: int = 0) -> None:
    """Writes `photo_tfrec/`, `monet_tfrec/` and `truth_tfrec/`, the true paintings of the photos.

    Args:
        folder: made anew; complete or not there at all.
        size: pixels a side, 16 to 2,048.
        count: images of each domain, at most 100,000.
        seed: the same seed gives the same bytes.

    Raises:
        InputError: if the folder exists, cannot be written, or a number is out of range.
        DiskFull: if there is no room.
    """
    ranges = {
        "--size": (size, 16, 2048),
        "--count": (count, 1, 100_000),
        "--seed": (seed, 0, 2**31 - 1),
    }
    for name, (value, low, high) in ranges.items():
        if not low <= value <= high:
            raise InputError(f"{name} is {value}; expected a value from {low} to {high:,}.")
    folder = user_path(folder)
    if is_taken(folder):
        raise InputError(f"{folder} exists; expected a new folder. Remove it, or name another.")
    try:
        with atomic_folder(folder) as partial:
            _write_shards(partial, size, count, seed)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror}); choose another folder."
        ) from error


def _write_shards(folder: Path, size: int, count: int, seed: int) -> None:
    with _processes() as pool:
        places = [(seed, index, size) for index in range(count)]
        pairs = list(pool.map(_photo_and_truth, places, chunksize=8))
        places = [(seed, _PAINTINGS_FROM + index, size) for index in range(count)]
        paintings = list(pool.map(_painting, places, chunksize=8))
    photo_names = [f"landscape_{index:05d}" for index in range(count)]
    shards = {
        "photo": ("photo", photo_names, [photo for photo, _ in pairs]),
        "monet": ("monet", [f"painting_{index:05d}" for index in range(count)], paintings),
        "truth": ("monet", photo_names, [truth for _, truth in pairs]),
    }
    for kind, (target, names, encoded) in shards.items():
        (folder / f"{kind}_tfrec").mkdir()
        path = folder / f"{kind}_tfrec" / f"{kind}00-{count}.tfrec"
        write_records(path, target, zip(names, encoded, strict=True))


@contextlib.contextmanager
def _processes() -> Iterator[ProcessPoolExecutor]:
    """Processes that draw; they do not run the user's script a second time, as others would."""
    # spawn: a forked child of a process in which TensorFlow runs threads can hang
    context = multiprocessing.get_context("spawn")
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        with ProcessPoolExecutor(min(available_cores(), _MOST_PROCESSES), context) as pool:
            yield pool
    except BrokenProcessPool as error:
        raise Fault(
            "a process that drew pictures has ended; did memory run out? Nothing was written; try "
            "again."
        ) from error
    finally:
        sys.modules["__main__"] = script


def _photo_and_truth(place: tuple[int, int, int]) -> tuple[bytes, bytes]:
    seed, index, size = place
    photo = landscape(seed, index, size=size)
    return encode_jpeg(photo), encode_jpeg(painting(photo, seed, index))


def _painting(place: tuple[int, int, int]) -> bytes:
    seed, index, size = place
    return encode_jpeg(painting(landscape(seed, index, size=size), seed, index))
