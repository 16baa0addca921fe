"""Shipped weights: trained generators that come with the package, each in one small file.

The file is an archive of NumPy arrays, which runs no code when it is read: the settings of the run
as JSON, the kernels of convolutions in 8 bits, and all other weights in half precision.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cyclegan_tf.errors import InputError, first_line
from cyclegan_tf.io.files import atomic_file, require_file

DEFAULT_WEIGHTS = "monet"
SUFFIX = ".npz"

_FOLDER = Path(__file__).parent / "weights"  # of NAME_ab.npz, NAME_ba.npz
_DESCRIPTION = "description"
_KERNEL = 4  # dimensions
_SCALE = "_scale"
_MOST = 2**28  # bytes of a file
_DAMAGED = (
    OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError,
    TypeError, AttributeError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True)
class PackedGenerator:
    """A trained generator as its file holds it.

    Attributes:
        direction: "ab" or "ba".
        settings: of its run, as `config.json` has them, without places on the disk.
        weights: float32, in the order of the network's own.
    """

    direction: str
    settings: dict[str, Any]
    weights: Sequence[np.ndarray]


def shipped_names() -> list[str]:
    """The names of the weights that come with the package."""
    return sorted({path.stem[:-3] for path in _FOLDER.glob(f"*{SUFFIX}")})


def find_weights(name: str, direction: str) -> Path:
    """The file of shipped weights, or any other of the kind.

    Args:
        name: of shipped weights, or the path of a file NAME.npz that `export` wrote.
        direction: "ab" or "ba".

    Raises:
        InputError: if none of this name go this way; it lists those there are.
    """
    if name.endswith(SUFFIX):
        return Path(name)
    files = {path.stem: path for path in sorted(_FOLDER.glob(f"*{SUFFIX}"))}
    if file := files.get(f"{name}_{direction}"):
        return file
    there = [f"{stem[:-3]} ({stem[-2:]})" for stem in files] or ["none"]
    raise InputError(
        f"no shipped weights are called {name!r} and go {direction}; there are: "
        f"{', '.join(there)}. Name one of these, a file of export, or a trained run (--run DIR)."
    )


def write_generator(path: Path, generator: PackedGenerator) -> None:
    """Writes a generator into a file: kernels in 8 bits, other weights in half precision.

    Args:
        path: of the file; one that is there stays until the new one is complete.
        generator: to write.

    Raises:
        InputError: if a weight is beyond what half precision can hold, or is none.
        DiskFull: if there is no room.
    """
    description = {"direction": generator.direction, "settings": generator.settings}
    arrays = {}
    for place, weight in enumerate(generator.weights):
        arrays |= _packed(f"{place:04d}", weight)
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise InputError(
            "some weights of this run are infinite in half precision; export one that has not "
            "diverged."
        )
    with atomic_file(path) as partial:
        np.savez_compressed(partial, **{_DESCRIPTION: np.array(json.dumps(description))}, **arrays)


def _packed(name: str, weight: np.ndarray) -> dict[str, np.ndarray]:
    """What the file holds of a weight: halves, or of a kernel bytes and a scale for each filter."""
    with np.errstate(over="ignore"):  # infinity is told by who asked
        if weight.ndim != _KERNEL:
            return {name: weight.astype(np.float16)}
        # never 0, where a filter is; and rounded first, so that the bytes fit what will be read
        scale = np.maximum(np.abs(weight).max(axis=(0, 1, 2)) / 127, 1e-6).astype(np.float16)
    steps = np.rint(weight / np.float32(scale)).clip(-127, 127)
    return {name: np.nan_to_num(steps).astype(np.int8), name + _SCALE: scale}


def _unpacked(archive: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    names = sorted(n for n in archive if n != _DESCRIPTION and not n.endswith(_SCALE))
    one = np.ones(1, np.float32)
    return [archive[n].astype(np.float32) * np.float32(archive.get(n + _SCALE, one)) for n in names]


def read_generator(path: Path, direction: str | None) -> PackedGenerator:
    """Reads what `write_generator` wrote; nothing in the file is run.

    Args:
        path: of the file.
        direction: which way the generator must go; None: any.

    Raises:
        InputError: if there is no such file, it is none of this kind, or goes the other way.
    """
    try:
        require_file(path, most=_MOST)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            weights = _unpacked(archive)
            found = json.loads(archive[_DESCRIPTION].item())
            packed = PackedGenerator(found["direction"], dict(found["settings"]), weights)
    except _DAMAGED as error:
        raise InputError(
            f"{path} holds no generator ({first_line(error)}); expected a file that export wrote."
        ) from error
    if direction and packed.direction != direction:
        raise InputError(
            f"{path} holds a generator that goes {packed.direction}; expected one that goes "
            f"{direction} (--direction)."
        )
    return packed
