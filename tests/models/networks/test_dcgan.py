import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.models.networks.dcgan import (
    dcgan_discriminator,
    dcgan_generator,
    residual_discriminator,
    residual_generator,
)
from cyclegan_tf.models.networks.discriminators import Regularization
from cyclegan_tf.models.networks.layers import MinibatchDeviation, SpectralConv2D

GENERATORS = [dcgan_generator, residual_generator]
DISCRIMINATORS = [dcgan_discriminator, residual_discriminator]


def latents(count: int, size: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, size), dtype=np.float32)


def pictures(count: int, side: int = 32, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).uniform(-1, 1, (count, side, side, 3))
    return values.astype(np.float32)


def parameters(network: keras.Model) -> int:
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


def shapes_of(network: keras.Model, layer_type: type) -> list[tuple[int, ...]]:
    return [layer.output.shape[1:] for layer in network.layers if type(layer) is layer_type]


def test_dcgan_generator_has_the_layers_of_the_reference_at_256_px():
    generator = dcgan_generator(256)
    assert shapes_of(generator, keras.layers.Conv2DTranspose) == [
        (16, 16, 256), (32, 32, 128), (64, 64, 64), (128, 128, 32), (256, 256, 3),
    ]  # fmt: skip
    dense, first_norm = 128 * 8192, 2 * 8192
    transposed = 16 * (128 * 256 + 256 * 128 + 128 * 64 + 64 * 32 + 32 * 3)
    norms = 2 * (256 + 128 + 64 + 32)
    assert parameters(generator) == dense + first_norm + transposed + norms


def test_dcgan_discriminator_has_the_layers_of_the_reference_at_256_px():
    discriminator = dcgan_discriminator(256)
    assert shapes_of(discriminator, keras.layers.Conv2D) == [
        (128, 128, 64), (64, 64, 128), (32, 32, 256),
    ]  # fmt: skip
    convolutions = 16 * (3 * 64 + 64 * 128 + 128 * 256) + 64 + 128 + 256
    assert parameters(discriminator) == convolutions + 32 * 32 * 256 + 1


@pytest.mark.parametrize("side", [32, 64, 128])
@pytest.mark.parametrize("build", GENERATORS)
def test_generators_make_pictures_of_the_size_asked_for(build, side):
    generator = build(side, latent_size=5, base_filters=2)
    pictures = generator(latents(2), training=True).numpy()
    assert pictures.shape == (2, side, side, 3)
    assert np.abs(pictures).max() <= 1
    assert np.abs(pictures[0] - pictures[1]).max() > 1e-3


@pytest.mark.parametrize("side", [32, 64, 128])
@pytest.mark.parametrize("build", DISCRIMINATORS)
def test_discriminators_return_one_logit_an_image(build, side):
    logits = build(side, base_filters=2)(pictures(2, side)).numpy()
    assert logits.shape == (2, 1, 1, 1)
    assert logits[0] != logits[1]


def test_residual_generator_has_the_blocks_of_its_size():
    generator = residual_generator(64, latent_size=5, base_filters=2)
    # from 4 x 4 x 16: kernels 1 x 1 with bias, 3 x 3 without, 3 x 3 with; two norms a block
    blocks = sum(
        (c + 1) * w + 9 * c * w + (9 * w + 1) * w + 2 * c + 2 * w
        for c, w in [(16, 16), (16, 8), (8, 4), (4, 2)]
    )
    assert parameters(generator) == 6 * 256 + blocks + 2 * 2 + (9 * 2 + 1) * 3


def test_residual_discriminator_has_the_blocks_of_its_size():
    discriminator = residual_discriminator(64, base_filters=2)
    blocks = sum(
        (c + 1) * w + (9 * c + 1) * w + (9 * w + 1) * w
        for c, w in [(3, 2), (2, 4), (4, 8), (8, 16)]
    )
    assert parameters(discriminator) == blocks + 16 * (16 + 1) + 1


