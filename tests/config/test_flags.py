"""The flags of a run: their help, what was given of them, what `--presets` and `--show` print."""

import argparse
import dataclasses
import re
import subprocess
import sys

import pytest

from cyclegan_tf.config import flags
from cyclegan_tf.config.fields import flag
from cyclegan_tf.config.flags import (
    GROUPS,
    add_flags,
    describe_config,
    describe_presets,
    flag_values,
    grouped_fields,
)
from cyclegan_tf.config.presets import PRESETS, SUMMARIES, preset_config
from cyclegan_tf.config.train_config import TrainConfig

FIELDS = {field.name: field for field in dataclasses.fields(TrainConfig)}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add_flags(parser, parser.add_argument_group("start here"))
    return parser


def parse(*argv: str) -> dict:
    return flag_values(build_parser().parse_args(argv))


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """The help of each field, by its name."""
    return {action.dest: action.help for action in build_parser()._actions}


def test_every_field_is_a_flag_in_one_group():
    names = [name for names in grouped_fields().values() for name in names]
    assert sorted(names) == sorted(FIELDS)
    assert {flag(name) for name in names} <= {*build_parser()._option_string_actions}
    assert list(grouped_fields()) == list(GROUPS)


def test_field_that_no_group_names_comes_last(monkeypatch):
    monkeypatch.setitem(GROUPS, "hardware", ("precision",))
    last = grouped_fields()["reports"][-4:]
    assert last == ["jit", "strategy", "gradient_accumulation", "deterministic"]


def test_values_are_called_by_what_they_are():
    for name, action in ((a.dest, a) for a in build_parser()._actions if a.dest in FIELDS):
        takes_any = action.nargs != 0 and not action.choices
        assert not takes_any or action.metavar not in (None, "INT", "FLOAT", "STR"), name
        assert {*FIELDS[name].metadata} == {
            "help", "range", "changeable", "needs", "metavar", "unset",
        }, name  # fmt: skip


def test_flags_that_are_not_given_leave_the_preset_alone():
    assert parse("--batch-size", "3", "--deterministic") == {"batch_size": 3, "deterministic": True}
    config = preset_config("demo", **parse("--batch-size", "3"))
    assert config.batch_size == 3
    assert config.image_size == PRESETS["demo"]().image_size


def test_two_numbers_are_a_range():
    assert parse("--range", "-1024", "3071.5") == {"range": [-1024.0, 3071.5]}


def test_help_says_what_an_option_is_for(helps):
    assert helps["unet_depth"].endswith("; for --model cyclegan|cut --generator unet|painter)")
    assert helps["label_smoothing"].endswith("(default: 0; for --adversarial-loss bce|lsgan)")
    assert (
        "; for --latent-discriminator residual, or for --model cyclegan|cut)"
        in (helps["spectral_norm"])
    )
    assert helps["flip_left_right"].endswith("; without --expand)")


@pytest.mark.parametrize("name", FIELDS)
def test_defaults_are_those_of_every_preset_that_uses_them(name, helps):
    told = re.search(r"\(default: (.*?)(?:; for .*|; without .*)?\)$", helps[name])
    found = {preset().to_dict()[name] for preset in PRESETS.values()}
    if told is None:
        assert name in ("a", "b")  # without them --data is meant
    elif told[1] != "by preset" and len(found) > 1:
        # the presets that differ do not use it
        assert FIELDS[name].metadata["needs"]
    elif told[1] == "by preset":
        assert len(found) > 1
    else:
        (value,) = found
        shown = FIELDS[name].metadata["unset"] if value in (None, "") else flags._shown(value)
        assert told[1] == shown


def test_defaults_by_hand(helps):
    assert "(default: 0.999" not in helps["beta_2"]  # dcgan has 0.99
    assert helps["beta_1"].endswith("(default: 0.5)")
    assert helps["residual_blocks"].endswith(
        "(default: by preset; for --model cyclegan|cut --generator resnet|painter)"
    )
    assert helps["cycle_weight_end"].startswith("final value of the cycle weight")
    assert "(default: constant; " in helps["cycle_weight_end"]
    assert "(default: by preset" in helps["image_size"]


def test_presets_are_listed_with_hardware_and_time():
    assert list(SUMMARIES) == list(PRESETS)
    header, *rows = describe_presets().split("\n\n")[0].splitlines()
    assert header.split() == ["preset", "what", "for", "hardware", "time"]
    assert [row.split()[0] for row in rows] == list(PRESETS)
    assert rows[1].endswith("2 CPU cores  40 minutes")
    assert max(map(len, rows)) < 100
    minutes = PRESETS["kaggle"]().budget_minutes
    assert f"{minutes / 60:g} hours" in rows[2]


def test_shown_config_has_all_values_and_what_each_is_for(monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    text = describe_config(preset_config("cpu", batch_size=7), "preset cpu")
    lines = text.splitlines()
    assert lines[0] == "preset cpu"
    assert max(map(len, lines)) < 90
    assert "* --batch-size                  7           images of each domain in a" in text
    assert "  --beta-1                      0.5         beta 1 of Adam" in text
    assert "* --expand " not in text
    assert re.search(r"  --unet-depth +- +how many .*\(not set: as\s+often as", text, re.DOTALL)
    told, idle = text.split("Without effect on this configuration: ")
    assert "--global-skip" in told and "--head-filters" in idle and "--head-filters" not in told
    assert all(f"{flag(name)} " in told or flag(name) in idle for name in FIELDS)


def test_long_path_has_a_line_of_its_own():
    lines = describe_config(TrainConfig(data="/a/very/long/path/to/a/set"), "").splitlines()
    (place,) = [i for i, line in enumerate(lines) if line.startswith("* --data ")]
    assert lines[place].endswith(" /a/very/long/path/to/a/set")
    assert lines[place + 1].strip().startswith("the data set: a folder")


@pytest.mark.parametrize("command", ["train", "demo", "generate", "evaluate", "translate"])
def test_help_answers_without_loading_tensorflow(command):
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['{command}', '--help']\n"
        "try:\n"
        f"    runpy.run_module('cyclegan_tf.{command}', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0, end.code\n"
        "assert not {'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--help" in done.stdout
