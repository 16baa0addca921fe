import keras
import numpy as np
import pytest

from cyclegan_tf.inference.compiled import AnySize, Translator
from cyclegan_tf.models.networks.generators import resnet_generator, unet_generator
from cyclegan_tf.models.networks.layers import Style
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


GENERATORS = {
    "unet": lambda: unet_generator(32, depth=3, base_filters=2),
    "blurred skip": lambda: unet_generator(
        32, Style("group", upsampling="resize", global_skip=True, skip_blur=4), depth=2,
        base_filters=2, head_filters=2,
    ),
    "resnet": lambda: resnet_generator(1, base_filters=2),
}  # fmt: skip


@pytest.mark.parametrize("name", GENERATORS)
def test_pictures_of_any_shape_are_translated_by_one_trace(name):
    generator, rng = GENERATORS[name](), np.random.default_rng(0)
    run = AnySize(generator)
    for shape in ((1, 16, 16, 3), (3, 24, 16, 3), (2, 16, 40, 3)):
        images = rng.uniform(-1, 1, shape).astype(np.float32)
        np.testing.assert_allclose(run(images), generator(images, training=False), atol=1e-5)


def test_any_size_is_traced_once():
    shapes = []

    class Counting(keras.layers.Layer):
        def call(self, x):
            shapes.append(x.shape)
            return x

    inputs = keras.Input((None, None, 3))
    run = AnySize(keras.Model(inputs, Counting()(inputs)))
    shapes.clear()
    for side in (8, 16, 24):
        run(np.zeros((side // 8, side, side, 3), np.float32))
    assert shapes == [(None, None, None, 3)]


def test_tone_is_that_of_the_last_sample():
    inputs = keras.Input((None, None, 3))
    norm = keras.layers.GroupNormalization(groups=-1, epsilon=0)
    run = AnySize(keras.Model(inputs, norm(inputs)))
    dark, light = (np.zeros((1, 2, 2, 3), np.float32) + level for level in (0, 0.5))
    dark[:, 0], light[:, 0] = -0.5, 1  # means -0.25 and 0.75, deviations 0.25
    one = np.full((1, 1, 1, 3), 0.25, np.float32)
    first = run.with_tone_of(dark)
    np.testing.assert_allclose(first(one), np.full((1, 1, 1, 3), 2), atol=1e-6)
    np.testing.assert_allclose(run.with_tone_of(light)(one), np.full((1, 1, 1, 3), -2), atol=1e-6)


def test_network_without_norms_has_one_tone():
    run = AnySize(pixel_network(0.5, "half"))
    assert run.with_tone_of(np.zeros((1, 4, 4, 3), np.float32)) is run