@pytest.mark.parametrize("spectral", [True, False])
def test_spectral_norm_is_on_every_convolution_or_on_none(spectral):
    regularization = Regularization(spectral_norm=spectral)
    layers = residual_discriminator(32, regularization, base_filters=2).layers
    convolutions = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D)]
    # three blocks of three, and the last one
    assert [isinstance(c, SpectralConv2D) for c in convolutions] == [spectral] * 10


@pytest.mark.parametrize("side", [16, 48, 0, 100])
@pytest.mark.parametrize("build", [*GENERATORS, *DISCRIMINATORS])
def test_sides_that_are_no_power_of_two_are_refused(build, side):
    with pytest.raises(ValueError, match=f"power of two, at least 32.*image_size={side}"):
        build(side)


@pytest.mark.parametrize("build", [*GENERATORS, *DISCRIMINATORS])
def test_no_two_layers_start_with_the_same_values(build):
    weights = [
        w
        for seed in (1, 2)
        for w in build(64, base_filters=4, seed=seed).get_weights()
        if w.ndim > 1
    ]
    assert len(weights) > 6
    for i, one in enumerate(weights):
        for other in weights[:i]:
            assert one.shape != other.shape or not np.array_equal(one, other)


@pytest.mark.parametrize("build", [*GENERATORS, *DISCRIMINATORS])
def test_one_seed_gives_one_network(build):
    one, other = build(32, base_filters=2, seed=3), build(32, base_filters=2, seed=3)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("build", DISCRIMINATORS)
@pytest.mark.parametrize("option", ["dropout", "noise_std"])
def test_dropout_and_noise_act_while_training_only(build, option):
    discriminator = build(32, Regularization(**{option: 0.5}), base_filters=4)
    images = pictures(2)
    calm = [discriminator(images, training=False).numpy() for _ in range(2)]
    wild = [discriminator(images, training=True).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*calm)
    assert np.abs(wild[0] - wild[1]).min() > 0


def test_strided_discriminator_refuses_spectral_norm_which_it_has_not():
    with pytest.raises(ValueError, match="has no spectral norm; the residual one has"):
        dcgan_discriminator(32, Regularization(spectral_norm=True))


def test_minibatch_deviation_by_hand():
    x = np.zeros((2, 1, 2, 2), np.float32)
    x[1] = [[[2.0, 4.0], [0.0, 6.0]]]
    y = MinibatchDeviation()(x).numpy()
    np.testing.assert_array_equal(y[..., :2], x)
    # half the differences are 1, 2, 0 and 3
    np.testing.assert_allclose(y[..., 2], np.full((2, 1, 2), 1.5), rtol=1e-4)


def test_residual_discriminator_sees_a_batch_of_equal_images():
    same = np.repeat(pictures(1, seed=1), 3, axis=0)
    mixed = np.concatenate([same[:1], pictures(2, seed=2)])
    for reacts in (True, False):
        network = residual_discriminator(32, base_filters=2, minibatch_deviation=reacts)
        first_of_same, first_of_mixed = network(same).numpy()[0], network(mixed).numpy()[0]
        assert (np.abs(first_of_same - first_of_mixed) > 1e-5) == reacts


def test_slope_of_the_minibatch_deviation_is_finite_for_equal_images():
    images = keras.Variable(np.ones((2, 4, 4, 1), np.float32))
    with tf.GradientTape() as tape:
        total = keras.ops.sum(MinibatchDeviation()(images)[..., 1])
    np.testing.assert_array_equal(tape.gradient(total, images.value), np.zeros((2, 4, 4, 1)))


@pytest.mark.parametrize("build", [*GENERATORS, *DISCRIMINATORS])
def test_mixed_precision_ends_in_float32(build):
    keras.config.set_dtype_policy("mixed_float16")
    network = build(32, base_filters=2)
    inputs = latents(2, 128) if build in GENERATORS else pictures(2)
    outputs = network(inputs, training=True)
    assert outputs.dtype == "float32"
    assert np.isfinite(outputs.numpy()).all()
