"""Fields of a configuration record: what they are declared with, and checks of their values."""

import dataclasses
import math
import types
import typing
from typing import Any, Literal

from cyclegan_tf.combinations import flag
from cyclegan_tf.errors import InputError


def option(
    default: Any,
    text: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    changeable: bool = False,
) -> Any:
    """A config field.

    Args:
        default: its default.
        text: what `--help` prints.
        low: smallest value.
        high: largest value.
        changeable: whether a resumed run may take another value: it changes neither networks nor
            data nor what was computed so far.
    """
    metadata = {"help": text, "range": (low, high), "changeable": changeable}
    return dataclasses.field(default=default, metadata=metadata)


def check_fields(record: type, values: dict[str, Any]) -> dict[str, Any]:
    """Checks the type and the range of each field given, not how they go together.

    Args:
        record: a dataclass whose fields are `option`s.
        values: of some of its fields.

    Returns:
        The values, integers made floats where those are expected.

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


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The types that a field may have."""
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _checked(name: str, value: Any, hint: Any) -> Any:
    """The value, an int made a float where one is expected; raises `InputError` otherwise."""
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if not isinstance(value, str) or value not in choices:
            raise InputError(f"{flag(name)} is {value!r}; choose one of: {', '.join(choices)}.")
        return value
    for kind in alternatives(hint):
        if type(value) is kind and not (kind is float and not math.isfinite(value)):
            return value
        if kind is float and type(value) is int and abs(value) < 2**1000:
            return float(value)
    expected = " or ".join(
        {types.NoneType: "null", str: "text", bool: "true or false"}.get(kind, kind.__name__)
        for kind in alternatives(hint)
    )
    raise InputError(f"{flag(name)} is {value!r}; expected {expected}.")


def _range_text(low: float, high: float) -> str:
    ends = [f"{end:,}" if isinstance(end, int) else f"{end:g}" for end in (low, high)]
    return f"at least {ends[0]}" if high == math.inf else f"a value from {ends[0]} to {ends[1]}"
