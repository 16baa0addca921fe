"""Files and folders that are whole or not there: a temporary name, flushed, then renamed."""

import contextlib
import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePath

from cyclegan_tf.errors import Fault, InputError

PARTIAL = "partial."  # how the names of folders begin in which something is being written

ADDRESS = re.compile(r"([a-z][a-z0-9]+):/+(?=[^/])")
_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)

MOST_BYTES = 2**28  # of an image: the largest that is taken needs as much as a BMP


class DiskFull(Fault):
    """There is no room for a file; what stood in its place is still there."""


@contextlib.contextmanager
def atomic_file(path: Path, *, size: int = 0) -> Iterator[Path]:
    """Gives a temporary name to write to, which takes the place of `path` when all went well.

    The data are on the disk before the new name is, so that a machine that loses its power keeps
    either the old file or the new one. Folders that are missing are made.

    Args:
        path: of the file; one that is there stays until the new one is complete.
        size: bytes that will be written at least, if known: refused at once where there is less.

    Yields:
        A path of the same name, in a new folder beside it.

    Raises:
        DiskFull: if there is no room; the temporary file is removed.
    """
    with _beside(path, size=size) as partial:
        yield partial
        _flush(partial)
        partial.replace(path)


@contextlib.contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Gives a temporary folder to fill, which becomes `folder` when all went well.

    Args:
        folder: must not exist, or be empty; those above it are made.

    Yields:
        A new folder of the same name, in a new one beside it.

    Raises:
        DiskFull: if there is no room. As after every other error, the temporary folder is removed.
    """
    with _beside(folder) as partial:
        partial.mkdir()
        yield partial
        for path in (*partial.iterdir(), partial):
            _flush(path)
        if folder.is_dir():
            folder.rmdir()
        partial.rename(folder)


@contextlib.contextmanager
def _beside(path: Path, *, size: int = 0) -> Iterator[Path]:
    """A place for what becomes `path`: in a folder that is nobody else's, and gone afterwards."""
    written = 0
    try:
        with contextlib.suppress(FileExistsError):  # if it is a file, the next lines say so
            path.parent.mkdir(parents=True)
        if shutil.disk_usage(path.parent).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with tempfile.TemporaryDirectory(
            prefix=PARTIAL, dir=path.parent, ignore_cleanup_errors=True
        ) as own:
            try:
                yield Path(own, path.name)
            except OSError:
                written = sum(file.stat().st_size for file in Path(own).rglob("*"))
                raise
        _flush(path.parent)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFull(_remedy(path, max(size, written))) from error


def write_text(path: Path, text: str) -> None:
    """Writes a text file, whole or not at all.

    Raises:
        DiskFull: if there is no room for it.
    """
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def append_line(path: Path, line: str) -> None:
    """Adds a line to a text file, on the disk when this returns.

    Raises:
        DiskFull: if there is no room for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            _sync(file.fileno())
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFull(_remedy(path, len(line) + 1)) from error


def _flush(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    try:
        # Windows flushes only what may be written
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except OSError:
        if path.is_dir():  # Windows opens none
            return
        raise
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        # network and container file systems refuse it, mostly for folders, in words of their own;
        # what was written is there all the same
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        if error.errno not in _REFUSED and (error.errno in _FULL or not is_folder):
            raise


def _remedy(path: Path, needed: int) -> str:
    free = shutil.disk_usage(path.parent).free
    return (
        f"the disk is full: {path} needs {needed / 1e6:,.1f} MB more, {free / 1e6:,.1f} MB are "
        "free; what it held before is kept. Free some space."
    )


def user_path(text: str | Path) -> Path:
    """A path that a user typed; shells leave `~` as it is in --run=~/runs, and quotes keep it."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - the other raises where no such user is


def is_address(path: PurePath) -> bool:
    """Whether it is the address of a bucket, as gs://bucket/folder, of which a path makes gs:/."""
    return ADDRESS.match(path.as_posix()) is not None


def require_local(path: Path) -> None:
    """Raises `InputError` if a path to be written to is the address of a bucket.

    A folder would be made that is called like it, which goes away with the machine.
    """
    if is_address(path) and not path.exists():
        raise InputError(
            f"{path} is the address of a bucket, and nothing is written there; give a folder, and "
            "copy it afterwards, as with gcloud storage cp -r."
        )


def is_hidden(path: PurePath) -> bool:
    """Whether it is a dot file, as macOS leaves `._1.jpg` beside 1.jpg, or lies in `__MACOSX`.

    Args:
        path: of a file, from the folder or the zip that it was found in.
    """
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def is_taken(path: Path) -> bool:
    """Whether something is there that must not be written over: all but an empty folder."""
    if path.name not in ("", "..") and path.is_dir() and not path.is_symlink():
        return next(path.iterdir(), None) is not None
    return path.exists() or path.is_symlink()  # one that leads nowhere does not exist


def require_file(path: Path, *, most: int | None = None) -> int:
    """Checks that a path leads to a regular file: a pipe would be waited for, without end.

    Args:
        path: links are followed.
        most: bytes that are not too many; by default any number.

    Returns:
        The file's size in bytes.

    Raises:
        OSError: if there is none, if it is no file, or too large; `strerror` tells which.
    """
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory", str(path))
    if not stat.S_ISREG(status.st_mode):
        reason = "it is no file but a pipe, a socket or a device"
        raise OSError(errno.EINVAL, reason, str(path))
    if most is not None and status.st_size > most:
        reason = f"{status.st_size:,} bytes are too many, at most {most:,} are read"
        raise OSError(errno.EFBIG, reason, str(path))
    return status.st_size


def read_file(path: Path, *, most: int = MOST_BYTES) -> bytes:
    """Reads a regular file of at most `most` bytes.

    Raises:
        OSError: as `require_file`, or if it cannot be read.
    """
    require_file(path, most=most)
    return path.read_bytes()
