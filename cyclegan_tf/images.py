"""The pixel contract: uint8 sRGB outside, float32 NHWC [-1, 1] inside; only this file crosses."""

import contextlib
import io
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image, ImageCms, UnidentifiedImageError

from cyclegan_tf.files import replacing

# As many as the sensors of large cameras have; what claims more is a decompression bomb.
MAX_PIXELS = 2**26
_LARGE = 2**24
_LARGE_GATE = threading.Lock()  # one of these at a time: on many cores they would fill the memory

LONGEST_SIDES = {"JPEG": 65_500, "WEBP": 16_383}  # pixels that the formats can hold

_ORIENTATION = 0x0112  # EXIF tag; its values, and what turns the picture upright
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SAME_COLOUR = 2  # levels by which the many profiles of sRGB may differ from each other


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes a JPEG or PNG inside a TensorFlow graph.

    Args:
        encoded: scalar string tensor, as `upright_rgb` returns it.

    Returns:
        `(h, w, 3)` uint8.
    """
    # The op reads PNG as well; the accurate DCT gives the pixels that other decoders give.
    return tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")


def center_square(image: tf.Tensor) -> tf.Tensor:
    """Cuts the largest centred square out of an `(h, w, 3)` image: nothing is squashed."""
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def resize(image: tf.Tensor, size: int) -> tf.Tensor:
    """Resizes an `(h, w, 3)` image to `(size, size, 3)` float32, in its range of values."""
    resized = tf.cond(
        tf.reduce_all(tf.equal(tf.shape(image)[:2], size)),
        lambda: tf.cast(image, tf.float32),
        # without antialiasing a reduction skips pixels and adds grain that the discriminator sees
        lambda: tf.image.resize(image, [size, size], antialias=True),
    )
    return tf.ensure_shape(resized, [size, size, 3])


def to_float(pixels: np.ndarray | tf.Tensor) -> np.ndarray | tf.Tensor:
    """Maps 0..255 to float32 in [-1, 1]; NumPy stays NumPy."""
    if isinstance(pixels, np.ndarray):
        return pixels.astype(np.float32) / 127.5 - 1.0
    return tf.cast(pixels, tf.float32) / 127.5 - 1.0


def to_uint8(image: np.ndarray | tf.Tensor) -> np.ndarray:
    """Maps [-1, 1] to uint8 0..255, clipping and rounding (truncation would darken every image)."""
    scaled = (np.asarray(image, np.float32) + 1.0) * 127.5
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def load_square(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """Decodes one image to `(size, size, 3)` float32 in [-1, 1], centred, without augmentation."""
    return to_float(resize(center_square(decode(encoded)), size))


def upright_rgb(
    data: bytes, *, shrink_above: int | None = None, most_pixels: int | None = None
) -> bytes:
    """Checks encoded image bytes and makes them something that `decode` reads as upright sRGB.

    8-bit RGB and grey JPEG and PNG pass unchanged; everything else (CMYK, palette, alpha, 16 bit,
    EXIF rotation, colour profiles of something else than sRGB, GIF, BMP, WebP, PNGs with a damaged
    end) is decoded by Pillow and becomes an RGB PNG. A broken profile counts as none.

    Args:
        data: the bytes of an image file.
        shrink_above: images whose shorter side is longer than this are reduced to it, so that
            a camera's picture is not decoded in full for every training sample.
        most_pixels: of an image; one that claims more is not decoded. By default `MAX_PIXELS`.

    Raises:
        ValueError: if the bytes are no complete image, or it has more than `most_pixels`.
    """
    with _opened(data, most_pixels) as image:
        if not _too_large(image, shrink_above) and _decodable(image, data):
            return data
        return _encode(_upright(image, shrink_above), "PNG", compress_level=1)


def load_upright(
    data: bytes, *, shrink_above: int | None = None, most_pixels: int | None = None
) -> np.ndarray:
    """Decodes image bytes to the pixels that `upright_rgb` stands for.

    Args:
        data: the bytes of an image file.
        shrink_above: as of `upright_rgb`.
        most_pixels: as of `upright_rgb`.

    Returns:
        `(h, w, 3)` uint8, upright sRGB.

    Raises:
        ValueError: as `upright_rgb`.
    """
    with _opened(data, most_pixels) as image:
        return np.asarray(_upright(image, shrink_above))


def upright_pixels(image: Image.Image) -> np.ndarray:
    """An open Pillow image as `(h, w, 3)` uint8, upright sRGB, on white where it has alpha."""
    return np.asarray(_upright(image, None))


def shrink(pixels: np.ndarray, *, ratio: float) -> np.ndarray:
    """Reduces `(h, w, 3)` uint8 to this part of its sides; as it is from a ratio of 1 on."""
    return pixels if ratio >= 1 else np.asarray(_shrunk(Image.fromarray(pixels), ratio))


def encode_jpeg(pixels: np.ndarray, quality: int = 95) -> bytes:
    """Encodes `(h, w, 3)` uint8 as JPEG with full colour resolution."""
    return _encode(Image.fromarray(pixels), "JPEG", quality=quality, subsampling=0)


def encode_png(pixels: np.ndarray) -> bytes:
    """Encodes `(h, w, 3)` uint8 as PNG."""
    return encode(pixels, "PNG")


def encode(pixels: np.ndarray, image_format: str) -> bytes:
    """Encodes `(h, w, 3)` uint8 as "JPEG", "PNG", "WEBP" or "BMP".

    Sides of more than `LONGEST_SIDES` are beyond a format.
    """
    if image_format == "JPEG":
        return encode_jpeg(pixels)
    options = {"quality": 95} if image_format == "WEBP" else {}
    return _encode(Image.fromarray(pixels), image_format, **options)


def save_png(path: Path, pixels: np.ndarray) -> None:
    """Writes a PNG; no reader sees half a file."""
    with replacing(path) as partial:
        partial.write_bytes(encode_png(pixels))


def grid(rows: Sequence[np.ndarray], gap: int = 4) -> np.ndarray:
    """Lays out rows of pictures on white.

    Args:
        rows: arrays `(n, h, w, 3)` uint8, all of one shape; one array is one row.
        gap: white pixels between pictures.

    Returns:
        `(H, W, 3)` uint8.
    """
    count, height, width, _ = rows[0].shape
    shape = (len(rows) * (height + gap) - gap, count * (width + gap) - gap, 3)
    canvas = np.full(shape, 255, np.uint8)
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            top, left = y * (height + gap), x * (width + gap)
            canvas[top : top + height, left : left + width] = picture
    return canvas


@contextlib.contextmanager
def _opened(data: bytes, most_pixels: int | None) -> Iterator[Image.Image]:
    """A decoded image; whatever goes wrong with it, also in the body, is a `ValueError`."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            pixels = image.width * image.height
            if pixels > (most_pixels or MAX_PIXELS):
                raise ValueError(f"{image.width} x {image.height} pixels are too many")
            with _LARGE_GATE if pixels > _LARGE else contextlib.nullcontext():
                image.load()
                yield image
    except UnidentifiedImageError as error:  # its text names a buffer in memory
        raise ValueError("no readable image (of no known format)") from error
    except Exception as error:  # Pillow's decoders stumble over damaged files in every way
        raise ValueError(f"no readable image ({error})") from error


