"""The pixel contract: uint8 sRGB outside, float32 NHWC [-1, 1] inside; only this file crosses.

TensorFlow is imported where it is used: what only looks at pictures goes without its 600 MB.
"""

import contextlib
import io
import math
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from cyclegan_tf.data.srgb import (
    DEFAULT_LEVELS,
    Levels,
    is_deep,
    is_stored_rgb,
    is_upright,
    shrunk,
    to_stored_rgb,
    to_upright,
    too_large,
    values_outside,
)
from cyclegan_tf.io.files import atomic_file
from cyclegan_tf.io.formats import (
    HEAD,
    RAW,
    describe,
    is_raw_preview,
    picture_formats,
    without_text,
)

if TYPE_CHECKING:
    import tensorflow as tf

# As many as the sensors of large cameras have. What is to be reduced to fewer may have more: it is
# decoded whole, in half a gigabyte, twice that with transparency, and then reduced to this. A JPEG
# is decoded at a part of its sides, and counts as that. What claims more is a decompression bomb.
MAX_PIXELS = 2**26
_MOST_REDUCED = 2**27
_MOST_OF_JPEG = 2**28  # a progressive one takes up to six bytes of each, whatever comes out
_LARGE = 2**24
_LARGE_GATE = threading.Lock()  # one of these at a time: on many cores they would fill the memory

# What Pillow raises of damaged files (seen in 650,000 of them), or the modules that it decodes
# with. A MemoryError or a TypeError says nothing about a file.
_DAMAGE = (
    OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error,
    Image.DecompressionBombError,
)  # fmt: skip

LONGEST_SIDES = {"JPEG": 65_500, "WEBP": 16_383}  # pixels that the formats can hold


def decode(encoded: "tf.Tensor") -> "tf.Tensor":
    """Decodes a JPEG or PNG inside a TensorFlow graph.

    Args:
        encoded: scalar string tensor, as `upright_rgb` returns it.

    Returns:
        `(h, w, 3)` uint8.
    """
    import tensorflow as tf

    # The op reads PNG as well; the accurate DCT gives the pixels that other decoders give.
    return tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")


def center_square(image: "tf.Tensor") -> "tf.Tensor":
    """Cuts the largest centred square out of an `(h, w, 3)` image: nothing is squashed."""
    import tensorflow as tf

    height, width = tf.shape(image)[0], tf.shape(image)[1]
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def resize(image: "tf.Tensor", size: int) -> "tf.Tensor":
    """Resizes an `(h, w, 3)` image to `(size, size, 3)`, in its range of values.

    Returns:
        float32; the image itself if it is known to have that size when the graph is made.
    """
    import tensorflow as tf

    if image.shape[:2] == (size, size):
        return image
    resized = tf.cond(
        tf.reduce_all(tf.equal(tf.shape(image)[:2], size)),
        lambda: tf.cast(image, tf.float32),
        # without antialiasing a reduction skips pixels and adds grain that the discriminator sees
        lambda: tf.image.resize(image, [size, size], antialias=True),
    )
    return tf.ensure_shape(resized, [size, size, 3])


def picture_size(encoded: bytes) -> tuple[int, int]:
    """Width and height of what `upright_rgb` returned, from its first bytes."""
    with Image.open(io.BytesIO(encoded)) as image:
        return image.size


def to_float(pixels: "np.ndarray | tf.Tensor") -> "np.ndarray | tf.Tensor":
    """Maps 0..255 to float32 in [-1, 1]; NumPy stays NumPy."""
    if isinstance(pixels, np.ndarray):
        return pixels.astype(np.float32) / 127.5 - 1.0
    import tensorflow as tf

    return tf.cast(pixels, tf.float32) / 127.5 - 1.0


def to_uint8(image: "np.ndarray | tf.Tensor") -> np.ndarray:
    """Maps [-1, 1] to uint8 0..255, clipping and rounding (truncation would darken every image)."""
    scaled = (np.asarray(image, np.float32) + 1.0) * 127.5
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def load_square(encoded: "tf.Tensor", size: int) -> "tf.Tensor":
    """Decodes one image to `(size, size, 3)` float32 in [-1, 1], centred, without augmentation."""
    return to_float(resize(center_square(decode(encoded)), size))


