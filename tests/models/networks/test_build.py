import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.models.networks.blocks import Style, enlarge, seed_stream
from cyclegan_tf.models.networks.build import translation_generator
from cyclegan_tf.models.networks.discriminators import patch_discriminator
from cyclegan_tf.models.networks.generators import (
    painter_generator,
    resnet_generator,
    unet_depth,
    unet_generator,
)
from cyclegan_tf.models.networks.layers import ReflectionPadding2D, SkipConnection


def picture(side: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (1, side, side, 3)).astype(np.float32)


def test_unet_has_54_million_parameters_at_256_px():
    assert unet_generator(256).count_params() == pytest.approx(54.4e6, rel=1e-3)


def test_patch_discriminator_has_2_77_million_parameters():
    assert patch_discriminator().count_params() == pytest.approx(2.77e6, rel=2e-3)


@pytest.mark.parametrize(("size", "depth"), [(256, 8), (128, 7), (64, 6), (96, 5), (512, 8)])
def test_unet_depth_follows_the_image_size(size, depth):
    assert unet_depth(size) == depth


@pytest.mark.parametrize("side", [32, 64, 96])
def test_unet_keeps_size_and_range(side):
    generator = unet_generator(32, base_filters=2)
    translated = generator(picture(side)).numpy()
    assert translated.shape == (1, side, side, 3)
    assert np.abs(translated).max() <= 1


def test_unet_takes_other_aspects():
    generator = unet_generator(32, base_filters=2)
    assert generator(np.zeros((1, 32, 96, 3), np.float32)).shape == (1, 32, 96, 3)


def test_shallow_unet_takes_multiples_of_its_own_unit():
    generator = unet_generator(128, Style(norm="none"), depth=2, base_filters=4)
    # 4x4 kernels down to 4 and 8 filters, 4x4 transposed ones from 8 to 4 and from 4 + 4 to 3
    kernels = 16 * (3 * 4 + 4 * 8 + 8 * 4 + 8 * 3)
    assert generator.count_params() == kernels + 4 + 8 + 4 + 3
    assert generator(np.zeros((1, 20, 12, 3), np.float32)).shape == (1, 20, 12, 3)


def test_head_adds_a_stage_at_full_size_that_sees_the_image():
    bare = unet_generator(32, Style(norm="none"), depth=2, base_filters=4)
    headed = unet_generator(32, Style(norm="none"), depth=2, base_filters=4, head_filters=5)
    # instead of 4 + 4 to 3 by 4x4: 4 + 4 to 5 by 4x4, then 5 + 3 to 3 by 5x5
    more = 16 * 8 * (5 - 3) + (5 - 3) + 25 * 8 * 3 + 3
    assert headed.count_params() - bare.count_params() == more
    image = picture(32)
    last = next(layer for layer in headed.layers[::-1] if isinstance(layer, keras.layers.Conv2D))
    passing = np.zeros((5, 5, 8, 3), np.float32)
    passing[2, 2, 5:] = np.eye(3)  # only the image, pixel by pixel
    last.set_weights([passing, np.zeros(3, np.float32)])
    np.testing.assert_allclose(headed(image), np.tanh(image), atol=1e-6)


def test_bottleneck_is_alive():
    generator = unet_generator(32, base_filters=2)
    inner = [layer for layer in generator.layers if isinstance(layer, keras.layers.LeakyReLU)][-1]
    bottleneck = keras.Model(generator.input, inner.output)
    one, other = bottleneck(picture(32, 1)).numpy(), bottleneck(picture(32, 2)).numpy()
    assert one.shape == (1, 1, 1, 16)
    # with instance norm on the 1 x 1 map both would be its beta
    assert np.abs(one - other).max() > 1e-6


def test_no_two_layers_start_with_the_same_values():
    weights = [
        w
        for seed in (1, 2)
        for w in unet_generator(64, base_filters=4, seed=seed).get_weights()
        if w.ndim == 4
    ]
    for i, one in enumerate(weights):
        for other in weights[:i]:
            assert one.shape != other.shape or not np.array_equal(one, other)


def test_seed_fixes_the_weights():
    one, again = (unet_generator(32, base_filters=2, seed=5).get_weights() for _ in range(2))
    assert all(np.array_equal(x, y) for x, y in zip(one, again, strict=True))


