import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.models.networks.blocks import Style
from cyclegan_tf.models.networks.discriminators import patch_discriminator
from cyclegan_tf.models.stabilizers import DiffAugment, gradient_penalty, r1_penalty
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


def batch(count: int = 3, size: int = 16) -> tf.Tensor:
    values = np.random.default_rng(0).uniform(-1, 1, (count, size, size, 3))
    return tf.constant(values, tf.float32)


def draw_of(**numbers: float) -> tf.Tensor:
    """The draw that changes nothing, but for the numbers given."""
    names = ("brightness", "saturation", "contrast", "down", "right", "hole_down", "hole_right")
    neutral = dict(zip(names, (0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5), strict=True))
    return tf.constant([list((neutral | numbers).values())] * 3)


def diff_augment(*, seed: int = 0, **options: bool) -> DiffAugment:
    random = keras.random.SeedGenerator(seed)
    return DiffAugment(**{"color": True, "geometry": True} | options, random=random)


COLOR = diff_augment(color=True, geometry=False)
GEOMETRY = diff_augment(color=False, geometry=True)


def test_neutral_colours_change_nothing():
    np.testing.assert_allclose(COLOR.apply(batch(), draw_of()), batch(), atol=1e-6)


def test_brightness_saturation_and_contrast_by_hand():
    x = batch().numpy()
    np.testing.assert_allclose(COLOR.apply(batch(), draw_of(brightness=0.8)), x + 0.3, atol=1e-6)
    grey = COLOR.apply(batch(), draw_of(saturation=0.0)).numpy()
    np.testing.assert_allclose(grey, np.repeat(x.mean(-1, keepdims=True), 3, -1), atol=1e-6)
    mean = x.mean((1, 2, 3), keepdims=True)
    half = COLOR.apply(batch(), draw_of(contrast=0.0)).numpy()
    np.testing.assert_allclose(half, mean + 0.5 * (x - mean), atol=1e-6)


def without_hole(moved: np.ndarray) -> np.ndarray:
    return moved[:, :4]  # the hole is put at the lower end


@pytest.mark.parametrize(("share", "offset"), [(0.0, -2), (0.5, 0), (0.999, 2)])
def test_translation_moves_by_up_to_an_eighth(share, offset):
    moved = GEOMETRY.apply(batch(), draw_of(right=share, hole_down=0.9999)).numpy()
    expected = np.zeros_like(moved)
    x = batch().numpy()
    if offset >= 0:
        expected[:, :, offset:] = x[:, :, : 16 - offset]
    else:
        expected[:, :, :offset] = x[:, :, -offset:]
    np.testing.assert_allclose(without_hole(moved), without_hole(expected), atol=1e-6)


def test_what_moves_in_is_mirrored_on_request():
    mirrored = diff_augment(color=False, geometry=True, mirrored=True)
    x = batch().numpy()
    right = mirrored.apply(batch(), draw_of(right=0.999, hole_down=0.9999)).numpy()
    expected = np.concatenate([x[:, :, 2:0:-1], x[:, :, :14]], axis=2)
    np.testing.assert_allclose(without_hole(right), without_hole(expected), atol=1e-6)
    left = mirrored.apply(batch(), draw_of(right=0.0, hole_down=0.9999)).numpy()
    expected = np.concatenate([x[:, :, 2:], x[:, :, 14:12:-1]], axis=2)
    np.testing.assert_allclose(without_hole(left), without_hole(expected), atol=1e-6)


def test_cutout_blanks_a_square_of_half_the_side():
    cut = GEOMETRY.apply(tf.ones((3, 16, 16, 3)), draw_of(hole_down=0.5, hole_right=0.5)).numpy()
    assert (cut == 0).sum() == 3 * 8 * 8 * 3
    assert (cut[:, 4:12, 4:12] == 0).all()


@pytest.mark.parametrize("jit", [False, True])
def test_gradients_pass_through_and_xla_agrees(jit):
    both = diff_augment()
    draw = tf.constant(np.random.default_rng(1).uniform(size=(3, 7)), tf.float32)

    def sum_and_gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(both.apply(x, draw))
        return total, tape.gradient(total, x)

    total, gradient = tf.function(sum_and_gradient, jit_compile=jit)(batch())
    expected, reference = sum_and_gradient(batch())
    assert float(total) == pytest.approx(float(expected), rel=1e-4)
    np.testing.assert_allclose(gradient, reference, atol=1e-5)
    assert np.abs(gradient).max() > 0.1


def test_every_draw_is_another_one():
    one = diff_augment(seed=3)
    assert not np.array_equal(one.draw(2), one.draw(2))
    again = diff_augment(seed=3)
    first = diff_augment(seed=3).draw(2)
    assert np.array_equal(again.draw(2), first)
