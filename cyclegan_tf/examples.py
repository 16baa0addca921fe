"""`tf.train.Example` without TensorFlow, whose import takes half a gigabyte and seconds."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

# Wire types of protocol buffers, and the sizes of those that have one.
_VARINT, _DELIMITED = 0, 2
_SIZES = {1: 8, 5: 4}
_FLOAT_WIRE = 5
_LONGEST_VARINT = 10  # bytes

Kind = Literal["bytes", "float", "int64"]


@dataclass(frozen=True)
class Feature:
    """The values of one feature of a record.

    Attributes:
        kind: which of the three lists it has; None for a feature without one.
        values: bytes, floats or integers.
    """

    kind: Kind | None = None
    values: tuple[bytes, ...] | tuple[float, ...] | tuple[int, ...] = ()


def parse_example(data: bytes) -> dict[str, Feature]:
    """Reads a serialized `tf.train.Example`.

    Args:
        data: as a record of a TFRecord file holds it.

    Returns:
        The features by name, in the order of the record.

    Raises:
        ValueError: if the bytes are none.

    Reference: protobuf.dev, "Encoding"; tensorflow/core/example/feature.proto.
    """
    features = {}
    for message in _messages(memoryview(data), 1):
        for entry in _messages(message, 1):
            names = list(_messages(entry, 1))
            name = str(names[-1], "utf-8") if names else ""
            feature = Feature()
            for part in _messages(entry, 2):
                feature = _feature(part)
            features[name] = feature
    return features


def serialize_example(features: Mapping[str, bytes]) -> bytes:
    """Writes a `tf.train.Example` of features of bytes, one value each, sorted by name."""
    entries = b""
    for name, value in sorted(features.items()):
        bytes_list = _field(1, _field(1, value))
        entries += _field(1, _field(1, name.encode()) + _field(2, bytes_list))
    return _field(1, entries)


def _feature(data: memoryview) -> Feature:
    feature = Feature()
    for number, wire, content in _fields(data):
        if wire == _DELIMITED and number in _READERS:
            kind, read = _READERS[number]
            feature = Feature(kind, tuple(read(content)))
    return feature


def _bytes_values(data: memoryview) -> Iterator[bytes]:
    return (bytes(value) for value in _messages(data, 1))


def _float_values(data: memoryview) -> Iterator[float]:
    for number, wire, content in _fields(data):
        if number == 1 and wire in (_DELIMITED, _FLOAT_WIRE):
            if len(content) % 4:
                raise ValueError("floats are cut off")
            yield from struct.unpack(f"<{len(content) // 4}f", content)


def _int64_values(data: memoryview) -> Iterator[int]:
    for number, wire, content in _fields(data):
        place = 0
        while number == 1 and wire in (_DELIMITED, _VARINT) and place < len(content):
            value, place = _varint(content, place)
            yield value - 2**64 if value >= 2**63 else value


_READERS = {1: ("bytes", _bytes_values), 2: ("float", _float_values), 3: ("int64", _int64_values)}


def _messages(data: memoryview, number: int) -> Iterator[memoryview]:
    """The fields of one number that hold messages, texts or bytes."""
    return (content for n, wire, content in _fields(data) if (n, wire) == (number, _DELIMITED))


def _fields(data: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Number, wire type and content of each field of a message."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise ValueError("a field has the number 0")
        if wire == _VARINT:
            size = _varint(data, place)[1] - place
        elif wire == _DELIMITED:
            size, place = _varint(data, place)
        elif wire in _SIZES:
            size = _SIZES[wire]
        else:
            raise ValueError(f"a field has the unknown wire type {wire}")
        if size > len(data) - place:
            raise ValueError("a field is cut off")
        yield number, wire, data[place : place + size]
        place += size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and the place behind it."""
    value = 0
    for count, byte in enumerate(data[place : place + _LONGEST_VARINT]):
        value |= (byte & 127) << 7 * count
        if byte < 128:
            return value & (2**64 - 1), place + count + 1
    raise ValueError("a number is cut off")


def _field(number: int, data: bytes) -> bytes:
    """A field that holds a message, a text or bytes."""
    size, length = len(data), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | _DELIMITED, *length, size]) + data
