"""Every preset's step compiles under XLA; half precision trains and moves its loss scale."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.config.presets import PRESETS
from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.models.build import build_model
from cyclegan_tf.models.optimizers import adam
from tests.tiny_models import pixel_cyclegan

SHRUNK = {
    "image_size": 32,
    "base_filters": 2,
    "discriminator_filters": 2,
    "steps_per_epoch": 2,
    "unet_depth": 2,
    "latent_size": 8,
}
SMALLER = {
    "batch_size": 2,
    "discriminator_layers": 2,
    "head_filters": 2,
    "residual_blocks": 1,
    "pool_size": 2,
}


def shrunk(name: str) -> TrainConfig:
    """The preset at a small size, with whatever else it turns on."""
    preset = PRESETS[name]().to_dict()
    smaller = {key: min(value, preset[key]) for key, value in SMALLER.items() if preset[key]}
    if preset["skip_blur"] > 1:
        smaller["skip_blur"] = 4
    if preset["precision"] == "auto":
        smaller["precision"] = "mixed_bfloat16"
    # a size of what the preset's networks do not have falls away
    return TrainConfig.from_dict(preset | SHRUNK | smaller | {"jit": "on"})


def pictures(count: int, seed: int) -> tf.Tensor:
    values = np.random.default_rng(seed).uniform(-1, 1, (count, 32, 32, 3))
    return tf.constant(values, tf.float32)


@pytest.mark.parametrize("name", PRESETS)
def test_the_step_of_every_preset_compiles(name):
    config = shrunk(name)
    keras.config.set_dtype_policy(config.precision)
    model = build_model(config, total_steps=2)
    assert model.jit_compile
    a, b = (pictures(config.batch_size, seed) for seed in (1, 2))
    batch = b if config.model == "dcgan" else (a, b)
    step = tf.function(model.train_step, jit_compile=True)
    before = [v.numpy() for v in model.generators[0].trainable_variables]
    # in float16 the first steps overflow and are left out
    losses = [step(batch) for _ in range(12 if config.precision == "mixed_float16" else 1)]
    assert step.experimental_get_tracing_count() == 1
    assert all(np.isfinite(value) for value in losses[-1].values())
    after = model.generators[0].trainable_variables
    assert any(not np.array_equal(x, v.numpy()) for x, v in zip(before, after, strict=True))
    assert all(np.isfinite(v.numpy()).all() for v in after)


def test_200_steps_of_bfloat16_are_finite_and_learn():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = pixel_cyclegan()
    first, last = _train_200_steps(model)
    assert last["cycle_loss"] < first["cycle_loss"]


def test_200_steps_of_float16_are_finite_while_the_loss_scale_falls_and_grows():
    keras.config.set_dtype_policy("mixed_float16")
    model = pixel_cyclegan()
    optimizers = []
    for _ in range(2):
        inner = adam(1e-3, beta_1=0.5)
        optimizers.append(
            keras.optimizers.LossScaleOptimizer(
                inner, initial_scale=2.0**24, dynamic_growth_steps=50
            )
        )
    model.compile(*optimizers)
    first, last = _train_200_steps(model)
    assert last["cycle_loss"] < first["cycle_loss"]
    scales = model.seen_scales
    assert min(scales) < 2.0**24  # the first steps overflowed
    steps = list(itertools.pairwise([2.0**24, *scales]))
    assert any(later > sooner for sooner, later in steps)
    left_out = 200 - int(model.generator_optimizer.inner_optimizer.iterations.numpy())
    halvings = sum(
        later < sooner for sooner, later in zip([2.0**24, *scales], scales, strict=False)
    )
    assert left_out == halvings > 0


def _train_200_steps(model):
    """First and last losses; all of them and all weights are finite."""
    a, b = pictures(4, 1)[:, :8, :8], pictures(4, 2)[:, :8, :8]
    step = tf.function(model.train_step)
    logs, model.seen_scales = [], []
    for _ in range(200):
        model.reset_metrics()
        logs.append({key: float(value) for key, value in step((a, b)).items()})
        scale = getattr(model.generator_optimizer, "dynamic_scale", None)
        if scale is not None:
            model.seen_scales.append(float(scale.numpy()))
    assert all(np.isfinite(list(log.values())).all() for log in logs)
    assert all(np.isfinite(v.numpy()).all() for v in model.trainable_variables)
    return logs[0], logs[-1]
