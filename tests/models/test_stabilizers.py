import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.models.networks.blocks import Style
from cyclegan_tf.models.networks.discriminators import patch_discriminator
from cyclegan_tf.models.stabilizers import gradient_penalty, r1_penalty
from tests.tiny_models import pixel_network


def pictures(seed: int, size: int = 8) -> tf.Tensor:
    values = np.random.default_rng(seed).uniform(-1, 1, (2, size, size, 3))
    return tf.constant(values, tf.float32)


def test_penalties_of_a_linear_discriminator_by_hand():
    # the mean of 0.6 x over 192 numbers: each of them has the slope 0.6 / 192
    discriminator = pixel_network(0.6, "d")
    norm = 0.6 / np.sqrt(192)
    assert float(r1_penalty(discriminator, pictures(1))) == pytest.approx(0.5 * norm**2, rel=1e-5)
    mix = tf.constant([0.3, 0.9])
    penalty = gradient_penalty(discriminator, pictures(1), pictures(2), mix)
    assert float(penalty) == pytest.approx((norm - 1) ** 2, rel=1e-5)


def test_r1_agrees_with_finite_differences():
    keras.utils.set_random_seed(0)
    discriminator = patch_discriminator(Style(norm="none"), base_filters=2)
    for kernel in discriminator.trainable_variables:
        kernel.assign(5 * kernel)
    x = pictures(3, 32)[:1]

    def verdict(image: tf.Tensor) -> float:
        return float(tf.reduce_mean(discriminator(image)))

    with tf.GradientTape() as tape:
        tape.watch(x)
        logit = tf.reduce_mean(discriminator(x))
    gradient = tape.gradient(logit, x)
    step = 1e-2 * gradient / tf.norm(gradient)
    slope = (verdict(x + step) - verdict(x - step)) / 2e-2
    assert float(r1_penalty(discriminator, x)) == pytest.approx(0.5 * slope**2, rel=0.02)


def test_gradient_penalty_looks_between_real_and_fake():
    seen = []

    class Spy(keras.Model):
        def call(self, x, training=False):
            seen.append(x)
            return x * x

    real, fake = pictures(1), pictures(2)
    gradient_penalty(Spy(), real, fake, tf.constant([1.0, 0.25]))
    np.testing.assert_allclose(seen[0][0], real[0], rtol=1e-6)
    np.testing.assert_allclose(seen[0][1], 0.25 * real[1] + 0.75 * fake[1], rtol=1e-5)


def test_penalty_trains_the_discriminator():
    discriminator = pixel_network(0.6, "d")
    with tf.GradientTape() as tape:
        penalty = r1_penalty(discriminator, pictures(1))
    scale, _ = discriminator.trainable_variables
    assert float(tape.gradient(penalty, scale.value)) == pytest.approx(0.6 / 192, rel=1e-5)
