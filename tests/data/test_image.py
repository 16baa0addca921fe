import io
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageFile, features

from cyclegan_tf.data.image import (
    center_square,
    decode,
    encode,
    grid,
    load_square,
    load_stored,
    load_upright,
    load_with_head,
    picture_size,
    resize,
    save_png,
    shrink,
    stored_rgb,
    to_float,
    to_uint8,
    upright_pixels,
    upright_rgb,
)
from cyclegan_tf.data.srgb import Levels
from tests.hell.images import broken, chunk
from tests.kinds import OTHERS, deep_tiff, raw_preview
from tests.pictures import encoded, flat, noise, png
from tests.profiles import rgb_profile


def decoded(data: bytes) -> np.ndarray:
    return decode(tf.constant(data)).numpy()


def test_pixels_survive_the_way_in_and_out():
    every_value = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, -1)
    assert (to_uint8(to_float(every_value)) == every_value).all()


def test_black_is_minus_one_and_white_is_one():
    assert to_float(np.array([0, 255], np.uint8)).tolist() == [-1.0, 1.0]
    assert to_float(tf.constant([0, 255], tf.uint8)).numpy().tolist() == [-1.0, 1.0]


def test_output_is_rounded_and_clipped():
    # 0.2 / 127.5 above 100 rounds down, 0.7 above it rounds up
    levels = (np.array([100.2, 100.7, -9.0, 999.0]) / 127.5 - 1).astype(np.float32)
    assert to_uint8(levels).tolist() == [100, 101, 0, 255]


@pytest.mark.parametrize("graph", [False, True])
def test_square_is_cut_from_the_centre(graph):
    wide = np.zeros((4, 10, 3), np.uint8)
    wide[:, 3:7] = 255
    cut = tf.function(center_square) if graph else center_square
    assert cut(tf.constant(wide)).shape == (4, 4, 3)
    assert float(tf.reduce_mean(tf.cast(cut(tf.constant(wide)), tf.float32))) == 255


@pytest.mark.parametrize("size", [8, 16, 24])
def test_resize_keeps_the_mean(size):
    picture = noise(0, 16)
    resized = resize(tf.constant(picture), size).numpy()
    assert resized.shape == (size, size, 3)
    assert resized.mean() == pytest.approx(picture.mean(), abs=3)


def test_resize_averages_instead_of_skipping_pixels():
    checkers = np.indices((16, 16)).sum(0) % 2 * 255
    picture = np.repeat(checkers[..., None], 3, -1).astype(np.uint8)
    assert resize(tf.constant(picture), 4).numpy() == pytest.approx(127.5, abs=10)


def test_rgb_jpeg_and_png_pass_unchanged():
    picture = Image.fromarray(noise(1))
    for data in (encoded(picture, "JPEG"), encoded(picture, "PNG")):
        assert upright_rgb(data) is data


def test_tensorflow_and_pillow_decode_a_jpeg_alike():
    smooth = Image.fromarray(noise(2)).resize((64, 64), Image.Resampling.BICUBIC)
    data = encoded(smooth, "JPEG", quality=95)
    with Image.open(io.BytesIO(data)) as reference:
        difference = np.abs(decoded(data).astype(int) - np.asarray(reference))
    assert difference.max() <= 2


RED = (200, 30, 40)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encoded(Image.new("RGB", (8, 8), RED), "BMP"), id="bmp"),
        pytest.param(encoded(Image.new("RGB", (8, 8), RED), "WEBP", lossless=True), id="webp"),
        pytest.param(encoded(Image.new("RGB", (8, 8), RED).quantize(4), "PNG"), id="palette"),
        pytest.param(encoded(Image.new("RGB", (8, 8), RED).quantize(4), "GIF"), id="gif"),
        pytest.param(encoded(Image.new("RGBA", (8, 8), (*RED, 255)), "PNG"), id="opaque alpha"),
        pytest.param(encoded(Image.new("RGB", (8, 8), RED).convert("CMYK"), "JPEG"), id="cmyk"),
    ],
)
def test_every_format_becomes_the_same_red(data):
    pixels = decoded(upright_rgb(data))
    assert pixels.shape == (8, 8, 3)
    assert np.abs(pixels.astype(int) - RED).max() <= 4


