"""Generators in files of their own: written, found by name, read without running anything."""

import io
import json
import pickle
import re

import numpy as np
import pytest

from cyclegan_tf.errors import InputError
from cyclegan_tf.inference import shipped
from cyclegan_tf.inference.shipped import (
    PackedGenerator,
    find_weights,
    read_generator,
    write_generator,
)

WEIGHTS = [np.array([[1 / 3, -2.0]], np.float32), np.array([65_000.0], np.float32)]
PACKED = PackedGenerator("ab", {"image_size": 64}, WEIGHTS)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of shipped weights, empty."""
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path / "weights")
    return tmp_path / "weights"


def test_generator_comes_back_in_half_precision(tmp_path):
    write_generator(tmp_path / "x.npz", PACKED)
    read = read_generator(tmp_path / "x.npz", "ab")
    assert (read.direction, read.settings) == ("ab", {"image_size": 64})
    # half precision has 11 binary digits: 1365 / 4096 for a third
    assert [w.tolist() for w in read.weights] == [[[1365 / 4096, -2.0]], [64_992.0]]
    assert {w.dtype for w in read.weights} == {np.dtype("float32")}


def test_kernels_come_back_in_steps_of_their_largest_value(tmp_path):
    kernel = np.float32([[12.7, 0.04, -3.26], [0, 0, 0]]).T.reshape(1, 1, 3, 2)
    write_generator(tmp_path / "x.npz", PackedGenerator("ab", {}, [kernel]))
    (read,) = read_generator(tmp_path / "x.npz", "ab").weights
    # the first filter in steps of 0.1, in half precision; the second is empty
    np.testing.assert_allclose(read[0, 0, :, 0], [12.7, 0, -3.3], rtol=1e-3)
    assert not read[..., 1].any()


def test_kernels_beyond_half_precision_are_refused(tmp_path):
    for value in (np.nan, 1e9):
        packed = PackedGenerator("ab", {}, [np.full((1, 1, 1, 1), value, np.float32)])
        with pytest.raises(InputError, match="infinite in half precision"):
            write_generator(tmp_path / "x.npz", packed)


def test_more_than_ten_weights_keep_their_order(tmp_path):
    weights = [np.full(1, number, np.float32) for number in range(12)]
    write_generator(tmp_path / "x.npz", PackedGenerator("ba", {}, weights))
    read = read_generator(tmp_path / "x.npz", "ba").weights
    assert [w.tolist() for w in read] == [[number] for number in range(12)]


def test_same_generator_gives_the_same_bytes(tmp_path):
    for name in ("x.npz", "y.npz"):
        write_generator(tmp_path / name, PACKED)
    assert (tmp_path / "x.npz").read_bytes() == (tmp_path / "y.npz").read_bytes()


@pytest.mark.parametrize("value", [np.nan, 1e5])
def test_weights_beyond_half_precision_are_refused(tmp_path, value):
    packed = PackedGenerator("ab", {}, [np.array([value], np.float32)])
    with pytest.raises(InputError, match="some weights of this run are infinite in half precision"):
        write_generator(tmp_path / "x.npz", packed)
    assert list(tmp_path.iterdir()) == []


def test_shipped_weights_are_found_by_name_and_direction(folder):
    for name in ("monet_ab", "monet_ba", "night_city_ab"):
        write_generator(folder / f"{name}.npz", PACKED)
    assert find_weights("monet", "ba") == folder / "monet_ba.npz"
    assert find_weights("night_city", "ab") == folder / "night_city_ab.npz"
    told = (
        "no shipped weights are called 'night_city' and go ba; there are: monet (ab), monet (ba), "
        "night_city (ab). Name one of these, a file of export, or a trained run (--run DIR)."
    )
    with pytest.raises(InputError, match=re.escape(told)):
        find_weights("night_city", "ba")


def test_without_shipped_weights_the_error_says_so(folder):
    with pytest.raises(InputError, match=r"are called 'monet' and go ab; there are: none\. Name"):
        find_weights("monet", "ab")


def test_name_with_the_suffix_is_a_file_anywhere(folder):
    assert str(find_weights("some/where.npz", "ab")) == "some/where.npz"


def test_generator_of_the_other_direction_is_refused(tmp_path):
    write_generator(tmp_path / "x.npz", PACKED)
    told = r"x\.npz holds a generator that goes ab; expected one that goes ba \(--direction\)"
    with pytest.raises(InputError, match=told):
        read_generator(tmp_path / "x.npz", "ba")


class Dangerous:
    def __reduce__(self):
        return (pytest.fail, ("something in the file was run",))


def broken(path, kind):
    """Writes a file that is none."""
    write_generator(path, PACKED)
    data = path.read_bytes()
    description = np.array(json.dumps({"direction": "ab", "settings": "none"}))
    np.save(npy := io.BytesIO(), np.zeros(1))
    files = {
        "empty": lambda: path.write_bytes(b""),
        "text": lambda: path.write_bytes(b"weights" * 99),
        "half": lambda: path.write_bytes(data[: len(data) // 2]),
        "pickle": lambda: path.write_bytes(pickle.dumps(Dangerous())),
        "objects": lambda: np.savez(path, description=np.array([Dangerous()], object)),
        "weights that are objects": lambda: np.savez(
            path, description=description, w=np.array([Dangerous()], object)
        ),
        "weights that are text": lambda: np.savez(path, description=description, w=np.array("a")),
        "no settings": lambda: np.savez(path, description=description),
        "no description": lambda: np.savez(path, weights=np.zeros(1)),
        "one array": lambda: path.write_bytes(npy.getvalue()),
    }
    files[kind]()


KINDS = (
    "empty", "text", "half", "pickle", "objects", "weights that are objects",
    "weights that are text", "no settings", "no description", "one array",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_file_that_is_none_is_refused_and_runs_nothing(tmp_path, kind):
    broken(tmp_path / "x.npz", kind)
    with pytest.raises(InputError, match=r"x\.npz holds no generator \(.*\); expected a file that"):
        read_generator(tmp_path / "x.npz", "ab")


def test_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.npz holds no generator \(.*No such file"):
        read_generator(tmp_path / "gone.npz", "ab")