def upright_rgb(
    data: bytes,
    *,
    shrink_above: int | None = None,
    most_pixels: int | None = None,
    levels: Levels = DEFAULT_LEVELS,
) -> bytes:
    """Checks encoded image bytes and makes them something that `decode` reads as upright sRGB.

    8-bit RGB and grey JPEG and PNG pass unchanged; everything else (CMYK, palette, alpha, 16 bit,
    EXIF rotation, colour profiles of something else than sRGB, GIF, BMP, WebP, PNGs with a damaged
    end) is decoded by Pillow and becomes an RGB PNG. A broken profile counts as none.

    Args:
        data: the bytes of an image file.
        shrink_above: images whose shorter side is longer than this are reduced to it, so that
            a camera's picture is not decoded in full for every training sample; a JPEG stays one.
        most_pixels: of an image; one that claims more is not decoded. By default `MAX_PIXELS`, and
            twice that of one that is reduced to fewer.
        levels: how the values of the file are to be understood.

    Raises:
        ValueError: if the bytes are no complete image, or it has more than `most_pixels`.
    """
    data = without_text(data)
    with _opened(data, most_pixels, shrink_above=shrink_above) as image:
        large, coloured = too_large(image, shrink_above), levels.grey and image.mode != "L"
        if not large and not coloured and is_upright(image) and _decodable(image, data):
            return data
        upright = to_upright(image, shrink_above=shrink_above, levels=levels)
        return _encode_kept(upright, image, reduced=large)


def stored_rgb(
    data: bytes, *, shrink_above: int | None = None, levels: Levels = DEFAULT_LEVELS
) -> bytes:
    """As `upright_rgb`, for the pixels that the file holds, which scores are computed of.

    They are neither turned nor converted to sRGB: the competition's scorer and others of FID read
    no EXIF orientation and no colour profile.

    Args:
        data: the bytes of an image file.
        shrink_above: as of `upright_rgb`.
        levels: as of `upright_rgb`.

    Raises:
        ValueError: as `upright_rgb`.
    """
    data = without_text(data)
    with _opened(data, None, shrink_above=shrink_above) as image:
        large, coloured = too_large(image, shrink_above), levels.grey and image.mode != "L"
        if not large and not coloured and is_stored_rgb(image) and _decodable(image, data):
            return data
        stored = to_stored_rgb(image, shrink_above=shrink_above, levels=levels)
        return _encode_kept(stored, image, reduced=large)


def holds_deep(data: bytes) -> bool:
    """Whether the bytes of an image file hold more than 8 bits a channel; nothing is decoded."""
    with (
        contextlib.suppress(ValueError),
        _telling_damage(RuntimeError),
        _open(without_text(data)) as image,
    ):
        return is_deep(image)
    return False


def clipped(
    data: bytes, span: tuple[float, float] | None = None
) -> tuple[float, float, float, float]:
    """Which part of a deep picture's values becomes black for being too low, and which white.

    The other two are its lowest and its highest value.

    Args:
        data: the bytes of an image file.
        span: the values that become black and white; by default as of `upright_rgb`.

    Raises:
        ValueError: as `upright_rgb`.
    """
    with _opened(data, None, shrink_above=1) as image:  # one beyond the limit, too
        return values_outside(image, span)


class Stored(NamedTuple):
    """How a file holds its image, before anything was done to it.

    Attributes:
        width: pixels, before EXIF turns it.
        height: pixels.
        mode: Pillow's name of the kind of pixels: RGB, L (grey), CMYK, P (palette), RGBA, ...
        format: JPEG, PNG, ...
    """

    width: int
    height: int
    mode: str
    format: str


def load_with_head(data: bytes) -> tuple[Image.Image, Stored]:
    """Decodes image bytes to upright RGB, and tells what they were.

    Raises:
        ValueError: as `upright_rgb`.
    """
    with _opened(data, None) as image:
        return to_upright(image), Stored(*image.size, image.mode, image.format)


