"""The state of a training as one file: everything that its next step depends on."""

import dataclasses
import json
import math
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np

from cyclegan_tf.errors import Fault, InputError, first_line
from cyclegan_tf.io.files import atomic_file, require_file
from cyclegan_tf.models.adversarial import AdversarialModel
from cyclegan_tf.models.optimizers import moments

Result = TypeVar("Result")
Variables = dict[str, keras.Variable]
Described = dict[str, list]  # path, shape and type of each variable

_METADATA = "facts"  # what earlier versions call it, too
_RENAMED = {"memories": "states"}  # fields of the metadata that had another name
_MEANS = "means/"
_DAMAGED = (
    OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error,
    TypeError, IndexError, AttributeError,
)  # fmt: skip


@dataclass(frozen=True)
class CheckpointMetadata:
    """What a state says of itself besides its numbers.

    Attributes:
        step: steps done.
        epoch: epochs done, validation and log included.
        epoch_steps: steps done of the epoch that comes next.
        steps_per_epoch: of the run; 0: not told.
        epochs: that the training was to have.
        trained: whether it has come to its end.
        seconds: of the user's clock, up to here.
        data: hash of the images' names, for each domain.
        versions: of package, TensorFlow and Keras, and the precision.
        states: what callbacks go on with, by their `state_key`.
    """

    step: int = 0
    epoch: int = 0
    epoch_steps: int = 0
    steps_per_epoch: int = 0
    epochs: int = 0
    trained: bool = False
    seconds: float = 0.0
    data: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "CheckpointMetadata":
        """Reads what any version wrote: what is not told has its default, what is new is left."""
        known = {f.name for f in dataclasses.fields(cls)}
        named = {_RENAMED.get(key, key): value for key, value in values.items()}
        return cls(**{key: value for key, value in named.items() if key in known})


@dataclass(frozen=True)
class State:
    """A state as it was read.

    Attributes:
        metadata: of it.
        means: running means of the logs in the middle of the epoch.
    """

    metadata: CheckpointMetadata
    means: list[np.ndarray]


def write_state(
    path: Path,
    model: AdversarialModel,
    metadata: CheckpointMetadata,
    means: Sequence[np.ndarray] | None = None,
) -> None:
    """Writes the state, one variable after the other; the last one stays until this is complete.

    Args:
        path: of the file, an `.npz`.
        model: networks, averages, pools, seeds, optimizers with loss scale, running means.
        metadata: kept with it.
        means: running means of the logs to write in place of those that the model has now.

    Raises:
        DiskFull: if there is no room; it says how much is needed.
        TrainingDiverged: if a number is not finite: such a state is worth nothing.
    """
    variables = named_variables(model)
    values: dict[str, keras.Variable | np.ndarray] = dict(variables)
    if means is not None:
        values |= zip(_of_means(variables), means, strict=True)
    described = {_METADATA: vars(metadata), "variables": _described(variables)}
    size = sum(4 * int(np.prod(v.shape)) for v in values.values())
    with atomic_file(path, size=size) as partial, zipfile.ZipFile(partial, "w") as archive:
        _write_array(archive, _METADATA, np.frombuffer(json.dumps(described).encode(), np.uint8))
        for name, value in values.items():
            array = np.asarray(keras.ops.convert_to_numpy(value))
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise TrainingDiverged.of(variables[name].path, metadata.step)
            _write_array(archive, name, array)


def read_metadata(path: Path) -> CheckpointMetadata:
    """Reads what a state says of itself.

    Raises:
        InputError: if the file cannot be used.
    """
    return _read(path, _metadata)


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
    variables = named_variables(model)

    def load(archive: Any) -> tuple[CheckpointMetadata, dict[str, np.ndarray]]:
        ours = _described(variables)
        described, entries = _stored(path, archive, list(variables))
        _require_same(path, described, ours)
        arrays = {name: archive[entries[name]] for name in variables if name in entries}
        found = {n: [described[n][0], list(a.shape), str(a.dtype)] for n, a in arrays.items()}
        _require_same(path, found, ours)
        return _metadata(archive), arrays

    metadata, arrays = _read(path, load)
    means = _of_means(variables)
    for name, variable in variables.items():
        if not name.startswith(_MEANS):
            variable.assign(arrays[name])
    # one that the log did not have yet begins in the middle of the epoch
    zero = np.zeros((), np.float32)
    return State(metadata, [arrays.get(name, zero) for name in means])


def set_means(model: AdversarialModel, means: Sequence[np.ndarray]) -> None:
    """Sets the running means of the logs."""
    for variable, array in zip(_mean_variables(model).values(), means, strict=True):
        variable.assign(array)


def current_means(model: AdversarialModel) -> list[np.ndarray]:
    """The running means of the logs as they are now, to be set again."""
    return [keras.ops.convert_to_numpy(v) for v in _mean_variables(model).values()]


