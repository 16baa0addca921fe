import gzip
import os
import struct
import zlib
from pathlib import PurePath

import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.data.image import load_upright
from cyclegan_tf.data.tfrecord import (
    begins_records,
    claims_records,
    count_records,
    parse_features,
    read_records,
    record_features,
    write_records,
)
from cyclegan_tf.errors import InputError
from tests.hell.records import example, frame
from tests.pictures import flat, png

IMAGES = [("first", b"one"), ("zwei & drei", b"two"), ("třetí", b"three")]


def write_example(path, features: dict[str, bytes]) -> None:
    feature = {
        key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for key, value in features.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(example.SerializeToString())


def test_what_is_written_is_read(tmp_path):
    write_records(tmp_path / "x.tfrec", "monet", IMAGES)
    assert list(read_records(tmp_path / "x.tfrec")) == IMAGES
    assert [path.name for path in tmp_path.iterdir()] == ["x.tfrec"]


def test_records_have_the_competitions_features(tmp_path):
    write_records(tmp_path / "x.tfrec", "monet", IMAGES[:1])
    record = next(tf.data.TFRecordDataset(str(tmp_path / "x.tfrec")).as_numpy_iterator())
    feature = tf.train.Example.FromString(record).features.feature
    values = {key: feature[key].bytes_list.value[0] for key in feature}
    assert values == {"image": b"one", "image_name": b"first", "target": b"monet"}


def test_record_without_a_name_is_named_after_its_place(tmp_path):
    write_example(tmp_path / "shard.tfrec", {"image": b"x"})
    assert list(read_records(tmp_path / "shard.tfrec")) == [("shard-0", b"x")]


def test_names_of_shards_claim_records():
    claim = ("x.tfrec", "x.TFRecord", "x.tfrecords", "x.tfrecord-00000-of-00002", "x.tfrec.gz")
    assert all(claims_records(PurePath(name)) for name in claim)
    assert not any(claims_records(PurePath(n)) for n in ("x.tfrecord.json", "x.rec", "tfrec"))


def test_beginning_tells_records(tmp_path):
    write_records(tmp_path / "x.tfrec", "monet", IMAGES)
    assert begins_records((tmp_path / "x.tfrec").read_bytes())
    for other in (b"", b"PK\3\4", bytes(40), b"a text that is long enough"):
        assert not begins_records(other)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_packed_records_are_read(tmp_path, pack):
    write_records(tmp_path / "plain.tfrec", "monet", IMAGES)
    data = (tmp_path / "plain.tfrec").read_bytes()
    (tmp_path / "x.tfrec").write_bytes(pack(data) + (pack(data) if pack is gzip.compress else b""))
    expected = IMAGES * (2 if pack is gzip.compress else 1)
    assert list(read_records(tmp_path / "x.tfrec")) == expected
    assert count_records(tmp_path / "x.tfrec") == len(expected)
    assert set(record_features(tmp_path / "x.tfrec")) == {"image", "image_name", "target"}


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_packed_records_that_are_damaged_are_named(tmp_path, pack):
    path = tmp_path / "x.tfrec"
    write_records(path, "monet", IMAGES)
    packed = bytearray(pack(path.read_bytes()))
    path.write_bytes(packed[:-20])
    with pytest.raises(InputError, match=r"x\.tfrec: record . cannot be read.*end too early"):
        list(read_records(path))
    path.write_bytes(pack(frame(b"x" * 20, length=10**12)))
    with pytest.raises(InputError, match=r"record 0 .*claims 1,000,000,000,000 bytes"):
        list(read_records(path))
    assert count_records(path) == 0


def test_record_whose_length_looks_packed_is_read_as_it_is(tmp_path):
    rest = len(example({"image": bytes(40_000), "image_name": b"a"})) - 40_000
    image = bytes(0x9C78 - rest)  # the length begins as ZLIB does
    data = frame(example({"image": image, "image_name": b"a"}))
    assert data.startswith(b"\x78\x9c")
    (tmp_path / "x.tfrec").write_bytes(data)
    assert list(read_records(tmp_path / "x.tfrec")) == [("a", image)]


OTHERS = [
    {"image/encoded": png(flat(1)), "image/filename": b"in/1.jpg", "image/format": b"jpeg"},
    {"image/encoded_image": png(flat(1)), "image/file_name": b"in/1.jpg"},
    {"img": png(flat(1)), "filename": b"in/1.jpg", "class_name": b"horse"},
    {"jpeg": png(flat(1)), "label_name": b"x", "id": b"in/1"},
]


@pytest.mark.parametrize("features", OTHERS)
def test_features_of_others_are_found(tmp_path, features):
    write_example(tmp_path / "x.tfrec", features)
    assert list(read_records(tmp_path / "x.tfrec")) == [("in/1", png(flat(1)))]


def test_features_can_be_told(tmp_path):
    write_example(tmp_path / "x.tfrec", {"left": png(flat(1)), "right": png(flat(2)), "k": b"n"})
    features = parse_features("image=right, name=k")
    assert list(read_records(tmp_path / "x.tfrec", features=features)) == [("n", png(flat(2)))]
    with pytest.raises(InputError, match=r"no feature 'up' with bytes .*left, right.*--features"):
        list(read_records(tmp_path / "x.tfrec", features={"image": "up"}))


@pytest.mark.parametrize("text", ["image", "picture=x", "image="])
def test_features_that_are_told_wrongly_are_refused(text):
    with pytest.raises(InputError, match=r"--features is .*; expected what image and name"):
        parse_features(text)
    assert parse_features("") == {}


SIZES = [
    {"image/height": [6], "image/width": [4]},
    {"rows": [6], "cols": [4], "height": []},
    {"image/shape": [6, 4, 3]},
]


@pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: next(iter(sizes)))
@pytest.mark.parametrize("channels", [1, 3])
def test_raw_pixels_become_a_picture(tmp_path, channels, sizes):
    pixels = np.arange(6 * 4 * channels, dtype=np.uint8).reshape(6, 4, channels)
    feature = {
        key: tf.train.Feature(int64_list=tf.train.Int64List(value=numbers))
        for key, numbers in sizes.items()
    }
    raw = tf.train.BytesList(value=[pixels.tobytes()])
    feature["image_raw"] = tf.train.Feature(bytes_list=raw)
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    with tf.io.TFRecordWriter(str(tmp_path / "x.tfrec")) as writer:
        writer.write(example.SerializeToString())
    [(name, encoded)] = read_records(tmp_path / "x.tfrec")
    assert name == "x-0"
    np.testing.assert_array_equal(load_upright(encoded)[..., :channels], pixels)


