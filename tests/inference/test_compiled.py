import keras
import numpy as np
import pytest

from cyclegan_tf.inference import compiled
from cyclegan_tf.inference.compiled import AnySizeGenerator, CompiledGenerator, with_sampled_norms
from cyclegan_tf.models.networks.blocks import Style
from cyclegan_tf.models.networks.generators import resnet_generator, unet_generator
from tests.tiny_models import pixel_network

STYLES = {
    "group": Style(norm="group"),
    "two groups": Style(norm="group", norm_groups=2),
    "instance": Style(norm="instance"),
}


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_any_number_of_images_is_translated_in_order(count):
    images = np.random.default_rng(0).uniform(-1, 1, (count, 4, 4, 3)).astype(np.float32)
    translate = CompiledGenerator(pixel_network(0.5, "half"), batch_size=4)
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
    translate = CompiledGenerator(model, batch_size=4)
    for count in (4, 3, 9):
        translate(np.zeros((count, 8, 8, 3), np.float32))
    assert calls == [(4, 8, 8, 3)]


def test_chains_divide_a_batch_and_keep_its_order():
    images = np.random.default_rng(0).uniform(-1, 1, (5, 4, 4, 3)).astype(np.float32)
    translate = CompiledGenerator(pixel_network(0.5, "half"), batch_size=4, parallel_parts=2)
    np.testing.assert_allclose(translate(images), 0.5 * images, atol=1e-6)
    with pytest.raises(ValueError, match="multiple of parallel_parts"):
        CompiledGenerator(pixel_network(0.5, "half"), batch_size=4, parallel_parts=3)


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
    bare = CompiledGenerator(edge_network(), batch_size=1)(images)
    np.testing.assert_allclose(bare[0, 0, :, 0], [0.2, 0.4, 0.6, 0.3], atol=1e-6)
    framed = CompiledGenerator(edge_network(), batch_size=1, margin=2)(images)
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
    run = AnySizeGenerator(generator)
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
    run = AnySizeGenerator(keras.Model(inputs, Counting()(inputs)))
    shapes.clear()
    for side in (8, 16, 24):
        run(np.zeros((side // 8, side, side, 3), np.float32))
    assert shapes == [(None, None, None, 3)]


def test_tone_is_that_of_the_last_sample():
    inputs = keras.Input((None, None, 3))
    norm = keras.layers.GroupNormalization(groups=-1, epsilon=0)
    run = AnySizeGenerator(keras.Model(inputs, norm(inputs)))
    dark, light = (np.zeros((1, 2, 2, 3), np.float32) + level for level in (0, 0.5))
    dark[:, 0], light[:, 0] = -0.5, 1  # means -0.25 and 0.75, deviations 0.25
    one = np.full((1, 1, 1, 3), 0.25, np.float32)
    first = run.with_tone_of(dark)
    np.testing.assert_allclose(first(one), np.full((1, 1, 1, 3), 2), atol=1e-6)
    np.testing.assert_allclose(run.with_tone_of(light)(one), np.full((1, 1, 1, 3), -2), atol=1e-6)


def test_network_without_norms_has_one_tone():
    run = AnySizeGenerator(pixel_network(0.5, "half"))
    assert run.with_tone_of(np.zeros((1, 4, 4, 3), np.float32)) is run


def pictures(count: int, side: int = 32, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (count, side, side, 3)).astype(np.float32)


def lively(network: keras.Model) -> keras.Model:
    """With weights that are far from their initial values."""
    rng = np.random.default_rng(1)
    network.set_weights([rng.normal(0.1, 0.3, w.shape) for w in network.get_weights()])
    return network


def network_of(kind: str, style: str) -> keras.Model:
    if kind == "unet":
        return lively(unet_generator(32, STYLES[style], depth=3, base_filters=4, head_filters=2))
    return lively(resnet_generator(1, STYLES[style], base_filters=4))


def norm_alone(**options) -> tuple[keras.Model, keras.Model]:
    inputs = keras.Input((None, None, 2))
    norm = keras.layers.GroupNormalization(groups=-1, epsilon=0, **options)
    return with_sampled_norms(keras.Model(inputs, norm(inputs)))


def test_statistics_are_those_of_all_parts_together():
    sampler, fixed = norm_alone()
    x = np.zeros((2, 4, 4, 2), np.float32)
    x[1] = (2, 6)  # the mean of both is (1, 3), the deviation (1, 3)
    np.testing.assert_allclose(sampler(x)[0], np.full((4, 4, 2), -1), atol=1e-6)
    np.testing.assert_allclose(sampler(x)[1], np.full((4, 4, 2), 1), atol=1e-6)
    other = np.full((1, 2, 2, 2), 4, np.float32)
    # 4 is 3 deviations above the first mean, a third of one above the second
    np.testing.assert_allclose(fixed(other)[0, 0, 0], [3, 1 / 3], atol=1e-6)


def test_borders_of_the_sample_do_not_count():
    sampler, fixed = norm_alone()
    x = np.full((1, 16, 16, 2), 9.0, np.float32)  # 16 px have a border of 2
    x[:, 2:8, 2:14], x[:, 8:14, 2:14] = -1, 3
    sampler(x)
    np.testing.assert_allclose(fixed(np.full((1, 1, 1, 2), 5.0))[0, 0, 0], [2, 2], atol=1e-6)


def test_scale_and_offset_of_the_norm_are_used():
    inputs = keras.Input((None, None, 2))
    norm = keras.layers.GroupNormalization(groups=-1, epsilon=0)
    network = keras.Model(inputs, norm(inputs))
    network.set_weights([np.array([2.0, 3.0]), np.array([10.0, 20.0])])
    sampler, fixed = with_sampled_norms(network)
    x = np.zeros((1, 2, 2, 2), np.float32)
    x[:, 1] = 2
    np.testing.assert_allclose(sampler(x)[0, 1, 0], [12, 23], atol=1e-5)
    np.testing.assert_allclose(fixed(x)[0, 0, 0], [8, 17], atol=1e-5)


def test_channels_of_a_group_share_their_statistics():
    inputs = keras.Input((None, None, 4))
    norm = keras.layers.GroupNormalization(groups=2, epsilon=0, scale=False, center=False)
    sampler, _ = with_sampled_norms(keras.Model(inputs, norm(inputs)))
    x = np.zeros((1, 1, 1, 4), np.float32)
    x[..., 1], x[..., 2], x[..., 3] = 2, 10, 30
    np.testing.assert_allclose(sampler(x)[0, 0, 0], [-1, 1, -1, 1], atol=1e-6)


@pytest.mark.parametrize("kind", ["unet", "resnet"])
@pytest.mark.parametrize("style", STYLES)
def test_sample_that_is_the_picture_gives_what_the_generator_gives(kind, style, monkeypatch):
    monkeypatch.setattr(compiled, "_BORDER", 10**6)  # all of the picture counts
    network = network_of(kind, style)
    expected = network(pictures(1), training=False)
    sampler, fixed = with_sampled_norms(network)
    np.testing.assert_allclose(sampler(pictures(1), training=False), expected, atol=1e-4)
    np.testing.assert_allclose(fixed(pictures(1), training=False), expected, atol=1e-4)
    np.testing.assert_array_equal(network(pictures(1), training=False), expected)


def test_weights_are_shared():
    network = network_of("unet", "group")
    sampler, fixed = with_sampled_norms(network)
    own = {id(weight) for weight in network.weights}
    assert own <= {id(weight) for weight in sampler.weights}
    assert own <= {id(weight) for weight in fixed.weights}


def test_network_without_norms_has_nothing_to_sample():
    assert with_sampled_norms(unet_generator(32, Style(norm="none"), depth=2)) is None
