"""Models as one file: saved, loaded, and trained on where they were."""

import keras
import numpy as np
import pytest

from cyclegan_tf.models.adversarial import AdversarialModel
from cyclegan_tf.models.cut import Cut, OneSidedObjective
from cyclegan_tf.models.cyclegan import CycleGan, Objective
from cyclegan_tf.models.dcgan import DcGan
from cyclegan_tf.models.losses import CrossEntropy, EachHead, Hinge, LeastSquares, TwoObjective
from cyclegan_tf.models.optimizers import LinearDecay, adam
from cyclegan_tf.models.stabilizers import Stabilizers
from tests.tiny_models import pixel_network

BALANCE = Stabilizers(pool_size=2, augment_color=True, ema_decay=0.5)


def pictures(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (2, 4, 4, 3)).astype(np.float32)


def tiny_cyclegan() -> CycleGan:
    names = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")
    networks = [pixel_network(0.1 * place, name) for place, name in enumerate(names, start=1)]
    objective = Objective(LeastSquares(0.9), Hinge(), cycle_weight=3.0, cycle_weight_end=1.0)
    return CycleGan(*networks, objective, BALANCE, seed=5)


def tiny_cut() -> Cut:
    image = keras.Input((4, 4, 3))
    layers = keras.layers.AveragePooling2D(2), keras.layers.MaxPooling2D(2)
    features = keras.Model(image, [layer(image) for layer in layers])
    networks = pixel_network(0.5, "generator_ab"), pixel_network(-0.2, "discriminator_b")
    return Cut(*networks, features, OneSidedObjective(identity_weight=1.0), BALANCE)


def tiny_dcgan() -> DcGan:
    layers = [keras.Input((3,)), keras.layers.Dense(48), keras.layers.Reshape((4, 4, 3))]
    return DcGan(
        keras.Sequential(layers, name="generator"),
        pixel_network(0.3, "discriminator"),
        CrossEntropy(real_label=0.9),
        BALANCE,
        latent_size=3,
    )


def compiled(model: AdversarialModel) -> AdversarialModel:
    model.total_steps.assign(8)
    rates = (LinearDecay(0.1, model.total_steps, knee=0.25), 0.01)
    model.compile(*(adam(rate, beta_1=0.5) for rate in rates), run_eagerly=True)
    return model


def train(model: AdversarialModel, seed: int) -> None:
    real = pictures(seed), pictures(seed + 1)
    model.train_step(real[:1] if isinstance(model, DcGan) else real)


def assert_equal(model: AdversarialModel, other: AdversarialModel) -> None:
    """All but the seeds, which Keras does not save: what is drawn begins anew."""
    for x, y in zip(model.state_variables, other.state_variables, strict=True):
        if x.name != "seed_generator_state":
            np.testing.assert_array_equal(x, y)


def take_seeds(model: AdversarialModel, other: AdversarialModel) -> None:
    for x, y in zip(model.state_variables, other.state_variables, strict=True):
        if x.name == "seed_generator_state":
            y.assign(x)


@pytest.mark.parametrize("build", [tiny_cyclegan, tiny_cut, tiny_dcgan])
def test_loaded_model_trains_on_as_the_one_that_was_saved(build, tmp_path):
    model = compiled(build())
    for seed in (0, 2):  # the pool is full then
        train(model, seed)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert (loaded.stabilizers, loaded.seed) == (BALANCE, model.seed)
    assert loaded.run_eagerly
    assert_equal(model, loaded)
    take_seeds(model, loaded)
    for each in (model, loaded):
        train(each, 4)
    assert_equal(model, loaded)
    loaded.total_steps.assign(3)  # a schedule falls with the model's own steps
    assert float(loaded.generator_optimizer.learning_rate) == 0.0


def test_objective_comes_back_field_by_field(tmp_path):
    model = tiny_cyclegan()
    model.save(tmp_path / "model.keras")  # not compiled yet
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.objective == model.objective
    assert not loaded.compiled
    np.testing.assert_array_equal(loaded(pictures(0)), model(pictures(0)))
    for objective in (EachHead(TwoObjective(0.25)), Objective(colour_weight=2.0)):
        assert type(objective).from_config(objective.get_config()) == objective


def test_model_that_is_not_imported_says_which_import_it_needs(tmp_path, monkeypatch):
    tiny_cyclegan().save(tmp_path / "model.keras")
    monkeypatch.delitem(keras.saving.get_custom_objects(), "cyclegan_tf>CycleGan")
    with pytest.raises(TypeError, match="'to_load_it_first_run': 'from cyclegan_tf import CycleG"):
        keras.models.load_model(tmp_path / "model.keras")


def test_weights_alone_fit_a_model_that_is_built_alike(tmp_path):
    model, other = compiled(tiny_cyclegan()), compiled(tiny_cyclegan())
    for each in (model, other):
        train(each, 0)
    train(model, 2)
    model.save_weights(tmp_path / "all.weights.h5")
    other.load_weights(tmp_path / "all.weights.h5")
    assert_equal(model, other)
