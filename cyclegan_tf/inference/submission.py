"""images.zip: the competition's submission, written once, under a temporary name until checked."""

import io
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from cyclegan_tf.data.dataset import DataSet, ImageSet, largest_side
from cyclegan_tf.data.image import encode_jpeg, load_upright, to_float, to_uint8
from cyclegan_tf.data.layouts import find_layout
from cyclegan_tf.data.pipeline import image_batches
from cyclegan_tf.data.reader import Source, open_source
from cyclegan_tf.data.sources import SquarePictures, to_square
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.compiled import CompiledGenerator
from cyclegan_tf.inference.translator import Picture, Translator, in_batches, to_pixels
from cyclegan_tf.inference.worklist import survey
from cyclegan_tf.io import display
from cyclegan_tf.io.files import user_path
from cyclegan_tf.io.outputs import is_file_name, open_zip, same_file
from cyclegan_tf.io.parallel import FAR_AHEAD, in_order

SIZE = 256  # pixels a side, set by the competition
FEWEST, MOST = 7_000, 10_000  # images the competition accepts

_SUFFIX = ".jpg"
_BATCH = 16  # photos that are translated together
_TIMED_SECONDS = 5.0  # of translations that tell how long the others take
_CHECK_SECONDS = 3e-4  # an image, to read the zip back

Translate = Callable[[np.ndarray], np.ndarray]
NamedPictures = tuple[Sequence[str], Iterable[Picture]]


def write_submission(
    path: str | Path,
    photos: str | Path | DataSet | NamedPictures,
    generator: Translator | keras.Model,
) -> int:
    """Writes the translations of photos as the competition takes them: 256 x 256 JPEGs in a zip.

    Each photo is shown as its centred square at 256 pixels. A warning says so if the competition
    would refuse the number of images.

    Args:
        path: of the zip; what stood there is replaced only by a complete one.
        photos: a folder, a zip or TFRecords of images; a data set (its folder, or what
            `build_data_set` returns), of which domain A is translated; or a pair of names and as
            many pictures, each a path, an open image or an `(h, w, 3)` uint8 array.
        generator: what `load_generator` returns, or a Keras model from `(n, h, w, 3)` float32 in
            [-1, 1] to the same.

    Returns:
        The number of images written.

    Raises:
        InputError: if a photo cannot be read, or the zip cannot be written.
        DiskFull: if there is no room for it.
        ValueError: if there are not as many names as pictures, or the model changes their shape.

    Example:
        >>> import cyclegan_tf as cg
        >>> cg.write_submission("images.zip", "photos", cg.load_generator("runs/monet"))
        2
    """
    translator = generator if isinstance(generator, Translator) else Translator(generator)
    names, squares = _named_squares(photos, translator)
    batches = map(to_float, in_batches(squares, _BATCH))
    count = write_translations(user_path(path), names, batches, translator.batch)
    if warning := count_warning(count):
        print(f"warning: {warning}", file=sys.stderr)
    return count


def write_translations(
    path: Path, names: Sequence[str], batches: Iterable[np.ndarray], translate: Translate
) -> int:
    """Translates photos and writes them as 256 x 256 JPEGs into a zip, one entry a photo.

    Encoding runs in threads while the next batch is translated.

    Args:
        path: of the zip; what stood there is replaced only by a complete one.
        names: of the photos; doubles and what is no file name become numbers.
        batches: the photos, `(n, 256, 256, 3)` float32 in [-1, 1], in the order of the names.
        translate: maps such a batch to its paintings.

    Returns:
        The number of images written.

    Raises:
        InputError: if the zip cannot be written.
        DiskFull: if there is no room for it.
        ValueError: if the zip does not hold one 256 x 256 RGB JPEG for each name.
    """
    entries = entry_names(names)
    with (
        open_zip(path, check=partial(check_submission, count=len(names))) as put,
        display.bar(len(names), title=path.name) as bar,
    ):
        for entry, jpeg in zip(entries, _jpegs(batches, translate), strict=True):
            put(entry, jpeg)
            bar.update()
    return len(names)


