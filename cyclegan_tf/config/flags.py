"""The settings of a run on the command line: flags in groups, their help, what `--show` prints."""

import argparse
import dataclasses
import shutil
import textwrap
import types
import typing
from typing import Any, Literal

from cyclegan_tf.config.fields import PAIR, alternatives, describe_needs, flag, has_effect
from cyclegan_tf.config.presets import PRESETS, SUMMARIES
from cyclegan_tf.config.train_config import TrainConfig

# What `--help` shows together, in its order; fields that are named nowhere come last.
GROUPS = {
    "start here": (
        "data", "a", "b", "model", "image_size", "batch_size", "epochs", "budget_minutes",
    ),
    "data": (
        "validation_fraction", "swap", "channels", "range", "features", "skip_bad_images",
        "picture_size", "cache",
    ),
    "augmentation": (
        "flip_left_right", "flip_up_down", "crop_probability", "crop_enlarge", "noise_std",
        "expand", "diff_augment",
    ),
    "generator": (
        "generator", "base_filters", "unet_depth", "head_filters", "residual_blocks", "dropout",
        "norm", "norm_groups", "upsampling", "global_skip", "skip_blur", "ema_decay",
        "latent_generator", "latent_size",
    ),
    "discriminator": (
        "discriminator", "discriminator_filters", "discriminator_layers", "discriminator_noise",
        "discriminator_dropout", "spectral_norm", "pool_size", "latent_discriminator",
    ),
    "objective": (
        "adversarial_loss", "label_smoothing", "cycle_weight", "cycle_weight_end",
        "identity_weight", "identity_weight_end", "colour_weight", "content_weight",
        "two_objective_weight", "r1_weight", "gradient_penalty",
    ),
    "optimization": (
        "steps_per_epoch", "learning_rate", "discriminator_learning_rate", "discriminator_steps",
        "schedule", "decay_from", "beta_1", "beta_2", "clip_norm", "seed",
    ),
    "hardware": ("precision", "jit", "strategy", "gradient_accumulation", "deterministic"),
    "reports": (
        "sample_every", "sample_count", "evaluate_every", "inception", "submit",
        "checkpoint_minutes", "profile",
    ),
}  # fmt: skip
_FIELDS = {field.name: field for field in dataclasses.fields(TrainConfig)}
_WIDEST = 100  # columns that are read with ease
_NAMES, _VALUES = 32, 12  # columns of `--show`


def add_flags(parser: argparse.ArgumentParser, start: argparse._ArgumentGroup) -> None:
    """Adds a flag for each field of `TrainConfig`; one that is not given stays out of the result.

    Args:
        parser: gets a group for each of `GROUPS` but the first.
        start: the group that gets the flags of the first.
    """
    hints = typing.get_type_hints(TrainConfig)
    presets = [preset().to_dict() for preset in PRESETS.values()]
    for title, names in grouped_fields().items():
        group = start if title == next(iter(GROUPS)) else parser.add_argument_group(title)
        for name in names:
            options = _value_options(hints[name], _FIELDS[name].metadata["metavar"])
            options |= {"help": _help(name, presets), "default": argparse.SUPPRESS}
            group.add_argument(flag(name), **options)


def flag_values(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of `TrainConfig` that were given on the command line."""
    return {name: value for name, value in vars(arguments).items() if name in _FIELDS}


def grouped_fields() -> dict[str, list[str]]:
    """The names of all fields, by the title of their group."""
    groups = {title: list(names) for title, names in GROUPS.items()}
    named = {name for names in GROUPS.values() for name in names}
    groups[list(GROUPS)[-1]] += [name for name in _FIELDS if name not in named]
    return groups


def describe_presets() -> str:
    """A table of all presets: what each is for, on which hardware, and how long it takes."""
    rows = [("preset", "what for", "hardware", "time")]
    rows += [(name, *summary) for name, summary in SUMMARIES.items()]
    widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
    table = ["".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join(
        [
            *table,
            "",
            "Without --preset, the synthetic set is trained with demo, --model dcgan with dcgan, "
            "and\neverything else with kaggle if there is a GPU or a TPU, and with cpu if not.",
            "All values of a preset: python -m cyclegan_tf.train --preset NAME --show",
        ]
    )


def describe_config(config: TrainConfig, title: str) -> str:
    """All values of a config, in groups, with what each is for; as wide as the terminal."""
    values, fields = config.to_dict(), _FIELDS.values()
    idle = [f.name for f in fields if not has_effect(f.metadata["needs"], values)]
    lines = [title, "A * marks values that differ from the general defaults."]
    for group, names in grouped_fields().items():
        used = [name for name in names if name not in idle]
        lines += ["", group, *(_row(name, values[name]) for name in used)]
    if idle:
        told = f"Without effect on this configuration: {', '.join(map(flag, idle))}"
        lines += ["", textwrap.fill(told, _width(), break_on_hyphens=False)]
    return "\n".join(lines)


def _row(name: str, value: Any) -> str:
    field = _FIELDS[name]
    mark = "*" if value != field.default else " "
    text = field.metadata["help"]
    if value in (None, "") and field.metadata["unset"]:
        text += f" (not set: {field.metadata['unset']})"
    start = f"{mark} {flag(name):{_NAMES - 2}}{_shown(value) or '-':{_VALUES}}"
    indent = " " * (_NAMES + _VALUES)
    whole = len(start) <= len(indent)  # a long path has a line of its own
    first = start if whole else indent
    filled = textwrap.fill(text, _width(), initial_indent=first, subsequent_indent=indent)
    return filled if whole else f"{start}\n{filled}"


def _width() -> int:
    return max(_NAMES + 2 * _VALUES, min(_WIDEST, shutil.get_terminal_size().columns) - 1)


def _value_options(hint: Any, metavar: str | None) -> dict[str, Any]:
    """What argparse has to know of the values of a field."""
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction}
    if typing.get_origin(hint) is Literal:
        return {"choices": typing.get_args(hint)}
    kind = next(kind for kind in alternatives(hint) if kind is not types.NoneType)
    if kind == PAIR:
        return {"type": float, "nargs": 2, "metavar": ("LOW", "HIGH")}
    return {"type": kind, "metavar": metavar or kind.__name__.upper()}


def _help(name: str, presets: list[dict[str, Any]]) -> str:
    """What a flag is for, its default, and what it has no effect without."""
    field = _FIELDS[name]
    needs, default = describe_needs(field.metadata["needs"]), _default(field, presets)
    notes = [*([f"default: {default}"] if default else []), *([needs] if needs else [])]
    return field.metadata["help"] + (f" ({'; '.join(notes)})" if notes else "")


def _default(field: dataclasses.Field, presets: list[dict[str, Any]]) -> str:
    """The value that a field has without its flag, whichever preset is chosen; empty: none."""
    used = [values for values in presets if has_effect(field.metadata["needs"], values)]
    found = {values[field.name] for values in used} or {field.default}
    if len(found) > 1:
        return "by preset"
    return _shown(*found) or field.metadata["unset"]


def _shown(value: Any) -> str:
    """A value as it is typed; empty, if there is none."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return " ".join(map(_shown, value))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
