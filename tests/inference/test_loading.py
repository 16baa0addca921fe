import keras
import numpy as np
import pytest

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.distribution import runtime
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.loading import (
    load_generator,
    load_network,
    load_trained,
    submitted_generators,
)
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.models import build

TINY = {
    "image_size": 32, "generator": "resnet", "residual_blocks": 0, "base_filters": 2,
    "discriminator_filters": 2, "discriminator_layers": 1,
}  # fmt: skip


def write_run(path, *, best: bool = True, **changes) -> dict[str, np.ndarray]:
    """A run whose networks' last weights are numbers of their own; the best are half of them.

    Returns:
        The first weight of each network, by file name.
    """
    config = TrainConfig(**TINY | changes)
    run, model = RunFolder.create(path, config), build.build_model(config)
    written = {}
    networks = {id(n): n for n in (*model.generators, *model.averages)}.values()
    for number, network in enumerate(networks, start=1):
        for name, factor in ((network.name, 1.0), (f"best_{network.name}", 0.5)):
            network.set_weights([np.full_like(w, factor * number) for w in network.get_weights()])
            if factor == 1.0 or (best and network in model.averages):
                run.save_weights(network, best=factor != 1.0)
                written[name] = factor * number
    return written


def constants(networks) -> list[float]:
    """The one value that all weights of a network have."""
    values = [np.unique(np.concatenate([w.ravel() for w in n.get_weights()])) for n in networks]
    assert all(len(value) == 1 for value in values)
    return [float(value[0]) for value in values]


def test_generators_and_their_averages_have_the_last_weights(tmp_path):
    write_run(tmp_path, ema_decay=0.9)
    config, model = load_trained(RunFolder(tmp_path))
    assert config.base_filters == 2
    assert constants(model.generators) == [1.0, 2.0]
    assert constants(model.averages) == [3.0, 4.0]


def test_run_that_submits_the_best_weights_has_them_in_its_averages(tmp_path):
    write_run(tmp_path, ema_decay=0.9, submit="best", evaluate_every=1)
    config, model = load_trained(RunFolder(tmp_path))
    assert constants(model.generators) == [1.0, 2.0]
    assert constants(model.averages) == [1.5, 2.0]
    assert constants(submitted_generators(config, model)) == [1.5, 2.0]


def test_without_averages_the_best_weights_are_those_of_the_generators(tmp_path):
    write_run(tmp_path, submit="best", evaluate_every=1)
    _, model = load_trained(RunFolder(tmp_path))
    assert constants(model.generators) == [0.5, 1.0]


def test_run_that_was_never_scored_has_the_average_in_place_of_the_best(tmp_path, capsys):
    write_run(tmp_path, best=False, ema_decay=0.9, submit="best", evaluate_every=1)
    config, model = load_trained(RunFolder(tmp_path))
    assert constants(submitted_generators(config, model)) == [3.0, 4.0]
    assert painted_with(tmp_path) == 3.0
    told = "has no scores yet to choose the best weights by: using the last average."
    assert capsys.readouterr().err.splitlines() == 2 * [f"warning: {tmp_path} {told}"]


def test_missing_best_weights_are_named(tmp_path):
    write_run(tmp_path, submit="best", evaluate_every=1)
    (tmp_path / "weights" / "best_generator_ab.weights.h5").unlink()
    with pytest.raises(InputError, match=r"best_generator_ab\.weights\.h5 does not exist"):
        load_trained(RunFolder(tmp_path))


def test_run_of_another_model_is_refused(tmp_path):
    RunFolder.create(tmp_path, TrainConfig())
    with pytest.raises(InputError, match="is a run of --model cyclegan; expected one of --model d"):
        load_trained(RunFolder(tmp_path), models=["dcgan"])


def test_way_back_of_a_run_of_one_direction_is_refused(tmp_path):
    RunFolder.create(tmp_path, TrainConfig(model="cut"))
    with pytest.raises(InputError, match="run of --model cut, which translates A into B alone"):
        load_generator(tmp_path, "ba")


def painted_with(run, *direction) -> float:
    """The weights of the generator that a translator has, all of one value."""
    return constants([load_generator(run, *direction)._generator._generator])[0]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [1.0, 2.0]),
        ({"ema_decay": 0.9}, [3.0, 4.0]),
        ({"ema_decay": 0.9, "submit": "last"}, [1.0, 2.0]),
        ({"ema_decay": 0.9, "submit": "best", "evaluate_every": 1}, [1.5, 2.0]),
        ({"submit": "best", "evaluate_every": 1}, [0.5, 1.0]),
    ],
)
def test_translator_has_the_weights_that_are_submitted(tmp_path, changes, expected):
    write_run(tmp_path, **changes)
    config, model = load_trained(RunFolder(tmp_path))
    assert constants(submitted_generators(config, model)) == expected
    assert [painted_with(tmp_path), painted_with(tmp_path, "ba")] == expected


def test_translator_computes_in_the_precision_of_the_run_or_in_float32(tmp_path):
    write_run(tmp_path, precision="mixed_float16")
    generator = load_generator(tmp_path)._generator._generator
    policies = {layer.dtype_policy.name for layer in generator.layers if layer.weights}
    with runtime.inference_precision("mixed_float16"):
        assert policies == {keras.config.dtype_policy().name}
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("changes", "side"),
    [
        ({}, 256),  # a smaller one could not be enlarged
        ({"image_size": 128, "crop_probability": 1.0, "crop_enlarge": 3.0}, 384),
        ({"image_size": 512, "crop_probability": 0.2}, 512),  # most are not enlarged
        ({"image_size": 128, "picture_size": 320}, 320),
    ],
)
def test_canvas_is_as_large_as_the_pictures_of_the_training(tmp_path, changes, side):
    write_run(tmp_path, **changes)
    assert load_generator(tmp_path)._canvas == side
    assert load_generator(tmp_path, canvas="full")._canvas is None
    assert load_generator(tmp_path, canvas=99)._canvas == 99
    assert load_generator(tmp_path, size=99)._canvas is None


@pytest.mark.parametrize(
    ("changes", "multiple", "margin"),
    [
        ({"image_size": 128, "unet_depth": 4}, 16, 16),
        ({"image_size": 128, "unet_depth": 2, "global_skip": True, "skip_blur": 16}, 16, 16),
        ({"image_size": 64, "unet_depth": 4}, 16, 0),  # a margin of a quarter of the picture
        ({"image_size": 32, "generator": "resnet", "residual_blocks": 0}, 4, 0),
    ],
)
def test_frame_is_what_the_network_needs(tmp_path, changes, multiple, margin):
    write_run(tmp_path, **{"generator": "unet", "residual_blocks": 9} | changes)
    frame = load_generator(tmp_path, tile=640)._frame
    assert (frame.tile, frame.multiple, frame.margin) == (640, multiple, margin)


def test_folder_that_is_called_like_shipped_weights_does_not_hide_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "monet").mkdir()
    assert load_network("monet")[1].licence == "MIT"
    write_run("monet")
    assert load_network("monet")[1].licence == "not stated"
