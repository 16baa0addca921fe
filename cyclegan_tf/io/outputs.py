"""Where finished pictures go: one file, a folder or a zip, whole or not there."""

import contextlib
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path, PureWindowsPath

from PIL import Image

from cyclegan_tf.errors import InputError
from cyclegan_tf.io.files import atomic_file, atomic_folder, is_taken, require_local

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP"}
VIDEO_SUFFIX = ".mp4"

_READABLE = (stat.S_IFREG | 0o644) << 16  # what unzip makes of an entry: else nobody may read it

Put = Callable[[str, bytes], object]

_LONGEST = 200  # bytes; most file systems take 255 with the suffix
_DEVICES = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10)),
}


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
    """Raises `InputError` if something is there but an empty folder: nothing is written over."""
    require_local(path)
    for_file = path.suffix.lower() in (".zip", VIDEO_SUFFIX) or is_single(path)
    if is_taken(path) or (for_file and path.is_dir()):
        raise InputError(f"{path} exists and is not written over; choose another name.")


def open_destination(path: Path) -> AbstractContextManager[Put]:
    """Takes pictures for a place that must be free, and fills it when all are there.

    Args:
        path: of a picture (`is_single`), a zip (NAME.zip) or a folder.

    Returns:
        A context that gives a function of file name and encoded bytes; for a single picture the
        name is that of `path`.

    Raises:
        InputError: if `path` exists or cannot be written.
        DiskFull: if there is no room.
    """
    require_free(path)
    if is_single(path):
        return _guarded(path, _one_file(path))
    return open_zip(path) if path.suffix.lower() == ".zip" else open_folder(path)


def open_folder(path: Path) -> AbstractContextManager[Put]:
    """As `open_destination`, for a folder of any name."""
    return _guarded(path, _folder(path))


def open_zip(
    path: Path, *, check: Callable[[Path], object] | None = None
) -> AbstractContextManager[Put]:
    """As `open_destination`, for a zip that may be there: a complete one takes its place.

    Args:
        path: of the zip.
        check: reads the complete zip; whatever it raises, keeps the zip from its place.
    """
    return _guarded(path, _zip(path, check))


@contextlib.contextmanager
def _one_file(path: Path) -> Iterator[Put]:
    with atomic_file(path) as file:
        yield lambda name, encoded: file.write_bytes(encoded)


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[Put]:
    with atomic_folder(path) as folder:
        yield lambda name, encoded: (folder / name).write_bytes(encoded)


@contextlib.contextmanager
def _zip(path: Path, check: Callable[[Path], object] | None) -> Iterator[Put]:
    with atomic_file(path) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            yield lambda name, encoded: archive.writestr(_entry(name), encoded)
        if check:
            check(file)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = _READABLE
    return entry


@contextlib.contextmanager
def _guarded(path: Path, opened: AbstractContextManager[Put]) -> Iterator[Put]:
    """Raises an `OSError` of the writing as a fault of `path`, but none of the body."""

    def guarded_put(name: str, encoded: bytes) -> None:
        with _fault_of(path):
            put(name, encoded)

    with contextlib.ExitStack() as stack:
        with _fault_of(path):
            put = stack.enter_context(opened)
        yield guarded_put
        with _fault_of(path):
            stack.close()


@contextlib.contextmanager
def _fault_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); choose another.") from error


def is_file_name(name: str) -> bool:
    """Whether every system takes it: what is printable is no surrogate and no control sign."""
    return (
        name.isprintable()
        and not set(name) & set('/\\:*?"<>|')
        and name.strip(". ") != ""
        and len(name.encode()) <= _LONGEST
        and name.upper() not in _DEVICES
    )


def same_file(name: str) -> str:
    """The same for names that are one file where upper and lower case are one.

    There A.jpg would be written over a.jpg.
    """
    return unicodedata.normalize("NFC", name).casefold()


class FreeNames:
    """Gives every picture a file name of its own, the same for the same pictures in this order.

    A name that is taken gets a number (`1.jpg`, then `1-2.jpg`, `1-3.jpg`); of a path its last part
    is taken, and one that is no file name becomes the number of the picture.

    Attributes:
        changed: how many names are not those that were asked for.
    """

    def __init__(self) -> None:
        self.changed = 0
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._count = 0

    def take(self, stem: str, suffix: str) -> str:
        """The next picture's file name.

        Args:
            stem: what it should be called, without suffix.
            suffix: `.jpg` and the like.
        """
        self._count += 1
        asked = stem + suffix
        candidates = (stem, PureWindowsPath(stem).name)  # records may hold the path of a file
        stem = next(filter(is_file_name, candidates), str(self._count))
        name, wanted = stem + suffix, same_file(stem + suffix)
        while same_file(name) in self._taken:
            self._numbers[wanted] = self._numbers.get(wanted, 1) + 1
            name = f"{stem}-{self._numbers[wanted]}{suffix}"
        self._taken.add(same_file(name))
        self.changed += name != asked
        return name
