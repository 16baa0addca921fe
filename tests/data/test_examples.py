import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from cyclegan_tf.data.examples import Feature, parse_example, serialize_example


def as_tensorflow_reads(data: bytes) -> dict[str, Feature]:
    features = tf.train.Example.FromString(data).features.feature
    found = {}
    for name, feature in features.items():
        kind = feature.WhichOneof("kind")
        values = tuple(getattr(feature, kind).value) if kind else ()
        found[name] = Feature(kind and kind.removesuffix("_list"), values)
    return found


def example(**features) -> bytes:
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def bytes_feature(*values: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def test_all_three_kinds_of_features():
    data = example(
        image=bytes_feature(b"\xff\xd8", b""),
        weights=tf.train.Feature(float_list=tf.train.FloatList(value=[0.5, -2.0])),
        label=tf.train.Feature(int64_list=tf.train.Int64List(value=[0, 300, -1, 2**63 - 1])),
        nothing=tf.train.Feature(),
    )
    assert parse_example(data) == {
        "image": Feature("bytes", (b"\xff\xd8", b"")),
        "weights": Feature("float", (0.5, -2.0)),
        "label": Feature("int64", (0, 300, -1, 2**63 - 1)),
        "nothing": Feature(),
    }


def test_unpacked_numbers_are_read():
    # Feature { float_list { value: 1.0 } } and { int64_list { value: 5 } }, a field a value
    weight = b"\x12\x05\x0d\x00\x00\x80\x3f"
    label = b"\x1a\x02\x08\x05"
    entries = b"".join(
        b"\x0a" + bytes([len(entry)]) + entry
        for entry in (b"\x0a\x01w\x12\x07" + weight, b"\x0a\x01l\x12\x04" + label)
    )
    data = b"\x0a" + bytes([len(entries)]) + entries
    found = parse_example(data)
    assert found == {"w": Feature("float", (1.0,)), "l": Feature("int64", (5,))}
    assert found == as_tensorflow_reads(data)


def test_unknown_fields_are_passed_over():
    known = example(a=bytes_feature(b"x"))
    number, fixed = b"\x98\x06\x96\x01", b"\x9d\x06abcd"  # fields 99: a number, four bytes
    assert parse_example(number + known + fixed) == {"a": Feature("bytes", (b"x",))}


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\x0a\x05ab",  # shorter than it says
        b"\x80",  # a number without its end
        b"\x80" * 11,
        b"\x02\x00",  # field 0
        b"\x0c",  # the end of a group that never began
        b"\x0a\x07\x0a\x05\x0a\x01\xff\x12\x00",  # a name that is no UTF-8
    ],
)
def test_what_is_no_example_is_refused(data):
    with pytest.raises(ValueError):
        parse_example(data)


def test_tensorflow_reads_what_is_written():
    values = {"image_name": "Frühling".encode(), "image": bytes(300), "target": b""}
    data = serialize_example(values)
    assert as_tensorflow_reads(data) == {k: Feature("bytes", (v,)) for k, v in values.items()}
    assert list(parse_example(data)) == ["image", "image_name", "target"]
    assert data == serialize_example(dict(reversed(values.items())))


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=5),
        st.lists(st.binary(max_size=200), max_size=3)
        | st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3)
        | st.lists(st.floats(width=32, allow_nan=False), max_size=3),
        max_size=4,
    )
)
def test_any_example_is_read_as_tensorflow_reads_it(values):
    lists = {bytes: "bytes_list", int: "int64_list", float: "float_list"}
    features = {}
    for name, items in values.items():
        kind = lists[type(items[0])] if items else "bytes_list"
        features[name] = tf.train.Feature()
        getattr(features[name], kind).value.extend(items)
        getattr(features[name], kind).SetInParent()
    message = tf.train.Example(features=tf.train.Features(feature=features))
    data = message.SerializeToString()
    assert parse_example(data) == as_tensorflow_reads(data)
