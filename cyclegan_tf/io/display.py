"""Progress: a bar that a terminal redraws, one line that a notebook keeps."""

import io
import sys
from typing import Any

from tqdm import tqdm


def in_notebook() -> bool:
    """Whether the output goes into a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


def bar(
    total: int | None, *, title: str = "", unit: str = "image", stays: bool = True, delay: float = 0
) -> tqdm:
    """A progress bar on stderr; in a notebook one line in the place where it began.

    Args:
        total: what `update` counts up to; None if that is not known.
        title: what it says in front.
        unit: of what is counted.
        stays: whether it stays when all is done.
        delay: seconds before it is shown at all.
    """
    options = {"total": total, "desc": title or None, "unit": unit, "leave": stays, "delay": delay}
    if in_notebook():
        return _NotebookBar(**options)
    # a file keeps all states
    every = 0.1 if sys.stderr.isatty() else 30.0
    return tqdm(**options, mininterval=every, dynamic_ncols=True)


class Line:
    """A piece of a notebook's output that is replaced, not added to.

    What is printed stays in the notebook, and a bar that is redrawn by the print with all its
    states: megabytes in an hour. Of this the last state stays.
    """

    def __init__(self) -> None:
        self._handle = None

    def show(self, output: Any) -> None:
        """Puts text, or whatever else a notebook shows, in the place of what stood there."""
        from IPython.display import display

        data, options = output, {}
        if isinstance(output, str):
            data, options = {"text/plain": output}, {"raw": True}
        if self._handle is None:
            self._handle = display(data, display_id=True, **options)
        else:
            self._handle.update(data, **options)


class _NotebookBar(tqdm):
    monitor_interval = 0  # its thread could write into another cell

    def __init__(self, **options: Any) -> None:
        self._line = Line()
        super().__init__(file=io.StringIO(), ascii=False, ncols=80, mininterval=0.5, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        self._line.show(str(self) if msg is None else msg)
