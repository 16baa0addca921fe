"""Writes a synthetic data set in Kaggle's layout: landscapes, other landscapes painted, the truth.

python -m cyclegan_tf.demo --output data/synthetic --size 256
"""

import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from cyclegan_tf.cli import Parser, command
from cyclegan_tf.data.image import encode_jpeg
from cyclegan_tf.data.synthetic.landscapes import landscape
from cyclegan_tf.data.synthetic.painting import painting
from cyclegan_tf.data.tfrecord import write_records
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.files import making
from cyclegan_tf.io.machine import available_cores

# Paintings show other landscapes than the photos: the domains stay unpaired.
_PAINTINGS_FROM = 1_000_000
_MOST_PROCESSES = 61  # Windows waits for no more of them at once

Images = Iterator[tuple[str, bytes]]


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("demo", "Writes the synthetic two-domain data set in Kaggle's layout.")
    parser.add_argument("--output", type=Path, default=Path("data/synthetic"), metavar="DIR")
    parser.add_argument("--size", type=int, default=256, help="pixels a side (default: 256)")
    parser.add_argument("--count", type=int, default=200, help="images of each domain")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same bytes")
    arguments = parser.parse_args(argv)
    write_demo(arguments.output, size=arguments.size, count=arguments.count, seed=arguments.seed)
    print(f"{arguments.output}: {arguments.count} photos and {arguments.count} paintings")
    return 0


def write_demo(folder: Path, *, size: int = 256, count: int = 200, seed: int = 0) -> None:
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
    if folder.exists() or folder.is_symlink():  # one that leads nowhere does not exist
        raise InputError(f"{folder} exists; expected a new folder. Remove it, or name another.")
    try:
        with making(folder) as partial:
            _write_shards(partial, size, count, seed)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror}); choose another folder."
        ) from error


def _write_shards(folder: Path, size: int, count: int, seed: int) -> None:
    # spawn: a forked child of a process in which TensorFlow runs threads can hang
    context = multiprocessing.get_context("spawn")
    processes = min(available_cores(), _MOST_PROCESSES)
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
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


def _photo_and_truth(place: tuple[int, int, int]) -> tuple[bytes, bytes]:
    seed, index, size = place
    photo = landscape(seed, index, size=size)
    return encode_jpeg(photo), encode_jpeg(painting(photo, seed, index))


def _painting(place: tuple[int, int, int]) -> bytes:
    seed, index, size = place
    return encode_jpeg(painting(landscape(seed, index, size=size), seed, index))


if __name__ == "__main__":
    sys.exit(main())
