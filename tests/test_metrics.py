import numpy as np
import pytest

from cyclegan_tf.metrics import sample_diversity


def one_pixel(*values: float) -> np.ndarray:
    return np.array(values, np.float64).reshape(-1, 1, 1, 1)


def random_images(count: int, seed: int, size: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, size, size, 3))


def test_two_points_give_the_ratio_of_their_distances():
    samples = np.zeros((2, 2, 2, 1))
    samples[1, 0, 0], samples[1, 1, 1] = 3.0, 4.0  # 5 apart
    reals = np.zeros((2, 2, 2, 1))
    reals[1, 0, 1] = 10.0
    assert sample_diversity(samples, reals) == pytest.approx(0.5, abs=1e-12)


def test_all_pairs_count_once():
    # the pairs of 0, 1, 4 are 1, 4 and 3 apart: 8/3 on average
    assert sample_diversity(one_pixel(0, 1, 4), one_pixel(0, 2)) == pytest.approx(4 / 3)


def test_one_picture_over_and_over_has_no_diversity():
    picture = random_images(1, seed=1)
    assert sample_diversity(np.repeat(picture, 5, axis=0), random_images(3, seed=2)) == 0.0


def test_two_pictures_by_turns_have_half_the_distance_and_more():
    # of the 6 pairs among a, b, a, b four differ
    a, b = random_images(2, seed=1)
    diversity = sample_diversity(np.stack([a, b, a, b]), np.stack([a, b]))
    assert diversity == pytest.approx(2 / 3, rel=1e-7)


def test_a_set_is_as_varied_as_itself_shuffled():
    reals = random_images(7, seed=3)
    assert sample_diversity(reals[::-1], reals) == pytest.approx(1.0, abs=1e-12)


def test_scale_and_brightness_of_both_do_not_matter():
    samples, reals = random_images(4, seed=4), 2 * random_images(5, seed=5)
    diversity = sample_diversity(samples, reals)
    assert sample_diversity(127.5 * samples + 127.5, 127.5 * reals) == pytest.approx(diversity)


def test_contrast_of_the_samples_scales_the_diversity():
    samples, reals = random_images(4, seed=4), random_images(5, seed=5)
    diversity = sample_diversity(samples, reals)
    assert sample_diversity(0.25 * samples, reals) == pytest.approx(0.25 * diversity)


def test_differences_of_bytes_do_not_wrap_around():
    samples = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)
    assert sample_diversity(samples, one_pixel(0, 255)) == pytest.approx(1.0)


def test_images_of_many_pixels_are_summed_in_parts():
    # 3 x 64 x 64 pixels are more than one part; each pixel is 2 apart
    samples = np.stack([np.ones((64, 64, 3)), -np.ones((64, 64, 3))])
    reals = np.zeros((2, 64, 64, 3))
    reals[1, -1, -1, -1] = 1.0
    assert sample_diversity(samples, reals) == pytest.approx(2 * np.sqrt(64 * 64 * 3))


@pytest.mark.parametrize(
    ("samples", "reals", "message"),
    [
        (np.zeros((1, 4, 4, 3)), random_images(2, seed=1), "Received: 1 in samples"),
        (random_images(2, seed=1), np.zeros((0, 4, 4, 3)), "Received: 0 in reals"),
        (random_images(2, seed=1), random_images(2, seed=1, size=8), r"\(4, 4, 3\).*\(8, 8, 3\)"),
        (random_images(2, seed=1), np.ones((3, 4, 4, 3)), "3 reals that are all the same"),
    ],
)
def test_what_cannot_be_measured_is_refused(samples, reals, message):
    with pytest.raises(ValueError, match=message):
        sample_diversity(samples, reals)
