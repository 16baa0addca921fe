"""Translator: translates pictures of any size with a trained generator."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from cyclegan_tf.data.dataset import largest_side
from cyclegan_tf.data.image import (
    center_square,
    load_upright,
    resize,
    shrink,
    to_float,
    to_uint8,
    upright_pixels,
)
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.tiling import Frame, Tiling, sample
from cyclegan_tf.io import display
from cyclegan_tf.io.files import read_file

Key = TypeVar("Key")
Network = Callable[[np.ndarray], np.ndarray]

_TOGETHER = 2**20  # pixels in one call of the network: larger batches are hardly faster
_WAITING = 4 * _TOGETHER  # pixels that wait for others of their shape
_SAMPLE_SIDE = 256  # pixels of the squares that stand for a picture that is too large
_BAND = 256  # rows that are rounded at a time


class Translator:
    """Shows a network pictures of any size and aspect; what it makes of them has the same size.

    Args:
        network: maps `(n, h, w, 3)` float32 in [-1, 1] to the same.
        frame: what it asks of h and w.
        tone: from a sample of a picture, `(n, h, w, 3)`, to a network that takes that picture's
            tiles for parts of one; without it each is a picture of its own.
        size: show it the centred square of each picture at this side, as in training; by default
            the whole picture at its own size.
        longest: reduce pictures whose longer side is longer than this to it; not with `size`.
    """

    def __init__(
        self,
        network: Network,
        frame: Frame,
        *,
        tone: Callable[[np.ndarray], Network] | None = None,
        size: int | None = None,
        longest: int | None = None,
    ) -> None:
        self._network = network
        self._frame = frame
        self._tone = tone
        self._size = size
        self._longest = longest

    def translate(self, image: str | Path | Image.Image | np.ndarray) -> Image.Image:
        """Translates one picture.

        Args:
            image: path of an image file; an open image; or `(h, w, 3)` uint8.

        Returns:
            The translation as sRGB, upright, at the picture's own size, unless the translator has
            another.

        Raises:
            InputError: if the file cannot be read or is no image.
            ValueError: if an array has another shape or type.
        """
        [(_, _, painted)] = self.translate_all([(None, self.prepare(_pixels(image)))])
        return Image.fromarray(painted)

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """What is shown of a picture: all of it, or at another size.

        Args:
            pixels: `(h, w, 3)` uint8.

        Returns:
            `(h', w', 3)`: uint8, or, of a `size`, float32 in [-1, 1] as training computes it.
        """
        height, width = pixels.shape[:2]
        if not self._size:
            return shrink(pixels, ratio=self._ratio(height, width))
        pixels = shrink(pixels, ratio=largest_side(self._size) / min(height, width))
        square = resize(center_square(pixels), self._size)
        return np.asarray(to_float(square))

    def shape(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that a picture of this size is painted at."""
        if self._size:
            return self._size, self._size
        ratio = min(1.0, self._ratio(height, width))
        return max(1, round(height * ratio)), max(1, round(width * ratio))

    def translate_all(
        self, pictures: Iterable[tuple[Key, np.ndarray]]
    ) -> Iterator[tuple[Key, np.ndarray, np.ndarray]]:
        """Translates a stream of pictures, those of one shape in batches, in bounded memory.

        Args:
            pictures: whatever the caller knows each by, and what `prepare` returned.

        Yields:
            The same and the translation, both `(h, w, 3)` uint8; not always in the same order.
        """
        waiting: dict[tuple[int, int], list[tuple[Key, np.ndarray, Tiling]]] = {}
        for key, picture in pictures:
            tiling = Tiling(*picture.shape[:2], self._frame)
            if len(tiling) > 1:
                yield key, _rounded(picture), self._tiled(picture, tiling)
                continue
            group = waiting.setdefault(tiling.shown, [])
            group.append((key, picture, tiling))
            if len(group) == self._batch_size(tiling):
                yield from self._together(waiting.pop(tiling.shown))
            elif sum(len(group) * h * w for (h, w), group in waiting.items()) > _WAITING:
                yield from self._together(waiting.pop(next(iter(waiting))))
        for group in waiting.values():
            yield from self._together(group)

    def _together(
        self, group: list[tuple[Key, np.ndarray, Tiling]]
    ) -> Iterator[tuple[Key, np.ndarray, np.ndarray]]:
        """Pictures of one tile each, and of one shape."""
        batch = np.stack([next(tiling.cut(picture)) for _, picture, tiling in group])
        for (key, picture, tiling), tile in zip(group, self._network(_floats(batch)), strict=True):
            yield key, _rounded(picture), _rounded(tiling.join(iter([tile])))

    def _tiled(self, picture: np.ndarray, tiling: Tiling) -> np.ndarray:
        """One picture of several tiles."""
        network = self._network
        if self._tone:
            side = max(_SAMPLE_SIDE, self._frame.multiple)
            network = self._tone(_floats(sample(picture, side, max(1, _TOGETHER // side**2))))

        def translated() -> Iterator[np.ndarray]:
            with display.bar(len(tiling), title="tiles", unit="tile", stays=False) as bar:
                for batch in _batches(tiling.cut(picture), self._batch_size(tiling)):
                    yield from network(_floats(batch))
                    bar.update(len(batch))

        return _rounded(tiling.join(translated()))

    def _ratio(self, height: int, width: int) -> float:
        return self._longest / max(height, width) if self._longest else 1.0

    def _batch_size(self, tiling: Tiling) -> int:
        height, width = tiling.shown
        return max(1, _TOGETHER // (height * width))


def _pixels(image: str | Path | Image.Image | np.ndarray) -> np.ndarray:
    if isinstance(image, Image.Image):
        return upright_pixels(image)
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(
                f"Expected pixels as (h, w, 3) uint8. Received: {image.shape} {image.dtype}"
            )
        return image
    try:
        return load_upright(read_file(Path(image)))
    except OSError as error:
        raise InputError(f"{image} cannot be read ({error.strerror}); check the path.") from error
    except ValueError as error:
        raise InputError(f"{image} is no image: {error}. Replace it.") from error


def _floats(pictures: np.ndarray) -> np.ndarray:
    return to_float(pictures) if pictures.dtype == np.uint8 else pictures


def _rounded(picture: np.ndarray) -> np.ndarray:
    """`(h, w, 3)` uint8, in bands: as float64 or float32 copies large pictures fill the memory."""
    if picture.dtype == np.uint8:
        return picture
    rounded = np.empty(picture.shape, np.uint8)
    for top in range(0, len(picture), _BAND):
        rounded[top : top + _BAND] = to_uint8(picture[top : top + _BAND])
    return rounded


def _batches(tiles: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    batch = []
    for tile in tiles:
        batch.append(tile)
        if len(batch) == size:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)
