"""The survey of a data set against the notebooks' way: all images in an array, `hist` on that.

python benchmarks/eda.py --data ../data/gan-getting-started --repeat-photos 5 --pairs 2

Both sides read 300 paintings and 7,038 photos (the shards that are there, repeated and cut), each
run in a process of its own, in turns. Prints seconds, CPU seconds and peak memory of every run (that
of its child processes added) and the ratios; and compares the counts: those of the reference's 50
bins must be sums of our 256. Its decoder takes the fast DCT, which gives other pixels; so the counts
are compared once more with the accurate one, not timed. Exit code 1 if these differ.
"""

import argparse
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

KINDS = ("monet", "photo")  # in the order of the counts
SIDES = ("survey", "reference")
SIZE = 256  # pixels a side
BINS = 50


def main() -> int:
    """The command line."""
    arguments = _arguments()
    if arguments.side:
        counts = {"survey": survey, "reference": reference, "accurate": reference_accurate}
        np.save(arguments.counts, counts[arguments.side](arguments.data))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        images = _make_set(arguments.data, folder, arguments.repeat_photos, arguments.photos)
        _require_memory(images)
        runs = []
        print("| pair | side | seconds | CPU seconds | peak MB |\n| --- | --- | --- | --- | --- |")
        for pair in range(1, arguments.pairs + 1):
            for side in SIDES:
                seconds, cpu, megabytes = _run(side, folder)
                runs.append({"side": side, "seconds": seconds, "CPU seconds": cpu, "MB": megabytes})
                row = f"{pair} | {side} | {seconds:.1f} | {cpu:.1f} | {megabytes:,.0f}"
                print(f"| {row} |", flush=True)
        _run("accurate", folder)
        counts = [np.load(folder / f"{side}.npy") for side in (*SIDES, "accurate")]
    _report(runs, images)
    return _compare(*counts)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="in Kaggle's TFRecord layout")
    parser.add_argument("--repeat-photos", type=int, default=1, help="read the shards so often")
    parser.add_argument("--photos", type=int, default=7038, help="at most; the rest is cut off")
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--side", choices=[*SIDES, "accurate"], help=argparse.SUPPRESS)
    parser.add_argument("--counts", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def survey(data: Path) -> np.ndarray:
    """Our way, with all its tables and the search for duplicates; `(6, 256)` counts."""
    from cyclegan_tf import eda, figures

    found = eda.survey(data, progress=False)
    for table in (found.totals, found.sizes, found.channels, found.claims, found.duplicates):
        table()
    figures.histograms(found).savefig(data / "survey.png")
    return np.concatenate([found.counts["B"], found.counts["A"]])


def reference(data: Path, dct_method: str = "") -> np.ndarray:
    """The notebooks' way, written anew; `(6, 50)` counts."""
    import tensorflow as tf
    from matplotlib.figure import Figure

    arrays = [_load_all(tf, data / f"{kind}_tfrec", dct_method) for kind in KINDS]
    for i in range(len(arrays)):
        arrays[i] = (arrays[i] + 1) / 2.0
    figure, counts = Figure(figsize=(15, 8)), []
    for row, array in zip(figure.subplots(len(KINDS), 3), arrays, strict=True):
        for channel, axes in enumerate(row):
            counts.append(axes.hist(array[..., channel].flatten(), bins=BINS)[0])
    figure.savefig(data / "reference.png")
    return np.array(counts)


def reference_accurate(data: Path) -> np.ndarray:
    """The same with the DCT that other decoders use."""
    return reference(data, "INTEGER_ACCURATE")


def _load_all(tf, folder: Path, dct_method: str) -> np.ndarray:
    """All images of a folder of TFRecords in one array, [-1, 1]."""

    def read(record):
        feature = tf.io.parse_single_example(
            record, {"image": tf.io.FixedLenFeature([], tf.string)}
        )
        image = tf.image.decode_jpeg(feature["image"], channels=3, dct_method=dct_method)
        return tf.cast(tf.image.resize(image, [SIZE, SIZE]), tf.float32) / 127.5 - 1.0

    files = sorted(str(path) for path in folder.glob("*.tfrec"))
    batches = (
        tf.data.TFRecordDataset(files, num_parallel_reads=tf.data.AUTOTUNE)
        .map(read, tf.data.AUTOTUNE)
        .shuffle(2048)
        .batch(4)
        .prefetch(tf.data.AUTOTUNE)
    )
    return np.stack([image.numpy() for batch in batches for image in batch])


def _make_set(data: Path, folder: Path, repeat: int, most: int) -> int:
    """Links to the shards, the photos' repeated and the last of them cut; how many images it has."""
    from cyclegan_tf.records import count_records

    total = 0
    for kind, times in zip(KINDS, (1, repeat), strict=True):
        (folder / f"{kind}_tfrec").mkdir()
        left = most if kind == "photo" else sys.maxsize
        shards = sorted((data / f"{kind}_tfrec").glob("*.tfrec")) * times
        for number, shard in enumerate(shards):
            count = min(left, count_records(shard))
            copy = folder / f"{kind}_tfrec" / f"{number:03d}.tfrec"
            if count == count_records(shard):
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
    """The reference side must not drive the machine out of memory: others may work on it."""
    needed = 2.2 * images * SIZE**2 * 3 * 4 + 3e9  # measured: an array and its list; its buffers
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = 1000 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    if free < needed:
        raise SystemExit(
            f"error: the reference takes about {needed / 1e9:.0f} GB for {images:,} images, "
            f"{free / 1e9:.0f} are free; take fewer with --photos."
        )


def _run(side: str, folder: Path) -> tuple[float, float]:
    """Runs a side in a process of its own; returns seconds and its peak memory in MB (10^6)."""
    command = [sys.executable, __file__, "--data", str(folder), "--side", side]
    command += ["--counts", str(folder / f"{side}.npy")]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    began = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)  # its usage alone, with that of its children
    if status:
        raise RuntimeError(f"{' '.join(command)} failed ({status})")
    return time.perf_counter() - began, usage.ru_maxrss * 1024 / 1e6