def test_pixels_of_several_bytes_are_refused(tmp_path):
    feature = {
        "image_raw": tf.train.Feature(bytes_list=tf.train.BytesList(value=[bytes(6 * 4 * 12)])),
        "shape": tf.train.Feature(int64_list=tf.train.Int64List(value=[6, 4, 3])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    with tf.io.TFRecordWriter(str(tmp_path / "x.tfrec")) as writer:
        writer.write(example.SerializeToString())
    with pytest.raises(InputError, match=r"record 0 has 288 bytes for 6 x 4 pixels; expected 1, 3"):
        list(read_records(tmp_path / "x.tfrec"))


def record_length(data: bytes) -> int:
    """Bytes of the first record with its frame: length, its CRC, the data, its CRC."""
    return 12 + struct.unpack("<Q", data[:8])[0] + 4


@pytest.mark.parametrize("cut", [-1, -4, -10])
def test_cut_file_names_the_file_and_the_record(tmp_path, cut):
    path = tmp_path / "cut.tfrec"
    write_records(path, "monet", IMAGES)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"cut\.tfrec: record 2 .* fetch the file again"):
        list(read_records(path))


def test_flipped_bit_names_the_record(tmp_path):
    path = tmp_path / "flipped.tfrec"
    write_records(path, "monet", IMAGES)
    data = bytearray(path.read_bytes())
    data[record_length(data) + 20] ^= 1  # in the second record
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"flipped\.tfrec: record 1 .*\(corrupted record at"):
        list(read_records(path))


def test_text_file_with_the_right_suffix_is_refused(tmp_path):
    (tmp_path / "x.tfrec").write_text("no record at all, but long enough to be read as one")
    with pytest.raises(InputError, match=r"x\.tfrec: record 0"):
        list(read_records(tmp_path / "x.tfrec"))


@pytest.mark.parametrize("length", [10**12, 2**60, 2**64 - 1])
def test_record_longer_than_its_file_is_refused_before_memory_is_taken(tmp_path, length):
    good = frame(b"", length=0)
    (tmp_path / "x.tfrec").write_bytes(frame(b"x" * 20, length=length) + good)
    with pytest.raises(InputError, match=rf"record 0 .*\(it claims {length:,} bytes, 36 are left"):
        list(read_records(tmp_path / "x.tfrec"))


