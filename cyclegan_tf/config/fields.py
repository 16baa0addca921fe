"""Fields of a configuration record: what they are declared with, and checks of their values."""

import dataclasses
import math
import os
import types
import typing
from collections.abc import Collection
from typing import Any, Literal

from cyclegan_tf.errors import InputError, suggestion

# Values that other fields must have: one, one of several, or True for "anything but off".
Needs = dict[str, Any]
PAIR = tuple[float, float]  # a type of fields: two numbers, a list in JSON
_TYPE_NAMES = {
    types.NoneType: "null",
    str: "text",
    bool: "true or false",
    PAIR: "two numbers",
}


def option(
    default: Any,
    text: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    changeable: bool = False,
    needs: Needs | tuple[Needs, ...] = (),
    **shown: str,
) -> Any:
    """A config field.

    Args:
        default: its default.
        text: what `--help` prints.
        low: smallest value.
        high: largest value.
        changeable: whether a resumed run may take another value: it changes neither networks nor
            data nor what was computed so far.
        needs: what it has no effect without; several are alternatives, the first is told.
        **shown: how `--help` shows it: `metavar`, what its value is called; `unset`, what happens
            where the value is None or empty.
    """
    needs = (needs,) if isinstance(needs, dict) else needs
    metadata = {"help": text, "range": (low, high), "changeable": changeable, "needs": needs}
    metadata |= {"metavar": None, "unset": ""} | shown
    return dataclasses.field(default=default, metadata=metadata)


def check_fields(record: type, values: dict[str, Any]) -> dict[str, Any]:
    """Checks the type and the range of each field given, not how they go together.

    Args:
        record: a dataclass whose fields are `option`s.
        values: of some of its fields.

    Returns:
        The values, integers made floats and paths made text where those are expected.

    Raises:
        InputError: naming the flag, what came and what is expected.
    """
    hints = typing.get_type_hints(record)
    checked = {name: _checked(name, value, hints[name]) for name, value in values.items()}
    ranges = {field.name: field.metadata["range"] for field in dataclasses.fields(record)}
    for name, value in checked.items():
        low, high = ranges[name]
        if isinstance(value, int | float) and not low <= value <= high:
            raise InputError(f"{flag(name)} is {value}; expected {_range_text(low, high)}.")
    return checked


def check_needs(config: Any) -> None:
    """Refuses what would be ignored: a value that is no default, of a field that others switch off.

    Args:
        config: an instance of a dataclass whose fields are `option`s.

    Raises:
        InputError: naming the flag, what switches it off and what it needs.
    """
    values = dataclasses.asdict(config)
    for name, (needed, wanted) in _ignored(type(config), values).items():
        here, remedy = _told(needed, wanted, values[needed])
        value = values[name]
        given = _setting(name, value) if isinstance(value, bool) else f"{flag(name)} {value}"
        raise InputError(f"{given} has no effect {here}; {remedy}, or leave it out.")


def without_ignored(
    record: type, values: dict[str, Any], *, keep: Collection[str] = ()
) -> dict[str, Any]:
    """The same values, with the defaults of those fields that others switch off.

    Args:
        record: a dataclass whose fields are `option`s.
        values: of all its fields.
        keep: fields that stay as they are.
    """
    fields = record.__dataclass_fields__
    # one that is reset may have been what another one needs
    while reset := {n: fields[n].default for n in _ignored(record, values) if n not in keep}:
        values = values | reset
    return values


def describe_needs(needs: tuple[Needs, ...]) -> str:
    """What an option is for, in flags, as `--help` shows it; empty where it is for all."""
    return ", or ".join(_conditions(all_of) for all_of in needs)


def has_effect(needs: tuple[Needs, ...], values: dict[str, Any]) -> bool:
    """Whether a field does something among these values of all fields."""
    return _unmet(needs, values) is None


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The types that a field may have."""
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _checked(name: str, value: Any, hint: Any) -> Any:
    """The value, an int made a float where one is expected; raises `InputError` otherwise."""
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if not isinstance(value, str) or value not in choices:
            raise InputError(f"{flag(name)} is {value!r}; {suggestion(value, choices)}")
        return value
    if str in alternatives(hint) and isinstance(value, os.PathLike):
        return str(value)
    if PAIR in alternatives(hint) and isinstance(value, list | tuple) and len(value) == 2:
        return tuple(_checked(name, number, float) for number in value)
    for kind in alternatives(hint):
        if type(value) is kind and not (kind is float and not math.isfinite(value)):
            return value
        if kind is float and type(value) is int and abs(value) < 2**1000:
            return float(value)
    expected = " or ".join(_TYPE_NAMES.get(kind, kind.__name__) for kind in alternatives(hint))
    raise InputError(f"{flag(name)} is {value!r}; expected {expected}.")


def _ignored(record: type, values: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Fields with a value of their own that others switch off, and the first need of each."""
    others = [f for f in dataclasses.fields(record) if values[f.name] != f.default]
    unmet = {field.name: _unmet(field.metadata["needs"], values) for field in others}
    return {name: needed for name, needed in unmet.items() if needed}


def _unmet(needs: tuple[Needs, ...], values: dict[str, Any]) -> tuple[str, Any] | None:
    """The first need that is not met and what is wanted; None if those of one alternative are."""
    unmet = [[n for n in all_of.items() if not _meets(values[n[0]], n[1])] for all_of in needs]
    return unmet[0][0] if unmet and all(unmet) else None


def _meets(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, bool):
        return bool(value) is wanted
    return value in wanted if isinstance(wanted, tuple) else value == wanted


def _told(name: str, wanted: Any, value: Any) -> tuple[str, str]:
    """How things are, and what to do about it."""
    if wanted is True:
        return f"without {flag(name)}", f"give {flag(name)}, too"
    if wanted is False:
        return f"with {flag(name)}", f"take {_setting(name, wanted)}"
    choices = " or ".join(wanted) if isinstance(wanted, tuple) else wanted
    return f"with {flag(name)} {value}", f"take {flag(name)} {choices}"


def _setting(name: str, wanted: Any) -> str:
    """`--name wanted`, as it would be typed."""
    if isinstance(wanted, bool):
        return flag(name) if wanted else flag(f"no_{name}")
    return f"{flag(name)} {'|'.join(wanted) if isinstance(wanted, tuple) else wanted}"


def _conditions(needs: Needs) -> str:
    """`for --x X --y Y`, or `without --z`."""
    off = [flag(name) for name, wanted in needs.items() if wanted is False]
    on = [_setting(name, wanted) for name, wanted in needs.items() if wanted is not False]
    parts = (f"{word} {' '.join(them)}" for word, them in (("for", on), ("without", off)) if them)
    return " ".join(parts)


def _range_text(low: float, high: float) -> str:
    ends = [f"{end:,}" if isinstance(end, int) else f"{end:g}" for end in (low, high)]
    return f"at least {ends[0]}" if high == math.inf else f"a value from {ends[0]} to {ends[1]}"


def flag(name: str) -> str:
    """The command-line flag of a config field."""
    return "--" + name.replace("_", "-")
