"""What a file is, told by its bytes: its suffix may be missing, wrong, or that of no picture."""

import functools
import io
import re
import zlib
from collections.abc import Callable
from pathlib import PurePath
from typing import BinaryIO, NamedTuple

from PIL import Image, ImageFile

HEAD = 512  # bytes by which a kind of file is told

_MOST_TAGS = 2**20  # bytes: Pillow refuses a picture for more text than this
_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
_TIFF = (b"II*\0", b"II+\0", b"MM\0*", b"MM\0+")
_SHOWN = 60  # signs of a text that is told
_NEW_SUBFILE_TYPE, _DNG_VERSION = 254, 50706  # TIFF tags


class Kind(NamedTuple):
    """A kind of file that is no picture here.

    Attributes:
        name: what it is, for the user.
        remedy: what makes a picture of it; empty where it was none.
    """

    name: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.remedy}" if self.remedy else self.name


_HEIC = Kind("HEIC", "pip install pillow-heif to read it, or convert it to JPEG")
_DAMAGED_HEIC = Kind("HEIC", "it is damaged, copy it again")
_AVIF = Kind("AVIF", "pip install 'pillow>=11.3' to read it, or convert it to JPEG")
_JXL = Kind("JPEG XL", "convert it to PNG or JPEG, as with djxl")
RAW = Kind("camera raw", "develop it to JPEG or TIFF first")
VIDEO = Kind("video", "take pictures out of it, as with ffmpeg -i FILE frames/%05d.png")
_LFS = Kind("Git LFS pointer", "fetch the file itself with git lfs pull")
_ANNEX = Kind("git-annex pointer", "fetch the file itself with git annex get")
_PAGE = Kind("web page", "the download failed; fetch the file again")
_SVG = Kind("SVG drawing", "export it as PNG")
_PDF = Kind("PDF or PostScript", "export its pages as PNG")
_ARCHIVE = Kind("archive", "unpack it")
_ARRAYS = Kind("NumPy array", "save its pictures as PNG or TIFF")
_MEDICAL = Kind("DICOM or NIfTI", "export its slices as PNG or TIFF, and give --range")
_HDF = Kind("HDF5", "save its pictures as PNG or TIFF")
_LIGHT = Kind("HDR picture", "map its tones to PNG or TIFF first")
PARQUET = Kind("Parquet", "pip install pyarrow to read it")
HIDDEN = Kind("hidden")
UNREADABLE = Kind("unreadable")

# TIFFs by their first bytes, as others are
_RAW_SUFFIXES = (
    ".nef", ".nrw", ".arw", ".sr2", ".srf", ".dng", ".pef", ".srw", ".dcr", ".kdc", ".3fr", ".erf",
    ".mef", ".mos", ".iiq", ".rwl",
)  # fmt: skip

# Where the bytes stand, the bytes, and what begins so.
_SIGNATURES = (
    (0, b"\xff\x0a", _JXL),
    (0, b"\0\0\0\x0cJXL ", _JXL),
    (8, b"CR\x02\0", RAW),
    (0, b"IIU\0", RAW),
    (0, b"IIRO", RAW),
    (0, b"IIRS", RAW),
    (0, b"MMOR", RAW),
    (0, b"FUJIFILMCCD-RAW", RAW),
    (0, b"FOVb", RAW),
    (0, b"\x1aE\xdf\xa3", VIDEO),
    (8, b"AVI ", VIDEO),
    (4, b"moov", VIDEO),
    (4, b"mdat", VIDEO),
    (0, b"\0\0\x01\xba", VIDEO),
    (0, b"\0\0\x01\xb3", VIDEO),
    (0, b"0&\xb2u\x8ef\xcf\x11", VIDEO),
    (0, b"version https://git-lfs", _LFS),
    (0, b"/annex/objects/", _ANNEX),
    (0, b"%PDF", _PDF),
    (0, b"%!PS", _PDF),
    (0, b"PK\x03\x04", _ARCHIVE),
    (0, b"PK\x05\x06", _ARCHIVE),
    (0, b"\x1f\x8b", _ARCHIVE),
    (0, b"7z\xbc\xaf", _ARCHIVE),
    (0, b"Rar!", _ARCHIVE),
    (0, b"BZh", _ARCHIVE),
    (0, b"\xfd7zXZ", _ARCHIVE),
    (0, b"(\xb5/\xfd", _ARCHIVE),
    (257, b"ustar", _ARCHIVE),
    (0, b"\x93NUMPY", _ARRAYS),
    (128, b"DICM", _MEDICAL),
    (344, b"n+1\0", _MEDICAL),
    (0, b"\x89HDF", _HDF),
    (0, b"v/1\x01", _LIGHT),
    (0, b"#?R", _LIGHT),
    (0, b"PAR1", PARQUET),
)
# Main brands of the container that phones and cameras write; any other one is that of a video.
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), _HEIC),
    **dict.fromkeys((b"mif1", b"msf1"), _HEIC),
    **dict.fromkeys((b"avif", b"avis"), _AVIF),
    b"crx ": RAW,
}


