"""TFRecords of the competition: features `image` (JPEG bytes), `image_name` and `target`."""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from cyclegan_tf.data.crc32c import masked_crc32c
from cyclegan_tf.data.examples import Feature, parse_example, serialize_example
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.files import MOST_BYTES, atomic_file, is_hidden, require_file

RECORD_PATTERNS = ("*.tfrec", "*.tfrecord", "*.tfrecords")

_HEAD, _TAIL = 12, 4  # bytes of a record before its data, length and checksum, and behind them


class _DamagedError(ValueError):
    """A record that is no whole one; the message says why."""


def record_files(folder: Path) -> list[Path]:
    """The TFRecord files of a folder, sorted by name, without hidden ones (`is_hidden`)."""
    found = [path for pattern in RECORD_PATTERNS for path in folder.glob(pattern)]
    return sorted(path for path in found if not is_hidden(path.relative_to(folder)))


def read_records(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yields the name and the encoded bytes of every image of a TFRecord file.

    Raises:
        InputError: naming the file and the record that is cut off, corrupted or has no image.
    """
    for number, features in enumerate(_read_examples(path)):
        yield _name_and_image(features, path, number)


def record_features(path: Path) -> dict[str, Feature]:
    """The features of the first record of a TFRecord file, by name.

    Raises:
        InputError: if there is none that can be read.
    """
    return next(_read_examples(path))


def count_records(path: Path) -> int:
    """How many records a TFRecord file has, by the lengths alone, up to the first impossible one.

    Raises:
        InputError: if the file cannot be read.
    """
    count = 0
    try:
        with path.open("rb") as file:
            left = require_file(path)
            while left:
                length = _read_head(file, left)[1]
                file.seek(length + _TAIL, 1)
                count, left = count + 1, left - _HEAD - length - _TAIL
    except _DamagedError:
        return count
    except OSError as error:
        raise _unreadable(path, error) from error
    return count


def write_records(path: Path, target: str, images: Iterable[tuple[str, bytes]]) -> None:
    """Writes `(name, encoded bytes)` pairs as a TFRecord file, whole or not at all."""
    with atomic_file(path) as partial, partial.open("wb") as file:
        for name, encoded in images:
            record = serialize_example(
                {"image": encoded, "image_name": name.encode(), "target": target.encode()}
            )
            for part in (struct.pack("<Q", len(record)), record):
                file.write(part + struct.pack("<I", masked_crc32c(part)))


def _read_examples(path: Path) -> Iterator[dict[str, Feature]]:
    number = 0
    for record in _read_frames(path):
        try:
            features = parse_example(record)
        except ValueError as error:
            raise InputError(
                f"{path}: record {number} is no tf.train.Example; expected features image, "
                "image_name and target. Fetch the file again."
            ) from error
        yield features
        number += 1
    if number == 0:
        raise InputError(f"{path} holds no record; expected images. Fetch the file again.")


def _read_frames(path: Path) -> Iterator[bytes]:
    """The data of every record of a file whose checksums are right."""
    number = 0
    try:
        size = left = require_file(path)
        with path.open("rb") as file:
            while left:
                yield _read_frame(file, left, place=size - left)
                number, left = number + 1, size - file.tell()
    except _DamagedError as error:
        raise InputError(
            f"{path}: record {number} cannot be read, the file is cut off or corrupted ({error}); "
            "fetch the file again."
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _read_frame(file: BinaryIO, left: int, *, place: int) -> bytes:
    head, length = _read_head(file, left)
    data, tail = file.read(length), file.read(_TAIL)
    if not (_checks(head[:8], head[8:]) and _checks(data, tail)):
        raise _DamagedError(f"corrupted record at byte {place:,}: its checksum is another")
    return data


def _read_head(file: BinaryIO, left: int) -> tuple[bytes, int]:
    """The first bytes of a record, and the length that they claim, if `left` bytes can hold it.

    Nothing takes memory for a length before it is known to be possible.
    """
    head = file.read(_HEAD)
    left -= _HEAD + _TAIL
    if left < 0 or len(head) < _HEAD:
        frame = _HEAD + _TAIL
        raise _DamagedError(f"its frame takes {frame} bytes, {left + frame} are left")
    length = struct.unpack("<Q", head[:8])[0]
    if length > left:
        raise _DamagedError(f"it claims {length:,} bytes, {left:,} are left")
    if length > MOST_BYTES:
        raise _DamagedError(f"it claims {length:,} bytes, at most {MOST_BYTES:,} are read")
    return head, length


def _checks(data: bytes, checksum: bytes) -> bool:
    return checksum == struct.pack("<I", masked_crc32c(data))


def _name_and_image(features: dict[str, Feature], path: Path, number: int) -> tuple[str, bytes]:
    """Name and image bytes of one record; a record without a name is named after its place."""
    image = _byte_values(features, "image")
    if not image:
        found = ", ".join(sorted(features)) or "none"
        raise InputError(
            f"{path}: record {number} has no feature 'image' with bytes (features found: {found}); "
            "expected image, image_name and target. Is this a file of the competition?"
        )
    names = _byte_values(features, "image_name")
    return names[0].decode("utf-8", "replace") if names else f"{path.stem}-{number}", image[0]


def _byte_values(features: dict[str, Feature], name: str) -> tuple[bytes, ...]:
    feature = features.get(name, Feature())
    return feature.values if feature.kind == "bytes" else ()


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"{path} cannot be read ({error.strerror}); expected a TFRecord file. Check it."
    )
