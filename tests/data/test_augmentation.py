import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.data import augmentation

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
