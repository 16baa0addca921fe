"""Our recipe against the classic notebook's, for the same time on the same machine.

python benchmarks/quality.py --data ../data/gan-getting-started --inception GRAPH.pb --output DIR

Trains on all paintings and all photo shards but the last, one run after the other, translates the
last shard, and scores it. Writes DIR/quality.json and DIR/quality.png (the same eight photos under
every run; not for publication if the data may not be published) and prints a table.
"""

import argparse
import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from cyclegan_tf.data import image
from cyclegan_tf.data.sources import ResizedPictures, load_pictures
from cyclegan_tf.inference.loading import compile_generator, load_trained
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.metrics.features import cached_features
from cyclegan_tf.metrics.fid import feature_frechet_distance
from cyclegan_tf.metrics.inception import Inception

SIZE = 128  # pixels a side of everything that is trained on and scored
SHOWN = 8  # photos in the picture
# the classic notebook at this size, batch 1, as it trains
REFERENCE = ["--preset", "notebook", "--image-size", str(SIZE), "--batch-size", "1"]
OURS = ["--preset", "cpu"]


@dataclasses.dataclass(frozen=True)
class Entry:
    """One training of the comparison."""

    name: str
    flags: list[str]


def main() -> None:
    """The command line."""
    arguments = _arguments()
    output: Path = arguments.output
    train, held_out = _split(arguments.data, output)
    ours = [*OURS, *arguments.flags.split()]
    entries = [Entry(f"ours, seed {s}", [*ours, "--seed", str(s)]) for s in arguments.seeds]
    if arguments.reference:
        entries.insert(1, Entry("reference", REFERENCE))
    inception = Inception(arguments.inception)
    base = _baselines(held_out, inception)
    print(json.dumps(base), flush=True)
    rows, pictures = [], []
    for entry in entries:
        run = output / entry.name.replace(", seed ", "-")
        seconds = _train(entry, train, run, arguments.minutes)
        result = _evaluate(run, held_out, arguments.inception)
        rows.append({"name": entry.name, "flags": entry.flags, "seconds": seconds, **result})
        print(json.dumps(rows[-1]), flush=True)
        pictures.append(_pictures(run, held_out))
    (output / "quality.json").write_text(json.dumps({**base, "runs": rows}, indent=2) + "\n")
    photos = pictures[0][0]
    grid = image.grid([image.to_uint8(row) for row in (photos, *(p[1] for p in pictures))])
    image.save_png(output / "quality.png", grid)
    print(_table(base, rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="in Kaggle's TFRecord layout")
    parser.add_argument("--inception", type=Path, required=True, help="frozen Inception graph")
    parser.add_argument("--output", type=Path, required=True, help="a new folder")
    parser.add_argument("--minutes", type=float, default=40, help="of each training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="of our recipe")
    parser.add_argument("--flags", default="", help="changes of our recipe, to try them")
    parser.add_argument("--reference", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


def _split(data: Path, output: Path) -> tuple[Path, Path]:
    """Folders of links: what is trained on, and what is scored."""
    photos = sorted((data / "photo_tfrec").glob("*.tfrec"))
    paintings = sorted((data / "monet_tfrec").glob("*.tfrec"))
    if len(photos) < 2 or not paintings:
        raise SystemExit(f"error: {data} needs at least 2 photo shards and one of paintings.")
    # not Kaggle's names: no time goes into an images.zip
    for name, shards in (("train", photos[:-1]), ("held_out", photos[-1:])):
        for domain, files in (("trainA", shards), ("trainB", paintings)):
            folder = output / name / domain
            folder.mkdir(parents=True)
            for file in files:
                (folder / file.name).symlink_to(file.resolve())
    return output / "train", output / "held_out"


def _baselines(held_out: Path, inception: Inception) -> dict[str, float]:
    """The distance of untranslated photos, and that between two halves of the paintings."""
    photos, paintings = (
        cached_features(inception, ResizedPictures(load_pictures(held_out / name), SIZE))
        for name in ("trainA", "trainB")
    )
    half = len(paintings) // 2
    untranslated = feature_frechet_distance(photos, paintings)
    halves = feature_frechet_distance(paintings[:half], paintings[half:])
    return {"untranslated": untranslated, "halves": halves, "gap": untranslated - halves}


def _train(entry: Entry, data: Path, run: Path, minutes: float) -> float:
    """Trains in a process of its own; returns the seconds of wall-clock time."""
    began = time.monotonic()
    options = ["--data", str(data), "--run", str(run), "--budget-minutes", str(minutes)]
    command = [sys.executable, "-m", "cyclegan_tf.train", *entry.flags, *options]
    print(" ".join(command), flush=True)
    subprocess.run(command, check=True)
    return time.monotonic() - began


def _evaluate(run: Path, held_out: Path, graph: Path) -> dict[str, float]:
    options = ["--data", str(held_out), "--all", "--inception", str(graph), "--json"]
    command = [sys.executable, "-m", "cyclegan_tf.evaluate", "--run", str(run), *options]
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    keys = ("fid", "fid_low", "fid_high", "kid_mean", "kid_std", "memorization_distance")
    content = ("structural_similarity", "cycle_error", "change", "precision", "recall")
    steps = list(RunFolder(run).metrics())[-1]["step"]
    return {"steps": steps, **{key: result[key] for key in keys + content}}


def _pictures(run: Path, held_out: Path) -> tuple[np.ndarray, np.ndarray]:
    """Some held-out photos and what the run makes of them, in [-1, 1]."""
    config, model = load_trained(RunFolder(run))
    every = list(ResizedPictures(load_pictures(held_out / "trainA"), SIZE))
    photos = np.stack([every[i * len(every) // SHOWN] for i in range(SHOWN)])
    photos = image.to_float(photos)
    return photos, compile_generator(config, model)(photos)


def _table(base: dict[str, float], rows: list[dict]) -> str:
    keys = ("steps", "fid", "kid_mean", "structural_similarity", "cycle_error", "change")
    lines = [f"| run | {' | '.join(keys)} | share of the gap below untranslated |"]
    lines.append("| --- " * (len(keys) + 2) + "|")
    for row in rows:
        values = [f"{row[key]:.4g}" for key in keys]
        share = (base["untranslated"] - row["fid"]) / base["gap"]
        lines.append(f"| {row['name']} | {' | '.join(values)} | {share:.0%} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
