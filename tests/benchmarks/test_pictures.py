"""Sets to judge with: the split that keeps paintings apart, and what a training has seen."""

import hashlib

import numpy as np
import pytest

from benchmarks.judging.pictures import held_out, photo_shards, read_pictures, seen_by, write_split
from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.reader import open_source
from cyclegan_tf.errors import InputError
from tests.pictures import flat, image_set, png, write_files, write_kaggle


@pytest.fixture
def kaggle(tmp_path):
    """Two shards of photos and one of paintings, 30 of each."""
    folder = tmp_path / "data"
    photos, paintings = image_set(30, prefix="photo"), image_set(30, prefix="monet")
    write_kaggle(folder, photos, paintings)
    shard = folder / "photo_tfrec" / "photo00.tfrec"
    (folder / "photo_tfrec" / "photo01.tfrec").write_bytes(shard.read_bytes())
    return folder


def test_a_third_is_held_out_and_names_order_and_shards_do_not_matter():
    hashes = [hashlib.sha256(bytes([i])).hexdigest() for i in range(30)]
    places = held_out(hashes)
    assert len(places) == 10
    turned = hashes[::-1]
    assert {turned[i] for i in held_out(turned)} == {hashes[i] for i in places}


def test_the_training_set_lacks_what_is_held_out(kaggle, tmp_path):
    split = write_split(kaggle, tmp_path / "split")
    paintings = read_pictures([kaggle / "monet_tfrec"], "paintings", 32)
    kept = read_pictures([split / "trainB"], "kept", 32)
    judging = {paintings.hashes[i] for i in held_out(paintings.hashes)}
    assert len(kept) == 20
    assert set(kept.hashes) | judging == set(paintings.hashes)
    assert not set(kept.hashes) & judging
    assert [path.name for path in (split / "trainA").iterdir()] == ["photo00.tfrec"]


def test_what_a_run_was_trained_on_is_known_by_the_files_bytes(kaggle, tmp_path):
    split = write_split(kaggle, tmp_path / "split")
    photos, paintings = seen_by(TrainConfig(data=str(split), validation_fraction=0.0))
    encoded = [data for _, _, data in open_source(split / "trainB").read()]
    assert paintings == {hashlib.sha256(data).hexdigest() for data in encoded}
    assert len(photos) == 30
    every = read_pictures([kaggle / "monet_tfrec"], "paintings", 32)
    assert every.without(paintings) == held_out(every.hashes)


def test_pictures_come_once_at_one_size(tmp_path):
    files = {"a.png": png(flat(10, 64)), "b.png": png(flat(20, 32)), "c.png": png(flat(10, 64))}
    folder = write_files(tmp_path / "pictures", files)
    pictures = read_pictures([folder], "pictures", 32)
    assert pictures.names == ("a", "b")
    assert pictures.pixels.shape == (2, 32, 32, 3)
    assert [int(picture[0, 0, 0]) for picture in pictures] == [10, 20]
    taken = pictures.take([1])
    assert (taken.names, int(taken.pixels.mean())) == (("b",), 20)


def test_another_layout_is_refused(tmp_path):
    np.save(tmp_path / "nothing", np.zeros(1))
    with pytest.raises(InputError, match="two shards of photos at least"):
        photo_shards(tmp_path)
