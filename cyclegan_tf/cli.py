"""What all command lines share: one clear line, and exit code 2 for faults of the input."""

import argparse
import errno
import json
import os
import shlex
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import NoReturn

from cyclegan_tf.errors import Fault, InputError

_LONGEST = 1200  # signs of a message: a value in it may be a file that is no config
# What the system says of a path that is too long, locked, a loop, or leads through a file.
_PATH_FAULTS = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR,
    errno.EISDIR, errno.EEXIST,
)  # fmt: skip

Main = Callable[[list[str] | None], int]


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are `InputError`s, without the lines of usage above them."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(
            prog=f"python -m cyclegan_tf.{prog}", description=description, allow_abbrev=False
        )

    def error(self, message: str) -> NoReturn:
        """Raises what argparse found."""
        raise InputError(f"{message}; see {self.prog} --help.")


def command(main: Main) -> Main:
    """Makes `main(argv)` answer an `InputError` with one line on stderr and exit code 2.

    So it does with a path that the system refuses; a `Fault` and a machine without memory have
    exit code 1, and Ctrl-C where nothing is to be saved 130. Everything else still raises: a
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
        except OSError as error:
            if error.filename is None or error.errno not in _PATH_FAULTS:
                raise
            message = f"{error.filename} cannot be used ({error.strerror}); check the path."
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
        f"set KERAS_BACKEND, as in: KERAS_BACKEND=tensorflow {_typed()}"
    )


def _typed() -> str:
    """What the user typed, as far as Python knows."""
    program = Path(sys.argv[0])
    module = ["python", "-m", f"cyclegan_tf.{program.stem}"]
    start = module if program.parent.name == "cyclegan_tf" else [program.name]
    return shlex.join([*start, *sys.argv[1:]])


def load_tensorflow() -> None:
    """Imports TensorFlow and looks for GPUs with the C++ start-up notices off the terminal.

    They come in a dozen lines whatever the log level, and would bury the one line that a user
    has to read. If the import fails they are printed after all.
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
