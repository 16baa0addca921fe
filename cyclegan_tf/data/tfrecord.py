"""TFRecords of the competition: features `image` (JPEG bytes), `image_name` and `target`.

TensorFlow reads and writes them; it is imported where that happens, not before.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cyclegan_tf.errors import InputError, first_line
from cyclegan_tf.io.files import MOST_BYTES, atomic_file, is_hidden, require_file

if TYPE_CHECKING:
    import tensorflow as tf

RECORD_PATTERNS = ("*.tfrec", "*.tfrecord", "*.tfrecords")

_HEAD, _TAIL = 12, 4  # bytes of a record before its data, length and checksum, and behind them


class _DamagedError(ValueError):
    """A record that is not a whole one; the message says why."""


def record_files(folder: Path) -> list[Path]:
    """The TFRecord files of a folder, sorted by name, without hidden ones (`is_hidden`)."""
    found = [path for pattern in RECORD_PATTERNS for path in folder.glob(pattern)]
    return sorted(path for path in found if not is_hidden(path.relative_to(folder)))


def read_records(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yields the name and the encoded bytes of every image of a TFRecord file.

    Raises:
        InputError: naming the file and the record that is cut off, corrupted or has no image.
    """
    for number, features in enumerate(_read_features(path)):
        yield _name_and_image(features, path, number)


def record_features(path: Path) -> "dict[str, tf.train.Feature]":
    """The features of the first record of a TFRecord file, by name.

    Raises:
        InputError: if there is none that can be read.
    """
    return next(_read_features(path))


def count_records(path: Path) -> int:
    """How many records a TFRecord file has, by the lengths alone, up to the first impossible one.

    Raises:
        InputError: if the file cannot be read.
    """
    return _walk(path)[0]


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


def _read_features(path: Path) -> "Iterator[dict[str, tf.train.Feature]]":
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    number = 0
    for record in _read_frames(path):
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


def _read_length(file: BinaryIO, left: int) -> int:
    """The length that a record claims, if the `left` bytes can hold it."""
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
    return length


def _damaged(path: Path, number: int, reason: str) -> InputError:
    return InputError(
        f"{path}: record {number} cannot be read, the file is cut off or corrupted ({reason}); "
        "fetch the file again."
    )


def _name_and_image(
    features: "dict[str, tf.train.Feature]", path: Path, number: int
) -> tuple[str, bytes]:
    """Name and image bytes of one record; a record without a name is named after its place."""
    images, names = ([*_bytes(features, key)] for key in ("image", "image_name"))
    if not images:
        found = ", ".join(sorted(features)) or "none"
        raise InputError(
            f"{path}: record {number} has no feature 'image' with bytes (features found: {found}); "
            "expected image, image_name and target. Is this a file of the competition?"
        )
    return names[0].decode("utf-8", "replace") if names else f"{path.stem}-{number}", images[0]


def _bytes(features: "dict[str, tf.train.Feature]", key: str) -> Iterable[bytes]:
    return features[key].bytes_list.value if key in features else ()