def named_variables(model: AdversarialModel) -> Variables:
    """All that the next step depends on, by owner and place: `generator_ab/0003`.

    So a number finds its place in whatever order the parts of a model are made. The moments of an
    optimizer are named after the weights that they belong to.

    Returns:
        The variables, in the order of the files of earlier versions, which only number them.
    """
    named = {"total_steps": model.total_steps, "step_number": model.step_number}
    named |= {"random": model.random.state}
    for name, part in _networks_and_pools(model).items():
        named |= _placed(name, part.variables)
    weights = {id(variable): name for name, variable in named.items()}
    optimizers: Variables = {}
    players = _named(model, (model.generator_optimizer, model.discriminator_optimizer))
    for name, optimizer in players.items():
        optimizers |= _of_optimizer(name, optimizer, weights)
    means = _mean_variables(model)
    known = {id(v) for part in (named, optimizers, means) for v in part.values()}
    others = [v for v in model.state_variables if id(v) not in known]  # of a user's own model
    return named | _placed("others", others) | optimizers | means


def _networks_and_pools(model: AdversarialModel) -> dict[str, keras.layers.Layer]:
    generators = _named(model, model.generators)
    parts = generators | _named(model, model.discriminators)
    if model.stabilizers.ema_decay:
        averages = zip(generators, model.averages, strict=True)
        parts |= {f"{name}_ema": average for name, average in averages}
    return parts | _named(model, model.pools)


def _named(model: AdversarialModel, parts: Iterable[Any]) -> dict[str, Any]:
    """Parts of a model by the names of its attributes; those of networks may be a user's own."""
    names = {id(part): name for name, part in vars(model).items()}
    return {names.get(id(part), part.name): part for part in parts}


def _of_optimizer(name: str, optimizer: Any, weights: dict[int, str]) -> Variables:
    moment_of = moments(optimizer)
    named = {}
    for place, variable in enumerate(optimizer.variables):
        moment, weight = moment_of.get(id(variable), ("", None))
        owner = weights.get(id(weight))
        named[f"{name}/{owner}/{moment}" if owner else f"{name}/{place:04d}"] = variable
    return named


def _mean_variables(model: AdversarialModel) -> Variables:
    named = {}
    for key, mean in model.means.items():
        named |= _placed(f"{_MEANS}{key}", mean.variables)
    return named


def _placed(owner: str, variables: Sequence[keras.Variable]) -> Variables:
    return {f"{owner}/{place:04d}": variable for place, variable in enumerate(variables)}


def _of_means(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(_MEANS)]


def _described(variables: Variables) -> Described:
    """Path, shape and type of each; paths differ from process to process."""
    kind = keras.backend.standardize_dtype
    return {name: [v.path, list(v.shape), kind(v.dtype)] for name, v in variables.items()}


def _stored(path: Path, archive: Any, names: Sequence[str]) -> tuple[Described, dict[str, str]]:
    """What a file holds: the description and the entry of each variable, by name.

    Args:
        path: of the file.
        archive: the file.
        names: of the model's variables, in the order in which earlier versions numbered them.
    """
    stored = _description(archive)["variables"]
    if not isinstance(stored, list):
        return stored, {name: name for name in stored}
    if len(stored) != len(names):
        raise InputError(
            f"{path} is the state of another model: it holds {len(stored)} variables, this one has "
            f"{len(names)}; restore the config.json that belongs to it."
        )
    entries = {name: f"variables/{number:05d}" for number, name in enumerate(names)}
    return dict(zip(names, stored, strict=True)), entries


def _require_same(path: Path, stored: Described, ours: Described) -> None:
    """Refuses other variables; the log may have had other means."""
    for name in stored | ours:
        where, *theirs = stored.get(name) or ["", "missing"]
        here, *own = ours.get(name) or ["", "missing"]
        if theirs == own or (name.startswith(_MEANS) and ["missing"] in (theirs, own)):
            continue
        raise InputError(
            f"{path} is the state of another model: {name} ({where or here}) is "
            f"{', '.join(map(str, theirs))} there and {', '.join(map(str, own))} here; restore the "
            "config.json that belongs to it."
        )


def _read(path: Path, load: Callable[[Any], Result]) -> Result:
    try:
        require_file(path)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return load(archive)
    except InputError:
        raise
    except _DAMAGED as error:
        raise InputError(
            f"{path} is damaged ({first_line(error)}); restore it from a copy, or start a new run."
        ) from error


def _metadata(archive: Any) -> CheckpointMetadata:
    return CheckpointMetadata.from_dict(_description(archive)[_METADATA])


def _description(archive: Any) -> dict[str, Any]:
    return json.loads(archive[_METADATA].tobytes())


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


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