def identify(head: bytes) -> Kind | None:
    """What begins with these bytes, of the kinds that people take for pictures; None: unknown.

    Args:
        head: the first `HEAD` bytes of a file, or all of it.
    """
    if head[4:8] == b"ftyp":
        brand = b"avif" if b"avif" in head[8:40] else head[8:12]
        kind = _BRANDS.get(brand, VIDEO)
        return _DAMAGED_HEIC if kind is _HEIC and "HEIF" in picture_formats() else kind
    text = head[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return _PAGE
    if b"<svg" in text:
        return _SVG
    return next(
        (kind for place, start, kind in _SIGNATURES if head[place:].startswith(start)), None
    )


def describe(data: bytes) -> str:
    """What a file is that Pillow takes for no picture, for the user."""
    if kind := identify(data[:HEAD]):
        return str(kind)
    if data.startswith(_TIFF):
        return "TIFF: damaged, or of a kind that Pillow does not read; save it with 8 or 16 bits"
    if not data.strip(b"\0"):
        return "zeros alone" if data else "empty"
    text = " ".join(data[:HEAD].decode("utf-8", "ignore").split())
    return f"text: {text[:_SHOWN]!r}" if text and text.isprintable() else "of no known format"


def kind_of(path: PurePath, head: bytes) -> Kind:
    """What a file is that is no picture: by its bytes, or else by its suffix."""
    suffix = path.suffix.lower()
    return identify(head) or (RAW if suffix in _RAW_SUFFIXES else Kind(suffix or "no suffix"))


@functools.cache
def picture_formats() -> dict[str, bool]:
    """The formats that Pillow reads, and of each whether its first bytes tell it.

    HEIC is among them where `pillow-heif` is installed.
    """
    Image.init()
    try:
        import pillow_heif
    except ImportError:
        pass
    else:
        pillow_heif.register_heif_opener()
    return {
        name: accept is not None
        for name, (factory, accept) in Image.OPEN.items()
        if Image.MIME.get(name, "image/").startswith("image/") and not _is_stub(factory)
    }


def claims_picture(path: PurePath) -> bool:
    """Whether a file's name says that it is a picture of a format that Pillow reads."""
    formats = picture_formats()  # before: it may add one
    return Image.registered_extensions().get(path.suffix.lower()) in formats


def is_picture(head: bytes, read: Callable[[], bytes] | None = None) -> bool:
    """Whether bytes are those of a picture that Pillow reads, whatever their file is called.

    Args:
        head: of the file, or all of it.
        read: gives all of it, where `head` is not; it is called if the head is that of a picture.
    """
    told = [name for name, tells in picture_formats().items() if tells]
    start = head[:16]  # as many as Pillow asks the formats by
    if len(start) < 16 or not any(Image.OPEN[name][1](start) is True for name in told):
        return False
    try:
        with Image.open(io.BytesIO(read() if read else head), formats=told) as image:
            return not is_raw_preview(image, head)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def is_raw_preview(image: Image.Image, head: bytes) -> bool:
    """Whether an open TIFF is a camera's raw picture, of which Pillow sees a small preview.

    Args:
        image: open; a TIFF or any other.
        head: the first `HEAD` bytes of its file, or all of it.
    """
    tags = getattr(image, "tag_v2", {})
    return _DNG_VERSION in tags or _is_reduced(image) or (bool(tags) and identify(head) is RAW)


def holds_several(file: BinaryIO) -> bool:
    """Whether a file holds pictures behind the first, as stacks and animations do."""
    try:
        with Image.open(file) as image:
            image.seek(1)
            return not _is_reduced(image)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return False


def _is_reduced(image: Image.Image) -> bool:
    """Whether the picture in a TIFF that is looked at is a small one of another."""
    return bool(getattr(image, "tag_v2", {}).get(_NEW_SUBFILE_TYPE, 0) & 1)


def without_text(data: bytes) -> bytes:
    """A PNG without its texts, of which Pillow refuses more than a megabyte; others as they are.

    Editors store their history there. A profile of that size goes, too.
    """
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or not re.search(rb"tEXt|zTXt|iTXt|iCCP", data):
        return data
    parts, place = [data[:8]], 8
    while place + 12 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4])
        kind = data[place + 4 : place + 8]
        chunk = data[place:end]
        if kind not in _TEXT_CHUNKS and not (kind == b"iCCP" and _is_large_profile(chunk[8:])):
            parts.append(chunk)
        place = end
    kept = b"".join([*parts, data[place:]])
    return kept if len(kept) < len(data) else data


def _is_large_profile(content: bytes) -> bool:
    _, _, packed = content.partition(b"\0")
    unpack = zlib.decompressobj()
    try:
        unpack.decompress(packed[1:], _MOST_TAGS)  # behind the number of the method
    except zlib.error:  # it counts as none
        return False
    return bool(unpack.unconsumed_tail)


def _is_stub(factory: object) -> bool:
    """Whether a plugin only knows that a file is of its format, and reads none."""
    return isinstance(factory, type) and issubclass(factory, ImageFile.StubImageFile)
