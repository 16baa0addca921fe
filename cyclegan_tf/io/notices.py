"""Warnings: what was printed of them, kept for whoever looks at the run later."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, TextIO

_MOST = 100  # lines: what comes again and again is no news


@contextlib.contextmanager
def noted_warnings() -> Iterator[list[str]]:
    """Keeps each line with a warning that the body prints, once.

    Yields:
        The lines so far; they grow as they come.
    """
    found: list[str] = []
    with (
        contextlib.redirect_stdout(_Noting(sys.stdout, found)),
        contextlib.redirect_stderr(_Noting(sys.stderr, found)),
    ):
        yield found


class _Noting:
    """A stream that passes all on, and notes the lines with a warning."""

    def __init__(self, stream: TextIO, found: list[str]) -> None:
        self._stream, self._found = stream, found

    def write(self, text: str) -> int:
        for line in map(str.strip, text.splitlines()):
            # "warning: ..." of ours, "file:12: UserWarning: ..." of Python
            if "arning: " in line and line not in self._found and len(self._found) < _MOST:
                self._found.append(line)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