@pytest.mark.parametrize("size", [1, 4, 8, 11, 15])
def test_frame_that_is_cut_off_is_told(tmp_path, size):
    (tmp_path / "x.tfrec").write_bytes(frame(b"")[:size])
    with pytest.raises(InputError, match=rf"record 0 .*frame takes 16 bytes, {size} are left"):
        list(read_records(tmp_path / "x.tfrec"))


def test_records_before_a_damaged_one_are_still_read(tmp_path):
    path = tmp_path / "x.tfrec"
    write_records(path, "monet", IMAGES[:1])
    path.write_bytes(path.read_bytes() + frame(b"x", length=10**15))
    records = read_records(path)
    assert next(records) == IMAGES[0]
    with pytest.raises(InputError, match="record 1 cannot be read"):
        next(records)


def test_pipe_is_refused_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.tfrec")
    with pytest.raises(InputError, match=r"x\.tfrec cannot be read \(it is no file but a pipe"):
        next(read_records(tmp_path / "x.tfrec"))


def test_file_whose_name_is_no_utf8_is_read(tmp_path):
    path = tmp_path / "\udcff.tfrec"
    write_records(tmp_path / "x.tfrec", "monet", IMAGES)
    (tmp_path / "x.tfrec").rename(path)
    assert list(read_records(path)) == IMAGES


def test_reading_does_not_wait_for_the_tuner_to_end(tmp_path, monkeypatch):
    tuned, iterate = [], tf.data.Dataset.as_numpy_iterator

    def watched(dataset):
        tuned.append(dataset.options().autotune.enabled)
        return iterate(dataset)

    monkeypatch.setattr(tf.data.Dataset, "as_numpy_iterator", watched)
    write_records(tmp_path / "x.tfrec", "monet", IMAGES)
    assert len(list(read_records(tmp_path / "x.tfrec"))) == 3
    assert tuned == [False]


def test_empty_shard_is_refused(tmp_path):
    (tmp_path / "x.tfrec").touch()
    with pytest.raises(InputError, match=r"x\.tfrec holds no record"):
        list(read_records(tmp_path / "x.tfrec"))


def test_record_without_an_image_lists_what_is_there(tmp_path):
    write_example(tmp_path / "x.tfrec", {"picture": b"x", "label": b"y"})
    with pytest.raises(InputError, match=r"record 0 has no feature 'image'.*label, picture"):
        list(read_records(tmp_path / "x.tfrec"))


def test_record_that_is_no_example_is_refused(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "x.tfrec")) as writer:
        writer.write(b"\xff\xff\xff")
    with pytest.raises(InputError, match=r"record 0 is no tf\.train\.Example"):
        list(read_records(tmp_path / "x.tfrec"))


def test_a_file_has_the_bytes_that_tensorflow_writes(tmp_path):
    write_records(tmp_path / "ours.tfrec", "monet", IMAGES)
    with tf.io.TFRecordWriter(str(tmp_path / "theirs.tfrec")) as writer:
        for record in tf.data.TFRecordDataset(str(tmp_path / "ours.tfrec")).as_numpy_iterator():
            writer.write(record)
    assert (tmp_path / "ours.tfrec").read_bytes() == (tmp_path / "theirs.tfrec").read_bytes()


def test_large_record_of_tensorflow_is_read(tmp_path):
    image = np.random.default_rng(0).bytes(5_000_000)
    write_example(tmp_path / "x.tfrec", {"image": image, "image_name": b"large"})
    assert list(read_records(tmp_path / "x.tfrec")) == [("large", image)]


def test_features_of_the_first_record_are_told(tmp_path):
    write_records(tmp_path / "x.tfrec", "monet", IMAGES)
    features = record_features(tmp_path / "x.tfrec")
    assert {key: list(feature.bytes_list.value) for key, feature in features.items()} == {
        "image": [b"one"],
        "image_name": [b"first"],
        "target": [b"monet"],
    }


def test_records_are_counted_by_their_lengths(tmp_path):
    path = tmp_path / "x.tfrec"
    write_records(path, "monet", IMAGES)
    assert count_records(path) == 3
    path.write_bytes(path.read_bytes()[:-1])
    assert count_records(path) == 2
    path.write_bytes(b"")
    assert count_records(path) == 0
    with pytest.raises(InputError, match=r"y\.tfrec cannot be read \(No such file"):
        count_records(tmp_path / "y.tfrec")
