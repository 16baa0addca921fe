"""Small pictures with known contents."""

import io

import numpy as np
from PIL import Image

from cyclegan_tf.data.dataset import ImageSet


def png(pixels: np.ndarray) -> bytes:
    return encoded(Image.fromarray(pixels), "PNG")


def encoded(image: Image.Image, image_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def flat(value: int, size: int = 32) -> np.ndarray:
    """A picture of one grey."""
    return np.full((size, size, 3), value, np.uint8)


def noise(seed: int, size: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def image_set(count: int, *, size: int = 32, prefix: str = "image") -> ImageSet:
    """Pictures of one grey each: the first pixel tells which one it is."""
    names = tuple(f"{prefix}{i}" for i in range(count))
    return ImageSet(names, tuple(png(flat(i, size)) for i in range(count)))