def test_grey_becomes_three_equal_channels():
    for image_format in ("PNG", "JPEG"):
        data = encoded(Image.new("L", (8, 8), 77), image_format)
        assert (decoded(upright_rgb(data)) == 77).all()


def test_sixteen_bits_are_scaled_not_clipped():
    wide = Image.fromarray(np.full((8, 8), 257 * 100, np.uint16))
    assert (decoded(upright_rgb(encoded(wide, "PNG"))) == 100).all()


def test_transparent_pixels_become_white():
    clear = Image.new("RGBA", (8, 8), (*RED, 0))
    assert (decoded(upright_rgb(encoded(clear, "PNG"))) == 255).all()


def test_exif_rotation_is_applied():
    picture = Image.new("RGB", (16, 8))
    picture.paste((255, 255, 255), (0, 0, 8, 8))  # white on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: left becomes top
    pixels = decoded(upright_rgb(encoded(picture, "JPEG", exif=exif.tobytes())))
    assert pixels.shape == (16, 8, 3)
    assert pixels[:6].mean() > 240
    assert pixels[10:].mean() < 15


def test_all_eight_orientations_become_upright():
    upright = np.zeros((12, 8, 3), np.uint8)
    upright[:4, :4] = 255  # white in the upper left, taller than wide
    stored = {  # how a camera stores it for each value of the tag
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }
    for value, pixels in stored.items():
        exif = Image.Exif()
        exif[0x0112] = value
        data = encoded(Image.fromarray(np.ascontiguousarray(pixels)), "PNG", exif=exif.tobytes())
        assert np.array_equal(decoded(upright_rgb(data)), upright), value


def test_broken_exif_block_costs_no_picture():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description that is cut off below"
    whole = encoded(Image.new("RGB", (16, 8), RED), "JPEG", exif=exif.tobytes())
    start = whole.index(b"Exif")
    broken = whole[: start + 40] + b"\xff" * 8 + whole[start + 48 :]
    assert decoded(upright_rgb(broken)).shape[2] == 3


def test_pixels_are_those_of_the_encoded_picture():
    exif = Image.Exif()
    exif[0x0112] = 6
    for data in (
        encoded(Image.fromarray(noise(1)[:20]), "PNG", exif=exif.tobytes()),
        encoded(Image.fromarray(noise(2)), "PNG", icc_profile=rgb_profile()),
        encoded(Image.fromarray(noise(3)).convert("RGBA"), "PNG"),
        png(noise(4)),
    ):
        pixels = decoded(upright_rgb(data))
        np.testing.assert_array_equal(load_upright(data), pixels)
        with Image.open(io.BytesIO(data)) as image:
            np.testing.assert_array_equal(upright_pixels(image), pixels)
    with pytest.raises(ValueError, match="no readable image"):
        load_upright(b"no image")


def test_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), (0, 255, 0))]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.abs(decoded(upright_rgb(data)).astype(int) - RED).max() <= 4


def test_camera_pictures_are_reduced_once():
    data = encoded(Image.new("RGB", (300, 200), RED), "JPEG")
    assert decoded(upright_rgb(data, shrink_above=100)).shape == (100, 150, 3)
    assert upright_rgb(data, shrink_above=200) is data


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no image at all", id="text"),
        pytest.param(encoded(Image.fromarray(noise(0, 64)), "JPEG")[:-900], id="cut jpeg"),
        pytest.param(png(noise(0))[:-900], id="cut png"),
    ],
)
def test_bytes_that_are_no_image_raise(data):
    with pytest.raises(ValueError, match="no readable image"):
        upright_rgb(data)


def test_too_many_pixels_raise(monkeypatch):
    monkeypatch.setattr("cyclegan_tf.data.image.MAX_PIXELS", 100)
    with pytest.raises(ValueError, match="20 x 20 pixels are too many"):
        upright_rgb(png(flat(0, 20)))