def test_norm_scales_start_around_one():
    gammas = [w for w in unet_generator(64).trainable_variables if w.path.endswith("gamma")]
    values = np.concatenate([keras.ops.convert_to_numpy(g) for g in gammas])
    assert values.mean() == pytest.approx(1.0, abs=0.01)
    assert values.std() == pytest.approx(0.02, abs=0.005)


def test_dropout_acts_in_training_alone():
    generator = unet_generator(32, base_filters=4)
    x = picture(32)
    assert np.array_equal(generator(x, training=False), generator(x, training=False))
    assert not np.array_equal(generator(x, training=True), generator(x, training=True))


def test_discriminator_gives_one_logit_a_patch():
    logits = patch_discriminator(base_filters=2)(np.zeros((2, 256, 256, 3), np.float32))
    assert logits.shape == (2, 30, 30, 1)


def test_logit_sees_a_patch_of_70_pixels():
    discriminator = patch_discriminator(base_filters=4)
    for layer in discriminator.layers:  # instance norm looks at the whole image: take it out
        if isinstance(layer, keras.layers.GroupNormalization):
            layer.call = lambda x: x
    x = keras.ops.convert_to_tensor(picture(128))
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        logit = discriminator(x)[0, 7, 7, 0]
    seen = np.abs(tape.gradient(logit, x).numpy()[0]).sum(-1) > 0
    assert seen.any(0).sum() == 70
    assert seen.any(1).sum() == 70


def test_mixed_precision_networks_end_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    generator, discriminator = (
        unet_generator(32, base_filters=2),
        patch_discriminator(base_filters=2),
    )
    assert generator.compute_dtype == "bfloat16"
    assert generator(picture(32)).dtype == "float32"
    assert discriminator(picture(32)).dtype == "float32"


def test_published_parameter_counts_of_the_paper():
    style = Style(norm="instance")
    assert resnet_generator(9, style).count_params() == 11_378_179
    assert patch_discriminator(style).count_params() == 2_764_737


@pytest.mark.parametrize("padding", [1, 3])
def test_reflection_padding_mirrors_without_repeating_the_border(padding):
    x = picture(8)
    padded = ReflectionPadding2D(padding)(x)
    p = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    assert np.array_equal(padded, np.pad(x, p, mode="reflect"))
    symbolic = ReflectionPadding2D(padding)(keras.Input((None, 8, 3)))
    assert symbolic.shape == (None, None, 8 + 2 * padding, 3)


def build(kind: str, style: Style) -> keras.Model:
    if kind == "unet":
        return unet_generator(32, style, base_filters=2)
    if kind == "painter":
        return painter_generator(32, style, blocks=1, base_filters=2)
    return resnet_generator(1, style, base_filters=2)


@pytest.mark.parametrize("kind", ["unet", "resnet", "painter"])
@pytest.mark.parametrize("upsampling", ["transpose", "resize", "bilinear"])
@pytest.mark.parametrize("norm", ["group", "instance", "none"])
def test_every_style_keeps_size_and_range(kind, upsampling, norm):
    generator = build(kind, Style(norm=norm, upsampling=upsampling))
    translated = generator(picture(32)).numpy()
    assert translated.shape == (1, 32, 32, 3)
    assert 0 < np.abs(translated).max() <= 1


@pytest.mark.parametrize("kind", ["unet", "resnet", "painter"])
@pytest.mark.parametrize("upsampling", ["transpose", "resize", "bilinear"])
def test_global_skip_starts_from_the_identity_and_can_leave_it(kind, upsampling):
    generator = build(kind, Style(upsampling=upsampling, global_skip=True))
    x = picture(32)
    assert np.array_equal(generator(x), x)
    last = generator.trainable_variables[-2]  # the kernel of the last convolution
    last.assign(np.full(last.shape, 0.5, np.float32))
    changed = generator(x).numpy()
    assert np.abs(changed - x).mean() > 0.05
    assert np.abs(changed).max() <= 1


