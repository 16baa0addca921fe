"""`tf.train.Example` without TensorFlow, whose import takes half a gigabyte and seconds."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

Kind = Literal["bytes", "float", "int64"]

# Messages of tensorflow/core/example: of each field its name, its number, and what it holds; a
# list if the message is one. Values of numbers are packed.
_MESSAGES = {
    "BytesList": [("value", 1, "TYPE_BYTES")],
    "FloatList": [("value", 1, "TYPE_FLOAT")],
    "Int64List": [("value", 1, "TYPE_INT64")],
    "Feature": [
        ("bytes_list", 1, "BytesList"), ("float_list", 2, "FloatList"),
        ("int64_list", 3, "Int64List"),
    ],
    "Features": [("feature", 1, "FeatureEntry")],
    "FeatureEntry": [("key", 1, "TYPE_STRING"), ("value", 2, "Feature")],
    "Example": [("features", 1, "Features")],
}  # fmt: skip


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

    Reference: tensorflow/core/example/example.proto and feature.proto.
    """
    try:
        example = _example_type().FromString(bytes(data))
    except DecodeError as error:
        raise ValueError(str(error)) from error
    return {entry.key: _feature(entry.value) for entry in example.features.feature}


def serialize_example(features: Mapping[str, bytes]) -> bytes:
    """Writes a `tf.train.Example` of features of bytes, one value each, sorted by name."""
    example = _example_type()()
    for name, value in sorted(features.items()):
        entry = example.features.feature.add(key=name)
        entry.value.bytes_list.value.append(value)
    return example.SerializeToString(deterministic=True)


def _feature(message: Message) -> Feature:
    kind = message.WhichOneof("kind")
    return (
        Feature(kind.removesuffix("_list"), tuple(getattr(message, kind).value))
        if kind
        else Feature()
    )


@functools.cache
def _example_type() -> type[Message]:
    """The class of the message, made from its description, apart from TensorFlow's own."""
    file = descriptor_pb2.FileDescriptorProto(
        name="cyclegan_tf/example.proto", package="cyclegan_tf", syntax="proto3"
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        # a map is, in the bytes, a list of its entries
        label = (
            kinds.LABEL_REPEATED if "List" in name or name == "Features" else kinds.LABEL_OPTIONAL
        )
        for field_name, number, content in fields:
            field = message.field.add(name=field_name, number=number, label=label)
            if content in _MESSAGES:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".cyclegan_tf.{content}"
            else:
                field.type = getattr(kinds, content)
            if name == "Feature":
                field.oneof_index = 0
        if name == "Feature":
            message.oneof_decl.add(name="kind")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    example = pool.FindMessageTypeByName("cyclegan_tf.Example")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(example)
    return message_factory.MessageFactory(pool).GetPrototype(example)  # before protobuf 4.22