def test_load_square_gives_the_contract():
    square = load_square(tf.constant(png(flat(255, 40))), 32)
    assert square.shape == (32, 32, 3)
    assert square.dtype == tf.float32
    assert float(tf.reduce_max(tf.abs(square - 1.0))) < 1e-6


def test_shrinking_keeps_the_mean_and_never_enlarges():
    half = shrink(noise(0, 32)[:20], ratio=0.5)
    assert half.shape == (10, 16, 3)
    assert half.mean() == pytest.approx(noise(0, 32)[:20].mean(), abs=3)
    assert shrink(flat(7, 9), ratio=0.01).shape == (1, 1, 3)
    picture = noise(1)
    assert shrink(picture, ratio=1.7) is picture


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "BMP"])
def test_encoded_pictures_are_near_to_their_pixels(image_format):
    y, x = np.mgrid[:48, :64]
    smooth = np.stack([4 * x, 5 * y, x + y], -1).astype(np.uint8)
    with Image.open(io.BytesIO(encode(smooth, image_format))) as image:
        assert (image.format, image.size) == (image_format, (64, 48))
        off = np.abs(np.asarray(image.convert("RGB")).astype(int) - smooth).mean()
    assert off <= {"JPEG": 1, "WEBP": 3}.get(image_format, 0)


def test_grid_places_rows_and_gaps():
    rows = [np.stack([flat(10, 4), flat(20, 4)]), np.stack([flat(30, 4), flat(40, 4)])]
    picture = grid(rows, gap=2)
    assert picture.shape == (10, 10, 3)
    assert picture[[0, 0, 6, 6, 4], [0, 6, 0, 6, 4], 0].tolist() == [10, 20, 30, 40, 255]


def test_png_is_saved_whole_or_not_at_all(tmp_path):
    save_png(tmp_path / "x.png", noise(3))
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]
    assert (decoded((tmp_path / "x.png").read_bytes()) == noise(3)).all()


@pytest.mark.parametrize("cut", [4, 8, 12, 14])
def test_png_without_its_end_becomes_one_that_tensorflow_reads(cut):
    pixels = noise(0)
    np.testing.assert_array_equal(decoded(upright_rgb(png(pixels)[:-cut])), pixels)


def test_pixels_that_are_too_many_for_the_caller_raise():
    with pytest.raises(ValueError, match="32 x 32 pixels are too many"):
        upright_rgb(png(noise(0)), most_pixels=1023)
    assert upright_rgb(png(noise(0)), most_pixels=1024) == png(noise(0))


def test_upright_pixels_are_those_that_training_decodes():
    picture = Image.fromarray(noise(3, 24))
    files = [
        encoded(picture, "JPEG", quality=90),
        encoded(picture.convert("L"), "PNG"),
        encoded(picture.convert("CMYK"), "JPEG"),
        encoded(picture.resize((30, 10)), "WEBP", lossless=True),
    ]
    for data in files:
        expected = decoded(upright_rgb(data))
        np.testing.assert_array_equal(load_upright(data), expected)
        np.testing.assert_array_equal(np.asarray(load_with_head(data)[0]), expected)


def test_head_tells_how_the_file_holds_its_image():
    picture = Image.fromarray(noise(1)).resize((20, 10))
    turned = picture.getexif()
    turned[0x0112] = 6
    image, stored = load_with_head(encoded(picture.convert("CMYK"), "JPEG", exif=turned))
    assert stored == (20, 10, "CMYK", "JPEG")
    assert (image.size, image.mode) == ((10, 20), "RGB")
    with pytest.raises(ValueError, match="no readable image"):
        load_with_head(b"x")


def raising(fault: Exception):
    def raise_it(*arguments, **options):
        raise fault

    return raise_it


READERS = [upright_rgb, load_upright, load_with_head]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("fault", [MemoryError(), TypeError("a defect"), RuntimeError("a defect")])
def test_only_what_is_wrong_with_the_file_is_told_as_such(monkeypatch, reader, fault):
    monkeypatch.setattr("cyclegan_tf.data.image.to_upright", raising(fault))
    with pytest.raises(type(fault)) as raised:
        reader(encoded(Image.fromarray(noise(0)), "BMP"))
    assert raised.value is fault


