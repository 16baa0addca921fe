"""Files that the user names: read only if they are files, and of a size that can be meant."""

import errno
import stat
from pathlib import Path, PurePath

MOST_BYTES = 2**28  # of an image: the largest that is taken needs as much as a BMP


def is_hidden(path: PurePath) -> bool:
    """Whether it is a dot file, as macOS leaves `._1.jpg` beside 1.jpg, or lies in `__MACOSX`.

    Args:
        path: of a file, from the folder or the zip that it was found in.
    """
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


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
