import numpy as np
import pytest
from PIL import Image
from scipy import stats

from cyclegan_tf.eda.colours import (
    level_means,
    level_quantiles,
    level_spreads,
    measure_colours,
    wasserstein_distance,
)
from tests.pictures import flat, noise


def colours(pixels: np.ndarray):
    return measure_colours(Image.fromarray(pixels))


def plain(red: int, green: int, blue: int, side: int = 8) -> np.ndarray:
    return np.tile(np.array([red, green, blue], np.uint8), (side, side, 1))


def halves(left: tuple[int, ...], right: tuple[int, ...]) -> np.ndarray:
    return np.concatenate([plain(*left), plain(*right)], axis=1)


def test_flat_grey_has_one_level_and_no_colour():
    found = colours(flat(100, 16))
    assert found.counts.shape == (3, 256)
    assert found.counts[:, 100].tolist() == [256, 256, 256]
    assert found.counts.sum() == 3 * 256
    assert found.means.tolist() == [100, 100, 100]
    assert found.brightness == pytest.approx(100)
    assert (found.saturation, found.colourfulness) == (0, 0)


def test_every_pixel_is_counted():
    pixels = noise(1, 300)
    expected = [np.bincount(pixels[..., i].ravel(), minlength=256) for i in range(3)]
    np.testing.assert_array_equal(colours(pixels).counts, expected)


def test_brightness_is_luma():
    assert colours(plain(255, 0, 0)).brightness == pytest.approx(0.299 * 255)
    assert colours(plain(0, 200, 100)).brightness == pytest.approx(0.587 * 200 + 0.114 * 100)


def test_saturation_is_the_mean_of_hsv():
    assert colours(plain(255, 0, 0)).saturation == 1
    assert colours(plain(200, 100, 150)).saturation == pytest.approx(0.5)
    assert colours(halves((0, 0, 0), (0, 0, 7))).saturation == pytest.approx(0.5)


def test_colourfulness_of_one_colour_is_its_distance_from_grey():
    # red - green = 60, (red + green) / 2 - blue = 80, without spread: 0.3 * 100
    assert colours(plain(130, 70, 20)).colourfulness == pytest.approx(30)


def test_colourfulness_of_opposite_colours_is_their_spread():
    # red - green is 50 or -50, (red + green) / 2 - blue 0: spread 50, mean 0
    assert colours(halves((100, 50, 75), (50, 100, 75))).colourfulness == pytest.approx(50)


def test_lattice_of_a_large_picture_tells_what_all_pixels_would():
    small, large = noise(2, 128), noise(3, 1024)
    assert colours(large).saturation == pytest.approx(colours(small).saturation, abs=0.01)
    assert colours(large).colourfulness == pytest.approx(colours(small).colourfulness, rel=0.02)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 5000, 3), (40000, 1, 3)])
def test_pictures_of_any_shape_are_measured(shape):
    found = colours(np.full(shape, 9, np.uint8))
    assert found.counts[:, 9].tolist() == [shape[0] * shape[1]] * 3
    assert found.colourfulness == 0


def counts_of(*levels: int) -> np.ndarray:
    return np.bincount(levels, minlength=256)


def test_mean_spread_and_quantiles():
    counts = counts_of(0, 0, 10, 30)
    assert level_means(counts) == 10
    assert level_spreads(counts) == pytest.approx(np.sqrt((100 + 100 + 0 + 400) / 4))
    assert level_quantiles(counts, (0.25, 0.5, 0.75, 1.0)).tolist() == [0, 0, 10, 30]
    both = np.stack([counts, counts_of(7)])
    assert level_means(both).tolist() == [10, 7]
    assert level_spreads(both)[1] == 0


def test_wasserstein_distance_of_a_shift_is_the_shift():
    assert wasserstein_distance(counts_of(10, 50), counts_of(13, 53)) == pytest.approx(3)
    assert wasserstein_distance(counts_of(10), counts_of(200, 200)) == pytest.approx(190)
    assert wasserstein_distance(counts_of(5, 9), counts_of(9, 5, 5, 9)) == 0


def test_wasserstein_distance_sees_what_means_do_not():
    assert wasserstein_distance(counts_of(100), counts_of(90, 110)) == pytest.approx(10)


def test_wasserstein_distance_is_scipys():
    random, levels = np.random.default_rng(0), np.arange(256)
    a, b = random.integers(0, 1000, (2, 256))
    expected = stats.wasserstein_distance(levels, levels, a, b)
    assert wasserstein_distance(a, b) == pytest.approx(expected, rel=1e-9)
