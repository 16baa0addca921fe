import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.data.dataset import load_data_set
from cyclegan_tf.data.image import decode
from cyclegan_tf.data.layouts import find_layout
from cyclegan_tf.data.synthetic import dataset
from cyclegan_tf.data.synthetic.dataset import write_demo
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.files import DiskFull


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "set"
    write_demo(folder, size=64, count=12, seed=1)
    return folder


def load(folder, fraction=0.0):
    return load_data_set(find_layout(folder), validation_fraction=fraction, skip_bad=False)


def pixels(images) -> np.ndarray:
    return np.stack([decode(tf.constant(e)).numpy() for e in images.encoded]).astype(float)


def test_it_writes_kaggles_layout(folder):
    data = load(folder)
    assert (len(data.train_a), len(data.train_b), len(data.truth)) == (12, 12, 12)
    assert data.kaggle_shaped
    assert pixels(data.train_a).shape == (12, 64, 64, 3)


def test_truth_is_the_painting_of_the_photo_of_the_same_name(folder):
    data = load(folder)
    assert data.truth.names == data.train_a.names
    photos, truth = pixels(data.train_a), pixels(data.truth)

    def likeness(x, y):
        return np.corrcoef(x.mean(-1).ravel(), y.mean(-1).ravel())[0, 1]

    for i in range(12):
        assert likeness(photos[i], truth[i]) > 0.6
        assert likeness(photos[i], truth[i]) > likeness(photos[i], truth[i - 1])


def test_no_painting_shows_a_photo_of_the_set(folder):
    data = load(folder)
    for painted in pixels(data.train_b):
        assert np.abs(pixels(data.truth) - painted).mean((1, 2, 3)).min() > 5


def test_held_out_photos_have_their_truth(folder):
    inputs, truth = load(folder, fraction=0.5).held_out_pairs()
    assert 0 < len(inputs) < 12
    assert inputs.names == truth.names


def test_same_seed_gives_the_same_bytes(folder, tmp_path):
    write_demo(tmp_path / "again", size=64, count=12, seed=1)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*.tfrec"))
    assert len(files) == 3
    for name in files:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_existing_folder_and_odd_numbers_are_refused(folder, tmp_path):
    with pytest.raises(InputError, match="exists; expected a new folder"):
        write_demo(folder)
    with pytest.raises(InputError, match="--size is 8; expected a value from 16 to 2,048"):
        write_demo(tmp_path / "x", size=8)
    with pytest.raises(InputError, match="--count is 0"):
        write_demo(tmp_path / "x", count=0)


def test_interrupted_set_leaves_nothing_that_looks_complete(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset, "_write_shards", fail)
    with pytest.raises(DiskFull, match="the disk is full"):
        write_demo(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_folder_that_somebody_else_named_partial_is_kept(tmp_path):
    (tmp_path / "x.partial").mkdir()
    (tmp_path / "x.partial" / "work").write_text("a year of it")
    write_demo(tmp_path / "x", size=16, count=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x", "x.partial"]
    assert (tmp_path / "x.partial" / "work").read_text() == "a year of it"


def test_script_without_a_guard_draws_the_set(tmp_path):
    script = tmp_path / "first.py"
    script.write_text(
        "from cyclegan_tf.data.synthetic.dataset import write_demo\n"
        "print('begun')\n"
        "write_demo('set', size=16, count=2)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "begun\n"), done.stderr
    assert len(list((tmp_path / "set").iterdir())) == 3
