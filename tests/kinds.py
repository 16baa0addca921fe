"""Files of many kinds, with the bytes that their programs begin them with."""

import gzip
import importlib.util
import struct
from pathlib import Path

import pytest
from PIL import Image

from tests.hell.images import HEIC
from tests.pictures import encoded, flat, noise, png

# What each file is called in a line to the user, by file name.
OTHERS = {
    "raw.cr2": (b"II*\0\x10\0\0\0CR\x02\0" + bytes(40), "camera raw"),
    "raw.raf": (b"FUJIFILMCCD-RAW 0201" + bytes(40), "camera raw"),
    "new.jxl": (b"\xff\x0a" + bytes(40), "JPEG XL"),
    "clip.mp4": (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(400), "video"),
    "clip.mkv": (b"\x1aE\xdf\xa3" + bytes(40), "video"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
    "page": (b"<!DOCTYPE html><title>404</title>", "web page"),
    "drawing.svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG drawing"),
    "page.pdf": (b"%PDF-1.4\n", "PDF or PostScript"),
    "more.zip": (b"PK\x03\x04" + bytes(40), "archive"),
    "more.tar.gz": (gzip.compress(b"more"), "archive"),
    "array.npy": (b"\x93NUMPY\x01\0" + bytes(40), "NumPy array"),
    "slice.dcm": (bytes(128) + b"DICM" + bytes(40), "DICOM or NIfTI"),
    "README.txt": (b"these are my pictures", ".txt"),
    "Thumbs.db": (b"\xd0\xcf\x11\xe0" + bytes(600), ".db"),
    "._a.png": (b"\0\5\x16\7" + bytes(40), "hidden"),
}
if importlib.util.find_spec("pillow_heif") is None:
    OTHERS["phone.HEIC"] = (HEIC, "HEIC")
# Pictures under any name, and those whose name is taken at its word.
TAKEN = {
    "a.png": png(noise(1)),
    "b.JPG": encoded(Image.fromarray(noise(2)), "JPEG"),
    "c.tif": encoded(Image.fromarray(noise(3)), "TIFF"),
    "d.jfif": encoded(Image.fromarray(noise(4)), "JPEG"),
    "e": encoded(Image.fromarray(noise(5)), "WEBP"),
    "f.image": encoded(Image.fromarray(noise(6)), "GIF"),
    "g.ppm": encoded(Image.fromarray(noise(7)), "PPM"),
}


def raw_preview() -> bytes:
    """A TIFF as cameras write it: the first picture in it is a small one of the large one."""
    image = Image.fromarray(flat(90, 8))
    return encoded(image, "TIFF", tiffinfo={254: 1})


def canon_raw() -> bytes:
    """A CR2: the first picture in it is a small JPEG, and nothing but the start says so."""
    preview = encoded(Image.fromarray(flat(90, 8)), "JPEG")
    tags = [
        (256, 4, 8), (257, 4, 8), (259, 3, 6), (262, 3, 6), (273, 4, 146), (277, 3, 3),
        (278, 4, 8), (279, 4, len(preview)),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return (b"II*\0\x10\0\0\0CR\x02\0" + bytes(4) + directory).ljust(146, b"\0") + preview


def deep_tiff(values, *, bits: int = 16, white_is_zero: bool = False) -> bytes:
    """A grey TIFF of 16 bits a pixel, by hand: Pillow writes no 0 that is white."""
    data = values.astype("<u2").tobytes()
    height, width = values.shape
    tags = [
        (256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1),
        (262, 3, 0 if white_is_zero else 1), (273, 4, 8), (277, 3, 1), (278, 4, height),
        (279, 4, len(data)),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory


def write_table(path: Path, **columns: list) -> Path:
    """A Parquet file, for tests that are left out where pyarrow is not there."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path
