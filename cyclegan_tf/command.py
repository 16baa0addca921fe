"""What all command lines share: one clear line and exit code 2 for faults of the input."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from functools import wraps
from typing import NoReturn

from cyclegan_tf.errors import InputError

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

    Everything else still raises: a traceback is the right answer to a defect.
    """

    @wraps(main)
    def guarded(argv: list[str] | None = None) -> int:
        try:
            return main(argv)
        except InputError as error:
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
            return 2

    return guarded


def load_tensorflow() -> None:
    """Imports TensorFlow and looks for GPUs with the C++ start-up notices off the terminal.

    They come in a dozen lines whatever the log level, and would bury the one line that a user
    has to read. If the import fails they are printed after all.
    """
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
