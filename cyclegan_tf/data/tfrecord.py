"""TFRecords: those of the competition (`image`, `image_name`, `target`), and those of others.

TensorFlow reads and writes them; it is imported where that happens, not before.
"""

import io
import math
import os
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from cyclegan_tf.data.image import encode_png
from cyclegan_tf.errors import InputError, first_line
from cyclegan_tf.io.files import MOST_BYTES, atomic_file, require_file
from cyclegan_tf.io.formats import claims_picture, is_picture

if TYPE_CHECKING:
    import tensorflow as tf

Features = Mapping[str, str]  # what the features "image" and "name" are called in others' records

# x.tfrec, x.tfrecords, and the shards x.tfrecord-00000-of-00001 of TFDS and Beam, packed or not
_NAME = re.compile(r"\.tfrec(ords?)?(-\d+-of-\d+)?(\.(gz|gzip|zlib))?$", re.IGNORECASE)
_PACKED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")  # GZIP, ZLIB
_HEAD, _TAIL = 12, 4  # bytes of a record before its data, length and checksum, and behind them


class _DamagedError(ValueError):
    """A record that is not a whole one; the message says why."""


class _Unpacked(io.RawIOBase):
    """What a GZIP or ZLIB file holds, as a stream."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        while True:
            packed = self._unpack.unconsumed_tail or self._file.read(2**16)
            if self._unpack.eof and (packed := self._unpack.unused_data + packed):
                self._unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)  # files put together
            if not packed:
                if self._unpack.eof:
                    return 0
                raise _DamagedError("the packed data end too early")
            try:
                data = self._unpack.decompress(packed, len(buffer))
            except zlib.error as error:
                raise _DamagedError(f"the packed data are damaged, {error}") from error
            if data:
                buffer[: len(data)] = data
                return len(data)


def claims_records(path: PurePath) -> bool:
    """Whether a file's name says that it holds TFRecords."""
    return bool(_NAME.search(path.name))


def begins_records(head: bytes) -> bool:
    """Whether a file begins as TFRecords do: with a length and its checksum."""
    return len(head) >= _HEAD and struct.pack("<I", _checksum(head[:8])) == head[8:_HEAD]


def _checksum(data: bytes) -> int:
    """The CRC-32C, rotated and shifted, that TFRecords use; slow, for a few bytes."""
    crc = 2**32 - 1
    for bit in np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little").tolist():
        crc = crc >> 1 ^ (0x82F63B78 if crc & 1 ^ bit else 0)
    crc ^= 2**32 - 1
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def parse_features(text: str) -> dict[str, str]:
    """Reads `image=image_raw,name=filename`.

    Raises:
        InputError: if that is not what it says.
    """
    pairs = [part.partition("=") for part in text.split(",") if part]
    features = {key.strip(): value.strip() for key, _, value in pairs}
    if set(features) - {"image", "name"} or not all(features.values()):
        raise InputError(
            f"--features is {text!r}; expected what image and name are called in the records, "
            "such as image=image_raw,name=filename."
        )
    return features