def submit_photos(path: Path, photos: ImageSet, generator: CompiledGenerator) -> None:
    """Writes the translations of photos as `write_translations` does, and says how many there are.

    Args:
        path: of the zip.
        photos: all that the competition wants translated.
        generator: translates them.

    Raises:
        InputError: as `write_translations` does.
        DiskFull: as `write_translations` does.
    """
    batches = image_batches(photos, image_size=SIZE, batch_size=generator.batch_size)
    count = write_translations(path, photos.names, batches, generator)
    print(f"submission: {path}, {count:,} images")
    if warning := count_warning(count):
        print(f"warning: {warning}", file=sys.stderr)


def submission_seconds(
    photos: ImageSet, generator: CompiledGenerator, *, batches: int = 4
) -> float:
    """How long `submit_photos` will take, by what it takes for a few batches.

    Args:
        photos: all that are to be translated.
        generator: translates them.
        batches: that are timed; two, where they take long.
    """
    size, done = generator.batch_size, []
    few = image_batches(photos.spread(batches * size), image_size=SIZE, batch_size=size)

    def some() -> Iterator[np.ndarray]:
        for batch in few.repeat().take(1 + batches):
            yield batch
            if len(done) > 2 and done[-1] - done[0] > _TIMED_SECONDS:
                return

    def timed(batch: np.ndarray) -> np.ndarray:
        painted = generator(batch)
        done.append(time.monotonic())
        return painted

    for _ in _jpegs(some(), timed):
        pass
    # the first one compiles; the others stand beside decoding and encoding, as they will
    a_batch = (done[-1] - done[0]) / (len(done) - 1)
    return a_batch * -(-len(photos) // size) + _CHECK_SECONDS * len(photos)


def _jpegs(batches: Iterable[np.ndarray], translate: Translate) -> Iterator[bytes]:
    """Encodes in threads while the next batch is translated."""
    painted = (picture for batch in batches for picture in to_uint8(translate(batch)))
    return in_order(encode_jpeg, painted, ahead=FAR_AHEAD)


def check_submission(path: Path, count: int) -> None:
    """Reads the zip back.

    Raises:
        ValueError: if it does not hold exactly `count` RGB JPEGs of 256 x 256 pixels.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.namelist()
        if len(set(entries)) != count:
            raise ValueError(f"{path} holds {len(set(entries))} images; expected {count}.")
        for entry in entries:
            with Image.open(io.BytesIO(archive.read(entry))) as image:
                found = (image.format, image.mode, image.size)
            if found != ("JPEG", "RGB", (SIZE, SIZE)):
                raise ValueError(f"{path}: {entry} is {found}; expected an RGB JPEG of {SIZE} px.")


def count_warning(count: int) -> str | None:
    """What the competition would say about this number of images; None if it is right."""
    if FEWEST <= count <= MOST:
        return None
    return f"images.zip holds {count:,} images; the competition asks for {FEWEST:,} to {MOST:,}."


def entry_names(names: Sequence[str]) -> list[str]:
    """File names inside the zip: `NAME.jpg`, or 1.jpg, 2.jpg, ... if the names cannot serve."""
    distinct = len(set(map(same_file, names)))
    usable = distinct == len(names) and all(map(is_file_name, names))
    return [f"{name}.jpg" for name in (names if usable else range(1, len(names) + 1))]


def _named_squares(
    photos: str | Path | DataSet | NamedPictures, translator: Translator
) -> tuple[Sequence[str], Iterable[np.ndarray]]:
    """Names, and `(SIZE, SIZE, 3)` uint8 pictures, decoded one by one."""
    if isinstance(photos, DataSet):
        domain = photos.all_a()
        return domain.names, SquarePictures("photos", domain, SIZE)
    decode = partial(load_upright, shrink_above=largest_side(SIZE), levels=translator.levels)
    if isinstance(photos, str | Path):
        sources = _photo_sources(user_path(photos))
        work = survey(sources, lambda *_: (SIZE, SIZE), suffix=_SUFFIX, load=decode)
        names = [name.removesuffix(_SUFFIX) for name in work.names]
        return names, (to_square(decode(encoded), SIZE) for _, _, encoded in work)
    names, pictures = photos
    return names, (to_square(to_pixels(picture, decode), SIZE) for picture in pictures)


def _photo_sources(path: Path) -> list[Source]:
    """The photos of a data set, or else those of the path itself."""
    try:
        layout = find_layout(path)
    except InputError:
        return [open_source(path, single=True)]
    return [source for source in (layout.a, layout.test_a) if source]
