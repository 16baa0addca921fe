"""Inception features of pictures, in batches, cached; and the graph fetched where it is missing."""

import contextlib
import gzip
import hashlib
import json
import os
import shutil
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import keras
import numpy as np

from cyclegan_tf.errors import InputError
from cyclegan_tf.io import display as progress
from cyclegan_tf.io.files import DiskFull, replacing
from cyclegan_tf.metrics.inception import Inception

ARCHIVE_URL = "http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz"
GRAPH_NAME = "classify_image_graph_def.pb"  # in the archive

_BATCH_PIXELS = 2**22  # of a batch, as float32 about 50 MB: large pictures come in smaller batches


class Pictures(Protocol):
    """A set of pictures of one size, which come in the same order in every pass.

    Iterating yields `(h, w, 3)` uint8.

    Attributes:
        title: what the set is called in errors and progress bars.
        digest: hash of all that the pixels depend on.
    """

    title: str
    digest: str

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[np.ndarray]: ...


def cache_folder() -> Path:
    """Where graph and features are kept: `CYCLEGAN_TF_CACHE`, else `~/.cache/cyclegan_tf`."""
    try:
        return Path(os.environ.get("CYCLEGAN_TF_CACHE") or "~/.cache/cyclegan_tf").expanduser()
    except RuntimeError:  # a container's user without a home folder
        return Path(tempfile.gettempdir()) / "cyclegan_tf"


def default_inception(
    *, url: str = ARCHIVE_URL, cache: Path | None = None, archive_sha256: str | None = None
) -> Path:
    """The original graph, fetched on the first call and checked on every later one.

    As no hash of the archive is known beforehand, the first download's is recorded beside the
    graph, with the graph's own: the stored graph and any later download must match the record.

    Args:
        url: of the archive that holds `classify_image_graph_def.pb`.
        cache: folder to keep the graph in; by default that of `cache_folder()`.
        archive_sha256: what the archive's SHA-256 must be, if it is known after all.

    Raises:
        InputError: if the archive cannot be fetched or is damaged, if a hash does not match, or
            if the folder cannot be written. Nothing half-written stays in it.
    """
    folder = (cache or cache_folder()) / "inception-2015-12-05"
    graph, record_file = folder / GRAPH_NAME, folder / "download.json"
    record = _read_record(record_file)
    expected = archive_sha256 or record.get("archive_sha256")
    try:
        if graph.exists() and record and record["archive_sha256"] == expected:
            _require_hash(graph, record["graph_sha256"], folder)
            return graph
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=folder) as partial:
            archive = _fetch(url, Path(partial))
            found = _require_hash(archive, expected, folder, name=url)
            unpacked = _unpack(archive, name=url)
            hashes = {"url": url, "archive_sha256": found, "graph_sha256": _sha256(unpacked)}
            new_record = Path(partial) / record_file.name
            new_record.write_text(json.dumps(hashes, indent=2) + "\n")
            new_record.replace(record_file)
            unpacked.replace(graph)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be used ({error.strerror}); set CYCLEGAN_TF_CACHE to a folder that "
            "can be written, or give the graph with --inception PATH."
        ) from error
    return graph


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
    with progress.bar(count, title=title) as bar:
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


def _read_record(path: Path) -> dict[str, str]:
    """The hashes of the first download; empty if there was none."""
    try:
        record = json.loads(path.read_text())
        return {key: str(record[key]) for key in ("archive_sha256", "graph_sha256")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # without its record the graph is fetched anew


def _require_hash(path: Path, expected: str | None, folder: Path, *, name: object = None) -> str:
    """The file's SHA-256, which must be `expected` unless that is None."""
    found = _sha256(path)
    if found != (expected or found):
        raise InputError(
            f"{name or path} has SHA-256 {found}; expected {expected}, so it was changed or "
            f"damaged. Delete {folder} and fetch it again, or give a graph that you trust with "
            "--inception PATH."
        )
    return found


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def _fetch(url: str, folder: Path) -> Path:
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout belongs to the command's results
            archive = keras.utils.get_file(
                "archive.tgz", url, cache_dir=str(folder), cache_subdir=""
            )
    except Exception as error:  # Keras raises bare Exceptions; a broken socket raises its own
        reason = str(error).removeprefix(f"URL fetch failure on {url}: ").removeprefix("None -- ")
        raise InputError(
            f"{url} cannot be fetched ({reason}); fetch it elsewhere (on Kaggle, attach it as a "
            f"data set), unpack {GRAPH_NAME} from it, and give that with --inception PATH."
        ) from error
    return Path(archive)


def _unpack(archive: Path, *, name: str) -> Path:
    """Unpacks the graph beside the archive."""
    target = archive.with_name(GRAPH_NAME)
    try:
        with tarfile.open(archive, "r:gz") as files:
            members = [m for m in files if m.isfile() and Path(m.name).name == GRAPH_NAME]
            if not members:
                raise tarfile.ReadError("it is not in there")
            # copied, not extracted: the archive's own paths go nowhere
            with files.extractfile(members[0]) as member, target.open("wb") as file:
                shutil.copyfileobj(member, file)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{name} is no archive with {GRAPH_NAME} ({error}); look at it in a browser, or give "
            "the graph with --inception PATH."
        ) from error
    return target


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
        with replacing(path, size=features.nbytes) as partial, partial.open("wb") as file:
            np.savez(file, features=features)
    except (OSError, DiskFull) as error:
        reason = getattr(error, "strerror", None) or error
        print(
            f"warning: {path.parent} cannot be written ({reason}): these features will be "
            "computed again; set CYCLEGAN_TF_CACHE to a folder that can.",
            file=sys.stderr,
        )
