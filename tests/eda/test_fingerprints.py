import io

import numpy as np
import pytest
from PIL import Image
from scipy import fft

from cyclegan_tf.data.synthetic.landscapes import landscape
from cyclegan_tf.eda.fingerprints import group_alike, perceptual_hashes, shrink_to_grey
from tests.conftest import encoded, noise


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return Image.fromarray(landscape(0, 0, size=256))


def hashed(image: Image.Image) -> np.ndarray:
    return perceptual_hashes(shrink_to_grey(image)[None])[0]


def again(image: Image.Image, image_format: str, **options) -> Image.Image:
    return Image.open(io.BytesIO(encoded(image, image_format, **options))).convert("RGB")


def test_small_grey_picture_holds_the_means_of_its_areas():
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, 32:] = 200
    pixels[0, 0] = 40  # a quarter of its area
    grey = shrink_to_grey(Image.fromarray(pixels))
    assert grey.shape == (32, 32)
    assert grey.dtype == np.uint8
    assert (grey[:, 16:] == 200).all()
    assert (grey[0, 0], grey[:, :16].sum()) == (10, 10)


def test_hash_compares_the_lowest_waves_with_their_median():
    grey = np.stack([noise(seed)[..., 0] for seed in range(3)])
    for picture, bits in zip(grey, perceptual_hashes(grey), strict=True):
        waves = fft.dctn(picture - picture.mean(), type=2)[:8, :8]
        np.testing.assert_array_equal(bits, (waves > np.median(waves)).ravel())


@pytest.mark.parametrize("options", [{"quality": 90}, {"quality": 60, "subsampling": 2}])
def test_hash_survives_compression(picture, options):
    assert np.count_nonzero(hashed(picture) != hashed(again(picture, "JPEG", **options))) <= 2


@pytest.mark.parametrize("size", [(192, 192), (250, 256), (64, 64)])
def test_hash_survives_scaling(picture, size):
    scaled = picture.resize(size, Image.Resampling.LANCZOS)
    assert np.count_nonzero(hashed(picture) != hashed(scaled)) <= 4


def test_hash_of_the_same_picture_in_another_format_is_equal(picture):
    assert (hashed(picture) == hashed(again(picture, "PNG"))).all()


def test_noise_has_another_hash(picture):
    other = Image.fromarray(noise(0, 256))
    assert np.count_nonzero(hashed(picture) != hashed(other)) > 20


def test_toned_copy_is_put_to_its_original(picture):
    copies = [
        picture,
        Image.fromarray(noise(0, 64)),
        picture.point(lambda level: 0.5 * level + 60),
        Image.fromarray(landscape(0, 1, size=64)),
        again(picture.resize((128, 128)), "JPEG", quality=50),
    ]
    assert group_alike(np.stack([shrink_to_grey(c) for c in copies])).tolist() == [0, 1, 0, 3, 0]


def test_equal_hashes_of_pictures_that_do_not_correlate_are_not_enough():
    grey = np.stack([noise(seed)[..., 0] for seed in range(2)])
    assert group_alike(grey, most_bits=64).tolist() == [0, 1]
    assert group_alike(grey, most_bits=64, least_correlation=-1).tolist() == [0, 0]


def test_pictures_without_contrast_are_like_no_other():
    grey = np.stack([np.full((32, 32), level, np.uint8) for level in (0, 0, 255)])
    assert group_alike(grey).tolist() == [0, 1, 2]


def test_every_pair_is_compared_across_blocks():
    grey = np.stack([noise(seed)[..., 0] for seed in range(600)])
    pictures = np.concatenate([grey, grey[::-1]])
    assert group_alike(pictures).tolist() == [*range(600), *range(599, -1, -1)]
