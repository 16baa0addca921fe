import numpy as np
import pytest

from cyclegan_tf.metrics.similarity import ContentKept, sample_diversity, structural_similarity


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


def grey(value: float, size: int = 11) -> np.ndarray:
    return np.full((1, size, size, 3), value)


def brute_force_similarity(first: np.ndarray, second: np.ndarray) -> float:
    """As the paper writes it: for each window of 0..255 luminance, with a range of 255."""
    x, y = ((p + 1) * 127.5 @ np.array([0.299, 0.587, 0.114]) for p in (first, second))
    window = np.array(
        [[np.exp(-(i**2 + j**2) / (2 * 1.5**2)) for i in range(-5, 6)] for j in range(-5, 6)]
    )
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = x[top : top + 11, left : left + 11], y[top : top + 11, left : left + 11]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            covariance = (window * (a - mean_a) * (b - mean_b)).sum()
            luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
            values.append(luminance * (2 * covariance + c2) / (var_a + var_b + c2))
    return float(np.mean(values))


def test_similarity_is_the_mean_over_windows_of_byte_luminance():
    first = random_images(3, seed=1, size=14)[:, :, :12]
    second = 0.6 * first + 0.4 * random_images(3, seed=2, size=14)[:, :, :12]
    expected = [brute_force_similarity(a, b) for a, b in zip(first, second, strict=True)]
    result = structural_similarity(first.astype(np.float32), second.astype(np.float32))
    assert result.shape == (3,) and result.dtype == np.float64
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_a_picture_is_wholly_similar_to_itself():
    pictures = random_images(2, seed=3, size=16)
    np.testing.assert_allclose(structural_similarity(pictures, pictures), [1, 1], rtol=1e-12)


def test_flat_pictures_differ_by_their_luminance_alone():
    # luminances from black, 0.5 and 1.5: (2 x 0.75 + 0.0004) / (0.25 + 2.25 + 0.0004)
    result = structural_similarity(grey(-0.5), grey(0.5))
    np.testing.assert_allclose(result, [1.5004 / 2.5004], rtol=1e-12)


def test_green_weighs_most():
    green = grey(-1.0)
    green[..., 1] = 1.0  # luminance 2 x 0.587 from black
    np.testing.assert_allclose(structural_similarity(green, grey(0.174)), [1.0], rtol=1e-12)


def test_an_inverted_picture_has_negative_similarity():
    pictures = random_images(1, seed=4, size=20)
    assert structural_similarity(pictures, -pictures)[0] < -0.5


def test_pictures_are_paired_in_order():
    a, b = random_images(2, seed=5, size=12)
    result = structural_similarity(np.stack([a, b]), np.stack([a, a]))
    assert result[0] == pytest.approx(1.0)
    assert result[1] == pytest.approx(brute_force_similarity(b, a))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (grey(0.0, 16), grey(0.0, 12), r"\(1, 16, 16, 3\) and \(1, 12, 12, 3\)"),
        (grey(0.0)[0], grey(0.0)[0], "shape"),
        (grey(0.0)[..., :1], grey(0.0)[..., :1], "shape"),
        (grey(0.0)[:, :10], grey(0.0)[:, :10], "10 x 11 pixels"),
        (grey(0.0), grey(0.0).astype(np.uint8), "float64 and uint8"),
    ],
)
def test_pictures_that_cannot_be_compared_are_refused(first, second, message):
    with pytest.raises(ValueError, match=message):
        structural_similarity(first, second)


GREYS = np.array([-1.0, -0.6, 1.0], np.float32)


def kept(photos: np.ndarray, forth: float, back: float) -> dict[str, float]:
    """What scaling by `forth` keeps of photos, where the way back scales by `back`."""
    content = ContentKept(lambda painted: back * painted)
    for batch in (photos[:2], photos[2:]):  # the last batch is smaller
        content(batch, forth * batch)
    return content.means()


def greys() -> np.ndarray:
    return np.tile(GREYS[:, None, None, None], (1, 32, 32, 3))


def test_doing_nothing_keeps_everything():
    means = kept(random_images(3, 0, size=32).astype(np.float32), 1.0, 1.0)
    assert means == pytest.approx({"cycle_error": 0, "structural_similarity": 1, "change": 0})


def test_change_is_that_of_the_photo_and_the_cycle_may_close_all_the_same():
    means = kept(greys(), 0.5, 2.0)
    assert means["change"] == pytest.approx((0.5 + 0.3 + 0.5) / 3)
    assert means["cycle_error"] == pytest.approx(0.0, abs=1e-6)


def test_cycle_error_is_that_of_the_way_there_and_back():
    means = kept(greys(), 1.0, 0.5)
    assert means["change"] == pytest.approx(0.0, abs=1e-6)
    assert means["cycle_error"] == pytest.approx((0.5 + 0.3 + 0.5) / 3)


def test_negatives_have_a_negative_similarity():
    photos = random_images(3, 0, size=32).astype(np.float32)
    assert kept(photos, -1.0, -1.0)["structural_similarity"] < -0.5


def test_without_translations_nothing_is_told():
    with pytest.raises(ValueError, match="Received: none"):
        ContentKept(lambda painted: painted).means()
