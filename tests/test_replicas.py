"""A step on two replicas equals the step on one with the same global batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.adversarial import AdversarialModel
from cyclegan_tf.build import build_model
from cyclegan_tf.config import TrainConfig

TINY = {
    "image_size": 32,
    "batch_size": 4,
    "epochs": 1,
    "steps_per_epoch": 3,
    "base_filters": 2,
    "discriminator_filters": 2,
    "discriminator_layers": 2,
}
CYCLEGAN = {"dropout": 0.0, "unet_depth": 2, "residual_blocks": 1}


def two_cpus() -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


def pictures(count: int, seed: int) -> tf.Tensor:
    values = np.random.default_rng(seed).uniform(-1, 1, (count, 32, 32, 3))
    return tf.constant(values, tf.float32)


def batches(config: TrainConfig, steps: int = 3) -> tf.data.Dataset:
    a, b = (pictures(steps * config.batch_size, seed) for seed in (1, 2))
    data = tf.data.Dataset.from_tensor_slices(b if config.model == "dcgan" else (a, b))
    return data.batch(config.batch_size, drop_remainder=True)


def trained(
    config: TrainConfig, strategy: tf.distribute.Strategy, *, eager: bool = True
) -> tuple[AdversarialModel, dict[str, float]]:
    """The model after three steps, and what was logged."""
    keras.config.set_dtype_policy(config.precision)
    with strategy.scope():
        model = build_model(config)
        model.run_eagerly = eager
        history = model.fit(batches(config), epochs=1, shuffle=False, verbose=0).history
    return model, {key: values[0] for key, values in history.items()}


def assert_replicas_agree(*, atol: float = 1e-5, eager: bool = True, **options) -> None:
    config = TrainConfig(**TINY | options)
    one, logs = trained(config, tf.distribute.get_strategy(), eager=eager)
    two, same_logs = trained(config, two_cpus(), eager=eager)
    moved = 0
    for x, y, start in zip(
        one.variables, two.variables, build_model(config).variables, strict=True
    ):
        np.testing.assert_allclose(x.numpy(), y.numpy(), atol=atol, err_msg=x.path)
        moved += not np.array_equal(x.numpy(), start.numpy())
    assert moved > 10
    for key, value in logs.items():
        assert same_logs[key] == pytest.approx(value, rel=1e-4, abs=1e-5), key


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize("adversarial_loss", ["bce", "lsgan", "wgan-gp"])
@pytest.mark.parametrize("generator", ["unet", "resnet"])
def test_two_replicas_step_like_one(generator, adversarial_loss, precision):
    assert_replicas_agree(
        **CYCLEGAN, generator=generator, adversarial_loss=adversarial_loss, precision=precision
    )
