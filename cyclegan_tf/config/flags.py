"""The config as flags of a command line. Needs the standard library only, as `config` does."""

import argparse
import dataclasses
import types
import typing
from typing import Any, Literal

from cyclegan_tf.config.constraints import flag
from cyclegan_tf.config.fields import alternatives, describe_needs
from cyclegan_tf.config.train_config import TrainConfig


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds one flag per field of `TrainConfig`; one that is not given stays out of the result."""
    hints = typing.get_type_hints(TrainConfig)
    for field in dataclasses.fields(TrainConfig):
        hint = hints[field.name]
        needs = describe_needs(field.metadata["needs"])
        text = field.metadata["help"] + (f" [{needs}]" if needs else "")
        keywords: dict[str, Any] = {"help": text, "default": argparse.SUPPRESS}
        if hint is bool:
            keywords["action"] = argparse.BooleanOptionalAction
        elif typing.get_origin(hint) is Literal:
            keywords["choices"] = typing.get_args(hint)
        else:
            keywords["type"] = next(t for t in alternatives(hint) if t is not types.NoneType)
            keywords["metavar"] = keywords["type"].__name__.upper()
        parser.add_argument(flag(field.name), **keywords)


def flag_values(arguments: argparse.Namespace) -> dict[str, Any]:
    """The config fields that were given on the command line."""
    names = {field.name for field in dataclasses.fields(TrainConfig)}
    return {name: value for name, value in vars(arguments).items() if name in names}
