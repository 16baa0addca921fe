import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.models.losses import (
    CrossEntropy,
    EachHead,
    Hinge,
    LeastSquares,
    TwoObjective,
    Wasserstein,
    binary_cross_entropy,
    colour_distance,
    mean_absolute_error,
    share_called_real,
)

REAL, FAKE = [2.0, 0.5], [-0.5, 1.5]


def logits(*values: float) -> tf.Tensor:
    return tf.constant(values)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def entropy(x: float, label: float) -> float:
    return -label * math.log(sigmoid(x)) - (1 - label) * math.log(1 - sigmoid(x))


# value for the generator, its gradient, value for the discriminator, its two gradients; by hand
CASES = {
    "bce": (
        CrossEntropy(),
        (entropy(-0.5, 1) + entropy(1.5, 1)) / 2,
        [(sigmoid(-0.5) - 1) / 2, (sigmoid(1.5) - 1) / 2],
        (entropy(2.0, 1) + entropy(0.5, 1) + entropy(-0.5, 0) + entropy(1.5, 0)) / 4,
        [(sigmoid(2.0) - 1) / 4, (sigmoid(0.5) - 1) / 4],
        [sigmoid(-0.5) / 4, sigmoid(1.5) / 4],
    ),
    "smoothed bce": (
        CrossEntropy(real_label=0.9),
        (entropy(-0.5, 1) + entropy(1.5, 1)) / 2,
        [(sigmoid(-0.5) - 1) / 2, (sigmoid(1.5) - 1) / 2],
        (entropy(2.0, 0.9) + entropy(0.5, 0.9) + entropy(-0.5, 0) + entropy(1.5, 0)) / 4,
        [(sigmoid(2.0) - 0.9) / 4, (sigmoid(0.5) - 0.9) / 4],
        [sigmoid(-0.5) / 4, sigmoid(1.5) / 4],
    ),
    "lsgan": (
        LeastSquares(),
        (1.5**2 + 0.5**2) / 2,
        [-1.5, 0.5],
        (1.0 + 0.25 + 0.25 + 2.25) / 4,
        [0.5, -0.25],
        [-0.25, 0.75],
    ),
    "hinge": (
        Hinge(),
        -0.5,
        [-0.5, -0.5],
        (0 + 0.5) / 2 + (0.5 + 2.5) / 2,
        [0.0, -0.5],
        [0.5, 0.5],
    ),
    "wgan": (Wasserstein(), -0.5, [-0.5, -0.5], 0.5 - 1.25, [-0.5, -0.5], [0.5, 0.5]),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_by_hand(name):
    loss, for_generator, fake_slope, for_discriminator, real_slope, other_slope = CASES[name]
    real, fake = logits(*REAL), logits(*FAKE)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        generator = loss.generator(fake)
        discriminator = loss.discriminator(real, fake)
    assert float(generator) == pytest.approx(for_generator, rel=1e-5)
    assert tape.gradient(generator, fake).numpy() == pytest.approx(fake_slope, rel=1e-4)
    assert float(discriminator) == pytest.approx(for_discriminator, rel=1e-5)
    assert tape.gradient(discriminator, real).numpy() == pytest.approx(real_slope, rel=1e-4)
    assert tape.gradient(discriminator, fake).numpy() == pytest.approx(other_slope, rel=1e-4)


def test_two_objectives_by_hand():
    real, fake = [logits(2.0), logits(-1.0)], [logits(0.5), logits(3.0)]
    loss = TwoObjective(weight=0.4)
    assert float(loss.generator(fake)) == pytest.approx(-0.5 + 0.4 * entropy(3.0, 0), rel=1e-5)
    expected = 0.0 + 1.5 + (entropy(-1.0, 0) + entropy(3.0, 1)) / 2
    assert float(loss.discriminator(real, fake)) == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_neither_overflows_nor_vanishes():
    assert float(binary_cross_entropy(logits(500.0), 1.0)) == 0.0
    assert float(binary_cross_entropy(logits(-500.0), 1.0)) == pytest.approx(500)


@pytest.mark.parametrize(
    ("loss", "share"),
    [(CrossEntropy(), 2 / 3), (Hinge(), 2 / 3), (LeastSquares(), 1 / 3)],
)
def test_share_called_real_depends_on_the_objective(loss, share):
    values = logits(-1.0, 0.4, 0.6)
    assert float(share_called_real(values, loss)) == pytest.approx(share)


@pytest.mark.parametrize(("loss", "share"), [(TwoObjective(), 2 / 3), (EachHead(Hinge()), 1 / 2)])
def test_of_several_heads_the_mean_counts_or_the_first_alone(loss, share):
    values = logits(-1.0, 0.4, 0.6)
    assert float(share_called_real([values, -values], loss)) == pytest.approx(share)


def test_each_head_counts_alike():
    real, fake = [logits(0.5, 0.5), logits(2.0)], [logits(-0.5, 0.5), logits(-2.0)]
    loss = EachHead(Hinge())
    assert float(loss.generator(fake)) == pytest.approx((0.0 + 2.0) / 2)
    # the first: 0.5 + (0.5 + 1.5) / 2, the second: nothing
    assert float(loss.discriminator(real, fake)) == pytest.approx((1.5 + 0.0) / 2)


def test_distance_of_colours_is_blind_to_strokes():
    flat = np.zeros((1, 16, 16, 3), "float32")
    stripes = np.tile(np.float32([1, -1])[:, None], (1, 16, 8, 3)).reshape(flat.shape)
    assert float(colour_distance(flat, stripes)) == pytest.approx(0.0, abs=1e-6)
    assert float(colour_distance(flat, flat + 0.25)) == pytest.approx(0.25)


def test_mean_absolute_error_by_hand():
    x, y = logits(1.0, -1.0, 0.5, 0.0), logits(0.0, 1.0, 0.5, -1.0)
    assert float(mean_absolute_error(x, y)) == 1.0


def test_half_precision_is_averaged_in_float32():
    many = keras.ops.full((1, 300, 300, 1), 0.001, dtype="float16")
    loss = mean_absolute_error(many, keras.ops.zeros_like(many))
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == pytest.approx(0.001, rel=1e-3)
