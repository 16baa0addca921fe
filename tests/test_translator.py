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
