"""The state of a training as one file: everything that its next step depends on."""

import json
import math
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cyclegan_tf.errors import Fault, InputError, first_line
from cyclegan_tf.io.files import atomic_file, require_file
from cyclegan_tf.models.adversarial import AdversarialModel

_FACTS = "facts"
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Facts:
    """What a state says of itself besides its numbers.

    Attributes:
        step: steps done.
        epoch: epochs done, validation and log included.
        epoch_steps: steps done of the epoch that comes next.
        steps_per_epoch: of the run.
        epochs: that the training was to have.
        trained: whether it has come to its end.
        seconds: of the user's clock, up to here.
        data: hash of the images' names, for each domain.
        versions: of package, TensorFlow and Keras, and the precision.
        memories: what callbacks remember, by the name of their class.
    """

    step: int
    epoch: int
    epoch_steps: int
    steps_per_epoch: int
    epochs: int
    trained: bool
    seconds: float
    data: dict[str, str]
    versions: dict[str, str]
    memories: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class State:
    """A state as it was read.

    Attributes:
        facts: of it.
        means: running means of the logs in the middle of the epoch.
    """

    facts: Facts
    means: list[np.ndarray]


def write_state(
    path: Path, model: AdversarialModel, facts: Facts, means: Sequence[np.ndarray] | None = None
) -> None:
    """Writes the state, one variable after the other; the last one stays until this is complete.

    Args:
        path: of the file, an `.npz`.
        model: networks, averages, pools, seeds, optimizers with loss scale, running means.
        facts: kept with it.
        means: running means of the logs to write in place of those that the model has now.

    Raises:
        DiskFull: if there is no room; it says how much is needed.
        TrainingDiverged: if a number is not finite: such a state is worth nothing.
    """
    variables = _variables(model)
    values: list[keras.Variable | np.ndarray] = list(variables)
    if means is not None:
        values[-len(means) :] = means
    described = {"facts": vars(facts), "variables": _described(variables)}
    size = sum(4 * int(np.prod(v.shape)) for v in values)
    with atomic_file(path, size=size) as partial, zipfile.ZipFile(partial, "w") as archive:
        _write_array(archive, _FACTS, np.frombuffer(json.dumps(described).encode(), np.uint8))
        for number, (variable, value) in enumerate(zip(variables, values, strict=True)):
            array = np.asarray(keras.ops.convert_to_numpy(value))
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise TrainingDiverged.of(variable.path, facts.step)
            _write_array(archive, _entry(number), array)


def read_facts(path: Path) -> Facts:
    """Reads what a state says of itself.

    Raises:
        InputError: if the file cannot be used.
    """
    return _read(path, lambda archive: Facts(**_description(archive)["facts"]))


def restore_state(path: Path, model: AdversarialModel) -> State:
    """Gives a model the numbers of a state.

    Args:
        path: of the file.
        model: compiled, of the same architecture and optimizers; its running means are left
            alone, since `fit` resets them, and come with the result.

    Raises:
        InputError: if the file is damaged or the state of another model; the model is then as it
            was before.
    """
    variables = _variables(model)

    def load(archive: Any) -> tuple[dict[str, Any], list[np.ndarray]]:
        description = _description(archive)
        _require_same(path, description["variables"], _described(variables))
        arrays = [archive[_entry(number)] for number in range(len(variables))]
        found = [["an array", list(a.shape), str(a.dtype)] for a in arrays]
        _require_same(path, found, _described(variables))
        return description, arrays

    description, arrays = _read(path, load)
    count = len(_mean_variables(model))
    for variable, array in list(zip(variables, arrays, strict=True))[:-count]:
        variable.assign(array)
    return State(Facts(**description["facts"]), arrays[-count:])


def set_means(model: AdversarialModel, means: Sequence[np.ndarray]) -> None:
    """Sets the running means of the logs."""
    for variable, array in zip(_mean_variables(model), means, strict=True):
        variable.assign(array)


def current_means(model: AdversarialModel) -> list[np.ndarray]:
    """The running means of the logs as they are now, to be set again."""
    return [keras.ops.convert_to_numpy(v) for v in _mean_variables(model)]


def _variables(model: AdversarialModel) -> list[keras.Variable]:
    """The state, the running means of the logs last."""
    means = _mean_variables(model)
    skipped = {id(v) for v in means}
    return [v for v in model.state_variables if id(v) not in skipped] + means


def _mean_variables(model: AdversarialModel) -> list[keras.Variable]:
    return [v for mean in model.means.values() for v in mean.variables]


def _described(variables: list[keras.Variable]) -> list[list]:
    """Name, shape and type of each; names differ from process to process."""
    return [[v.path, list(v.shape), keras.backend.standardize_dtype(v.dtype)] for v in variables]


def _require_same(path: Path, stored: list[list], ours: list[list]) -> None:
    for (name, *theirs), (_, *here) in zip(stored, ours, strict=False):
        if theirs != here:
            raise InputError(
                f"{path} is the state of another model: {name} is {theirs} there and {here} here; "
                "restore the config.json that belongs to it."
            )
    if len(stored) != len(ours):
        raise InputError(
            f"{path} is the state of another model: it holds {len(stored)} variables, this one has "
            f"{len(ours)}; restore the config.json that belongs to it."
        )


def _read(path: Path, load: Any) -> Any:
    try:
        require_file(path)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return load(archive)
    except InputError:
        raise
    except (*_DAMAGED, TypeError, IndexError) as error:
        raise InputError(
            f"{path} is damaged ({first_line(error)}); restore it from a copy, or remove it to "
            "train from the beginning."
        ) from error


def _description(archive: Any) -> dict[str, Any]:
    return json.loads(archive[_FACTS].tobytes())


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def _entry(number: int) -> str:
    return f"variables/{number:05d}"


@dataclass(frozen=True)
class Start:
    """Where a training goes on.

    Attributes:
        step: steps done in all.
        epoch: epochs done.
        epoch_steps: steps done of the epoch that comes next.
        means: running means of the logs of these steps; none are needed where there are none.
    """

    step: int = 0
    epoch: int = 0
    epoch_steps: int = 0
    means: Sequence[np.ndarray] = ()


class TrainingDiverged(Fault):
    """A loss or a weight became NaN or infinite."""

    @classmethod
    def of(cls, name: str, step: int, value: float = math.nan) -> "TrainingDiverged":
        """With the remedies, for what became of one number."""
        return cls(
            f"{name} became {value} at step {step}; the last good state is kept. Try a lower "
            "--learning-rate, or --precision float32 in a new run."
        )
