"""What all command lines share: one clear line, and exit code 2 for faults of the input."""

import argparse
import difflib
import errno
import itertools
import json
import logging
import os
import re
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Any, NoReturn

from cyclegan_tf.errors import Fault, InputError, first_line, suggestion

_LINE = 79  # signs of a line of help
_LONGEST = 1200  # signs of a message: a value in it may be a file that is no config
# What the system says of a path that is too long, locked, a loop, or leads through a file.
_PATH_FAULTS = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR,
    errno.EISDIR, errno.EEXIST,
)  # fmt: skip

# keeps the lines of examples, and gives flags the room that most of them need
_FORMATTER = partial(argparse.RawDescriptionHelpFormatter, max_help_position=28)
_FLAG = re.compile(r"--?[A-Za-z][\w-]*")  # what can be none but a flag: no number, no path

Main = Callable[[list[str] | None], int]


class Parser(argparse.ArgumentParser):
    """A parser whose errors are `InputError`s, and which suggests what may have been meant.

    Args:
        prog: the command.
        description: docstring of its module: what the command does, and below that examples.
        usage: how it is called, where argparse would fill pages with all flags.
    """

    def __init__(self, prog: str, description: str, usage: str | None = None) -> None:
        what, _, examples = description.strip().partition("\n\n")
        shown = [
            textwrap.fill(what, _LINE),
            *(["examples:\n" + textwrap.indent(examples, "  ")] if examples else []),
        ]
        super().__init__(
            prog=f"python -m cyclegan_tf.{prog}",
            usage=usage,
            description="\n\n".join(shown),
            formatter_class=_FORMATTER,
            allow_abbrev=False,
        )

    def parse_args(
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """As argparse does, but an unknown flag is told first, with the nearest known one."""
        typed = sys.argv[1:] if args is None else args
        for word in itertools.takewhile(lambda word: word != "--", typed):
            name = word.partition("=")[0]
            if _FLAG.fullmatch(name) and name not in self._option_string_actions:
                near = difflib.get_close_matches(name, self._option_string_actions, 1, cutoff=0.7)
                hint = f"did you mean {near[0]}?" if near else f"see {self.prog} --help."
                raise InputError(f"there is no {name}; {hint}")
        return super().parse_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raises what argparse found."""
        message = message.removeprefix("argument ")
        raise InputError(f"{message}; see {self.prog} --help.")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Argparse calls this for a value of a flag, to compare it with the choices."""
        if action.choices is not None and value not in action.choices:
            hint = suggestion(value, action.choices)
            raise InputError(f"{'/'.join(action.option_strings)} is {value!r}; {hint}")


def command(main: Main) -> Main:
    """Makes `main(argv)` answer an `InputError` with one line on stderr and exit code 2.

    So it does with a path that the system refuses; a `Fault` and a machine without memory or room
    have exit code 1, and Ctrl-C where nothing is to be saved 130. Everything else still raises: a
    traceback is the right answer to a defect.
    """

    @wraps(main)
    def guarded(argv: list[str] | None = None) -> int:
        _allow_any_name()
        code = 2
        try:
            with warnings.catch_warnings():
                # of damaged files, which are then refused, or read all the same
                warnings.filterwarnings("ignore", module=r"PIL\.")
                return main(argv)
        except InputError as error:
            message = str(error)
        except Fault as error:
            message, code = str(error), 1
        except MemoryError:
            message, code = "out of memory; end other programs, or give fewer or smaller images.", 1
        except KeyboardInterrupt:
            message, code = "interrupted; nothing was left half done.", 130
        except BrokenPipeError:  # as of `... --presets | head`: who reads has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        except OSError as error:
            if error.filename is None or error.errno not in _PATH_FAULTS:
                raise
            message = f"{error.filename} cannot be used ({error.strerror}); check the path."
        except Exception as error:
            # TensorFlow's, of a disk or a GPU: known by name, because it may not be imported
            if type(error).__name__ != "ResourceExhaustedError":
                raise
            message, code = f"disk or memory is full ({first_line(error)}); free some of it.", 1
        print(f"error: {_one_line(message)}", file=sys.stderr)
        return code

    return guarded


def _allow_any_name() -> None:
    """Lets a file's name be printed that is no UTF-8; a notebook's output has no such setting."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _one_line(message: str) -> str:
    """A message without line breaks and control signs, which names and values may hold."""
    words = " ".join(message.split())
    if len(words) > _LONGEST:
        words = f"{words[: _LONGEST // 2]} ... {words[-_LONGEST // 2 :]}"
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in words)


def require_backend() -> None:
    """Refuses a Keras that is set up for another library than TensorFlow.

    Raises:
        InputError: with the command that works.
    """
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        settings = json.loads((home / "keras.json").read_text(encoding="utf-8"))
        configured = settings.get("backend")
    except (OSError, ValueError, AttributeError):  # Keras passes over what it cannot read, too
        configured = None
    named = os.environ.get("KERAS_BACKEND")
    if (backend := named or configured or "tensorflow") == "tensorflow":
        return
    where = "KERAS_BACKEND" if named else home / "keras.json"
    raise InputError(
        f"Keras is set up for {backend} ({where}), but this package computes with TensorFlow; "
        "set the environment variable KERAS_BACKEND to tensorflow"
    )


def load_tensorflow() -> None:
    """Imports TensorFlow and looks for GPUs with the C++ start-up notices off the terminal.

    They come in a dozen lines whatever the log level, and would bury the one line that a user
    has to read. If the import fails they are printed after all. The warning that much is traced
    is dropped as well: each size of picture is, once, and whoever types a command cannot help it.
    """
    require_backend()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors also come as exceptions
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as notices:
        sys.stderr.flush()
        os.dup2(notices.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices("GPU")
        except BaseException:
            notices.seek(0)
            os.write(terminal, notices.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
    tf.get_logger().addFilter(_is_no_retracing)


def _is_no_retracing(record: logging.LogRecord) -> bool:
    return "triggered tf.function retracing" not in record.getMessage()
