"""Shipped weights: trained generators that travel with the package, each in one small file.

The file is an archive of NumPy arrays, which runs no code when it is read: the settings of the run
as JSON, and the weights in half precision.
"""

import json
import zipfile
import zlib
from collections.abc import Sequence
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
    """The names of the weights that travel with the package."""
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
    """Writes a generator into a file, in half precision.

    Args:
        path: of the file; one that is there stays until the new one is complete.
        generator: to write.

    Raises:
        InputError: if a weight is beyond what half precision can hold, or is none.
        DiskFull: if there is no room.
    """
    description = {"direction": generator.direction, "settings": generator.settings}
    with np.errstate(over="ignore"):  # told below
        halves = [weight.astype(np.float16) for weight in generator.weights]
    if not all(np.isfinite(half).all() for half in halves):
        raise InputError(
            "some weights of this run are infinite in half precision; export one that has not "
            "diverged."
        )
    arrays = {f"{place:04d}": half for place, half in enumerate(halves)}
    with atomic_file(path) as partial:
        np.savez_compressed(partial, **{_DESCRIPTION: np.array(json.dumps(description))}, **arrays)


def read_generator(path: Path, direction: str) -> PackedGenerator:
    """Reads what `write_generator` wrote; nothing in the file is run.

    Args:
        path: of the file.
        direction: which way the generator must go.

    Raises:
        InputError: if there is no such file, it is none of this kind, or goes the other way.
    """
    try:
        require_file(path, most=_MOST)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            names = sorted(set(archive.files) - {_DESCRIPTION})
            weights = [archive[name].astype(np.float32) for name in names]
            found = json.loads(archive[_DESCRIPTION].item())
            packed = PackedGenerator(found["direction"], dict(found["settings"]), weights)
    except _DAMAGED as error:
        raise InputError(
            f"{path} holds no generator ({first_line(error)}); expected a file that export wrote."
        ) from error
    if packed.direction != direction:
        raise InputError(
            f"{path} holds a generator that goes {packed.direction}; expected one that goes "
            f"{direction} (--direction)."
        )
    return packed