def load_upright(
    data: bytes,
    *,
    shrink_above: int | None = None,
    longest: int | None = None,
    fit: bool = False,
    most_pixels: int | None = None,
    levels: Levels = DEFAULT_LEVELS,
) -> np.ndarray:
    """Decodes image bytes to the pixels that `upright_rgb` stands for.

    Args:
        data: the bytes of an image file.
        shrink_above: as of `upright_rgb`.
        longest: the longer side that is wanted afterwards: a JPEG may come reduced, but no smaller.
        fit: reduce an image of more than `MAX_PIXELS` to these, instead of refusing it.
        most_pixels: as of `upright_rgb`.
        levels: as of `upright_rgb`.

    Returns:
        `(h, w, 3)` uint8, upright sRGB.

    Raises:
        ValueError: as `upright_rgb`.
    """
    options = {"shrink_above": shrink_above, "longest": longest, "fit": fit}
    with _opened(data, most_pixels, **options) as image:
        return np.asarray(to_upright(image, shrink_above=shrink_above, levels=levels))


def load_stored(
    data: bytes,
    *,
    shrink_above: int | None = None,
    most_pixels: int | None = None,
    levels: Levels = DEFAULT_LEVELS,
) -> np.ndarray:
    """Decodes image bytes to the pixels that `stored_rgb` stands for.

    Args:
        data: the bytes of an image file.
        shrink_above: as of `upright_rgb`.
        most_pixels: as of `upright_rgb`.
        levels: as of `upright_rgb`.

    Returns:
        `(h, w, 3)` uint8.

    Raises:
        ValueError: as `upright_rgb`.
    """
    with _opened(data, most_pixels, shrink_above=shrink_above) as image:
        return np.asarray(to_stored_rgb(image, shrink_above=shrink_above, levels=levels))


def upright_pixels(image: Image.Image) -> np.ndarray:
    """An open Pillow image as `(h, w, 3)` uint8, upright sRGB, on white where it has alpha."""
    return np.asarray(to_upright(image))


def shrink(pixels: np.ndarray, *, ratio: float) -> np.ndarray:
    """Reduces `(h, w, 3)` uint8 to this part of its sides; as it is from a ratio of 1 on."""
    return pixels if ratio >= 1 else np.asarray(shrunk(Image.fromarray(pixels), ratio))


def encode_jpeg(pixels: np.ndarray, quality: int = 95) -> bytes:
    """Encodes `(h, w, 3)` uint8 as JPEG with full colour resolution."""
    return _encode(Image.fromarray(pixels), "JPEG", quality=quality, subsampling=0)


def encode_png(pixels: np.ndarray) -> bytes:
    """Encodes `(h, w, 3)` uint8 as PNG."""
    return encode(pixels, "PNG")


def encode(pixels: np.ndarray, image_format: str) -> bytes:
    """Encodes `(h, w, 3)` or, grey, `(h, w)` uint8 as "JPEG", "PNG", "WEBP" or "BMP".

    Sides of more than `LONGEST_SIDES` are beyond a format.
    """
    if image_format == "JPEG":
        return encode_jpeg(pixels)
    options = {"quality": 95} if image_format == "WEBP" else {}
    return _encode(Image.fromarray(pixels), image_format, **options)


def save_png(path: str | Path, pixels: np.ndarray) -> None:
    """Writes a PNG; no reader sees half a file."""
    with atomic_file(Path(path)) as partial:
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
def _opened(
    data: bytes,
    most_pixels: int | None,
    *,
    shrink_above: int | None = None,
    longest: int | None = None,
    fit: bool = False,
) -> Iterator[Image.Image]:
    """A decoded image; damage of the file, found here or in the body, is a `ValueError`."""
    picture_formats()  # Pillow learns HEIC where it can
    with contextlib.ExitStack() as stack:
        with _telling_damage(RuntimeError):  # so say the decoders of AVIF and DDS
            image = stack.enter_context(_open(without_text(data)))
            size, ratio = image.size, _ratio(image, shrink_above, longest)
            small = fit or math.prod(size) * ratio**2 <= MAX_PIXELS
            reduced = small and most_pixels is None
            _draft(image, ratio)
            pixels = math.prod(image.size)
            most = _MOST_REDUCED if reduced else most_pixels or MAX_PIXELS
            _require_few(size, pixels, most, hint=ratio == 1 or most <= MAX_PIXELS)
            if pixels > _LARGE:
                stack.enter_context(_LARGE_GATE)
            image.load()
            if reduced and pixels > MAX_PIXELS:
                image = _reduced(image)
        with _telling_damage():
            yield image


