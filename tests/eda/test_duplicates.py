import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import fft

from cyclegan_tf.data.synthetic.landscapes import landscape
from cyclegan_tf.eda.duplicates import (
    count_repeats,
    group_alike,
    list_duplicates,
    perceptual_hashes,
    shrink_to_grey,
    telling_groups,
)
from tests.pictures import encoded, noise


def images(*files: str, pixels: str = "") -> pd.DataFrame:
    """Images by what stands for their bytes and their pixels."""
    return pd.DataFrame({"file": list(files), "pixels": list(pixels or files)})


def grey(*seeds: int) -> np.ndarray:
    return np.stack([noise(seed)[..., 0] for seed in seeds])


def test_copies_are_grouped_and_told_apart_by_what_they_share():
    # 0 and 4 are one file; 1, 3 and 5 one picture in three files; 2 is alone
    table = list_duplicates(images(*"abcdaf", pixels="abcbab"), grey(0, 1, 2, 1, 0, 1))
    assert table.index.tolist() == [0, 4, 1, 3, 5]
    assert table["group"].tolist() == [1, 1, 2, 2, 2]
    assert table["kind"].tolist() == [
        "first", "same bytes", "first", "same pixels", "same pixels",
    ]  # fmt: skip
    assert table["bits"].tolist() == [0] * 5


def test_alike_pictures_join_the_copies_of_their_first():
    small = grey(0, 1, 0)
    small[2] = np.clip(small[2] * 0.5 + 40, 0, 255)  # toned anew
    small = np.concatenate([small, small[2:]])
    table = list_duplicates(images(*"abcc"), small)
    assert table.index.tolist() == [0, 2, 3]
    assert table["kind"].tolist() == ["first", "alike", "same bytes"]


def test_flat_pictures_are_duplicates_only_of_the_same_pixels():
    flat = np.full((3, 32, 32), 7, np.uint8)
    table = list_duplicates(images(*"abc", pixels="xxy"), flat)
    assert table.index.tolist() == [0, 1]
    assert table["kind"].tolist() == ["first", "same pixels"]


def test_nothing_repeats():
    table = list_duplicates(images(*"abc"), grey(0, 1, 2))
    assert len(table) == 0
    assert list(table.columns) == ["group", "kind", "bits"]


def groups(*rows: tuple[int, str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["group", "kind", "domain", "folder"])


MIXED = groups(
    (1, "first", "A", "trainA"), (1, "same bytes", "A", "trainA"), (1, "alike", "A", "testA"),
    (2, "first", "A", "trainA"), (2, "alike", "B", "trainB"),
    (3, "first", "B", "testB"), (3, "same pixels", "B", "testB"),
)  # fmt: skip


def test_repeats_are_counted_by_where_the_first_is():
    table = count_repeats(MIXED)
    assert table.index.tolist() == ["same bytes", "same pixels", "alike"]
    assert table["in the same folder"].tolist() == [1, 1, 0]
    assert table["in another folder"].tolist() == [0, 0, 1]
    assert table["in the other domain"].tolist() == [0, 0, 1]


def test_no_repeats_are_counted_as_none():
    assert count_repeats(MIXED[:0]).to_numpy().sum() == 0


def test_groups_across_domains_tell_most_then_those_that_differ():
    assert telling_groups(MIXED, 9) == [[3, 4], [0, 1, 2], [5, 6]]
    assert telling_groups(MIXED, 1) == [[3, 4]]
    assert telling_groups(MIXED[:0], 9) == []


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
