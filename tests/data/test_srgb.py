"""Colour profiles; orientation and kinds of pixels are tested with `images`, which decodes."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from cyclegan_tf.data.image import upright_rgb
from cyclegan_tf.data.srgb import _moves_colours, is_upright, to_upright
from tests.data.test_image import RED, decoded
from tests.pictures import encoded, flat, noise
from tests.profiles import as_srgb, cmyk_profile, grey_profile, rgb_profile


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
@pytest.mark.parametrize("pixel", [(200, 100, 60), (30, 160, 90), (128, 128, 128), (255, 0, 0)])
def test_colours_of_another_space_become_srgb(pixel, image_format):
    options = {
        "icc_profile": rgb_profile(),
        **({"lossless": True} if image_format != "PNG" else {}),
    }
    data = encoded(Image.new("RGB", (8, 8), pixel), image_format, **options)
    assert np.abs(decoded(upright_rgb(data)) - as_srgb(pixel)).max() < 1.5
    with Image.open(io.BytesIO(upright_rgb(data))) as image:
        assert "icc_profile" not in image.info


def test_jpeg_of_another_space_becomes_srgb():
    data = encoded(Image.new("RGB", (8, 8), RED), "JPEG", quality=100, icc_profile=rgb_profile())
    assert np.abs(decoded(upright_rgb(data)) - as_srgb(RED)).max() < 4
    assert np.abs(as_srgb(RED) - RED).max() > 10  # there is a difference to be seen


def test_profile_that_says_srgb_in_other_words_changes_nothing():
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for image_format in ("JPEG", "PNG"):
        data = encoded(Image.fromarray(noise(1)), image_format, icc_profile=own)
        assert upright_rgb(data) is data


@pytest.mark.parametrize(
    "profile", [b"no profile" * 20, rgb_profile()[:200], grey_profile(1.0), b"\0" * 4]
)
def test_profile_that_is_broken_or_of_other_images_counts_as_none(profile):
    data = encoded(Image.fromarray(noise(1)), "PNG", icc_profile=profile)
    assert upright_rgb(data) is data


def test_transparent_picture_of_another_space_is_converted_below_white():
    picture = Image.new("RGBA", (8, 4), (*RED, 255))
    picture.paste((*RED, 0), (4, 0, 8, 4))
    pixels = decoded(upright_rgb(encoded(picture, "PNG", icc_profile=rgb_profile())))
    assert np.abs(pixels[:, :4] - as_srgb(RED)).max() < 1.5
    assert (pixels[:, 4:] == 255).all()


def test_palette_of_another_space_is_converted():
    palette = Image.new("RGB", (8, 8), RED).quantize(4)
    data = encoded(palette, "PNG", icc_profile=rgb_profile())
    assert np.abs(decoded(upright_rgb(data)) - as_srgb(RED)).max() < 1.5


@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
def test_linear_greys_become_srgb(mode):
    # a quarter of the light is 0.537 of the sRGB range; white stays white
    level = {"1": 255, "I;16": 64 * 257}.get(mode, 64)
    pixels = np.full((8, 8), level, np.uint16 if mode == "I;16" else np.uint8)
    picture = Image.fromarray(pixels)
    picture = picture if mode == "I;16" else picture.convert(mode)
    data = encoded(picture, "PNG", icc_profile=grey_profile(1.0))
    expected = 255 if mode == "1" else 137
    assert np.abs(decoded(upright_rgb(data)).astype(int) - expected).max() <= 1


def test_inks_are_those_of_the_printer():
    # CIE L* 50 is 18.4 % of the light, which is 119 in sRGB; without profile cyan is (0, 255, 255)
    picture = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    plain = decoded(upright_rgb(encoded(picture, "JPEG", quality=100)))
    assert np.abs(plain.astype(int) - (0, 255, 255)).max() <= 3
    data = encoded(picture, "JPEG", quality=100, icc_profile=cmyk_profile((50, 0, 0)))
    assert np.abs(decoded(upright_rgb(data)).astype(int) - 119).max() <= 3


def test_what_would_be_changed_is_not_upright():
    plain = Image.fromarray(noise(0))
    assert is_upright(plain)
    assert is_upright(plain.convert("L"))
    turned, other = plain.copy(), plain.copy()
    turned.getexif()[0x0112] = 3
    other.info["icc_profile"] = rgb_profile()
    key = plain.copy()
    key.info["transparency"] = (1, 2, 3)
    assert [is_upright(i) for i in (turned, other, key, plain.convert("CMYK"))] == [False] * 4


def test_image_given_keeps_its_profile_and_its_result_has_none():
    image = Image.new("RGB", (4, 2), RED)
    image.info["icc_profile"] = rgb_profile()
    assert "icc_profile" not in to_upright(image).info
    assert image.info["icc_profile"] == rgb_profile()
    assert to_upright(image, shrink_above=1).size == (2, 1)


def test_profile_of_a_whole_set_is_looked_at_once(monkeypatch):
    looked_at = []
    build = ImageCms.buildTransform

    def counted(*arguments):
        looked_at.append(arguments)
        return build(*arguments)

    monkeypatch.setattr(ImageCms, "buildTransform", counted)
    _moves_colours.cache_clear()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for level in range(5):
        image = Image.fromarray(flat(level))
        image.info["icc_profile"] = srgb
        assert np.asarray(to_upright(image))[0, 0, 0] == level
    assert len(looked_at) == 1