def _decodable(image: Image.Image, data: bytes) -> bool:
    """Whether TensorFlow decodes the image to the same upright RGB as Pillow."""
    return (
        image.format in ("JPEG", "PNG")
        and image.mode in ("RGB", "L")
        and "transparency" not in image.info
        and image.getexif().get(_ORIENTATION) not in _UPRIGHT
        and _to_srgb(image) is None
        and _decodes(data)
    )


def _decodes(data: bytes) -> bool:
    """Whether TensorFlow takes what Pillow takes: not, for one, a PNG whose end is cut off."""
    try:
        decode(tf.constant(data))
    except tf.errors.OpError:
        return False
    return True


def _too_large(image: Image.Image, shrink_above: int | None) -> bool:
    return shrink_above is not None and min(image.size) > shrink_above


def _upright(image: Image.Image, shrink_above: int | None) -> Image.Image:
    # not ImageOps.exif_transpose: it writes the EXIF block anew, and stumbles over broken ones
    turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION))
    upright = _as_rgb(image if turn is None else image.transpose(turn))
    if _too_large(upright, shrink_above):
        upright = _shrunk(upright, shrink_above / min(upright.size))
    upright.info.pop("icc_profile", None)  # what it said is done, and it would be written again
    return upright


def _shrunk(image: Image.Image, ratio: float) -> Image.Image:
    size = tuple(max(1, round(side * ratio)) for side in image.size)
    return image.resize(size, Image.Resampling.LANCZOS)


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a channel: Pillow's own conversion would clip to 255
        wide = np.asarray(image).astype(np.float32) / 257  # exact enough to round alike
        narrow = Image.fromarray(np.clip(wide, 0, 255, out=wide).round().astype(np.uint8))
        narrow.info["icc_profile"] = image.info.get("icc_profile")
        image = narrow
    conversion = _to_srgb(image)
    if not image.has_transparency_data:
        if conversion is None:
            return image.convert("RGB")
        return ImageCms.applyTransform(image.convert(_colour_mode(image)), conversion)
    layer = image if image.mode == "RGBA" else image.convert("RGBA")
    if conversion is not None:
        colours = ImageCms.applyTransform(layer.convert(_colour_mode(image)), conversion)
        colours.putalpha(layer.getchannel("A"))
        layer = colours
    # what lies under transparent pixels is arbitrary; paper is white
    paper = Image.new("RGBA", layer.size, "white")
    paper = Image.alpha_composite(paper, layer)  # under one name: large ones fill the memory
    return paper.convert("RGB")


def _to_srgb(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """What takes the image's colours to sRGB by its profile; None if there is nothing to do.

    That is so without a profile, with one that is broken or of another kind of image, which viewers
    pass over, and with one of the many that say in other words that this is sRGB.
    """
    profile, mode = image.info.get("icc_profile"), _colour_mode(image)
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        conversion = ImageCms.buildTransform(source, srgb, mode, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None
    if mode == "CMYK":
        return conversion
    levels = np.arange(0, 256, 51 if mode == "RGB" else 1, dtype=np.uint8)
    cube = np.stack(np.meshgrid(*[levels] * len(mode)), -1).reshape(1, -1, len(mode))
    probe = Image.fromarray(cube.squeeze(-1) if mode == "L" else cube)
    moved = np.subtract(ImageCms.applyTransform(probe, conversion), cube, dtype=np.int16)
    return conversion if np.abs(moved).max() > _SAME_COLOUR else None


def _colour_mode(image: Image.Image) -> str:
    """The mode without alpha and palette in which the image's colours can be converted."""
    if image.mode in ("1", "L", "LA", "La"):
        return "L"
    return "CMYK" if image.mode == "CMYK" else "RGB"


def _encode(image: Image.Image, image_format: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()
