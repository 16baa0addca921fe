import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cyclegan_tf.models.networks.blocks import Style
from cyclegan_tf.models.networks.dcgan import projected_latent_discriminator
from cyclegan_tf.models.networks.discriminators import patch_discriminator
from cyclegan_tf.models.networks.frozen import frozen_features, moments
from cyclegan_tf.models.networks.generators import unet_generator


def picture(side: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (1, side, side, 3)).astype(np.float32)


def test_frozen_features_have_three_scales_and_nothing_to_train():
    features = frozen_features()
    assert [x.shape for x in features(picture(64))] == [
        (1, 16, 16, 24), (1, 8, 8, 48), (1, 4, 4, 88),
    ]  # fmt: skip
    assert features.trainable_variables == []
    assert features.count_params() == 151_376


def test_frozen_features_move_with_the_picture():
    features, image = frozen_features(), picture(96)
    one, moved = features(image)[0], features(np.roll(image, 16, axis=2))[0]
    inner = np.s_[:, 8:16, 8:16]  # far from the border, where zeros come in
    np.testing.assert_allclose(np.roll(one, 4, axis=2)[inner], moved[inner], atol=1e-3)
    assert np.std(one) > 0.1


def test_frozen_features_know_zebras_from_horses(real_data):
    def means(folder: str) -> np.ndarray:
        files = sorted((real_data / "horse2zebra" / folder).glob("*.jpg"))[:40]
        sides = [np.asarray(Image.open(f).convert("RGB").resize((128, 128))) for f in files]
        return np.mean(frozen_features()(np.float32(sides) / 127.5 - 1)[2], axis=(1, 2))

    horses, zebras = means("trainA"), means("trainB")
    spread = np.concatenate([horses, zebras]).std(axis=0)
    shown = np.concatenate([means("testA"), means("testB")]) / spread
    nearer = [np.sum((shown - x.mean(0) / spread) ** 2, axis=1) for x in (horses, zebras)]
    # 0.89; with the numbers of each kernel in another order 0.78
    assert np.mean((nearer[1] < nearer[0]) == (np.arange(80) >= 40)) > 0.85


def test_frozen_features_stay_in_float32_under_a_mixed_policy():
    keras.config.set_dtype_policy("mixed_bfloat16")
    assert {x.dtype.name for x in frozen_features()(picture(32))} == {"float32"}


@pytest.mark.parametrize("side", [32, 48, 64])
def test_projected_discriminator_judges_patches_and_features(side):
    discriminator = patch_discriminator(heads="projected", n_layers=2, base_filters=4)
    shapes = [logits.shape[1:] for logits in discriminator(picture(side))]
    sides = [side // s - t for s, t in ((4, 2), (4, 0), (8, 0), (16, 0))]
    assert shapes == [(n, n, 1) for n in sides] + [(1,)] * 3


def test_gradients_reach_the_picture_and_only_what_is_trained():
    discriminator = patch_discriminator(heads="projected", n_layers=1, base_filters=4)
    # a PatchGAN: two convolutions of 4 x 4 with a norm between and one to a logit;
    # three heads: two convolutions with biases and a norm in between, each; three of two layers
    assert len(discriminator.trainable_variables) == (2 + 3 + 2) + 3 * (2 + 2 + 2) + 3 * (2 + 2)
    image = tf.constant(picture(32))
    with tf.GradientTape() as tape:
        tape.watch(image)
        loss = tf.add_n([tf.reduce_mean(x) for x in discriminator(image)[1:]])
    assert float(tf.reduce_min(tf.reduce_max(tf.abs(tape.gradient(loss, image)), -1))) > 0


def test_moments_by_hand_do_not_say_where():
    features = np.array([[1.0, 3], [5, 7]], np.float32).reshape(1, 2, 2, 1)
    mean_and_deviation = [[4, np.sqrt(5 + 1e-4)]]
    np.testing.assert_allclose(moments(features), mean_and_deviation, rtol=1e-6)
    np.testing.assert_allclose(moments(features[:, ::-1]), mean_and_deviation, rtol=1e-6)


def test_mixture_of_features_depends_on_the_seed_alone():
    one, same, other = (
        projected_latent_discriminator(32, base_filters=4, seed=seed) for seed in (1, 1, 2)
    )
    for x, y, z in zip(one(picture(32)), same(picture(32)), other(picture(32)), strict=True):
        np.testing.assert_array_equal(x, y)
        assert not np.allclose(x, z)


def test_latent_discriminator_judges_places_and_the_whole_at_three_scales():
    logits = projected_latent_discriminator(64, base_filters=4)(picture(64))
    assert [x.shape for x in logits] == [(1, s, s, 1) for s in (16, 8, 4)] + [(1, 1)] * 3


def test_pixel_norm_does_not_see_the_rest_of_the_picture():
    generator = unet_generator(32, Style(norm="pixel"), depth=2, base_filters=4)
    image = picture(64)
    changed = image.copy()
    changed[:, :, 48:] = 1.0
    one, other = generator(image).numpy(), generator(changed).numpy()
    np.testing.assert_allclose(one[:, :, :24], other[:, :, :24], atol=1e-6)
    assert not np.allclose(one[:, :, 48:], other[:, :, 48:], atol=1e-3)
