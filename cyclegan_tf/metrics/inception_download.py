"""The frozen Inception graph of 2015-12-05: fetched once, checked, kept."""

import contextlib
import gzip
import hashlib
import json
import os
import shutil
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path

import keras

from cyclegan_tf.errors import InputError

ARCHIVE_URL = "http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz"
GRAPH_NAME = "classify_image_graph_def.pb"  # in the archive


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
