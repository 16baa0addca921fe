"""The survey of a data set against the tutorial's way: all images in an array, `hist` on that.

python benchmarks/eda.py --data DATA --repeat-photos 5 --pairs 2

Both sides read 300 paintings and 7,038 photos (the shards that are there, repeated and cut), each
as a whole process with its imports; the memory is that of all its processes. Then the counts are
compared: the reference's 50 bins must hold sums of our 256. Its decoder takes the fast DCT, which
gives other pixels; so the same arithmetic is done once more, untimed and batch by batch, with
the accurate one. Exit code 1 if these counts differ.
"""

import argparse
import json
import os
import resource
import struct
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import pairs

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
        counts = [np.load(folder / f"{side}.npy") for side in pairs.SIDES]
        accurate = _accurate_counts(folder)
    print(pairs.HEAD)
    print(found.row(f"survey of {images:,} images"))
    return _compare(*counts, accurate)


def _side(arguments: argparse.Namespace) -> dict[str, float]:
    """Runs a side in this process, keeps its counts, and tells its memory."""
    count = _survey if arguments.side == "ours" else _tutorial
    np.save(arguments.data / f"{arguments.side}.npy", count(arguments.data))
    own, largest_child = (
        resource.getrusage(who).ru_maxrss / 1e6
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    # an upper bound: a child's peak is at least what its parent had when it began
    children = (os.cpu_count() or 1) * largest_child if arguments.side == "ours" else 0.0
    return {"gigabytes": own + children}


def _survey(data: Path) -> np.ndarray:
    """Our way, with all its tables and the search for duplicates; `(6, 256)` counts."""
    from cyclegan_tf import eda, figures

    found = eda.survey(data)
    for table in (found.totals, found.sizes, found.channels, found.claims, found.duplicates):
        table()
    figures.histograms(found).savefig(data / "ours.png")
    return np.concatenate([found.counts["B"], found.counts["A"]])


def _tutorial(data: Path) -> np.ndarray:
    """The tutorial's way; `(6, 50)` counts."""
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
    return np.array(counts)


def _accurate_counts(data: Path) -> np.ndarray:
    """The same counts of the pixels that other decoders find, without the arrays."""
    counts = np.zeros((len(KINDS), 3, BINS))
    ends = np.float32(0), np.float32(1)  # as hist finds them: of float64 they would move a level
    for kind, sums in zip(KINDS, counts, strict=True):
        for batch in _batches(data / f"{kind}_tfrec", "INTEGER_ACCURATE"):
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
    from cyclegan_tf.records import count_records

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


def _compare(ours: np.ndarray, theirs: np.ndarray, accurate: np.ndarray) -> int:
    """Compares the counts; returns the exit code."""
    # the 256 levels as the reference's arithmetic leaves them, in [0, 1]
    levels = (np.arange(256, dtype=np.float32) / np.float32(127.5) - 1 + 1) / np.float32(2)
    binned = np.array([np.histogram(levels, BINS, weights=counts)[0] for counts in ours])
    exact = np.minimum(np.arange(256) * BINS // 255, BINS - 1)
    bins = [np.histogram(levels, BINS, weights=level)[0].argmax() for level in np.eye(256)]
    moved = np.flatnonzero(bins != exact).tolist()
    other = np.abs(binned - theirs).sum(axis=1) / 2 / theirs.sum(axis=1)
    same = np.array_equal(binned, accurate)
    print(f"levels that float32 puts into another bin than exact arithmetic: {moved}")
    shares = ", ".join(f"{100 * share:.2f}" for share in other)
    print(f"% of pixels in another bin with the reference's decoder: {shares} (red, green, blue of")
    print(f"paintings and photos); with the accurate decoder all counts are the same: {same}")
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