def test_decoder_that_finds_no_memory_says_nothing_about_the_file(monkeypatch):
    # how Pillow tells of it in the middle of a file
    fault = OSError("out of memory when reading image file")
    monkeypatch.setattr(ImageFile.ImageFile, "load", raising(fault))
    with pytest.raises(MemoryError, match="out of memory"):
        load_upright(png(noise(0)))


def test_tensorflow_without_memory_says_nothing_about_the_file(monkeypatch):
    fault = tf.errors.ResourceExhaustedError(None, None, "no memory")
    monkeypatch.setattr("cyclegan_tf.data.image.decode", raising(fault))
    with pytest.raises(tf.errors.ResourceExhaustedError):
        upright_rgb(png(noise(0)))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("reader", READERS)
def test_whatever_decoders_raise_of_damaged_files_is_told_as_that(reader):
    picture = Image.fromarray(noise(0))
    dds = encoded(picture, "DDS")
    damaged = {**broken(), "kind of pixels.dds": dds[:80] + bytes(4) + dds[84:]}
    if features.check("avif"):
        damaged["no place.avif"] = encoded(picture, "AVIF").replace(b"iloc", b"xloc")
    for name, data in damaged.items():
        with pytest.raises(ValueError, match=r"no readable image \(.+\)"):
            reader(data)
            pytest.fail(name)


def test_stored_pixels_are_those_that_scorers_read():
    turned = Image.Exif()
    turned[0x0112] = 6
    picture, clear = Image.fromarray(noise(1)[:20]), Image.fromarray(noise(3)).convert("RGBA")
    clear.putalpha(40)
    files = [
        encoded(picture, "PNG", exif=turned, icc_profile=rgb_profile()),
        encoded(picture, "JPEG", exif=turned, icc_profile=rgb_profile()),
        encoded(picture.convert("CMYK"), "JPEG"),
        encoded(picture.quantize(16), "PNG"),
        encoded(picture.convert("L"), "PNG"),
        encoded(clear, "PNG"),
    ]
    for data in files:
        with Image.open(io.BytesIO(data)) as image:
            expected = np.asarray(image.convert("RGB"))
        np.testing.assert_array_equal(load_stored(data), expected)
        np.testing.assert_array_equal(decoded(stored_rgb(data)), expected)
    for data in files[:2]:  # what TensorFlow reads so is kept as it is
        assert stored_rgb(data) is data


def test_stored_pixels_of_sixteen_bits_are_scaled_not_clipped():
    wide = Image.fromarray(np.full((8, 8), 257 * 100, np.uint16))
    assert (load_stored(encoded(wide, "PNG")) == 100).all()


def test_stored_pixels_are_reduced_on_demand():
    assert load_stored(png(noise(1, 64)), shrink_above=32).shape == (32, 32, 3)
    assert decoded(stored_rgb(png(noise(1, 64)), shrink_above=32)).shape == (32, 32, 3)


