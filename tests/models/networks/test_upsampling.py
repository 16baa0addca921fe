import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.models.networks.upsampling import SmoothUpSampling2D


@pytest.mark.parametrize("factor", [2, 8])
def test_smooth_up_sampling_of_any_size_is_that_of_keras(factor):
    layer = SmoothUpSampling2D(factor)
    of_any_size = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 3))])
    for shape in ((1, 5, 4, 3), (2, 1, 7, 3)):
        x = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
        expected = keras.layers.UpSampling2D(factor, interpolation="bilinear")(x)
        np.testing.assert_array_equal(layer(x), expected)
        np.testing.assert_allclose(of_any_size(x), expected, atol=1e-6)


def test_smooth_up_sampling_draws_straight_lines_between_the_middles():
    of_any_size = tf.function(
        SmoothUpSampling2D(2), input_signature=[tf.TensorSpec((None, None, None, 1))]
    )
    values = of_any_size(np.array([0.0, 4.0], np.float32).reshape(1, 1, 2, 1))
    np.testing.assert_allclose(values[0, :, :, 0], [[0, 1, 3, 4]] * 2)


def test_smooth_up_sampling_is_rebuilt_from_its_config():
    layer = SmoothUpSampling2D(8, dtype="float32", name="means")
    again = SmoothUpSampling2D.from_config(layer.get_config())
    assert (again.size, again.interpolation, again.name) == ((8, 8), "bilinear", "means")
