"""Where finished pictures go: one file, a folder or a zip, whole or not there."""

import contextlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from cyclegan_tf.errors import InputError
from cyclegan_tf.files import making, replacing

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP"}

_READABLE = 0o644 << 16  # what unzip makes of an entry: without, nobody may read it

Put = Callable[[str, bytes], object]


def is_single(path: Path) -> bool:
    """Whether the name is that of one picture, not of a folder or a zip.

    Raises:
        InputError: if it is that of a kind of image that is not written.
    """
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        return True
    if suffix in Image.registered_extensions():
        raise InputError(
            f"{path} has a suffix that is not written; expected one of {', '.join(FORMATS)}, "
            "NAME.zip, or a folder."
        )
    return False


def require_free(path: Path) -> None:
    """Raises `InputError` if something is there: nothing is written over."""
    if path.exists() or path.is_symlink():
        raise InputError(f"{path} exists and is not written over; choose another name.")


@contextlib.contextmanager
def open_destination(path: Path) -> Iterator[Put]:
    """Takes pictures for a place that must be free, and fills it when all are there.

    Args:
        path: of a picture (`is_single`), a zip (NAME.zip) or a folder.

    Yields:
        A function of file name and encoded bytes; for a single picture the name is that of `path`.

    Raises:
        InputError: if `path` exists or cannot be written.
        DiskFull: if there is no room.
    """
    require_free(path)
    try:
        with contextlib.ExitStack() as stack:
            if is_single(path):
                file = stack.enter_context(replacing(path))
                yield lambda name, encoded: file.write_bytes(encoded)
            elif path.suffix.lower() == ".zip":
                file = stack.enter_context(replacing(path))
                archive = stack.enter_context(zipfile.ZipFile(file, "w", zipfile.ZIP_STORED))
                yield lambda name, encoded: archive.writestr(_entry(name), encoded)
            else:
                folder = stack.enter_context(making(path))
                yield lambda name, encoded: (folder / name).write_bytes(encoded)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); choose another.") from error


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = _READABLE
    return entry