def test_camera_jpegs_are_decoded_at_a_part_of_their_sides_and_stay_jpegs():
    y, x = np.mgrid[:600, :800]
    smooth = np.stack([x // 4, y // 3, (x + y) // 8], -1).astype(np.uint8)
    data = encoded(Image.fromarray(smooth), "JPEG", quality=95)
    reduced = upright_rgb(data, shrink_above=100)
    assert reduced.startswith(b"\xff\xd8")
    expected = np.asarray(Image.fromarray(smooth).resize((133, 100), Image.Resampling.LANCZOS))
    assert np.abs(decoded(reduced).astype(int) - expected).mean() < 1.5
    assert upright_rgb(png(smooth), shrink_above=100).startswith(b"\x89PNG")
    assert decoded(stored_rgb(data, shrink_above=99)).shape == (99, 132, 3)


@pytest.mark.parametrize("longest", [100, 399, 400, 799])
def test_large_jpeg_opens_not_smaller_than_wanted(longest):
    data = encoded(Image.fromarray(noise(0, 800)[:600]), "JPEG")
    height, width, _ = load_upright(data, longest=longest).shape
    assert width >= longest
    assert width / height == pytest.approx(4 / 3, rel=0.02)
    assert width == (800 if longest > 398 else 200 if longest == 100 else 400)


def test_jpeg_beyond_the_limit_is_read_where_it_is_to_be_reduced(monkeypatch):
    monkeypatch.setattr("cyclegan_tf.data.image.MAX_PIXELS", 100_000)
    data = encoded(Image.new("RGB", (800, 600), RED), "JPEG")
    words = r"800 x 600 pixels are too many; at most 100,000 are read: reduce it first; training"
    with pytest.raises(ValueError, match=words):
        upright_rgb(data)
    assert decoded(upright_rgb(data, shrink_above=100)).shape == (100, 133, 3)
    assert load_upright(data, longest=150).shape[1] == 200


def test_picture_beyond_the_limit_fits_into_it_on_demand(monkeypatch):
    monkeypatch.setattr("cyclegan_tf.data.image.MAX_PIXELS", 10_000)
    monkeypatch.setattr("cyclegan_tf.data.image._MOST_REDUCED", 20_000)
    for image_format in ("JPEG", "PNG"):
        data = encoded(Image.new("RGB", (160, 120), RED), image_format)
        assert load_upright(data, fit=True).shape == (86, 115, 3)
    assert load_upright(png(flat(1, 99)), fit=True).shape == (99, 99, 3)
    words = r"200 x 200 pixels are too many; at most 20,000 are read: .* translate --longest read"
    with pytest.raises(ValueError, match=words):
        load_upright(png(flat(1, 200)), fit=True)


def test_jpeg_beyond_what_pillow_opens_is_read_where_it_is_to_be_reduced(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    red = Image.new("RGB", (800, 600), RED)
    data = encoded(red, "JPEG")
    assert load_upright(data, longest=150).shape == (150, 200, 3)
    monkeypatch.setattr("cyclegan_tf.data.image._MOST_OF_JPEG", 300_000)
    with pytest.raises(ValueError, match="800 x 600 pixels are too many; at most 300,000 are"):
        load_upright(data, longest=150)
    with pytest.raises(ValueError, match=r"exceeds limit of 200000 pixels.*Reduce it first"):
        load_upright(encoded(red, "PNG"), longest=150)


@pytest.mark.parametrize(
    ("mode", "image_format"),
    [*((mode, "PNG") for mode in ("1", "L", "P", "RGBA", "I;16")), ("I;16", "TIFF"), ("F", "TIFF")],
)
def test_picture_beyond_the_limit_is_first_reduced_to_it(monkeypatch, mode, image_format):
    monkeypatch.setattr("cyclegan_tf.data.image.MAX_PIXELS", 3_000)
    monkeypatch.setattr("cyclegan_tf.data.image._MOST_REDUCED", 5_000)
    image = halves(mode)  # 80 x 60
    data = encoded(image, image_format)
    assert load_upright(data, longest=63).size <= 3 * 3_000
    for pixels in (decoded(upright_rgb(data, shrink_above=30)), load_stored(data, shrink_above=30)):
        assert pixels.shape == (30, 40, 3)
        assert (pixels[:, :15] < 10).all()
        assert (pixels[:, 25:] > 245).all()
    with pytest.raises(ValueError, match="80 x 60 pixels are too many; at most 3,000 are read"):
        load_upright(data, longest=75)  # to more than the limit
    monkeypatch.setattr("cyclegan_tf.data.image._MOST_REDUCED", 4_000)
    with pytest.raises(ValueError, match=r"at most 4,000 are read: reduce it first\)$"):
        load_upright(data, longest=40)


def halves(mode: str) -> Image.Image:
    """Black beside white."""
    pixels = np.repeat(np.where(np.arange(80) < 40, 0, 255)[None], 60, axis=0).astype(np.uint8)
    if mode == "I;16":
        return Image.fromarray(pixels.astype(np.uint16) * 257)
    return Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize("name", ["raw.cr2", "clip.mp4", "pointer", "page", "new.jxl"])
def test_what_is_no_image_is_told_by_its_kind(name):
    data, kind = OTHERS[name]
    with pytest.raises(ValueError, match=rf"no readable image \({kind}: .+\)"):
        load_upright(data)


def test_raw_picture_is_not_taken_for_its_preview():
    with pytest.raises(ValueError, match=r"no readable image \(camera raw: develop it"):
        load_upright(raw_preview())


def test_png_with_a_long_history_is_a_picture():
    text = zlib.compress(np.random.default_rng(0).bytes(1_500_000))
    for part in (b"zTXt", b"iTXt"):
        content = b"XML\0\0" + text if part == b"zTXt" else b"XML\0\1\0\0\0" + text
        data = png(noise(1))[:33] + chunk(part, content) + png(noise(1))[33:]
        np.testing.assert_array_equal(load_upright(data), noise(1))
        assert upright_rgb(data) == png(noise(1))
        assert picture_size(upright_rgb(data)) == (32, 32)


RAMP = np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)  # 12 bits


def test_range_says_which_values_are_black_and_white():
    data = encoded(Image.fromarray(RAMP), "PNG")
    assert load_upright(data).max() == 16  # of 255: nearly black
    scaled = load_upright(data, levels=Levels((0, 4095)))[..., 0]
    np.testing.assert_array_equal(scaled, np.round(RAMP / 4095 * 255))
    np.testing.assert_array_equal(
        decoded(upright_rgb(data, levels=Levels((0, 4095))))[..., 0], scaled
    )
    np.testing.assert_array_equal(load_stored(data), load_upright(data))
    clipped = load_upright(data, levels=Levels((1000, 2000)))[..., 0]
    assert (clipped[RAMP <= 1000] == 0).all()
    assert (clipped[RAMP >= 2000] == 255).all()


def test_significant_bits_of_a_png_say_nothing_about_its_range():
    # the PNG specification, 11.3.2.7: values are scaled to the full range of the sample depth
    data = png(RAMP * np.uint16(16))
    data = data[:33] + chunk(b"sBIT", bytes([12])) + data[33:]
    np.testing.assert_array_equal(load_upright(data)[..., 0], np.round(RAMP * 16 / 65_535 * 255))


def test_floats_have_the_range_that_holds_them():
    ramp = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    whole = np.arange(256).reshape(16, 16)
    for values, expected in (
        (ramp, whole),
        (ramp * 255, whole),
        (ramp * 65_535, whole),
        (np.where(ramp > 0.5, np.nan, ramp), np.where(ramp > 0.5, 0, whole)),
    ):
        data = encoded(Image.fromarray(values.astype(np.float32)), "TIFF")
        np.testing.assert_array_equal(load_upright(data)[..., 0], expected)


def test_tiffs_say_what_is_white():
    full = RAMP * np.uint16(16)
    expected = np.round(full / 65_535 * 255)
    np.testing.assert_array_equal(load_upright(deep_tiff(full))[..., 0], expected)
    inverted = deep_tiff(65_535 - full, white_is_zero=True)
    np.testing.assert_array_equal(load_upright(inverted)[..., 0], expected)
    told = encoded(Image.fromarray(RAMP), "TIFF", tiffinfo={340: 0, 341: 4095})
    np.testing.assert_array_equal(load_upright(told)[..., 0], np.round(RAMP / 4095 * 255))


def test_colours_become_grey_on_demand():
    picture, levels = Image.fromarray(noise(1)), Levels(grey=True)
    expected = np.asarray(picture.convert("L"))
    for image_format in ("PNG", "BMP"):
        pixels = decoded(upright_rgb(encoded(picture, image_format), levels=levels))
        np.testing.assert_array_equal(pixels, np.stack([expected] * 3, -1))
    grey = encoded(picture.convert("L"), "PNG")
    assert upright_rgb(grey, levels=levels) is grey
