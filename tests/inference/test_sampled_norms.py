import keras
import numpy as np
import pytest

from cyclegan_tf.inference import sampled_norms
from cyclegan_tf.inference.sampled_norms import with_sampled_norms
from cyclegan_tf.models.networks.generators import resnet_generator, unet_generator
from cyclegan_tf.models.networks.layers import Style

STYLES = {
    "group": Style(norm="group"),
    "two groups": Style(norm="group", norm_groups=2),
    "instance": Style(norm="instance"),
}


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
    monkeypatch.setattr(sampled_norms, "_BORDER", 10**6)  # all of the picture counts
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
