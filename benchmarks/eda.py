"""The survey of a data set against the tutorial's way: all images in an array, `hist` on that.

python benchmarks/eda.py --data DATA --repeat-photos 5 --pairs 2

Both sides read 300 paintings and 7,038 photos (the shards that are there, repeated and cut), each
as a whole process with its imports; the memory is that of all its processes. Then the counts are
compared: the reference's 50 bins must hold sums of our 256. Its decoder gives other pixels: it
takes the fast DCT and passes over colour profiles. So its arithmetic is done again batch by batch,
once to see that it gives what `hist` gave, and once with the accurate DCT on images without
profiles, to compare with ours. Exit code 1 if counts differ.
"""

import argparse
import json
import resource
import struct
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import pairs
from cyclegan_tf.io.machine import available_cores

if TYPE_CHECKING:
    import tensorflow as tf

KINDS = ("monet", "photo")  # in the order of the counts
SIZE, BINS = 256, 50


def main() -> int:
    """The command line."""
    parser = pairs.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="in Kaggle's TFRecord layout")
    parser.add_argument("--repeat-photos", type=int, default=1, help="read their shards so often")
    parser.add_argument("--photos", type=int, default=7038, help="at most; the rest is cut off")
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(_side(arguments)))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        images = _make_set(arguments.data, folder, arguments.repeat_photos, arguments.photos)
        _require_memory(images)
        both = ["--data", scratch]
        found = pairs.compare(__file__, both, both, arguments.pairs)
        print(pairs.HEAD)
        print(found.row(f"survey of {images:,} images"))
        return _compare(arguments.data, folder)


