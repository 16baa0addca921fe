"""A step on two replicas equals the step on one with the same global batch."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.distribution import replicas
from cyclegan_tf.models.adversarial import AdversarialModel
from cyclegan_tf.models.build import build_model
from cyclegan_tf.models.cyclegan import CycleGan
from cyclegan_tf.models.internals import SummedGradients
from cyclegan_tf.models.optimizers import adam
from tests.tiny_models import pixel_cyclegan

TINY = {
    "image_size": 32,
    "batch_size": 4,
    "epochs": 1,
    "steps_per_epoch": 3,
    "base_filters": 2,
    "discriminator_filters": 2,
}
CYCLEGAN = {"discriminator_layers": 2, "dropout": 0.0}
# what draws at random in each layer, and what follows the kernels step by step
DRAWING = {
    "dropout": 0.5,
    "discriminator_dropout": 0.3,
    "discriminator_noise": 0.2,
    "spectral_norm": True,
    "norm": "instance",
}
SMALLEST = {
    "unet": {"generator": "unet", "unet_depth": 2},
    "resnet": {"generator": "resnet", "residual_blocks": 1},
}


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
        soften(model, config.precision)
        history = model.fit(batches(config), epochs=1, shuffle=False, verbose=0).history
    return model, {key: values[0] for key, values in history.items()}


def soften(model: AdversarialModel, precision: str) -> None:
    """Keeps Adam from taking whole steps where a gradient is nothing but rounding.

    Biases in front of an instance norm have a gradient of 0, of which 1e-9 are left on one replica
    and other 1e-9 on two. In float16, whose sums on a CPU are good to some percent, it is not so
    small: there the steps become proportional to the gradients.
    """
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        if precision == "mixed_float16":
            optimizer.inner_optimizer.epsilon = 1.0
            optimizer.learning_rate = 5e-4
            optimizer.dynamic_scale.assign(2.0**8)  # three steps are too few to come down to it
        else:
            optimizer.epsilon = 1e-4


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


@pytest.mark.parametrize(
    ("generator", "adversarial_loss"), [("unet", "bce"), ("unet", "lsgan"), ("resnet", "wgan-gp")]
)
def test_two_replicas_step_like_one(generator, adversarial_loss):
    assert_replicas_agree(**CYCLEGAN | SMALLEST[generator], adversarial_loss=adversarial_loss)


@pytest.mark.parametrize(("generator", "pool_size"), [("unet", 3), ("resnet", 0)])
def test_two_replicas_draw_what_one_draws(generator, pool_size):
    assert_replicas_agree(**CYCLEGAN | SMALLEST[generator] | DRAWING, pool_size=pool_size)


def test_two_replicas_step_like_one_in_float16():
    assert_replicas_agree(
        **CYCLEGAN | SMALLEST["resnet"],
        adversarial_loss="lsgan",
        precision="mixed_float16",
        batch_size=2,
    )


def test_in_float16_two_replicas_are_one_that_works_in_two_parts():
    # both round and sum the same numbers in the same order: Adam may magnify what it likes
    config = TrainConfig(
        **TINY | CYCLEGAN | SMALLEST["unet"] | {"batch_size": 2}, precision="mixed_float16"
    )
    keras.config.set_dtype_policy("mixed_float16")
    parts = build_model(dataclasses.replace(config, gradient_accumulation=2))
    with two_cpus().scope():
        two = build_model(config)
    for model in (parts, two):
        model.run_eagerly = True
        for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
            optimizer.dynamic_scale.assign(2.0**8)
        model.fit(batches(config), shuffle=False, verbose=0)
    assert parts.generator_optimizer.inner_optimizer.iterations.numpy() == 3
    for x, y in zip(parts.variables, two.variables, strict=True):
        np.testing.assert_allclose(x.numpy(), y.numpy(), atol=1e-5, err_msg=x.path)


def test_what_is_random_remembered_or_averaged_is_that_of_the_global_batch():
    assert_replicas_agree(
        **CYCLEGAN | SMALLEST["unet"] | {"discriminator_layers": 1},
        identity_weight=0.0,
        pool_size=3,
        diff_augment="all",
        ema_decay=0.5,
        discriminator_steps=2,
        r1_weight=1.0,
        spectral_norm=True,
        clip_norm=0.1,
        schedule="linear",
    )


@pytest.mark.parametrize("networks", ["plain", "residual"])
def test_latents_batch_norms_and_minibatch_deviation_are_those_of_the_global_batch(networks):
    assert_replicas_agree(
        model="dcgan",
        latent_generator="transpose" if networks == "plain" else "residual",
        latent_discriminator="strided" if networks == "plain" else "residual",
        latent_size=8,
        pool_size=3,
        ema_decay=0.5,
    )


def pixel_model(strategy: tf.distribute.Strategy, loss_scaling: bool = False) -> CycleGan:
    with strategy.scope():
        model = pixel_cyclegan()
        optimizers = [adam(1e-3, beta_1=0.5, loss_scaling=loss_scaling) for _ in range(2)]
        model.compile(*optimizers)
    return model


def test_overflow_on_one_replica_makes_all_leave_out_the_step():
    model = pixel_model(two_cpus(), loss_scaling=True)
    pair = np.ones((4, 4, 4, 3), np.float32), np.ones((4, 4, 4, 3), np.float32)
    pair[0][3] = np.inf  # the last image goes to the second replica
    before = [v.numpy() for v in model.trainable_variables]
    model.fit(tf.data.Dataset.from_tensors(pair), shuffle=False, verbose=0)
    for v, start in zip(model.trainable_variables, before, strict=True):
        assert [float(x) for x in v.value.values] == [float(start)] * 2
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert [float(x) for x in optimizer.dynamic_scale.value.values] == [2.0**14] * 2
        assert optimizer.inner_optimizer.iterations.numpy() == 0


def test_a_validation_batch_too_small_for_all_replicas_counts_like_on_one():
    a, b = pictures(5, 1), pictures(5, 2)
    data = tf.data.Dataset.from_tensor_slices((a, b)).batch(4)  # the second batch has one image
    one, two = (
        pixel_model(strategy).evaluate(data, verbose=0, return_dict=True)
        for strategy in (tf.distribute.get_strategy(), two_cpus())
    )
    for key, value in one.items():  # tensors in some versions of Keras
        assert float(two[key]) == pytest.approx(float(value), rel=1e-5), key


@pytest.mark.parametrize("strategy", [tf.distribute.get_strategy, two_cpus])
def test_validation_is_the_mean_over_the_images_not_over_the_batches(strategy):
    model = pixel_model(strategy())
    images = tf.concat([tf.zeros([8, 4, 4, 3]), tf.ones([1, 4, 4, 3])], 0)
    logs = model.evaluate(
        tf.data.Dataset.from_tensor_slices((images, images)).batch(8),  # one image is left
        verbose=0,
        return_dict=True,
    )
    # there and back 0.5 * 0.8 are left of an image: 0.6 is lost of white ones, in both domains
    assert float(logs["cycle_loss"]) == pytest.approx(1.2 / 9)


def test_replicas_share_what_is_drawn_for_all_and_gather_it_again():
    drawn = tf.reshape(tf.range(8.0), [4, 2])

    def replica():
        own = replicas.shard(drawn)
        return own, replicas.gather(own), replicas.total([tf.reduce_sum(own)])[0]

    own, joined, total = (x.values for x in two_cpus().run(tf.function(replica)))
    assert [x.numpy().tolist() for x in own] == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    assert all(np.array_equal(x, drawn) for x in joined)
    assert [float(x) for x in total] == [28.0, 28.0]


def slow_adam(rate: float) -> keras.optimizers.Optimizer:
    optimizer = adam(rate, beta_1=0.5)
    optimizer.epsilon = 1.0  # no whole step where a gradient is nothing but rounding
    return optimizer


@pytest.mark.parametrize("make", [keras.optimizers.SGD, slow_adam])
def test_optimizers_that_sum_by_themselves_step_like_one(make, monkeypatch):
    # as ours does, too, when Keras does not ask it for the sum any more
    monkeypatch.delattr(SummedGradients, "_all_reduce_sum_gradients")
    monkeypatch.setattr("cyclegan_tf.models.optimizers.sums_can_be_replaced", lambda: False)
    weights = []
    for strategy in (tf.distribute.get_strategy(), two_cpus()):
        with strategy.scope():
            model = pixel_cyclegan()
            model.compile(make(0.1), make(0.1), run_eagerly=True)
            data = tf.data.Dataset.from_tensors((pictures(2, 1), pictures(2, 2)))
            model.fit(data, shuffle=False, verbose=0)
        weights.append([float(v.numpy()) for v in model.trainable_variables])
    assert weights[0] == pytest.approx(weights[1], abs=1e-5)
    assert weights[0] != [float(v.numpy()) for v in pixel_cyclegan().trainable_variables]
