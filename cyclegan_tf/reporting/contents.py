"""What a report says, taken from the files of a run; what an older run lacks is left out."""

import contextlib
import dataclasses
import json
import math
import os
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cyclegan_tf.config.fields import flag
from cyclegan_tf.config.presets import PRESETS, preset_config
from cyclegan_tf.errors import InputError, shell_words
from cyclegan_tf.io.files import read_file
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.reporting.curves import charts

FACTS = "facts.json"  # in the run's `report` folder
_MOST_FACTS = 2**24  # bytes
_KINDS = {
    "cyclegan": "A CycleGAN, which translates A into B and back",
    "cut": "A CUT, which translates A into B",
    "dcgan": "A DCGAN, which invents pictures like those of B",
}
# Of `evaluation.json`: the key, what it means, and what is good.
_SCORES = (
    ("kid_mean", "KID", "0: as real paintings"),
    ("mifid", "MiFID", "the competition's; 0: as real paintings"),
    ("memorization_distance", "memorization distance", "0: copies of training pictures"),
    ("precision", "precision", "share that looks like real paintings"),
    ("recall", "recall", "share of the real paintings' variety"),
    ("structural_similarity", "structural similarity to the photo", "1: the photo itself"),
    ("cycle_error", "cycle error", "0: the way back finds the photo"),
    ("change", "mean change of the photo", "0: nothing was done"),
    ("sample_diversity", "sample diversity", "1: as different as real pictures"),
)


class Setting(NamedTuple):
    """A setting of the run: its flag, its value, what it is without the flag, and its help."""

    flag: str
    value: str
    default: str
    help: str


class Score(NamedTuple):
    """A number, between which others would lie just as well, and what it says."""

    name: str
    value: str
    interval: str
    meaning: str


def read_facts(run: RunFolder) -> dict[str, Any]:
    """What a training noted for the report, as `keep_for_report` got it; empty without any."""
    found = _json(run.report_folder / FACTS)
    kinds = {"names": dict, "machine": dict, "warnings": list, "seconds": int | float}
    return {key: value for key, value in found.items() if isinstance(value, kinds.get(key, str))}


def contents(run: RunFolder) -> dict[str, Any]:
    """All of the report but its pictures.

    Args:
        run: its folder.

    Raises:
        InputError: if the folder holds no run.
    """
    config, facts, rows = run.config(), read_facts(run), list(run.metrics())
    evaluation = _json(run.path / "evaluation.json")
    return {
        "name": Path(os.path.realpath(run.path)).name,
        "kind": _KINDS[config.model],
        "model": config.model,
        "summary": dict(_summary(run, config, facts, rows)),
        "scores": list(_scores(evaluation)),
        "layer": evaluation.get("layer", ""),
        "notes": texts(evaluation.get("notes")),
        "training_scores": _training_scores(rows),
        "charts": charts(rows),
        "shown": facts.get("shown", ""),
        "warnings": texts(facts.get("warnings")),
        "settings": _settings(config),
        "commands": _commands(run, config),
        "versions": {"seed": config.seed} | _json(run.config_file).get("versions", {}),
    }


def _json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where there is none that can be read."""
    try:
        found = json.loads(read_file(path, most=_MOST_FACTS))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def texts(found: Any) -> list[str]:
    """The lines of a list; none where it is no list."""
    return [str(text) for text in found] if isinstance(found, list) else []


def _summary(
    run: RunFolder, config: Any, facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    """What, when, how long, and on what machine."""
    done = rows[-1]["epoch"] if rows else 0
    steps = f", {int(rows[-1]['step']):,} steps" if rows and "step" in rows[-1] else ""
    state = "finished" if run.finished else "not finished, or still under way"
    yield "state", f"{done:,} epochs of at most {config.epochs:,}{steps}; {state}"
    if facts.get("data"):
        yield "pictures", facts["data"]
    yield "side", f"{config.image_size} px, shown at {config.whole_size} px"
    if (count := _submitted(run)) is not None:
        yield "translations", f"{count:,} in {run.submission.name}"
    yield "started", facts.get("started") or f"before {_date(run.config_file)}"
    if facts.get("seconds"):
        yield "took", f"{duration(facts['seconds'])} in all"
    if stepping := sum(float(row.get("seconds", 0)) for row in rows):
        yield "training steps alone", duration(stepping)
    for key, value in facts.get("machine", {}).items():
        yield str(key), str(value)


def _submitted(run: RunFolder) -> int | None:
    """How many pictures `images.zip` holds."""
    try:
        with zipfile.ZipFile(run.submission) as archive:
            return len(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return None


def _date(path: Path) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(path.stat().st_mtime))


def duration(seconds: float) -> str:
    """Hours and minutes, or minutes and seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02} min" if hours else f"{minutes} min {seconds:02} s"


