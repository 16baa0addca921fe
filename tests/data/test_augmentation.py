import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.data import augmentation
from cyclegan_tf.models.stabilizers import DiffAugment

SEED = tf.constant([1, 2], tf.int64)
RAMP = tf.reshape(tf.range(48.0), (4, 4, 3)) / 24 - 1


def seeds(count: int) -> list[tf.Tensor]:
    return [tf.constant([7, i], tf.int64) for i in range(count)]


@pytest.mark.parametrize("graph", [False, True])
def test_certain_flips_mirror_each_axis(graph):
    flip = tf.function(augmentation.flip) if graph else augmentation.flip
    x = RAMP.numpy()
    assert (flip(RAMP, SEED, left_right=1.0, up_down=0.0).numpy() == x[:, ::-1]).all()
    assert (flip(RAMP, SEED, left_right=0.0, up_down=1.0).numpy() == x[::-1]).all()
    assert (flip(RAMP, SEED, left_right=0.0, up_down=0.0).numpy() == x).all()


def test_a_quarter_is_flipped_at_probability_a_quarter():
    flipped = sum(
        not np.array_equal(augmentation.flip(RAMP, s, left_right=0.25, up_down=0.0), RAMP)
        for s in seeds(400)
    )
    assert 70 <= flipped <= 130  # 100 expected, standard deviation 8.7


@pytest.mark.parametrize("graph", [False, True])
def test_crop_is_the_part_that_enlarging_would_leave(graph):
    image = tf.reshape(tf.range(26 * 26 * 3), (26, 26, 3))

    def cut(seed):
        return augmentation.enlarge_and_crop(image, seed, probability=1.0, enlarge=1.3)

    cut = tf.function(cut) if graph else cut
    corners = set()
    for seed in seeds(60):
        crop = cut(seed)
        assert crop.shape == (20, 20, 3)
        top, left = divmod(int(crop[0, 0, 0]) // 3, 26)
        assert np.array_equal(crop, image[top : top + 20, left : left + 20])
        corners.add((top, left))
    assert {top for top, _ in corners} == set(range(7))  # first and last place are reached


def test_crop_is_off_at_zero_and_happens_half_the_time_at_a_half():
    image = tf.zeros((13, 13, 3))
    assert augmentation.enlarge_and_crop(image, SEED, probability=0.0, enlarge=1.3) is image
    sides = [
        augmentation.enlarge_and_crop(image, s, probability=0.5, enlarge=1.3).shape[0]
        for s in seeds(300)
    ]
    assert set(sides) == {10, 13}
    assert 115 <= sides.count(10) <= 185


def test_noise_has_the_given_strength_and_keeps_the_range():
    grey = tf.zeros((64, 64, 3))
    noisy = augmentation.add_noise(grey, SEED, std=0.05).numpy()
    assert noisy.std() == pytest.approx(0.05, rel=0.05)
    white = augmentation.add_noise(tf.ones((64, 64, 3)), SEED, std=0.5).numpy()
    assert white.max() == 1.0
    assert white.min() >= -1.0
    black = augmentation.add_noise(-tf.ones((64, 64, 3)), SEED, std=0.05).numpy()
    assert black.min() == -1.0  # clipped at -1, not at 0
    assert black.max() < -0.5


def test_same_seed_same_draw():
    for draw in (
        lambda s: augmentation.flip(RAMP, s, left_right=0.5, up_down=0.5),
        lambda s: augmentation.add_noise(RAMP, s, std=0.1),
    ):
        assert np.array_equal(draw(SEED), draw(SEED))
    other = tf.constant([1, 3], tf.int64)
    assert not np.array_equal(
        augmentation.add_noise(RAMP, SEED, std=0.1), augmentation.add_noise(RAMP, other, std=0.1)
    )


def pictures(count: int = 3, size: int = 16) -> tf.Tensor:
    values = np.random.default_rng(0).uniform(-1, 1, (count, size, size, 3))
    return tf.constant(values, tf.float32)


def draw_of(**numbers: float) -> tf.Tensor:
    """The draw that changes nothing, but for the numbers given."""
    names = ("brightness", "saturation", "contrast", "down", "right", "hole_down", "hole_right")
    neutral = dict(zip(names, (0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5), strict=True))
    return tf.constant([list((neutral | numbers).values())] * 3)


def diff_augment(*, color: bool = True, geometry: bool = True, seed: int = 0):
    random = keras.random.SeedGenerator(seed)
    return DiffAugment(color=color, geometry=geometry, random=random)


COLOR = diff_augment(color=True, geometry=False)
GEOMETRY = diff_augment(color=False, geometry=True)


def test_neutral_colours_change_nothing():
    np.testing.assert_allclose(COLOR.apply(pictures(), draw_of()), pictures(), atol=1e-6)


def test_brightness_saturation_and_contrast_by_hand():
    x = pictures().numpy()
    np.testing.assert_allclose(COLOR.apply(pictures(), draw_of(brightness=0.8)), x + 0.3, atol=1e-6)
    grey = COLOR.apply(pictures(), draw_of(saturation=0.0)).numpy()
    np.testing.assert_allclose(grey, np.repeat(x.mean(-1, keepdims=True), 3, -1), atol=1e-6)
    mean = x.mean((1, 2, 3), keepdims=True)
    half = COLOR.apply(pictures(), draw_of(contrast=0.0)).numpy()
    np.testing.assert_allclose(half, mean + 0.5 * (x - mean), atol=1e-6)


def without_hole(moved: np.ndarray) -> np.ndarray:
    return moved[:, :4]  # the hole is put at the lower end


@pytest.mark.parametrize(("share", "offset"), [(0.0, -2), (0.5, 0), (0.999, 2)])
def test_translation_moves_by_up_to_an_eighth(share, offset):
    moved = GEOMETRY.apply(pictures(), draw_of(right=share, hole_down=0.9999)).numpy()
    expected = np.zeros_like(moved)
    x = pictures().numpy()
    if offset >= 0:
        expected[:, :, offset:] = x[:, :, : 16 - offset]
    else:
        expected[:, :, :offset] = x[:, :, -offset:]
    np.testing.assert_allclose(without_hole(moved), without_hole(expected), atol=1e-6)


def test_cutout_blanks_a_square_of_half_the_side():
    cut = GEOMETRY.apply(tf.ones((3, 16, 16, 3)), draw_of(hole_down=0.5, hole_right=0.5)).numpy()
    assert (cut == 0).sum() == 3 * 8 * 8 * 3
    assert (cut[:, 4:12, 4:12] == 0).all()


@pytest.mark.parametrize("jit", [False, True])
def test_gradients_pass_through_and_xla_agrees(jit):
    both = diff_augment()
    draw = tf.constant(np.random.default_rng(1).uniform(size=(3, 7)), tf.float32)

    def sum_and_gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(both.apply(x, draw))
        return total, tape.gradient(total, x)

    total, gradient = tf.function(sum_and_gradient, jit_compile=jit)(pictures())
    expected, reference = sum_and_gradient(pictures())
    assert float(total) == pytest.approx(float(expected), rel=1e-4)
    np.testing.assert_allclose(gradient, reference, atol=1e-5)
    assert np.abs(gradient).max() > 0.1


def test_every_draw_is_another_one():
    one = diff_augment(seed=3)
    assert not np.array_equal(one.draw(2), one.draw(2))
    again = diff_augment(seed=3)
    first = diff_augment(seed=3).draw(2)
    assert np.array_equal(again.draw(2), first)