def _open(data: bytes) -> Image.Image:
    """An image that is not decoded yet; a `ValueError` says what it is instead."""
    try:
        image = Image.open(io.BytesIO(data))
    except UnidentifiedImageError as error:  # its text names a buffer in memory
        raise ValueError(describe(data)) from error
    except Image.DecompressionBombError as error:
        # Pillow counts the pixels of the whole, of which a part may be decoded
        if not data.startswith(b"\xff\xd8\xff"):
            raise ValueError(f"{error} Reduce it first") from error
        image = JpegImageFile(io.BytesIO(data))
        _require_few(image.size, math.prod(image.size), _MOST_OF_JPEG)
    if is_raw_preview(image, data[:HEAD]):
        image.close()
        raise ValueError(RAW)
    return image


def _require_few(size: tuple[int, int], pixels: int, most: int, *, hint: bool = False) -> None:
    """Raises `ValueError` if the pixels to be decoded of an image of this size are too many."""
    if pixels > most:
        larger = "; training and translate --longest read larger ones, reduced"
        raise ValueError(
            f"{size[0]} x {size[1]} pixels are too many; at most {most:,} are read: reduce it first"
            + (larger if hint else "")
        )


def _ratio(image: Image.Image, shrink_above: int | None, longest: int | None) -> float:
    """The part of its sides that an image is to be reduced to."""
    limits = ((shrink_above, min(image.size)), (longest, max(image.size)))
    return min((limit / side for limit, side in limits if limit and limit < side), default=1.0)


def _draft(image: Image.Image, ratio: float) -> None:
    """Has a JPEG decoded at a half, a quarter or an eighth, if it is to be reduced anyway."""
    if ratio < 1:
        # a pixel more: it is still too large, and will be reduced to what is wanted
        image.draft(None, tuple(math.ceil(side * ratio) + 1 for side in image.size))


def _reduced(image: Image.Image) -> Image.Image:
    """A decoded image with no more pixels than all that follows is fit for."""
    if image.mode in ("1", "P", "PA"):  # of these Pillow would skip pixels
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    ratio = math.sqrt(MAX_PIXELS / math.prod(image.size))
    sides = tuple(side * ratio for side in image.size)
    # in place, so that a TIFF keeps its tags; by means: Lanczos would widen the range of floats
    image.thumbnail(sides, Image.Resampling.HAMMING, reducing_gap=None)
    return image


@contextlib.contextmanager
def _telling_damage(*more: type[Exception]) -> Iterator[None]:
    """Makes a `ValueError` of what Pillow raises of damaged files, and of nothing else."""
    try:
        yield
    except (*_DAMAGE, *more) as error:
        if isinstance(error, OSError) and str(error).startswith("out of memory"):
            raise MemoryError(str(error)) from error
        raise ValueError(f"no readable image ({error})") from error


def _decodable(image: Image.Image, data: bytes) -> bool:
    """Whether TensorFlow decodes the image to the same pixels as Pillow."""
    return image.format in ("JPEG", "PNG") and _decodes(data)


def _decodes(data: bytes) -> bool:
    """Whether TensorFlow takes what Pillow takes: not, for one, a PNG whose end is cut off."""
    import tensorflow as tf

    try:
        decode(tf.constant(data))
    except tf.errors.InvalidArgumentError:
        return False
    return True


def _encode_kept(image: Image.Image, stored: Image.Image, *, reduced: bool) -> bytes:
    """What is kept of an image in memory: without loss, unless it is a photo that was reduced."""
    if reduced and stored.format in ("JPEG", "MPO"):
        return encode_jpeg(np.asarray(image))
    return _encode(image, "PNG", compress_level=1)


def _encode(image: Image.Image, image_format: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()
