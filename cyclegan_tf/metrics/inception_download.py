"""The frozen Inception graph of 2015-12-05: fetched once, checked, kept."""

import contextlib
import gzip
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path

import keras

from cyclegan_tf.errors import InputError

ARCHIVE_URL = "https://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz"
GRAPH_NAME = "classify_image_graph_def.pb"  # in the archive
# Google has published none. This is the one of the copy of 95,673,916 bytes, as many as in the
# archive, that OpenAI's guided-diffusion computes FID with (evaluations/evaluator.py,
# https://openaipublic.blob.core.windows.net/diffusion/jul-2021/ref_batches/GRAPH_NAME); several
# projects that use that copy have written it down, all the same.
GRAPH_SHA256 = "009d6814d1bc560d4e7b236e170e9b2d5ca6f4b57bd8037f6db05776204415c6"


def cache_folder() -> Path:
    """Where graph and features are kept: `CYCLEGAN_TF_CACHE`, else `~/.cache/cyclegan_tf`."""
    try:
        return Path(os.environ.get("CYCLEGAN_TF_CACHE") or "~/.cache/cyclegan_tf").expanduser()
    except RuntimeError:  # a container's user without a home folder
        return Path(tempfile.gettempdir()) / "cyclegan_tf"


def default_inception(
    *, url: str = ARCHIVE_URL, cache: Path | None = None, graph_sha256: str = GRAPH_SHA256
) -> Path:
    """The original graph, fetched on the first call, and checked on every one.

    Args:
        url: of the archive that holds `classify_image_graph_def.pb`.
        cache: folder to keep the graph in; by default that of `cache_folder()`.
        graph_sha256: what the graph's SHA-256 must be.

    Raises:
        InputError: if the archive cannot be fetched or is damaged, if the hash does not match, or
            if the folder cannot be written. Nothing half-written stays in it.
    """
    folder = (cache or cache_folder()) / "inception-2015-12-05"
    graph = folder / GRAPH_NAME
    try:
        if graph.exists():
            _require_hash(graph, graph_sha256, str(graph), f"Delete {folder} and fetch it again")
            return graph
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=folder) as partial:
            unpacked = _unpack(_fetch(url, Path(partial)), name=url)
            name = f"{url}: its {GRAPH_NAME}"
            _require_hash(unpacked, graph_sha256, name, "Fetch it again")
            unpacked.replace(graph)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be used ({error.strerror}); set CYCLEGAN_TF_CACHE to a folder that "
            "can be written, or give the graph with --inception PATH."
        ) from error
    return graph


def _require_hash(path: Path, expected: str, name: str, remedy: str) -> None:
    found = _sha256(path)
    if found != expected:
        raise InputError(
            f"{name} has SHA-256 {found}; expected {expected}, so it was changed or damaged. "
            f"{remedy}, or give a graph that you trust with --inception PATH."
        )


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
