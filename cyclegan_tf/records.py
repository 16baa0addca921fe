"""TFRecords of the competition: features `image` (JPEG bytes), `image_name` and `target`."""

import os
import re
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import tensorflow as tf

from cyclegan_tf.errors import InputError
from cyclegan_tf.files import replacing
from cyclegan_tf.inputs import MOST_BYTES, require_file

RECORD_PATTERNS = ("*.tfrec", "*.tfrecord", "*.tfrecords")

_HEAD, _TAIL = 12, 4  # bytes of a record before its data, length and checksum, and behind them


def record_files(folder: Path) -> list[Path]:
    """The TFRecord files of a folder, sorted by name."""
    return sorted(path for pattern in RECORD_PATTERNS for path in folder.glob(pattern))


def read_records(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yields the name and the encoded bytes of every image of a TFRecord file.

    Raises:
        InputError: naming the file and the record that is cut off, corrupted or has no image.
    """
    whole, fault = _measure(path)
    count = 0
    try:
        # bytes: a file's name may be no UTF-8
        records = tf.data.TFRecordDataset(os.fsencode(path)).take(whole).with_options(untuned())
        for record in records.as_numpy_iterator():
            yield _parse(record, path, count)
            count += 1
    except tf.errors.OpError as error:
        fault = _reason(error)
    if fault:
        raise InputError(
            f"{path}: record {count} cannot be read, the file is cut off or corrupted ({fault}); "
            "fetch the file again."
        )
    if count == 0:
        raise InputError(f"{path} holds no record; expected images. Fetch the file again.")


def untuned() -> tf.data.Options:
    """Options of a data set without the autotuner, so that an iterator ends when it is done.

    The tuner's thread sometimes sleeps through the end, for as long as the iterator has lived and
    up to a minute (seen in TensorFlow 2.21: its callback runs before it counts as cancelled).
    Without it `tf.data.AUTOTUNE` is a thread a core.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def write_records(path: Path, target: str, images: Iterable[tuple[str, bytes]]) -> None:
    """Writes `(name, encoded bytes)` pairs as a TFRecord file, whole or not at all."""
    with replacing(path) as partial, tf.io.TFRecordWriter(str(partial)) as writer:
        for name, encoded in images:
            features = {
                "image": _bytes_feature(encoded),
                "image_name": _bytes_feature(name.encode()),
                "target": _bytes_feature(target.encode()),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString(deterministic=True))


def _measure(path: Path) -> tuple[int, str | None]:
    """How many records fit into the file by the lengths that they claim, and what ends them.

    TensorFlow takes the memory for a record before it reads it: a length of terabytes ends the
    process, not the reading.
    """
    try:
        size = require_file(path)
        with path.open("rb") as file:
            count = place = 0
            while head := file.read(_HEAD):
                left = size - place - _HEAD - _TAIL
                if left < 0:
                    return count, f"its frame takes {_HEAD + _TAIL} bytes, {size - place} are left"
                length = struct.unpack("<Q", head[:8])[0]
                if left < length:
                    return count, f"it claims {length:,} bytes, {left:,} are left"
                if length > MOST_BYTES:
                    return count, f"it claims {length:,} bytes, at most {MOST_BYTES:,} are read"
                count, place = count + 1, place + _HEAD + length + _TAIL
                file.seek(place)
            return count, None
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); expected a TFRecord file. Check it."
        ) from error


def _parse(record: bytes, path: Path, number: int) -> tuple[str, bytes]:
    """Name and image bytes of one record; a record without a name is named after its place."""
    try:
        feature = tf.train.Example.FromString(record).features.feature
    except Exception as error:  # protobuf's DecodeError moved between its versions
        raise InputError(
            f"{path}: record {number} is no tf.train.Example; expected features image, image_name "
            "and target. Fetch the file again."
        ) from error
    image = feature["image"].bytes_list.value if "image" in feature else ()
    if not image:
        found = ", ".join(sorted(feature)) or "none"
        raise InputError(
            f"{path}: record {number} has no feature 'image' with bytes (features found: {found}); "
            "expected image, image_name and target. Is this a file of the competition?"
        )
    names = feature["image_name"].bytes_list.value if "image_name" in feature else ()
    name = names[0].decode("utf-8", "replace") if names else f"{path.stem}-{number}"
    return name, image[0]


def _reason(error: tf.errors.OpError) -> str:
    line = error.message.split("\n")[0].split(" [Op:")[0]
    return re.sub(r"{{.*?}}", "", line).strip()  # the name of the graph's node


def _bytes_feature(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
