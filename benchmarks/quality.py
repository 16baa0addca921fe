"""Judges translations of photos into paintings by more than one number, and by a sheet to look at.

python benchmarks/quality.py --data ../data/gan-getting-started --inception GRAPH.pb \
    --output DIR --judge-on held-out-100 --untranslated --other-paintings --run runs/one runs/two

Translates the last photo shard at 256 px and compares it with paintings that no training has seen:
FID, KID, precision and recall on two networks, the share that a judge of paint calls paintings,
halo, streaks and weave against those of real paintings. Writes DIR/quality.json, DIR/quality.md
and a contact sheet a run, DIR/NAME.png; photos on it are not for publication if the data are not.
Install benchmarks/requirements.txt first.

With --train NAME=FLAGS it trains first, one run after the other, on all photos but the last shard
and on the paintings that are not held out. With --split DIR it writes that training set and ends.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.judging import contact_sheet
from benchmarks.judging.efficientnet import EfficientNetLite0
from benchmarks.judging.pictures import (
    SIZE,
    PictureSet,
    held_out,
    photo_shards,
    read_pictures,
    seen_by,
    write_split,
)
from benchmarks.judging.scores import FLAWS, Judges, RealPictures
from cyclegan_tf.cli import command
from cyclegan_tf.data.sources import ResizedPictures, load_pictures
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.loading import load_generator
from cyclegan_tf.inference.translator import Translator
from cyclegan_tf.io import display
from cyclegan_tf.io.files import write_text
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.metrics.inception import Inception
from cyclegan_tf.metrics.inception_download import cache_folder

ROOT = Path(__file__).parents[1]
_FEWEST = 32  # paintings to judge with

Row = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """What is judged.

    Attributes:
        name: in the table, and of the files.
        path: a run, the name of weights that come with the package, or finished pictures.
        finished: whether it is finished pictures.
        flags: what it was trained with here.
    """

    name: str
    path: Path
    finished: bool = False
    flags: str = ""

    @property
    def run(self) -> RunFolder | None:
        """Its run folder, if it is one."""
        run = RunFolder(self.path)
        return run if run.config_file.exists() else None


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    arguments = _arguments(argv)
    if arguments.split:
        print(write_split(arguments.data, arguments.split))
        return 0
    output: Path = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    entries = _entries(arguments)
    seconds = {entry.name: _train(entry, arguments) for entry in entries if entry.flags}
    real = _real_pictures(arguments, entries)
    networks = Inception(arguments.inception), EfficientNetLite0()
    judges = Judges(real, *networks, arguments.cache)
    rows = _baselines(arguments, judges, real)
    for entry in entries:
        row = _judge(entry, judges, real, arguments)
        if entry.name in seconds:
            row |= {"flags": entry.flags, "training_seconds": seconds[entry.name]}
        rows.append(row)
        print(json.dumps(row), flush=True)
    result = {**_protocol(arguments, judges, real), "rows": rows}
    write_text(output / "quality.json", json.dumps(result, indent=2) + "\n")
    table = _table(result)
    write_text(output / "quality.md", table + "\n")
    print(table)
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    path, named = {"type": Path, "metavar": "PATH"}, {"nargs": "+", "default": []}
    parser.add_argument("--data", type=Path, required=True, help="in Kaggle's TFRecord layout")
    parser.add_argument("--inception", **path, help="frozen Inception graph")
    parser.add_argument("--output", **path, help="folder of what is written")
    parser.add_argument("--run", **named, metavar="[NAME=]DIR", help="runs to judge")
    parser.add_argument("--pictures", **named, metavar="NAME=PATH",
                        help="finished translations to judge: a folder or a zip")  # fmt: skip
    parser.add_argument("--train", action="append", default=[], metavar="NAME=FLAGS",
                        help="train a run and judge it; may be repeated")  # fmt: skip
    parser.add_argument("--untranslated", action="store_true", help="judge the photos themselves")
    parser.add_argument("--other-paintings", action="store_true",
                        help="judge paintings that are not judged with")  # fmt: skip
    parser.add_argument("--judge-on", choices=("unseen", "held-out-100", "all"), default="unseen",
                        help="the paintings: those that no run was trained on; a fixed third, "
                        "where a recipe is chosen; or all")  # fmt: skip
    parser.add_argument("--paintings", type=Path, nargs="+", default=[], metavar="PATH",
                        help="further paintings to judge with")  # fmt: skip
    parser.add_argument("--sheets", action=argparse.BooleanOptionalAction, default=True,
                        help="write a contact sheet a run")  # fmt: skip
    parser.add_argument("--large", action=argparse.BooleanOptionalAction, default=True,
                        help="translate three large photos, too")  # fmt: skip
    parser.add_argument("--cache", type=Path, default=cache_folder(), metavar="DIR",
                        help="keeps the features of real pictures")  # fmt: skip
    parser.add_argument("--split", **path, help="write the training set there, and end")
    arguments = parser.parse_args(argv)
    if not arguments.split and not (arguments.output and arguments.inception):
        parser.error("--output and --inception are required to judge")
    return arguments


def _entries(arguments: argparse.Namespace) -> list[Entry]:
    """What is to be judged; names must differ, since files are called by them."""
    entries = []
    for given in arguments.run:
        name, _, path = given.rpartition("=")
        entries.append(Entry(name or Path(path).name, Path(path)))
    for given in arguments.pictures:
        name, _, path = given.partition("=")
        entries.append(Entry(name, Path(path), finished=True))
    for given in arguments.train:
        name, _, flags = given.partition("=")
        entries.append(Entry(name, arguments.output / "runs" / name, flags=flags))
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names) or "" in names:
        raise InputError(f"expected NAME=PATH with different names. Received: {', '.join(names)}")
    return entries


def _train(entry: Entry, arguments: argparse.Namespace) -> float:
    """Trains in a process of its own; returns the seconds of wall-clock time."""
    data = write_split(arguments.data, arguments.output / "training-set")
    options = ["--data", str(data), "--run", str(entry.path)]
    command_line = [sys.executable, "-m", "cyclegan_tf.train", *entry.flags.split(), *options]
    print(" ".join(command_line), flush=True)
    began = time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command_line, check=True, env=environment)
    return time.monotonic() - began


def _real_pictures(arguments: argparse.Namespace, entries: Sequence[Entry]) -> RealPictures:
    """Reads photos and paintings, and finds the paintings to judge with."""
    other_shards, judged_shard = photo_shards(arguments.data)
    paths = [arguments.data / "monet_tfrec", *arguments.paintings]
    paintings = read_pictures(paths, "paintings")
    photos = read_pictures([judged_shard], "held-out photos")
    others = tuple(ResizedPictures(load_pictures(shard), SIZE) for shard in other_shards)
    seen_photos, seen_paintings = _seen(entries, arguments.judge_on)
    judging = range(len(paintings))
    if arguments.judge_on == "held-out-100":
        judging = held_out(paintings.hashes)
    elif arguments.judge_on == "unseen":
        judging = paintings.without(seen_paintings)
    known = len(judging) - len(set(judging) & set(paintings.without(seen_paintings)))
    if known:
        _warn(f"{known} of {len(judging)} paintings to judge with have been trained on.")
    if known := len(photos) - len(photos.without(seen_photos)):
        _warn(f"{known} of {len(photos)} photos to translate have been trained on.")
    if len(judging) < _FEWEST:
        raise InputError(
            f"the runs have been trained on all but {len(judging)} of {len(paintings)} paintings; "
            f"expected {_FEWEST} to judge with. Name others with --paintings, or take --judge-on "
            "all, which rewards what was learnt by heart."
        )
    return RealPictures(paintings, tuple(judging), photos, others)


def _seen(entries: Sequence[Entry], judge_on: str) -> tuple[set[str], set[str]]:
    """Hashes of all photos and paintings that runs were trained on."""
    photos, paintings = set(), set()
    for entry in entries:
        try:
            seen = seen_by(entry.run.config()) if entry.run else None
        except InputError:
            if judge_on == "unseen":  # then it decides what is judged with
                raise
            seen = None
        if seen is None:
            _warn(f"{entry.name}: what it was trained on is not known.")
            continue
        photos |= seen[0]
        paintings |= seen[1]
    return photos, paintings


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)


def _baselines(arguments: argparse.Namespace, judges: Judges, real: RealPictures) -> list[Row]:
    rows = []
    if arguments.untranslated:
        rows.append({"name": "untranslated", **judges.judge(real.photos, translated=True)})
    if arguments.other_paintings and real.others:
        others = real.paintings.take(real.others)
        rows.append({"name": "other paintings", **judges.judge(others, translated=False)})
    return rows


def _judge(entry: Entry, judges: Judges, real: RealPictures, arguments: argparse.Namespace) -> Row:
    """Translates, scores, and writes what there is to look at."""
    began = time.monotonic()
    translator = None if entry.finished else load_generator(entry.path)
    if translator:
        pictures = _translated(entry, translator, real.photos)
    else:
        pictures = _finished(entry, real.photos)
    translated = pictures.names == real.photos.names
    row = {"name": entry.name, "path": str(entry.path)}
    row |= judges.judge(pictures, translated=translated)
    if arguments.sheets and translated:
        judging = real.paintings.take(real.judging)
        path = arguments.output / f"{entry.name}.png"
        contact_sheet.write_sheet(path, real.photos, pictures, judging)
    if arguments.large and translator:
        contact_sheet.write_large(arguments.output, entry.name, translator.translate)
    if entry.run:
        row["steps"] = max((line["step"] for line in entry.run.metrics()), default=0)
    return row | {"judging_seconds": time.monotonic() - began}


def _translated(entry: Entry, translator: Translator, photos: PictureSet) -> PictureSet:
    """The photos as the run paints them, whole and at their size, as in a submission."""
    pixels = np.empty_like(photos.pixels)
    prepared = ((i, translator.prepare(photo)) for i, photo in enumerate(photos))
    with display.bar(len(photos), title=f"{entry.name}: translating") as bar:
        for i, _, painted in translator.translate_all(prepared):
            pixels[i] = painted
            bar.update()
    return PictureSet(entry.name, pixels, photos.names)


def _finished(entry: Entry, photos: PictureSet) -> PictureSet:
    """Finished pictures; those of the held-out photos, if all of them are there by name."""
    pictures = read_pictures([entry.path], entry.name)
    places = {name: i for i, name in enumerate(pictures.names)}
    if all(name in places for name in photos.names):
        return pictures.take([places[name] for name in photos.names])
    _warn(f"{entry.path} does not have the held-out photos by name: no sheet, no similarity.")
    return pictures


def _protocol(arguments: argparse.Namespace, judges: Judges, real: RealPictures) -> Row:
    """How the figures came about."""
    return {
        "judge_on": arguments.judge_on,
        "judging_paintings": len(real.judging),
        "other_paintings": len(real.others),
        "photos": len(real.photos),
        "paint_judge": {
            "photos_right": judges.paint.photos_right,
            "paintings_right": judges.paint.paintings_right,
        },
        "flaws_of_paintings": judges.flaws,
    }


def _table(result: Row) -> str:
    """All rows as Markdown."""
    networks = {"inception": "FID-768", "lite0": "Lite0"}
    keys = ("above_floor", "kid_mean", "relative_precision", "relative_recall")
    heads = ("above floor", "KID x 1000", "rel. precision", "rel. recall")
    titles = [f"{name} {head}" for name in networks.values() for head in heads]
    titles += ["painted", *FLAWS, "similarity"]
    lines = [f"| | {' | '.join(titles)} |", "| --- " * (len(titles) + 1) + "|"]
    for row in result["rows"]:
        values = [row[n][key] * (1000 if "kid" in key else 1) for n in networks for key in keys]
        values += [row.get(key) for key in ("painted_share", *FLAWS, "structural_similarity")]
        cells = ["" if value is None else f"{value:.3f}" for value in values]
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    judge = result["paint_judge"]
    lines.append(
        f"\n{result['photos']} photos against {result['judging_paintings']} paintings "
        f"({result['judge_on']}); {result['other_paintings']} other paintings. The judge of paint "
        f"is right about {judge['photos_right']:.1%} of photos and {judge['paintings_right']:.1%} "
        "of paintings that it was not fitted on. Halo, streaks and weave are ratios to those of "
        "the paintings."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
