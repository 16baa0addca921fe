import dataclasses

import pytest

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data import build
from cyclegan_tf.data.build import (
    VALIDATION_IMAGES,
    build_data_set,
    build_validation_batches,
    keeps_pixels,
    reopen_data_set,
    steps_per_epoch,
    validation_images,
)
from cyclegan_tf.data.dataset import DataSet, ImageSet
from cyclegan_tf.errors import InputError
from tests.pictures import image_set, write_folder

CONFIG = TrainConfig(image_size=32, a="a", b="b")
DCGAN = dataclasses.replace(CONFIG, model="dcgan")


def data_set(a: int, b: int, *, held_out: tuple[int, int] = (0, 0)) -> DataSet:
    sets = [image_set(count) for count in (a, b, *held_out)]
    return DataSet(*sets, truth=ImageSet(), kaggle_shaped=False, skipped=())


@pytest.fixture
def config(tmp_path) -> TrainConfig:
    for name, count in (("a", 5), ("b", 3)):
        write_folder(tmp_path / name, image_set(count))
    folders = {name: str(tmp_path / name) for name in ("a", "b")}
    return dataclasses.replace(CONFIG, **folders, validation_fraction=0.0, batch_size=2)


def test_an_epoch_shows_every_image_of_the_larger_domain():
    config = dataclasses.replace(CONFIG, batch_size=4)
    assert steps_per_epoch(config, data_set(9, 4)) == 3
    assert steps_per_epoch(dataclasses.replace(config, steps_per_epoch=7), data_set(9, 4)) == 7


def test_an_epoch_of_a_dcgan_shows_domain_b_in_every_version():
    config = dataclasses.replace(DCGAN, batch_size=4, noise_std=0.05)
    assert steps_per_epoch(config, data_set(0, 9)) == 3
    assert steps_per_epoch(dataclasses.replace(config, expand=True), data_set(0, 9)) == 12


def test_pixels_are_kept_if_they_take_an_eighth_of_the_free_memory(monkeypatch):
    needed = 8 * 3 * 32 * 32 * (2 + 3)
    for free, kept in ((needed, False), (needed + 1, True)):
        monkeypatch.setattr(build.machine, "available_memory", lambda free=free: free)
        assert keeps_pixels(CONFIG, data_set(2, 3)) == kept
        for cache in ("encoded", "decoded"):
            config = dataclasses.replace(CONFIG, cache=cache)
            assert keeps_pixels(config, data_set(2, 3)) == (cache == "decoded")


@pytest.mark.parametrize(
    ("config", "held_out", "images"),
    [(CONFIG, (3, 200), VALIDATION_IMAGES), (CONFIG, (3, 4), 4), (CONFIG, (0, 4), 0),
     (DCGAN, (0, 4), 4)],
)  # fmt: skip
def test_validation_repeats_the_smaller_domain_up_to_a_limit(config, held_out, images):
    data = data_set(1, 1, held_out=held_out)
    assert validation_images(config, data) == images
    batches = build_validation_batches(config, data)
    if not images:
        assert batches is None
        return
    shown = [pair if config.model == "dcgan" else pair[0] for pair in batches]
    assert sum(map(len, shown)) == images


def test_batch_is_at_most_the_smaller_domain(config):
    with pytest.raises(InputError, match=r"--batch-size 4 .* domain B, which has 3 .* at most 3"):
        build_data_set(dataclasses.replace(config, batch_size=4))
    data = reopen_data_set(dataclasses.replace(config, batch_size=4))  # nothing is trained
    assert (len(data.train_a), len(data.train_b)) == (5, 3)


def test_domain_a_is_left_out_on_demand(config):
    data = build_data_set(config, only_b=True)
    assert (len(data.train_a), len(data.train_b)) == (0, 3)


def test_data_that_have_moved_are_asked_for(config, tmp_path):
    gone = dataclasses.replace(config, a=str(tmp_path / "gone"))
    with pytest.raises(InputError, match=r"gone does not exist.*moved, name it with --data"):
        reopen_data_set(gone)
    for name in ("a", "b"):
        (tmp_path / name).rename(tmp_path / f"train{name.upper()}")
    assert len(reopen_data_set(gone, str(tmp_path)).train_a) == 5


def test_scores_need_two_images_of_a_domain(config, tmp_path):
    (tmp_path / "b/image1.png").unlink()
    (tmp_path / "b/image2.png").unlink()
    config = dataclasses.replace(config, batch_size=1)
    assert len(build_data_set(config).train_b) == 1
    with pytest.raises(InputError, match="domain B has 1 training image"):
        build_data_set(dataclasses.replace(config, evaluate_every=1))
