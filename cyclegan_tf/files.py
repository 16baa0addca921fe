"""Files and folders that are whole or not there: a temporary name, flushed, then renamed."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from cyclegan_tf.errors import Fault

_FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFull(Fault):
    """There is no room for a file; what stood in its place is still there."""


@contextlib.contextmanager
def replacing(path: Path, *, size: int = 0) -> Iterator[Path]:
    """Gives a temporary name to write to, which takes the place of `path` when all went well.

    The data are on the disk before the new name is, so that a machine that loses its power keeps
    either the old file or the new one. Folders that are missing are made.

    Args:
        path: of the file; one that is there stays until the new one is complete.
        size: bytes that will be written at least, if known: refused at once where there is less.

    Yields:
        A path in the same folder, with the same suffixes.

    Raises:
        DiskFull: if there is no room; the temporary file is removed.
    """
    # in front: some writers choose their format by the suffix
    partial = path.with_name(f"partial.{os.getpid()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(path.parent).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        yield partial
        _flush(partial)
        partial.replace(path)
        _flush(path.parent)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        written = partial.stat().st_size if partial.exists() else 0
        raise DiskFull(_remedy(path, max(size, written))) from error
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def making(folder: Path) -> Iterator[Path]:
    """Gives a temporary folder to fill, which becomes `folder` when all went well.

    Args:
        folder: must not exist; those above it are made.

    Yields:
        A new folder beside it.

    Raises:
        DiskFull: if there is no room. As after every other error, the temporary folder is removed.
    """
    partial = folder.with_name(f"partial.{os.getpid()}.{folder.name}")
    try:
        partial.mkdir(parents=True)
        yield partial
        for path in (*partial.iterdir(), partial):
            _flush(path)
        partial.rename(folder)
        _flush(folder.parent)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        written = sum(path.stat().st_size for path in partial.rglob("*"))
        raise DiskFull(_remedy(folder, written)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file, whole or not at all.

    Raises:
        DiskFull: if there is no room for it.
    """
    with replacing(path) as partial:
        partial.write_text(text)


def append_line(path: Path, line: str) -> None:
    """Adds a line to a text file, on the disk when this returns.

    Raises:
        DiskFull: if there is no room for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("a") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFull(_remedy(path, len(line) + 1)) from error


def _flush(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # network and container file systems refuse it for folders
            raise
    finally:
        os.close(descriptor)


def _remedy(path: Path, needed: int) -> str:
    free = shutil.disk_usage(path.parent).free
    return (
        f"the disk is full: {path} needs {needed / 1e6:,.1f} MB more, {free / 1e6:,.1f} MB are "
        "free; what it held before is kept. Free some space."
    )
