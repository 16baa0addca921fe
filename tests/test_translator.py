import keras
import numpy as np
import pytest

from cyclegan_tf.translator import Translator
from tests.conftest import pixel_network


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_any_number_of_images_is_translated_in_order(count):
    images = np.random.default_rng(0).uniform(-1, 1, (count, 4, 4, 3)).astype(np.float32)
    translate = Translator(pixel_network(0.5, "half"), batch_size=4)
    np.testing.assert_allclose(translate(images), 0.5 * images, atol=1e-6)


def test_generator_is_traced_once_for_all_batches():
    calls = []

    class Counting(keras.layers.Layer):
        def call(self, x):
            calls.append(x.shape)
            return x

    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, Counting()(inputs))
    calls.clear()
    translate = Translator(model, batch_size=4)
    for count in (4, 3, 9):
        translate(np.zeros((count, 8, 8, 3), np.float32))
    assert calls == [(4, 8, 8, 3)]


def test_chains_divide_a_batch_and_keep_its_order():
    images = np.random.default_rng(0).uniform(-1, 1, (5, 4, 4, 3)).astype(np.float32)
    translate = Translator(pixel_network(0.5, "half"), batch_size=4, chains=2)
    np.testing.assert_allclose(translate(images), 0.5 * images, atol=1e-6)
    with pytest.raises(ValueError, match="multiple of chains"):
        Translator(pixel_network(0.5, "half"), batch_size=4, chains=3)


def edge_network() -> keras.Model:
    """Adds up the neighbours of each pixel, zeros beyond the border."""
    inputs = keras.Input((None, None, 3))
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[1, 0], kernel[1, 2] = np.eye(3), np.eye(3)
    options = {"padding": "same", "use_bias": False}
    options["kernel_initializer"] = keras.initializers.Constant(kernel)
    return keras.Model(inputs, keras.layers.Conv2D(3, 3, **options)(inputs))


def test_margin_shows_the_network_mirrored_pixels_instead_of_zeros():
    row = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    images = np.tile(row[None, None, :, None], (1, 4, 1, 3))
    bare = Translator(edge_network(), batch_size=1)(images)
    np.testing.assert_allclose(bare[0, 0, :, 0], [0.2, 0.4, 0.6, 0.3], atol=1e-6)
    framed = Translator(edge_network(), batch_size=1, margin=2)(images)
    np.testing.assert_allclose(framed[0, 0, :, 0], [0.4, 0.4, 0.6, 0.6], atol=1e-6)
    assert framed.shape == images.shape