def read_records(
    path: Path, stream: BinaryIO | None = None, *, features: Features | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yields the name and the encoded bytes of every image of a TFRecord file.

    Args:
        path: of the file.
        stream: gives its bytes where it is none on the disk, but an entry of a zip.
        features: what the features are called, where that cannot be told.

    Raises:
        InputError: naming the file and the record that is cut off, corrupted or has no image.
    """
    for number, found in enumerate(_read_features(path, stream)):
        yield _name_and_image(found, f"{path}: record {number}", path, features or {})


def record_features(path: Path) -> "dict[str, tf.train.Feature]":
    """The features of the first record of a TFRecord file, by name.

    Raises:
        InputError: if there is none that can be read.
    """
    return next(_read_features(path))


def count_records(path: Path, stream: BinaryIO | None = None) -> int:
    """How many records a TFRecord file has, by the lengths alone, up to the first impossible one.

    Args:
        path: as of `read_records`.
        stream: as of `read_records`.

    Raises:
        InputError: if the file cannot be read.
    """
    if stream is None and not _is_packed(path):
        return _walk(path)[0]
    count = 0
    try:
        for _ in _stream_frames(path, stream):
            count += 1
    except InputError:  # so does `_walk`
        return count
    return count


def write_records(path: Path, target: str, images: Iterable[tuple[str, bytes]]) -> None:
    """Writes `(name, encoded bytes)` pairs as a TFRecord file, whole or not at all."""
    import tensorflow as tf

    with atomic_file(path) as partial, tf.io.TFRecordWriter(os.fsencode(partial)) as writer:
        for name, encoded in images:
            values = {"image": encoded, "image_name": name.encode(), "target": target.encode()}
            feature = {
                key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                for key, value in values.items()
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString(deterministic=True))


def _read_features(
    path: Path, stream: BinaryIO | None = None
) -> "Iterator[dict[str, tf.train.Feature]]":
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    number = 0
    packed = stream is not None or _is_packed(path)
    for record in _stream_frames(path, stream) if packed else _read_frames(path):
        try:
            example = tf.train.Example.FromString(record)
        except DecodeError as error:
            raise InputError(
                f"{path}: record {number} is no tf.train.Example; expected features image, "
                "image_name and target. Fetch the file again."
            ) from error
        yield dict(example.features.feature)
        number += 1
    if number == 0:
        raise InputError(f"{path} holds no record; expected images. Fetch the file again.")


def _is_packed(path: Path) -> bool:
    try:
        require_file(path)
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:  # who reads it says so
        return False
    return head.startswith(_PACKED) and not begins_records(head)


def _stream_frames(path: Path, stream: BinaryIO | None) -> Iterator[bytes]:
    """The data of every record of a packed file or of a stream, which have checksums of their own.

    TensorFlow unpacks a file, too, but takes the memory that a damaged length claims.
    """
    number = 0
    try:
        with stream or path.open("rb") as file:
            head = file.peek(_HEAD)[:_HEAD]
            if head.startswith(_PACKED) and not begins_records(head):
                file = io.BufferedReader(_Unpacked(file))
            while file.peek(1):
                length = _read_length(file, math.inf)
                record = file.read(length)
                if len(record) < length or len(file.read(_TAIL)) < _TAIL:
                    raise _DamagedError(f"it claims {length:,} bytes, {len(record):,} are left")
                yield record
                number += 1
    except _DamagedError as error:
        raise _damaged(path, number, str(error)) from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); expected a TFRecord file. Check it."
        ) from error


def _read_frames(path: Path) -> Iterator[bytes]:
    """The data of every record of a file, as TensorFlow reads it: checksums must be right."""
    import tensorflow as tf

    # TensorFlow takes the memory that a length claims before it reads on
    count, impossible = _walk(path)
    options = tf.data.Options()
    options.autotune.enabled = False  # so that it ends when it is done, as in `pipeline.untuned`
    records = tf.data.TFRecordDataset(os.fsencode(path)).take(count).with_options(options)
    number = 0
    try:
        for record in records.as_numpy_iterator():
            yield record
            number += 1
    except tf.errors.OpError as error:
        # "{{node}} corrupted record at 123 [Op:IteratorGetNext]"
        reason = first_line(error).split("}} ")[-1].split(" [Op:")[0]
        if isinstance(error, tf.errors.DataLossError):
            raise _damaged(path, number, reason) from error
        raise InputError(f"{path} cannot be read ({reason}); check the file.") from error
    if impossible:
        raise _damaged(path, number, impossible)


def _walk(path: Path) -> tuple[int, str]:
    """How many records follow one another, and what is impossible about the next one, if it is."""
    count = 0
    try:
        left = require_file(path)  # before it is opened: a pipe would be waited for
        with path.open("rb") as file:
            while left:
                length = _read_length(file, left)
                file.seek(length + _TAIL, os.SEEK_CUR)
                count, left = count + 1, left - _HEAD - length - _TAIL
    except _DamagedError as error:
        return count, str(error)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); expected a TFRecord file. Check it."
        ) from error
    return count, ""


def _read_length(file: BinaryIO, left: float) -> int:
    """The length that a record claims, if the `left` bytes can hold it."""
    head = file.read(_HEAD)
    left -= _HEAD + _TAIL
    if left < 0 or len(head) < _HEAD:
        frame = _HEAD + _TAIL
        here = len(head) if left == math.inf else left + frame
        raise _DamagedError(f"its frame takes {frame} bytes, {here} are left")
    length = struct.unpack("<Q", head[:8])[0]
    if length > left:
        raise _DamagedError(f"it claims {length:,} bytes, {left:,} are left")
    if length > MOST_BYTES:
        raise _DamagedError(f"it claims {length:,} bytes, at most {MOST_BYTES:,} are read")
    return length


def _damaged(path: Path, number: int, reason: str) -> InputError:
    return InputError(
        f"{path}: record {number} cannot be read, the file is cut off or corrupted ({reason}); "
        "fetch the file again."
    )


def _name_and_image(
    found: "dict[str, tf.train.Feature]", origin: str, path: Path, features: Features
) -> tuple[str, bytes]:
    """Name and image bytes of one record; a record without a name is named after its place."""
    lists = {key: feature.bytes_list.value for key, feature in found.items()}
    values = {key: content[0] for key, content in lists.items() if content}
    image = values.get(features.get("image") or _image_key(values))
    if image is None:
        names = ", ".join(sorted(found)) or "none"
        raise InputError(
            f"{origin} has no feature '{features.get('image', 'image')}' with bytes (features "
            f"found: {names}); expected image, image_name and target. Say what they are called "
            "with --features image=NAME,name=NAME."
        )
    if not is_picture(image):
        image = _from_pixels(image, found, origin) or image
    name = values.get(features.get("name") or _name_key(values))
    if name is None:
        return f"{path.stem}-{origin.rsplit(' ', 1)[1]}", image
    return without_suffix(name.decode("utf-8", "replace")), image


def without_suffix(name: str) -> str:
    """A picture's name without the suffix of its file."""
    path = PurePath(name)
    return name.removesuffix(path.suffix) if claims_picture(path) else name


def _image_key(values: dict[str, bytes]) -> str:
    """The feature that holds the image: `image`, or else the one that is a picture, or raw."""
    if "image" in values:
        return "image"
    pictures = [key for key, value in sorted(values.items()) if is_picture(value)]
    raw = [key for key in sorted(values) if "raw" in key or "pixels" in key]
    return next(iter([*pictures, *raw]), "image")


def _name_key(values: dict[str, bytes]) -> str:
    """The feature that holds the name: `image_name`, or else the one that is called like it."""
    if "image_name" in values:
        return "image_name"
    keys = [key for key in sorted(values) if key.endswith(("filename", "file_name", "path"))]
    named = [key for key in sorted(values) if key in ("name", "image/name", "id", "image_id")]
    return next(iter([*keys, *named]), "image_name")


def _from_pixels(data: bytes, found: "dict[str, tf.train.Feature]", origin: str) -> bytes | None:
    """Pixels of a byte each, beside which their size stands, as a PNG; None if it is none."""
    sides = _numbers(found, "height", "rows")[:1] + _numbers(found, "width", "cols")[:1]
    height, width = (*(_numbers(found, "shape")[:2] or sides), 0, 0)[:2]
    channels, rest = divmod(len(data), height * width) if height * width else (0, 1)
    if rest:
        return None
    if channels not in (1, 3, 4):
        raise InputError(
            f"{origin} has {len(data):,} bytes for {height} x {width} pixels; expected 1, 3 or 4 "
            "bytes a pixel (uint8), or an encoded picture. Write it in one of these ways."
        )
    pixels = np.frombuffer(data, np.uint8).reshape(height, width, channels)
    return encode_png(pixels[..., 0] if channels == 1 else pixels)


def _numbers(found: Mapping[str, Any], *names: str) -> list[int]:
    """The whole numbers of the first feature that has such a name, or PATH/name."""
    numbers = (
        [max(0, number) for number in feature.int64_list.value]
        for key, feature in found.items()
        if key.rsplit("/", 1)[-1].lower() in names
    )
    return next(filter(None, numbers), [])
