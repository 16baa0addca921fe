import time

import pytest

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.dataset import name_hashes
from cyclegan_tf.io.run_folder import RunFolder, versions
from cyclegan_tf.training.resumption import Resumption
from cyclegan_tf.training.run import _opened, _read, build_data_set, fit
from tests.pictures import image_set, write_folder
from tests.tiny_models import metadata


@pytest.mark.parametrize("added", [False, True])
def test_images_that_are_not_those_of_before_are_warned_of(tmp_path, capsys, added):
    for name in ("a", "b"):
        write_folder(tmp_path / name, image_set(4))
    config = TrainConfig(
        a=str(tmp_path / "a"),
        b=str(tmp_path / "b"),
        image_size=32,
        base_filters=2,
        discriminator_filters=2,
    )
    names = name_hashes(build_data_set(config))
    names |= {"A": "3 images, another hash"} if added else {}
    left = metadata(data=names, versions=versions())
    found = Resumption(RunFolder(tmp_path / "run"), config, left, 0.0, trains=True, done=False)
    with _opened(found, time.monotonic(), []) as trainer:
        assert trainer.steps_per_epoch == left.steps_per_epoch
    error = capsys.readouterr().err
    assert ("warning: the images of domain A are not those" in error) == added
    assert "domain B" not in error


@pytest.mark.parametrize("model", ["cyclegan", "cut", "dcgan"])
def test_domains_that_are_grey_bring_a_note(tmp_path, capsys, model):
    write_folder(tmp_path / "x", image_set(2))
    translates = model != "dcgan"
    for channels in (3, 1) if translates else (3,):
        folders = {"a": str(tmp_path / "x"), "b": str(tmp_path / "x")}
        _read(TrainConfig(model=model, channels=channels, **folders), resumed=False)
        told = "--channels 1 trains on one channel" in capsys.readouterr().err
        assert told == (translates and channels == 3)


@pytest.mark.parametrize(
    ("tpu", "given", "precision"),
    [
        pytest.param(False, {}, "mixed_float16", id="no TPU"),
        pytest.param(True, {}, "mixed_bfloat16", id="TPU"),
        pytest.param(True, {"precision": "mixed_float16"}, "mixed_float16", id="as the user says"),
    ],
)
def test_on_a_tpu_a_preset_of_float16_computes_in_bfloat16(
    tmp_path, monkeypatch, tpu, given, precision
):
    trained = []
    monkeypatch.setattr("cyclegan_tf.training.run.has_tpu", lambda: tpu)
    monkeypatch.setattr(
        "cyclegan_tf.training.run.train", lambda config, *_, **__: trained.append(config)
    )
    fit("x", preset="kaggle", run=tmp_path / "run", **given)
    assert [config.precision for config in trained] == [precision]


def test_none_takes_a_limit_of_the_preset_away(monkeypatch, tmp_path):
    monkeypatch.setattr("cyclegan_tf.training.run.train", lambda config, run, **_: config)
    config = fit("set", preset="cpu", run=tmp_path / "run", budget_minutes=None)
    assert (config.budget_minutes, config.data) == (None, "set")
