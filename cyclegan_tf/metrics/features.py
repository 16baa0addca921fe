"""Inception features of pictures, in batches, cached; and the graph fetched where it is missing."""

import hashlib
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from cyclegan_tf.data.sources import Pictures
from cyclegan_tf.errors import InputError
from cyclegan_tf.io import display
from cyclegan_tf.io.files import DiskFull, atomic_file
from cyclegan_tf.metrics.inception import Inception
from cyclegan_tf.metrics.inception_download import cache_folder

_BATCH_PIXELS = 2**22  # of a batch, as float32 about 50 MB: large pictures come in smaller batches


def extract(
    inception: Inception,
    pictures: Iterable[np.ndarray],
    *,
    count: int,
    batch_size: int = 8,
    title: str = "",
) -> np.ndarray:
    """Features of many pictures, batch by batch, with a progress bar on stderr.

    Args:
        inception: the graph.
        pictures: `count` arrays `(h, w, 3)` uint8, all of one size; each is read once.
        count: how many there are.
        batch_size: pictures that go through the graph at a time, fewer if they are large.
        title: what the progress bar says.

    Returns:
        `(count, dimensions)` float32, in the order of the pictures.

    Raises:
        InputError: if the sizes differ.
        ValueError: if there are more or fewer pictures than `count`.
    """
    features = np.empty((count, inception.dimensions), np.float32)
    done = 0
    with display.bar(count, title=title) as bar:
        for batch, used in _batches(pictures, min(batch_size, count)):
            if done + used > count:
                raise ValueError(f"There are more pictures than `count`. Received: count={count}")
            features[done : done + used] = inception(batch)[:used]
            done += used
            bar.update(used)
    if done != count:
        raise ValueError(f"There are only {done} pictures. Received: count={count}")
    return features


def cached_features(
    inception: Inception,
    pictures: Pictures,
    *,
    batch_size: int = 8,
    cache: Path | None = None,
) -> np.ndarray:
    """Features of a set, computed once for the same pictures, graph and layer.

    A cache that cannot be written costs one line of warning, a damaged one is computed anew.

    Args:
        inception: the graph.
        pictures: the set.
        batch_size: as in `extract`.
        cache: folder; by default that of `cache_folder()`.

    Returns:
        `(len(pictures), dimensions)` float32, in the order of the pictures.

    Raises:
        InputError: if a file has become unreadable since the set was opened.
    """
    shape = (len(pictures), inception.dimensions)
    contents = f"{pictures.digest} {inception.digest} {inception.layer}"
    key = hashlib.sha256(contents.encode()).hexdigest()
    path = (cache or cache_folder()) / "features" / f"{key}.npz"
    features = _load_features(path, shape)
    if features is None:
        features = extract(
            inception, pictures, count=shape[0], batch_size=batch_size, title=pictures.title
        )
        _save_features(path, features)
    return features


def _batches(pictures: Iterable[np.ndarray], batch_size: int) -> Iterator[tuple[np.ndarray, int]]:
    """Yields `(n, h, w, 3)` uint8, and how many of them are pictures.

    The last batch is filled up with black ones: on a GPU every new size costs a search for the
    fastest kernels.
    """
    batch: list[np.ndarray] = []
    for number, picture in enumerate(pictures, start=1):
        if number == 1:
            shape = picture.shape
            batch_size = max(1, min(batch_size, _BATCH_PIXELS // (shape[0] * shape[1])))
        if picture.shape != shape:
            raise InputError(
                f"Picture {number} is {picture.shape[1]} x {picture.shape[0]}, those before it "
                f"are {shape[1]} x {shape[0]} pixels; expected one size. Resize them."
            )
        batch.append(picture)
        if len(batch) == batch_size:
            yield np.stack(batch), batch_size
            batch = []
    if batch:
        missing = batch_size - len(batch)
        yield np.stack(batch + [np.zeros_like(batch[0])] * missing), len(batch)


def _load_features(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """What is stored, or None if it is nothing, or nothing that can be used."""
    try:
        # opened here: NumPy leaves a damaged file open
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            features = stored["features"]
        if features.shape == shape and features.dtype == np.float32:
            return features
        found = f"{features.shape} {features.dtype}"
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        found = str(error)
    print(f"warning: {path} cannot be used ({found}); computing again.", file=sys.stderr)
    return None


def _save_features(path: Path, features: np.ndarray) -> None:
    try:
        with atomic_file(path, size=features.nbytes) as partial, partial.open("wb") as file:
            np.savez(file, features=features)
    except (OSError, DiskFull) as error:
        reason = getattr(error, "strerror", None) or error
        print(
            f"warning: {path.parent} cannot be written ({reason}): these features will be "
            "computed again; set CYCLEGAN_TF_CACHE to a folder that can.",
            file=sys.stderr,
        )
