import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.errors import InputError
from cyclegan_tf.inference import blending
from cyclegan_tf.inference.blending import blend
from tests.pictures import flat, noise


def ycbcr(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).convert("YCbCr")).astype(int)


def test_strength_0_is_the_photo_and_1_the_painting_to_the_bit():
    np.testing.assert_array_equal(blend(noise(0), noise(1), strength=0), noise(0))
    np.testing.assert_array_equal(blend(noise(0), noise(1), strength=1), noise(1))
    np.testing.assert_array_equal(blend(noise(0), noise(1)), noise(1))
    kept = blend(noise(0), noise(1), strength=0, keep_colours=True)
    np.testing.assert_array_equal(kept, noise(0))


@pytest.mark.parametrize(
    ("strength", "expected"), [(0.25, 125), (0.5, 150), (0.333, 133), (0.337, 134)]
)
def test_strength_is_the_share_of_the_painting_rounded(strength, expected):
    assert np.unique(blend(flat(100), flat(200), strength=strength)).tolist() == [expected]


def test_luminance_of_the_painting_moves_all_channels_alike():
    photo = np.full((1, 1, 3), (200, 100, 60), np.uint8)
    # its luma is 0.299 * 200 + 0.587 * 100 + 0.114 * 60 = 125.34, the painting's 145
    kept = blend(photo, flat(145, 1), keep_colours=True)
    assert kept.tolist() == [[[220, 120, 80]]]
    half = blend(photo, flat(145, 1), strength=0.5, keep_colours=True)
    assert half.tolist() == [[[210, 110, 70]]]
    # what is beyond white is clipped
    assert blend(photo, flat(255, 1), keep_colours=True).tolist() == [[[255, 230, 190]]]


def test_colours_kept_are_the_chroma_of_the_photo_and_the_luminance_of_the_painting():
    photo, painting = (96 + noise(seed) // 4 for seed in (0, 1))  # nothing to be clipped
    kept = ycbcr(blend(photo, painting, keep_colours=True))
    assert np.abs(kept[..., 1:] - ycbcr(photo)[..., 1:]).max() <= 1
    assert np.abs(kept[..., 0] - ycbcr(painting)[..., 0]).max() <= 1


def test_large_pictures_are_blended_in_bands(monkeypatch):
    whole = blend(noise(0), noise(1), strength=0.3, keep_colours=True)
    monkeypatch.setattr(blending, "_BAND", 7)
    banded = blend(noise(0), noise(1), strength=0.3, keep_colours=True)
    np.testing.assert_array_equal(banded, whole)


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan")])
def test_strength_that_is_no_share_is_refused(strength):
    with pytest.raises(InputError, match=f"--strength is {strength}; expected a value from 0 to 1"):
        blend(flat(1), flat(2), strength=strength)
