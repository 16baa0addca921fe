"""Every generator with every discriminator and every objective, and the compiled step."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.config.presets import preset_config
from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.inference.loading import compile_generator
from cyclegan_tf.models.build import build_model
from cyclegan_tf.models.losses import TwoObjective
from cyclegan_tf.training.profiling import profile


def tiny(**changes) -> TrainConfig:
    values = {
        "image_size": 32,
        "batch_size": 2,
        "base_filters": 2,
        "discriminator_filters": 2,
        "discriminator_layers": 2,
        "steps_per_epoch": 10,
    }
    if changes.get("generator") == "resnet":
        values["residual_blocks"] = 1
    return TrainConfig(**values | changes)


def batch() -> tuple[tf.Tensor, tf.Tensor]:
    values = np.random.default_rng(0).uniform(-1, 1, (2, 2, 32, 32, 3)).astype(np.float32)
    return tf.constant(values[0]), tf.constant(values[1])


@pytest.mark.parametrize("generator", ["unet", "resnet"])
@pytest.mark.parametrize("discriminator", ["patch", "two-objective"])
@pytest.mark.parametrize("objective", ["bce", "soft-bce", "lsgan", "hinge", "wgan-gp"])
def test_every_combination_takes_two_finite_steps(generator, discriminator, objective):
    config = tiny(generator=generator, discriminator=discriminator, adversarial_loss=objective)
    model = build_model(config)
    before = [v.numpy().copy() for v in model.trainable_variables]
    for _ in range(2):
        losses = model.train_step(batch())
    assert all(np.isfinite(float(value)) for value in losses.values())
    # but for biases in front of a norm, which nothing can move, all weights learn
    moved = [
        not np.array_equal(x, v)
        for x, v in zip(before, model.trainable_variables, strict=True)
        if v.path.endswith(("kernel", "gamma"))
    ]
    assert all(moved)


def test_penalties_go_with_heads_that_judge_the_whole_picture():
    model = build_model(tiny(generator="resnet", discriminator="projected", r1_weight=1.0))
    losses = model.train_step(batch())
    assert all(np.isfinite(float(value)) for value in losses.values())


STABILIZED = {
    "generator": "resnet",
    "adversarial_loss": "hinge",
    "discriminator": "two-objective",
    "pool_size": 3,
    "diff_augment": "all",
    "ema_decay": 0.9,
    "spectral_norm": True,
    "discriminator_noise": 0.05,
    "discriminator_dropout": 0.1,
    "discriminator_steps": 2,
    "r1_weight": 1.0,
    "gradient_penalty": 1.0,
    "clip_norm": 1.0,
    "schedule": "linear",
    "identity_weight_end": 0.0,
    "cycle_weight_end": 5.0,
}


def test_step_with_every_stabilizer_is_finite():
    model = build_model(tiny(**STABILIZED))
    for _ in range(2):
        losses = model.train_step(batch())
    assert all(np.isfinite(float(value)) for value in losses.values())
    assert int(model.pool_b.count) == 3


@pytest.mark.parametrize("model", ["cyclegan", "dcgan"])
@pytest.mark.parametrize("pool_size", [0, 3])
def test_mixed_precision_goes_with_augmentation_and_penalties(model, pool_size):
    keras.config.set_dtype_policy("mixed_bfloat16")
    config = TrainConfig(
        model=model,
        image_size=32,
        base_filters=2,
        discriminator_filters=2,
        spectral_norm=True,
        **({"latent_discriminator": "residual"} if model == "dcgan" else {}),
        diff_augment="all",
        pool_size=pool_size,
        r1_weight=1.0,
        batch_size=2,
    )
    network = build_model(config)
    losses = network.train_step(batch() if model == "cyclegan" else batch()[0])
    assert all(np.isfinite(float(value)) for value in losses.values())
    assert network.generators[0].compute_dtype == "bfloat16"


def test_recipe_of_the_presets_takes_grey_pictures(monkeypatch):
    def features() -> keras.Model:
        inputs = keras.Input((None, None, 3))
        scales = [keras.layers.AveragePooling2D(side)(inputs) for side in (4, 8, 16)]
        return keras.Model(inputs, scales)

    monkeypatch.setattr("cyclegan_tf.models.build.frozen_features", features)
    monkeypatch.setattr("cyclegan_tf.models.networks.frozen.frozen_features", features)
    config = preset_config(
        "cpu", channels=1, image_size=32, picture_size=32, base_filters=1, residual_blocks=1,
        discriminator_filters=1, batch_size=2, precision="float32",
    )  # fmt: skip
    model = build_model(config, total_steps=1)
    real_a, real_b = (tf.repeat(images[..., :1], 3, axis=-1) for images in batch())
    fake_b = model(real_a).numpy()
    assert (fake_b == fake_b[..., :1]).all()
    losses = model.test_step((real_a, real_b))
    assert all(np.isfinite(float(value)) for value in losses.values())


def test_average_follows_the_generator():
    model = build_model(tiny(**STABILIZED))
    average, generator = model.averages[0], model.generator_ab
    for x, y in zip(average.get_weights(), generator.get_weights(), strict=True):
        assert np.array_equal(x, y)
    start = generator.get_weights()
    model.train_step(batch())
    for old, mean, new in zip(start, average.get_weights(), generator.get_weights(), strict=True):
        np.testing.assert_allclose(mean, 0.1 * old + 0.9 * new, atol=1e-6)


def test_falling_weights_reach_their_end_with_the_last_step():
    model = build_model(tiny(cycle_weight=10.0, cycle_weight_end=2.0))
    model.total_steps.assign(4)
    weights = []
    for step in (0, 1, 4, 9):
        model.step_number.assign(step)
        weights.append(float(model.scheduled(10.0, 2.0)))
    assert weights == pytest.approx([10.0, 8.0, 2.0, 2.0])
    a, b = batch()
    at_the_end = model.test_step((a, b))
    adversarial = model.objective.adversarial_b.generator(
        model.discriminator_b(model.generator_ab(a))
    )
    expected = float(adversarial) + 2.0 * float(at_the_end["cycle_loss"])
    expected += 5.0 * float(np.abs(b - model.generator_ab(b)).mean())
    assert float(at_the_end["gen_ab_loss"]) == pytest.approx(expected, rel=1e-4)


def test_two_objective_gradients_reach_their_own_head_and_the_trunk():
    model = build_model(tiny(discriminator="two-objective"))
    discriminator, loss = model.discriminator_b, TwoObjective()
    real, fake = batch()
    heads = [layer for layer in discriminator.layers if layer.name.startswith("conv2d")][-2:]
    trunk = discriminator.trainable_variables[0]

    def gradients(*parts):
        with tf.GradientTape() as tape:
            real_logits, fake_logits = discriminator(real), discriminator(fake)
            kept = [
                [x if i in parts else tf.stop_gradient(x) for i, x in enumerate(logits)]
                for logits in (real_logits, fake_logits)
            ]
            value = loss.discriminator(*kept)
        variables = [heads[0].kernel.value, heads[1].kernel.value, trunk.value]
        return tape.gradient(value, variables)

    first, second, both = gradients(0), gradients(1), gradients(0, 1)
    assert first[1] is None
    assert second[0] is None
    np.testing.assert_allclose(both[0], first[0], atol=1e-6)
    np.testing.assert_allclose(both[1], second[1], atol=1e-6)
    np.testing.assert_allclose(both[2], first[2] + second[2], atol=1e-6)


def test_same_augmentation_serves_real_and_fake():
    model = build_model(tiny(diff_augment="all"))
    drawn = []
    apply = model.diff_augment.apply

    def spy(images, draw):
        drawn.append(draw.numpy())
        return apply(images, draw)

    model.diff_augment.apply = spy
    model.train_step(batch())
    # fakes of B and A for the generators, then real and fake of A, real and fake of B
    fake_b, fake_a, *shown_a, shown_b, also_b = drawn
    assert all(np.array_equal(fake_a, draw) for draw in shown_a)
    assert all(np.array_equal(fake_b, draw) for draw in (shown_b, also_b))
    assert not np.array_equal(fake_a, fake_b)


def test_discriminators_take_several_steps_for_one_of_the_generators():
    model = build_model(tiny(discriminator_steps=3))
    model.train_step(batch())
    assert int(model.generator_optimizer.iterations) == 1
    assert int(model.discriminator_optimizer.iterations) == 3


def test_both_sides_follow_their_schedule_with_several_discriminator_steps():
    changes = {"schedule": "linear", "decay_from": 0.0, "discriminator_steps": 3}
    model = build_model(
        tiny(learning_rate=1e-3, discriminator_learning_rate=4e-3, **changes), total_steps=4
    )
    rates = []
    for _ in range(3):
        model.train_step(batch())
        optimizers = (model.generator_optimizer, model.discriminator_optimizer)
        rates.append([float(optimizer.learning_rate) for optimizer in optimizers])
    np.testing.assert_allclose(rates, [[7.5e-4, 3e-3], [5e-4, 2e-3], [2.5e-4, 1e-3]], rtol=1e-5)


def test_what_falls_over_the_training_needs_its_length():
    with pytest.raises(ValueError, match="pass total_steps"):
        build_model(tiny(schedule="linear", steps_per_epoch=None))
    assert int(build_model(tiny(schedule="linear", steps_per_epoch=5, epochs=3)).total_steps) == 15


def test_dropout_is_that_of_the_generator_unless_given():
    def rates(**changes) -> set[float]:
        layers = build_model(tiny(**changes)).generator_ab.layers
        return {layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)}

    assert rates(generator="unet") == {0.5}
    assert rates(generator="resnet") == set()
    assert rates(generator="resnet", dropout=0.3) == {0.3}


def test_validation_judges_the_averages():
    model = build_model(tiny(ema_decay=0.9))
    a, b = batch()
    for average in model.averages:
        average.set_weights([0 * w for w in average.get_weights()])
    losses = model.test_step((a, b))  # a network of zeros paints grey, whatever it sees
    expected = float(np.abs(a).mean() + np.abs(b).mean())
    assert float(losses["cycle_loss"]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("submit", ["ema", "last"])
def test_samples_are_drawn_by_the_weights_that_are_submitted(submit):
    config = tiny(ema_decay=0.9, submit=submit)
    model = build_model(config)
    model.averages[0].set_weights([0 * w for w in model.averages[0].get_weights()])
    drawn = compile_generator(config, model)(batch()[0])
    assert (np.abs(drawn).max() == 0) == (submit == "ema")


def test_profile_leaves_the_model_as_it_was(tmp_path):
    model = build_model(tiny(generator="resnet", diff_augment="all", pool_size=3, ema_decay=0.9))
    optimizers = (model.generator_optimizer, model.discriminator_optimizer)
    variables = model.variables + [v for o in optimizers for v in o.variables]
    before = [v.numpy().copy() for v in variables]
    data = tf.data.Dataset.from_tensors(batch()).repeat()
    line = profile(model, data, tmp_path, images_per_step=4)
    assert re.match(r"profile: \d+\.\d\d s a step, \d+\.\d images a second, peak memory", line)
    assert list(tmp_path.rglob("*.xplane.pb"))
    for variable, value in zip(variables, before, strict=True):
        assert np.array_equal(variable, value), variable.path


def test_every_random_state_is_part_of_the_model():
    model = build_model(tiny(diff_augment="all", pool_size=3, dropout=0.5))
    before = [v.numpy().copy() for v in model.variables]
    losses = model.train_step(batch())
    for variable, value in zip(model.variables, before, strict=True):
        variable.assign(value)
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        for variable in optimizer.variables:
            if "learning_rate" not in variable.path:
                variable.assign(0 * variable)
    model.reset_metrics()
    again = model.train_step(batch())
    assert {k: float(v) for k, v in again.items()} == {k: float(v) for k, v in losses.items()}
