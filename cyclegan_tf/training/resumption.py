"""What a run folder holds of an earlier training, and what may be changed when it goes on."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyclegan_tf.config.fields import flag
from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.errors import InputError, shell_words
from cyclegan_tf.io.run_folder import RunFolder, versions
from cyclegan_tf.training.checkpoint import CheckpointMetadata, read_metadata

# settings that what follows the training depends on
_OF_THE_END = ("submit", "submission", "data", "a", "b")


@dataclass(frozen=True)
class Resumption:
    """An earlier training that can go on.

    Attributes:
        run: its folder.
        config: its config with the changes.
        metadata: of the state it left; None if it had not saved one yet.
        seconds: of its time budget that are used up.
        trains: whether steps are left to be done.
        done: whether nothing at all is left.
        new: whether there was no training yet; its folder must not hold a run.
    """

    run: RunFolder
    config: TrainConfig
    metadata: CheckpointMetadata | None
    seconds: float
    trains: bool
    done: bool
    new: bool = False

    @classmethod
    def of_nothing(cls, run: RunFolder, config: TrainConfig) -> "Resumption":
        """A training from its first step, in a folder that is still to be made."""
        return cls(run, config, None, seconds=0.0, trains=True, done=False, new=True)

    def without_steps(self) -> "Resumption":
        """The same, but only what follows the last step is left to be done."""
        return dataclasses.replace(self, trains=False)

    def open_folder(self, path: Path) -> RunFolder:
        """Makes the folder ready for what is to come.

        Args:
            path: where this process writes: the run folder, or of a machine that is not the chief
                a folder of its own.

        Raises:
            InputError: if it cannot be written, or holds a run although the training is new.
        """
        if self.new or path != self.run.path:
            return RunFolder.create(path, self.config)
        self.run.reopen(self.config, epochs=self.metadata.epoch if self.metadata else 0)
        return self.run


def find_resumption(path: Path, changes: dict[str, Any]) -> Resumption:
    """Reads what a run folder holds.

    Args:
        path: of the run folder.
        changes: config fields that are to be other than they were.

    Raises:
        InputError: if there is no run, its state is damaged, or a change would break it.
    """
    run = RunFolder(path)
    before = run.config()
    _require_changeable(changes, before)
    if not {"data", "a", "b"} & set(changes):
        before = run.located(before)
    config = dataclasses.replace(before, **_without_other_source(changes), **changes)
    if not run.state_file.exists():
        if any(run.metrics()):  # a state is saved before the first step
            raise InputError(
                f"{path} has trained, but {run.state_file} is gone, from which it would go on; put "
                "it back, or start a new run with another --run."
            )
        return Resumption(run, config, None, seconds=0.0, trains=True, done=False)
    metadata = read_metadata(run.state_file)
    begun = metadata.epoch + (metadata.epoch_steps > 0 and not metadata.trained)
    if config.epochs < begun:
        raise InputError(
            f"--epochs {config.epochs} is less than the {begun} epochs that {path} has begun; give "
            "more, or leave it out."
        )
    longer = config.epochs > metadata.epochs or "budget_minutes" in changes
    trains = config.epochs > metadata.epoch and (longer or not metadata.trained)
    if not trains and changes.get("submit") == "best" and not run.has_best:
        raise InputError(
            f"--submit best needs scores to choose by, but {path} is trained and was never scored; "
            "give more --epochs, or submit ema."
        )
    # a budget given now counts from now
    seconds = 0.0 if "budget_minutes" in changes else metadata.seconds
    other_end = any(getattr(config, name) != getattr(before, name) for name in _OF_THE_END)
    done = run.finished and not trains and not other_end
    return Resumption(run, config, metadata, seconds, trains, done)


def _without_other_source(changes: dict[str, Any]) -> dict[str, str]:
    """A data set takes the place of two domains, and the other way round."""
    if changes.get("data"):
        return {name: "" for name in "ab" if name not in changes}
    return {"data": ""} if "data" not in changes and {"a", "b"} & set(changes) else {}


def resume_command(path: Path) -> str:
    """What the user has to type to go on."""
    return f"python -m cyclegan_tf.train --run {shell_words(str(path))} --resume"


def differences(metadata: CheckpointMetadata, names: dict[str, str]) -> list[str]:
    """What is not as it was when the state was saved, a warning each.

    Args:
        metadata: of the state.
        names: `name_hashes` of the images of today.
    """
    found = []
    for domain, now in names.items():
        if metadata.data.get(domain) != now:
            found.append(
                f"the images of domain {domain} are not those the run was trained on so far "
                f"({metadata.data.get(domain)}, now {now}): from here on it trains on the new "
                "ones, and does not repeat what an uninterrupted run would have done."
            )
    for what, now in versions().items():
        then = metadata.versions.get(what)
        if then != now:
            found.append(f"{what} is {now}, but was {then}: the same bits cannot be expected.")
    return found


def _require_changeable(changes: dict[str, Any], before: TrainConfig) -> None:
    fields = {field.name: field for field in dataclasses.fields(TrainConfig)}
    for name, value in changes.items():
        old = getattr(before, name)
        if value != old and not fields[name].metadata["changeable"]:
            can = ", ".join(flag(f.name) for f in fields.values() if f.metadata["changeable"])
            raise InputError(
                f"{flag(name)} is {value}, but the run was started with {old}, and going on with "
                f"another one would break it; leave it out, or start a new run. These may change: "
                f"{can}."
            )