def _side(arguments: argparse.Namespace) -> dict[str, float]:
    """Runs a side in this process and tells its memory."""
    (_survey if arguments.side == "ours" else _tutorial)(arguments.data)
    own, largest_child = (
        resource.getrusage(who).ru_maxrss / 1e6
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    # an upper bound: a child's peak is at least what its parent had when it began
    children = available_cores() * largest_child if arguments.side == "ours" else 0.0
    return {"gigabytes": own + children}


def _survey(data: Path) -> None:
    """Our way, with all its tables and the search for duplicates."""
    from cyclegan_tf.eda import collect, figures

    found = collect.survey(data)
    for table in (found.totals, found.sizes, found.channels, found.claims, found.duplicates):
        table()
    figures.histograms(found).savefig(data / "ours.png")


def _tutorial(data: Path) -> None:
    """The tutorial's way; keeps its counts."""
    from matplotlib.figure import Figure

    arrays = []
    for kind in KINDS:
        batches = _batches(data / f"{kind}_tfrec")
        arrays.append(np.stack([image.numpy() for batch in batches for image in batch]))
    for i in range(len(arrays)):
        arrays[i] = (arrays[i] + 1) / 2.0
    figure, counts = Figure(figsize=(15, 8)), []
    for row, array in zip(figure.subplots(len(KINDS), 3), arrays, strict=True):
        for channel, axes in enumerate(row):
            counts.append(axes.hist(array[..., channel].flatten(), bins=BINS)[0])
    figure.savefig(data / "reference.png")
    np.save(data / "reference.npy", counts)


def _counts(data: Path, dct_method: str = "") -> np.ndarray:
    """The counts of the tutorial, `(6, 50)`, without its arrays."""
    counts = np.zeros((len(KINDS), 3, BINS))
    ends = np.float32(0), np.float32(1)  # as hist finds them: of float64 they would move a level
    for kind, sums in zip(KINDS, counts, strict=True):
        for batch in _batches(data / f"{kind}_tfrec", dct_method):
            pixels = (batch.numpy() + 1) / 2.0
            for channel in range(3):
                sums[channel] += np.histogram(pixels[..., channel], BINS, ends)[0]
    return counts.reshape(-1, BINS)


def _batches(folder: Path, dct_method: str = "") -> "tf.data.Dataset":
    """The images of a folder of TFRecords, shuffled, four at a time, in [-1, 1]."""
    import tensorflow as tf

    features = {"image": tf.io.FixedLenFeature([], tf.string)}

    def read(record: tf.Tensor) -> tf.Tensor:
        encoded = tf.io.parse_single_example(record, features)["image"]
        image = tf.image.decode_jpeg(encoded, channels=3, dct_method=dct_method)
        return tf.cast(tf.image.resize(image, [SIZE, SIZE]), tf.float32) / 127.5 - 1.0

    files = sorted(str(path) for path in folder.glob("*.tfrec"))
    return (
        tf.data.TFRecordDataset(files, num_parallel_reads=tf.data.AUTOTUNE)
        .map(read, tf.data.AUTOTUNE)
        .shuffle(2048)
        .batch(4)
        .prefetch(tf.data.AUTOTUNE)
    )


def _make_set(data: Path, folder: Path, repeat: int, most: int) -> int:
    """Links to the shards, the photos' repeated, the last one cut; returns how many images."""
    from cyclegan_tf.data.tfrecord import count_records

    total = 0
    for kind, times in zip(KINDS, (1, repeat), strict=True):
        (folder / f"{kind}_tfrec").mkdir()
        left = most if kind == "photo" else sys.maxsize
        for number, shard in enumerate(sorted((data / f"{kind}_tfrec").glob("*.tfrec")) * times):
            here = count_records(shard)
            count, copy = min(left, here), folder / f"{kind}_tfrec" / f"{number:03d}.tfrec"
            if count == here:
                copy.symlink_to(shard.resolve())
            elif count:
                copy.write_bytes(_first_records(shard.read_bytes(), count))
            left, total = left - count, total + count
    return total


def _first_records(data: bytes, count: int) -> bytes:
    end = 0
    for _ in range(count):
        end += 16 + struct.unpack_from("<Q", data, end)[0]
    return data[:end]


def _require_memory(images: int) -> None:
    """The reference must not drive the machine out of memory: others may work on it."""
    needed = 3.9 * images * SIZE**2 * 3 * 4 + 1.5e9  # measured; most of it arrays and their copies
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    if free < needed:
        raise SystemExit(
            f"error: the reference takes about {needed / 1e9:.0f} GB for {images:,} images, "
            f"{free / 1e9:.0f} are free; take fewer with --photos."
        )


def _compare(data: Path, timed: Path) -> int:
    """Compares the counts; returns the exit code."""
    from cyclegan_tf.eda import collect

    plain = timed / "plain"
    _write_without_profiles(data, plain)
    found = collect.survey(plain)
    # the 256 levels as the reference's arithmetic leaves them, in [0, 1]
    levels = (np.arange(256, dtype=np.float32) / np.float32(127.5) - 1 + 1) / np.float32(2)
    both = np.concatenate([found.counts["B"], found.counts["A"]])
    ours = np.array([np.histogram(levels, BINS, weights=counts)[0] for counts in both])
    fast = _counts(plain)
    moved = 100 * np.abs(ours - fast).sum(axis=1) / 2 / fast.sum(axis=1)
    arithmetic = np.array_equal(np.load(timed / "reference.npy"), _counts(timed))
    same = np.array_equal(ours, _counts(plain, "INTEGER_ACCURATE"))
    print(f"batch by batch the reference's arithmetic gives what hist gave: {arithmetic}")
    print(f"its counts, with the accurate decoder and without profiles, are ours: {same}")
    shares = ", ".join(f"{share:.2f}" for share in moved)
    print(f"% of pixels that the fast DCT puts into another bin, paintings and photos: {shares}")
    return int(not (arithmetic and same))


def _write_without_profiles(data: Path, folder: Path) -> None:
    from cyclegan_tf.data.reader import open_source
    from cyclegan_tf.data.tfrecord import write_records

    for kind in KINDS:
        entries = open_source(data / f"{kind}_tfrec").read()
        pictures = ((name, _without_profile(encoded)) for _, name, encoded in entries)
        write_records(folder / f"{kind}_tfrec" / "all.tfrec", kind, pictures)


def _without_profile(jpeg: bytes) -> bytes:
    """The same JPEG without the segments that hold its colour profile."""
    kept, place = jpeg[:2], 2
    while jpeg[place + 1] != 0xDA:  # from there on come the pixels
        end = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
        if not jpeg[place + 4 : end].startswith(b"ICC_PROFILE"):
            kept += jpeg[place:end]
        place = end
    return kept + jpeg[place:]


if __name__ == "__main__":
    sys.exit(main())
