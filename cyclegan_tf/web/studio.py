"""Studio: what works behind the page. Models by name, files painted one at a time."""

import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image

from cyclegan_tf.data.image import LONGEST_SIDES, encode, shrink
from cyclegan_tf.errors import Fault, InputError
from cyclegan_tf.inference.loading import directions, load_generator
from cyclegan_tf.inference.translator import Translator
from cyclegan_tf.io.files import read_file
from cyclegan_tf.io.outputs import FORMATS, FreeNames

MOST_BYTES = 50_000_000  # of a file
MOST_PIXELS = 100_000_000  # of a picture

_KEPT = 3  # generators in memory; a large one has 220 MB
_SCREEN = 1600  # pixels of the longer side of what the page shows: the file itself is downloaded
_JPEG_START = b"\xff\xd8\xff"


class Wish(NamedTuple):
    """How a picture is to be painted.

    Attributes:
        model: its name in the studio.
        direction: "ab" or "ba".
        strength: share of the painting, in [0, 1].
        keep_colours: take only the luminance of the painting.
        canvas: as of `load_generator`.
    """

    model: str
    direction: str
    strength: float = 1.0
    keep_colours: bool = False
    canvas: int | str = "auto"


class Painting(NamedTuple):
    """A finished picture, in files.

    Attributes:
        file: the painting, as large as the photo.
        before: the photo, as large as a screen at most.
        after: the same of the painting.
    """

    file: Path
    before: Path
    after: Path


class Studio:
    """Paints files with one of several models; whoever comes meanwhile waits for the next file.

    So the memory that is needed does not depend on how many people ask.

    Args:
        models: what `load_generator` takes, by name.

    Attributes:
        directions: which ways each model translates, by name.

    Raises:
        InputError: if one of them is no trained model, or there is none.
    """

    def __init__(self, models: Mapping[str, str | Path]) -> None:
        if not models:
            raise InputError("no model to paint with; name a run (--run DIR) or --weights NAME.")
        self.directions = {name: directions(model) for name, model in models.items()}
        self._models = dict(models)
        self._load = lru_cache(maxsize=_KEPT)(self._loaded)
        self._busy = threading.Lock()

    def translator(self, model: str, direction: str, canvas: int | str = "auto") -> Translator:
        """The translator of a model, loaded if it is none of the last few.

        Raises:
            InputError: if there is no such model, or it does not go this way.
        """
        if direction not in self.directions.get(model, ()):
            raise InputError(
                f"no model called {model!r} goes {direction}; choose another model or direction."
            )
        return self._load(model, direction, canvas)

    def paint(self, photo: Path, wish: Wish, *, folder: Path, names: FreeNames) -> Painting:
        """Paints a file.

        Args:
            photo: of any kind of picture that `translate` takes.
            wish: how.
            folder: where the files go; it exists.
            names: gives the painting a name that no other file of the folder has.

        Raises:
            InputError: if the file is no picture, or too large, or the wish cannot be fulfilled.
            Fault: if the memory is too small.
        """
        try:
            with self._busy:
                translator = self.translator(wish.model, wish.direction, wish.canvas)
                data = _read(photo)
                pixels = _decoded(translator, data, photo.name)
                options = {"strength": wish.strength, "keep_colours": wish.keep_colours}
                painted = np.asarray(translator.translate(pixels, **options))
                return _written(data, pixels, painted, folder / names.take(photo.stem, ""))
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise Fault(
                f"{photo.name} does not fit into the memory of this machine; reduce it, or choose "
                "a smaller canvas."
            ) from error

    def _loaded(self, model: str, direction: str, canvas: int | str) -> Translator:
        return load_generator(self._models[model], direction, canvas=canvas)


def _read(photo: Path) -> bytes:
    try:
        return read_file(photo, most=MOST_BYTES)
    except OSError as error:
        raise InputError(f"{photo.name} cannot be read ({error.strerror}).") from error


def _decoded(translator: Translator, data: bytes, name: str) -> np.ndarray:
    try:
        return translator.load(data, most_pixels=MOST_PIXELS)
    except ValueError as error:
        raise InputError(f"{name} is no picture: {error}.") from error


def _written(data: bytes, photo: np.ndarray, painted: np.ndarray, place: Path) -> Painting:
    """A JPEG for a JPEG, PNG for all else; for the screen JPEGs."""
    is_jpeg = data.startswith(_JPEG_START) and max(photo.shape) <= LONGEST_SIDES["JPEG"]
    suffix = ".jpg" if is_jpeg else ".png"
    file = place.with_name(place.name + suffix)
    file.write_bytes(encode(painted, FORMATS[suffix]))
    screens = []
    for kind, pixels in (("before", photo), ("after", painted)):
        screens.append(place.parent / kind / f"{place.name}.jpg")
        screens[-1].parent.mkdir(exist_ok=True)
        small = shrink(pixels, ratio=_SCREEN / max(pixels.shape[:2]))
        Image.fromarray(small).save(screens[-1], quality=90, subsampling=0)
    return Painting(file, *screens)