def _scores(evaluation: Mapping[str, Any]) -> Iterator[Score]:
    """The scores of `evaluate`, the Frechet distance beside what else would score."""
    if not _number(evaluation, "fid"):
        return
    interval = f"{_number(evaluation, 'fid_low')} to {_number(evaluation, 'fid_high')}"
    yield Score("FID", _number(evaluation, "fid"), interval, "0: as real paintings")
    untranslated, floor = (_number(evaluation, key) for key in ("untranslated_fid", "fid_floor"))
    if untranslated:
        yield Score("FID, untranslated", untranslated, "", "what doing nothing would score")
    if floor:
        yield Score("FID, perfect pictures", floor, "", "what as many of these would score")
    for key, name, meaning in _SCORES:
        if value := _number(evaluation, key):
            yield Score(name, value, "", meaning)


def _number(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    number = isinstance(value, int | float) and math.isfinite(value)
    return f"{value:.4g}" if number else ""


def _training_scores(rows: Sequence[Mapping[str, Any]]) -> str:
    """One sentence on the scores that came while it trained."""
    scored = [(row["fid"], row["epoch"]) for row in rows if _number(row, "fid")]
    if not scored:
        return ""
    (last, at), (best, best_at) = scored[-1], min(scored)
    return (
        f"While it trained, the Frechet distance of fixed pictures was {best:.4g} at best, after "
        f"epoch {best_at}, and {last:.4g} at last, after epoch {at}."
    )


def _settings(config: Any) -> tuple[list[Setting], list[Setting]]:
    """Those that differ from the defaults, and the others."""
    changed, others = [], []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        setting = Setting(
            flag(field.name), _shown(value), _shown(field.default), field.metadata["help"]
        )
        (others if value == field.default else changed).append(setting)
    return changed, others


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


def _commands(run: RunFolder, config: Any) -> dict[str, str]:
    """What to type to repeat the run, to go on with it, and to use it."""
    path = str(run.path)
    commands = {}
    if flags := _repeating(config):
        commands["repeat it"] = ["train", "--run", f"{path}-again", *flags]
    commands["go on"] = ["train", "--run", path, "--resume"]
    if config.model == "dcgan":
        commands["invent pictures"] = ["generate", "--run", path, "--output", "images.zip"]
    else:
        translate = ["translate", "--run", path, "photo.jpg", "--output", "painting.png"]
        commands["translate a picture"] = translate
    commands["score it"] = ["evaluate", "--run", path]
    commands["make this page anew"] = ["report", "--run", path]
    return {
        what: shell_words("python", "-m", f"cyclegan_tf.{command}", *rest)
        for what, (command, *rest) in commands.items()
    }


def _repeating(config: Any) -> list[str]:
    """The flags that give a config: the nearest preset, and what differs; none if none do."""
    found = []
    for preset in PRESETS:
        values = dataclasses.asdict(preset_config(preset))
        changes = {n: v for n, v in dataclasses.asdict(config).items() if v != values[n]}
        with contextlib.suppress(InputError):  # they do not fit this preset
            if None not in changes.values() and preset_config(preset, **changes) == config:
                found.append(["--preset", preset, *_flags(changes)])
    return min(found, key=len, default=[])


def _flags(changes: Mapping[str, Any]) -> Iterator[str]:
    for name, value in changes.items():
        if isinstance(value, bool):
            yield flag(name if value else f"no_{name}")
        elif isinstance(value, tuple):
            yield from (flag(name), *map(str, value))
        elif str(value).startswith("-"):
            yield f"{flag(name)}={value}"
        else:
            yield from (flag(name), str(value))