def _report(runs: list[dict[str, float]], images: int) -> None:
    ours, theirs = ([run for run in runs if run["side"] == side] for side in SIDES)
    print(f"{images:,} images; reference over survey, median of the pairs:")
    for key in ("seconds", "CPU seconds", "MB"):
        ratios = [b[key] / a[key] for a, b in zip(ours, theirs, strict=True)]
        print(f"- {key}: {statistics.median(ratios):.1f}")


def _compare(ours: np.ndarray, theirs: np.ndarray, accurate: np.ndarray) -> int:
    """Compares the counts; returns the exit code."""
    levels = _levels()
    binned = np.array([np.histogram(levels, BINS, weights=counts)[0] for counts in ours])
    exact = np.minimum(np.arange(256) * BINS // 255, BINS - 1)
    moved = [v for v in range(256) if np.histogram(levels[v], BINS, (0, 1))[0].argmax() != exact[v]]
    other = np.abs(binned - theirs).sum(axis=1) / 2 / theirs.sum(axis=1)
    same = np.array_equal(binned, accurate)
    print(f"levels that float32 puts into another bin than exact arithmetic: {moved}")
    print(
        f"pixels in another bin, by domain and channel, its own decoder: {other.round(4).tolist()}"
    )
    print(f"counts with the accurate decoder are the same: {same}")
    return int(not same)


def _levels() -> np.ndarray:
    """The 256 levels as the reference's arithmetic leaves them, in [0, 1] float32."""
    return (np.arange(256, dtype=np.float32) / np.float32(127.5) - 1 + 1) / np.float32(2)


if __name__ == "__main__":
    sys.exit(main())
