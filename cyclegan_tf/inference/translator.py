"""Translator: translates pictures of any size with a trained generator."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import keras
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
from cyclegan_tf.data.srgb import DEFAULT_LEVELS, Levels
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.blending import blend, check_strength
from cyclegan_tf.inference.canvas import enlarge, on_canvas
from cyclegan_tf.inference.compiled import AnySizeGenerator, fixed_side
from cyclegan_tf.inference.tiling import DEFAULT_TILE, Frame, Tiling, sample
from cyclegan_tf.io import display
from cyclegan_tf.io.files import read_file, user_path

Key = TypeVar("Key")
Network = Callable[[np.ndarray], np.ndarray]
Picture = str | Path | Image.Image | np.ndarray

_TOGETHER = 2**20  # pixels in one call of the network: larger batches are hardly faster
_WAITING = 4 * _TOGETHER  # pixels that wait for others whose tiles have their shape
_SAMPLE_SIDE = 256  # pixels of the squares that stand for a picture that is too large
_MULTIPLE = 32  # of the sides that a model sees of which nothing is known: five halvings
_BAND = 256  # rows that are rounded at a time

CLIP_FRAMES = 16  # of a clip, whose statistics all its frames get: as many squares as one batch has


class Translator:
    """Translates pictures of any size and aspect by a generator; they keep their size.

    Args:
        generator: a Keras model, or any function, from `(n, h, w, 3)` float32 in [-1, 1] to the
            same.
        frame: what it asks of h and w. By default a model of fixed sides, `Input((s, s, 3))`, is
            shown overlapping tiles of them; any other sees sides that are multiples of 32 pixels,
            and tiles beyond 1024.
        tone: from a sample of a picture, `(n, h, w, 3)`, to a function that takes that picture's
            tiles for parts of one; without it each is a picture of its own. Keras models bring
            their own.
        size: translate the centred square of each picture at this side, as in training; by
            default the whole picture at its own size.
        longest: reduce pictures whose longer side is longer than this to it; not with `size`.
        canvas: paint pictures whose shorter side is longer than this reduced to it, and enlarge
            the painting to the picture: strokes are as large as in a picture of this side. By
            default, and with `size`, pictures are painted as large as they are.
        levels: how the values of files are to be understood; grey: translations are grey, too.

    Raises:
        ValueError: if the model has fixed sides that are not the same.

    Example:
        >>> import cyclegan_tf as cg
        >>> negative = cg.Translator(lambda images: -images)
        >>> negative.translate("holiday.jpg").getpixel((0, 0))
        (156, 156, 156)
    """

    def __init__(
        self,
        generator: keras.Model | Network,
        frame: Frame | None = None,
        *,
        tone: Callable[[np.ndarray], Network] | None = None,
        size: int | None = None,
        longest: int | None = None,
        canvas: int | None = None,
        levels: Levels = DEFAULT_LEVELS,
    ) -> None:
        side = None
        if isinstance(generator, keras.Model):
            side = fixed_side(generator)
            generator = AnySizeGenerator(generator)
            tone = tone if side else tone or generator.with_tone_of
        own = Frame(side, least=side) if side else Frame(DEFAULT_TILE, multiple=_MULTIPLE)
        self._generator = generator
        self._frame = frame or own
        self._tone = tone
        self._size = size
        self._longest = longest
        self._canvas = None if size else canvas
        self._levels = levels

    @property
    def levels(self) -> Levels:
        """How the values of files are understood."""
        return self._levels

    @property
    def is_grey(self) -> bool:
        """Whether translations have one channel; arrays of them have three that are the same."""
        return self._levels.grey

    def translate(
        self, image: Picture, *, strength: float = 1.0, keep_colours: bool = False
    ) -> Image.Image:
        """Translates one picture.

        Args:
            image: path of an image file; an open image; or `(h, w, 3)` uint8.
            strength: share of the translation in the result, in [0, 1]; the rest is the picture.
            keep_colours: take only the luminance of the translation, and the picture's chroma.

        Returns:
            The translation as sRGB, upright, at the picture's own size, unless the translator has
            another.

        Raises:
            InputError: if the file cannot be read or is no image, or the strength is out of range.
            ValueError: if an array has another shape or type.
        """
        check_strength(strength)
        pixels = to_pixels(image, self.load)
        [(_, shown, painted)] = self.translate_all([(None, self.prepare(pixels))])
        blended = blend(shown, painted, strength=strength, keep_colours=keep_colours)
        return Image.fromarray(blended[..., 0] if self.is_grey else blended)

    def load(self, data: bytes, *, most_pixels: int | None = None) -> np.ndarray:
        """Decodes the bytes of an image file for `prepare`: a large one not larger than needed.

        Args:
            data: the bytes.
            most_pixels: of an image; by default as many as commands take.

        Returns:
            `(h, w, 3)` uint8.

        Raises:
            ValueError: if the bytes are no image, or have too many pixels.
        """
        least = largest_side(self._size) if self._size else None
        # on a canvas nothing is seen of so many pixels
        reading = {"shrink_above": least, "longest": self._longest, "fit": bool(self._canvas)}
        return load_upright(data, most_pixels=most_pixels, levels=self._levels, **reading)

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """What is shown of a picture: all of it, or at another size.

        Args:
            pixels: `(h, w, 3)` uint8.

        Returns:
            `(h', w', 3)`: uint8, or, of a `size`, float32 in [-1, 1] as training computes it.
        """
        if self.is_grey:  # files come so already; open images and frames do not
            pixels = np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"))
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

    def batch(self, images: np.ndarray) -> np.ndarray:
        """Translates images as they are: neither `size` nor `longest` nor `canvas` applies.

        Args:
            images: `(n, h, w, 3)` float32 in [-1, 1]. Sides that do not fit the generator are
                continued, mirrored, and cut again.

        Returns:
            The same shape and range, float32.

        Raises:
            ValueError: if the array has another shape or type.
        """
        images = np.asarray(images)
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype.kind != "f":
            raise ValueError(
                "Expected images as (n, h, w, 3) float32 in [-1, 1]. Received: "
                f"{images.shape} {images.dtype}"
            )
        images = images.astype(np.float32, copy=False)
        # of one shape, they come back in their order
        translated = self._translations((None, image, image) for image in images)
        return np.stack([image for _, image in translated]) if len(images) else images

    def of_clip(self, frames: Sequence[np.ndarray]) -> "Translator":
        """The same for the frames of one clip, all normalized by the statistics of some of them.

        A frame that is normalized by its own changes its colours with what comes into view, and a
        clip of such frames flickers.

        Args:
            frames: at even distances, at most `CLIP_FRAMES`, as `prepare` returns them.

        Returns:
            A translator that is good until this one measures another clip, or a picture of several
            tiles; this one itself if its network has no norms.
        """
        if not self._tone:
            return self
        side = max(_SAMPLE_SIDE, self._frame.multiple)
        most = max(1, _TOGETHER // side**2)
        share, squares = max(1, most // len(frames)), []
        for number, frame in enumerate(frames[:: math.ceil(len(frames) / most)]):
            found = sample(self._shown(frame), side, most)
            # of each frame others, so that all parts of the frame are among them
            places = number * share + np.arange(min(share, len(found)))
            squares.append(_floats(found[places % len(found)]))
        clip = copy.copy(self)
        clip._generator, clip._tone = self._tone(np.concatenate(squares)), None
        return clip

    def translate_all(
        self, pictures: Iterable[tuple[Key, np.ndarray]]
    ) -> Iterator[tuple[Key, np.ndarray, np.ndarray]]:
        """Translates a stream of pictures, those of one shape in batches, in bounded memory.

        Args:
            pictures: whatever the caller knows each by, and what `prepare` returned.

        Yields:
            The same and the translation, both `(h, w, 3)` uint8; not always in the same order.
        """
        shown = ((key, picture, self._shown(picture)) for key, picture in pictures)
        for item, translated in self._translations(shown):
            painting = _rounded(translated)
            if item.shown.shape != item.picture.shape:
                painting = enlarge(painting, *item.picture.shape[:2])
            yield item.key, _rounded(item.picture), painting

    def _translations(
        self, pictures: Iterable[tuple[Key, np.ndarray, np.ndarray]]
    ) -> Iterator[tuple["_Item", np.ndarray]]:
        """Translates what is shown of pictures.

        Args:
            pictures: whatever the caller knows each by, the picture, and what is shown of it.

        Yields:
            The same, and the translation, `(h, w, 3)` float32 in [-1, 1].
        """
        waiting: dict[tuple[int, int], list[_Item]] = {}
        for key, picture, shown in pictures:
            tiling = Tiling(*shown.shape[:2], self._frame)
            item = _Item(key, picture, shown, tiling)
            if len(tiling) > 1:
                yield item, self._tiled(shown, tiling)
                continue
            group = waiting.setdefault(tiling.shown, [])
            group.append(item)
            if len(group) == self._batch_size(tiling):
                yield from self._together(waiting.pop(tiling.shown))
            elif sum(one.pixels for group in waiting.values() for one in group) > _WAITING:
                yield from self._together(waiting.pop(next(iter(waiting))))
        for group in waiting.values():
            yield from self._together(group)

    def _together(self, group: "list[_Item]") -> Iterator[tuple["_Item", np.ndarray]]:
        """Pictures of one tile each, and of one shape."""
        batch = np.stack([next(item.tiling.cut(item.shown)) for item in group])
        translated = _run(self._generator, _floats(batch))
        for item, tile in zip(group, translated, strict=True):
            yield item, item.tiling.join(iter([tile]))

    def _tiled(self, picture: np.ndarray, tiling: Tiling) -> np.ndarray:
        """One picture of several tiles."""
        generator = self._generator
        if self._tone:
            side = max(_SAMPLE_SIDE, self._frame.multiple)
            generator = self._tone(_floats(sample(picture, side, max(1, _TOGETHER // side**2))))

        def translated() -> Iterator[np.ndarray]:
            with display.bar(len(tiling), title="tiles", unit="tile", stays=False) as bar:
                for batch in in_batches(tiling.cut(picture), self._batch_size(tiling)):
                    yield from _run(generator, _floats(batch))
                    bar.update(len(batch))

        return tiling.join(translated())

    def _shown(self, picture: np.ndarray) -> np.ndarray:
        return on_canvas(picture, self._canvas) if self._canvas else picture

    def _ratio(self, height: int, width: int) -> float:
        return self._longest / max(height, width) if self._longest else 1.0

    def _batch_size(self, tiling: Tiling) -> int:
        height, width = tiling.shown
        return max(1, _TOGETHER // (height * width))


class _Item(NamedTuple):
    """A picture on its way.

    Attributes:
        key: what the caller knows it by.
        picture: `(h, w, 3)`.
        shown: what the generator is shown of it: itself, or smaller.
        tiling: of that.
    """

    key: Any
    picture: np.ndarray
    shown: np.ndarray
    tiling: Tiling

    @property
    def pixels(self) -> int:
        """How many are held in memory while it waits."""
        height, width = self.tiling.shown
        return max(height * width, self.picture.size // 3)


def to_pixels(image: Picture, load: Callable[[bytes], np.ndarray] = load_upright) -> np.ndarray:
    """The pixels of a picture, upright and in sRGB.

    Args:
        image: the picture.
        load: decodes a file.

    Returns:
        `(h, w, 3)` uint8.

    Raises:
        InputError: if a file cannot be read or is no image.
        ValueError: if an array has another shape or type.
    """
    if isinstance(image, Image.Image):
        return upright_pixels(image)
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(
                f"Expected pixels as (h, w, 3) uint8. Received: {image.shape} {image.dtype}"
            )
        return image
    try:
        return load(read_file(user_path(image)))
    except OSError as error:
        raise InputError(f"{image} cannot be read ({error.strerror}); check the path.") from error
    except ValueError as error:
        raise InputError(f"{image} is no image: {error}. Replace it.") from error


def _run(generator: Network, batch: np.ndarray) -> np.ndarray:
    """What the generator makes of a batch, float32."""
    translated = np.asarray(generator(batch), np.float32)  # a model may end in half the digits
    if translated.shape != batch.shape:
        raise ValueError(
            f"Expected a generator that keeps the shape of its batches, {batch.shape}. Received: "
            f"{translated.shape}; one of another stride needs a frame of that multiple."
        )
    return translated


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


def in_batches(pictures: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Pictures of one shape as batches of this size, the last one smaller."""
    batch = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == size:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)
