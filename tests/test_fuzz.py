"""Random and randomly damaged input: the answer is a result or an `InputError`, nothing else."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.image import decode, upright_rgb
from cyclegan_tf.data.tfrecord import read_records
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.run_folder import RunFolder
from tests.hell.images import FORMATS, encode, picture
from tests.hell.records import frame, image_record

quick = settings(
    derandomize=True, deadline=None, database=None, max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
few = settings(quick, max_examples=50)  # TensorFlow opens a data set for each
RECORDS = image_record(b"first") + image_record(b"second", 1)
FIELDS = sorted(TrainConfig().to_dict())

numbers = st.integers() | st.floats() | st.sampled_from([0, 1, -1, 2**63, 10**400, 0.5])
scalars = st.none() | st.booleans() | numbers | st.text(max_size=20)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
words = st.sampled_from(["cyclegan", "dcgan", "unet", "resnet", "lsgan", "wgan-gp", "best", "on"])
configs = st.dictionaries(st.sampled_from(FIELDS) | st.text(), anything | words, max_size=6)


@st.composite
def damaged(draw, data: bytes) -> bytes:
    """Bytes cut off, changed, doubled or filled in at random places."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(changed) - 1)))
        kind = draw(st.sampled_from(["cut", "flip", "write", "drop", "double"]))
        if kind == "cut":
            del changed[place:]
        elif kind == "flip" and changed:
            changed[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "write":
            changed[place : place + 8] = draw(st.binary(min_size=1, max_size=8))
        elif kind == "drop":
            del changed[place : place + draw(st.integers(1, 20))]
        else:
            changed[place:place] = changed[place : place + 20]
    return bytes(changed)


@pytest.fixture(scope="module")
def place():
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def read_all(place: Path, data: bytes) -> list[tuple[str, bytes]] | None:
    """The records of a file of these bytes, or None if they are refused."""
    path = place / "x.tfrec"
    path.write_bytes(data)
    try:
        records = list(read_records(path))
    except InputError as error:
        assert "x.tfrec" in str(error)
        return None
    assert records
    return records


@few
@given(data=st.binary(max_size=200))
@example(data=frame(b"", length=2**60))
def test_any_bytes_are_records_or_refused(place, data):
    read_all(place, data)


@few
@given(data=damaged(RECORDS))
def test_damaged_records_are_read_right_or_refused(place, data):
    right = read_all(place, RECORDS)
    records = read_all(place, data)
    # the checksums let nothing through but whole records that were doubled or left out
    assert records is None or all(record in right for record in records)


@few
@given(payload=st.binary(max_size=60) | damaged(RECORDS[12:400]))
def test_any_payload_with_right_checksums_is_an_image_record_or_refused(place, payload):
    read_all(place, frame(payload))


@quick
@given(values=configs)
def test_any_json_is_a_config_that_comes_back_or_refused(values):
    try:
        config = TrainConfig.from_dict(values)
    except InputError:
        return
    again = json.loads(json.dumps(config.to_dict(), allow_nan=False))
    assert TrainConfig.from_dict(again) == config


@quick
@given(data=st.binary(max_size=100) | anything.map(lambda value: json.dumps(value).encode())
       | configs.map(lambda values: json.dumps(values).encode())
       | damaged(json.dumps(TrainConfig().to_dict()).encode()))  # fmt: skip
def test_any_config_file_is_read_or_refused(place, data):
    run = RunFolder(place / "run")
    run.path.mkdir(exist_ok=True)
    run.config_file.write_bytes(data)
    try:
        config = run.config()
    except InputError:
        return
    assert isinstance(config, TrainConfig)


@pytest.mark.parametrize("suffix", FORMATS)
def test_damaged_image_is_decodable_by_tensorflow_or_refused(suffix):
    @quick
    @given(data=damaged(encode(picture(height=12, width=12), FORMATS[suffix])))
    def check(data: bytes) -> None:
        try:
            upright = upright_rgb(data)
        except ValueError:
            return
        assert decode(upright).shape[2] == 3

    check()
