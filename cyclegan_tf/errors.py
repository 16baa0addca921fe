"""The two exceptions that mean: it is not the program that is at fault; what others say."""

import difflib
import os
import shlex
import subprocess
from collections.abc import Iterable
from typing import Any


class InputError(ValueError):
    """What the user gave cannot be used.

    The message is one line: what came, what is expected, what to do.
    """


class Fault(RuntimeError):
    """The machine, or the training itself, does not go on: exit code 1.

    The message is one line: what happened, what is kept, what to do.
    """


def first_line(error: BaseException) -> str:
    """The first line of an error's message that says what is wrong; without one, its class."""
    headings = ("Graph execution error", "Detected at node", "Node:")  # of TensorFlow's many lines
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith(headings)), type(error).__name__)


def shell_words(*words: str) -> str:
    """Words as a user types them; Windows' cmd takes double quotes, and backslashes as they are."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def suggestion(given: Any, choices: Iterable[str]) -> str:
    """The end of an error's message: the choice that a user has probably meant, or all of them.

    Args:
        given: what the user gave in its place.
        choices: what can be chosen.
    """
    choices = list(choices)
    near = difflib.get_close_matches(given, choices, n=1) if isinstance(given, str) else []
    return f"did you mean {near[0]}?" if near else f"choose one of: {', '.join(choices)}."