@pytest.mark.parametrize("kind", ["unet", "resnet"])
def test_blurred_skip_starts_from_the_means_of_squares(kind):
    generator = build(kind, Style(global_skip=True, skip_blur=8))
    flat = np.kron(picture(4), np.ones((1, 8, 8, 1), np.float32))
    translated = generator(flat).numpy()
    # lines between the middles of neighbouring squares: 7/16 and 9/16 of the way at the edge
    left, right = flat[0, 3, 7], flat[0, 3, 8]
    np.testing.assert_allclose(translated[0, 3, 7], (9 * left + 7 * right) / 16, atol=1e-6)
    np.testing.assert_allclose(translated[0, 0, 0], flat[0, 0, 0], atol=1e-6)
    checkers = np.indices((32, 32)).sum(0)[None, ..., None] % 2 * np.ones(3, np.float32)
    assert np.abs(generator(checkers).numpy() - 0.5).max() < 1e-6


def test_groups_are_what_the_style_says():
    generator = unet_generator(32, Style(norm="group", norm_groups=2), base_filters=4)
    norms = [x for x in generator.layers if isinstance(x, keras.layers.GroupNormalization)]
    assert {layer.groups for layer in norms} == {2}


def test_past_a_painter_goes_nothing_of_full_or_half_size():
    generator = painter_generator(64, blocks=0, base_filters=2)
    passing = [layer.output for layer in generator.layers if isinstance(layer, SkipConnection)]
    maps = keras.Model(generator.input, passing)(picture(64))
    assert [x.shape[1] for x in maps] == [8, 16]


def test_bilinear_up_sampling_draws_lines_between_pixels():
    step = np.zeros((1, 4, 4, 1), np.float32)
    step[:, :, 2:] = 1
    inputs = keras.Input((4, 4, 1))
    enlarged = keras.Model(inputs, enlarge(inputs, 1, 3, "bilinear", seeds=seed_stream(0)))
    passing = np.zeros((3, 3, 1, 1), np.float32)
    passing[1, 1] = 1
    enlarged.set_weights([passing, np.zeros(1, np.float32)])
    np.testing.assert_allclose(enlarged(step)[0, 3, :, 0], [0, 0, 0, 0.25, 0.75, 1, 1, 1])


def test_painter_takes_pictures_whose_sides_a_graph_does_not_know():
    generator = painter_generator(32, blocks=1, base_filters=2)
    any_size = tf.function(
        generator, input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)]
    )
    x = picture(64)[:, :48]
    np.testing.assert_allclose(any_size(x), generator(x), atol=1e-5)


def test_resnet_takes_multiples_of_four():
    generator = resnet_generator(1, base_filters=2)
    assert generator(np.zeros((1, 20, 28, 3), np.float32)).shape == (1, 20, 28, 3)


def test_resize_up_sampling_has_no_checkerboard():
    # a constant picture has no texture: whatever has a period of two comes from the up-sampling
    generator = resnet_generator(0, Style(norm="none", upsampling="resize"), base_filters=8)
    middle = generator(np.full((1, 64, 64, 3), 0.5, np.float32)).numpy()[0, 24:40, 24:40]
    assert np.ptp(middle, axis=(0, 1)).max() < 1e-6


@pytest.mark.parametrize("kind", ["unet", "resnet", "painter"])
@pytest.mark.parametrize("global_skip", [False, True])
def test_grey_generators_see_and_give_one_channel(kind, global_skip):
    changes = {"generator": kind, "global_skip": global_skip, "image_size": 32, "base_filters": 4}
    blocks = {"head_filters": 2} if kind == "unet" else {"residual_blocks": 1}
    config = TrainConfig(channels=1, **changes, **blocks)
    network = translation_generator(config, "grey")
    convolutions = [layer for layer in network.layers if hasattr(layer, "kernel")]
    assert convolutions[0].kernel.shape[2] == 1
    image = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    grey = np.repeat(image.mean(-1, keepdims=True), 3, -1)
    found = network(image).numpy()
    assert found.shape == image.shape
    assert (found == found[..., :1]).all()
    np.testing.assert_allclose(found, network(grey).numpy(), atol=1e-5)
    if global_skip:
        np.testing.assert_allclose(found, grey, atol=1e-6)


def test_channels_come_last_whatever_keras_is_set_to(monkeypatch):
    keras.config.set_image_data_format("channels_first")
    config = TrainConfig(image_size=32, base_filters=2)
    assert translation_generator(config, "x")(np.zeros((1, 32, 32, 3))).shape == (1, 32, 32, 3)
    assert keras.config.image_data_format() == "channels_last"
