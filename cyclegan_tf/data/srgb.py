"""Pillow images as RGB: upright and in sRGB, or as they are stored; kinds of pixels, size."""

import functools
import io
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageCms

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
# TIFF tags: bits of a sample, whether 0 is white, the values that are black and white.
_BITS, _PHOTOMETRIC, _BLACK, _WHITE = 258, 262, 340, 341
_SAME_COLOUR = 2  # levels by which the many profiles of sRGB may differ from each other


class Levels(NamedTuple):
    """How the values of a file become grey levels and colours.

    Attributes:
        span: the values that become black and white, in files of more than 8 bits a channel; by
            default those that the file says, or all that it can hold.
        grey: whether colours become grey.
    """

    span: tuple[float, float] | None = None
    grey: bool = False


DEFAULT_LEVELS = Levels()


def to_upright(
    image: Image.Image, *, shrink_above: int | None = None, levels: Levels = DEFAULT_LEVELS
) -> Image.Image:
    """Turns an image upright and makes it RGB, its colours sRGB, on white where it has alpha.

    Args:
        image: loaded.
        shrink_above: one whose shorter side is longer than this is reduced to it.
        levels: how its values are to be understood.

    Returns:
        An RGB image without a profile.
    """
    # not ImageOps.exif_transpose: it writes the EXIF block anew, and stumbles over broken ones
    turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION))
    # what a profile said is done then, and it would be written again
    image = _narrowed(image, levels.span)
    image = _as_rgb(image if turn is None else image.transpose(turn))
    return _finished(image, shrink_above, levels)


def to_stored_rgb(
    image: Image.Image, *, shrink_above: int | None = None, levels: Levels = DEFAULT_LEVELS
) -> Image.Image:
    """Makes an image RGB and changes nothing else: neither turned, nor its colours converted.

    So do the scorers of FID: `convert("RGB")` of Pillow, which drops alpha. 16 bits a
    channel, which it would clip, are scaled to 8.

    Args:
        image: loaded.
        shrink_above: as of `to_upright`.
        levels: as of `to_upright`.

    Returns:
        An RGB image without a profile.
    """
    return _finished(_narrowed(image, levels.span).convert("RGB"), shrink_above, levels)


def values_outside(
    image: Image.Image, span: tuple[float, float] | None = None
) -> tuple[float, float, float, float]:
    """Which part of a deep image's values is below a span, which above; the lowest, the highest."""
    values = np.nan_to_num(np.asarray(image))
    low, high = span or _span(image, values)
    shares = np.mean(values < low), np.mean(values > high)
    return *map(float, shares), float(values.min()), float(values.max())


def is_stored_rgb(image: Image.Image) -> bool:
    """Whether `to_stored_rgb` would leave the pixels as they are, but for grey made RGB."""
    return image.mode in ("RGB", "L") and "transparency" not in image.info


def is_upright(image: Image.Image) -> bool:
    """Whether `to_upright` would leave the pixels as they are, but for grey made RGB."""
    return (
        is_stored_rgb(image)
        and image.getexif().get(_ORIENTATION) not in _UPRIGHT
        and _to_srgb(image) is None
    )


def too_large(image: Image.Image, shrink_above: int | None) -> bool:
    """Whether the shorter side is longer than `shrink_above`, if that is given."""
    return shrink_above is not None and min(image.size) > shrink_above


def shrunk(image: Image.Image, ratio: float) -> Image.Image:
    """The image reduced to this part of its sides, at least a pixel each."""
    size = tuple(max(1, round(side * ratio)) for side in image.size)
    return image.resize(size, Image.Resampling.LANCZOS)


def _finished(image: Image.Image, shrink_above: int | None, levels: Levels) -> Image.Image:
    if levels.grey:
        image = image.convert("L").convert("RGB")
    if too_large(image, shrink_above):
        image = shrunk(image, shrink_above / min(image.size))
    image.info.pop("icc_profile", None)
    return image


def _narrowed(image: Image.Image, span: tuple[float, float] | None) -> Image.Image:
    """Deep pixels as 8 bits: Pillow's own conversion would clip to 255."""
    if not is_deep(image):
        return image
    values = np.nan_to_num(np.asarray(image).astype(np.float32))
    low, high = span or _span(image, values)
    values = (values - low) * (255 / (high - low))
    narrow = Image.fromarray(np.clip(values, 0, 255, out=values).round().astype(np.uint8))
    if _tags(image).get(_PHOTOMETRIC) == 0:  # 0 is white, and Pillow does not turn deep ones
        narrow = ImageChops.invert(narrow)
    narrow.info["icc_profile"] = image.info.get("icc_profile")
    return narrow


def is_deep(image: Image.Image) -> bool:
    """Whether it has more than 8 bits a channel."""
    return image.mode[0] in "IF"


def _span(image: Image.Image, values: np.ndarray) -> tuple[float, float]:
    """The values that are black and white: by the file, or else all that it can hold."""
    tags = _tags(image)
    told = [tags.get(tag) for tag in (_BLACK, _WHITE)]
    low, high = (t[0] if isinstance(t, tuple) else t for t in told)
    if low is not None and high is not None and low < high:
        return low, high
    if image.mode == "F":  # 0 to 1, or whole numbers as floats
        return 0, next((top for top in (1, 255) if values.max() <= top), 65_535)
    bits = tags.get(_BITS, (16,))[0]
    return 0, 2**bits - 1 if 8 < bits <= 16 else 65_535


def _tags(image: Image.Image) -> dict:
    """The tags of a TIFF; none of other files."""
    return getattr(image, "tag_v2", {})


def _as_rgb(image: Image.Image) -> Image.Image:
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
    return _conversion(profile, mode) if profile and _moves_colours(profile, mode) else None


# Most images of a set have one of a few profiles, and to prepare a conversion takes longer than to
# decode a picture of 256 pixels.
@functools.lru_cache(maxsize=64)
def _moves_colours(profile: bytes, mode: str) -> bool:
    """Whether a profile is one, and not that of sRGB."""
    try:
        conversion = _conversion(profile, mode)
    except (ImageCms.PyCMSError, OSError):
        return False
    if mode == "CMYK":
        return True
    levels = np.arange(0, 256, 51 if mode == "RGB" else 1, dtype=np.uint8)
    cube = np.stack(np.meshgrid(*[levels] * len(mode)), -1).reshape(1, -1, len(mode))
    probe = Image.fromarray(cube.squeeze(-1) if mode == "L" else cube)
    moved = np.subtract(ImageCms.applyTransform(probe, conversion), cube, dtype=np.int16)
    return bool(np.abs(moved).max() > _SAME_COLOUR)


def _conversion(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")


def _colour_mode(image: Image.Image) -> str:
    """The mode without alpha and palette in which the image's colours can be converted."""
    if image.mode in ("1", "L", "LA", "La"):
        return "L"
    return "CMYK" if image.mode == "CMYK" else "RGB"
