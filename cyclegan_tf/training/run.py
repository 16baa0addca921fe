"""A training run from its first step, or from where it was broken off, to its end."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclegan_tf.config.presets import default_preset
from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.synthetic.dataset import is_synthetic
from cyclegan_tf.errors import Fault

if TYPE_CHECKING:
    from cyclegan_tf.io.run_folder import RunDir
    from cyclegan_tf.training.callbacks.guards import TimeBudget
    from cyclegan_tf.training.trainer import Session


def choose_preset(model: str, data: str) -> str:
    """The preset for this model and these images on this machine, where none is named."""
    from cyclegan_tf.distribution import runtime

    accelerator = runtime.has_accelerator()
    return default_preset(model, synthetic=is_synthetic(data), accelerator=accelerator)


def train(config: TrainConfig, run_path: Path, *, started: float | None = None) -> int:
    """Trains as configured and fills the run folder.

    Args:
        config: of the run.
        run_path: a folder that holds no run yet.
        started: when the user's clock began to run, as `time.monotonic` counts.

    Returns:
        The exit code: 0, also if a signal stopped it.

    Raises:
        InputError: before the first step, if the data or the run folder cannot be used.
        Fault: if training diverged, disk or memory is full, or another machine is lost.
    """
    from cyclegan_tf.io.run_folder import RunDir
    from cyclegan_tf.training.trainer import open_session

    opened = open_session(config, started=_now_unless(started), remedy=_remedy(run_path))
    with opened as session, session.workers.own_folder(run_path) as path:
        budget = session.budget()
        run = RunDir.create(path, config)  # last: what is refused before leaves nothing behind
        return _go_on(session, run, run_path, budget)


def resume(
    run_path: Path, changes: dict[str, Any], *, started: float | None = None, trains: bool = True
) -> int:
    """Goes on with a run where its last state was saved.

    Args:
        run_path: a folder that holds a run.
        changes: config fields that are to be other than they were.
        started: as in `train`.
        trains: whether steps are to be done; else what follows the last one is, with what the
            saved state has learned.

    Returns:
        The exit code, as `train` does.

    Raises:
        InputError: before the first step, if the run cannot go on, or not with these changes.
        Fault: as in `train`.
    """
    from cyclegan_tf.io.run_folder import RunDir
    from cyclegan_tf.training.resumption import find_resumption
    from cyclegan_tf.training.trainer import open_session

    found = find_resumption(run_path, changes)
    if found.done:
        print(
            f"{run_path} is finished: {found.facts.epoch} epochs, {found.facts.step:,} steps. "
            "To train on, give more --epochs, or another --budget-minutes."
        )
        return 0
    opened = open_session(
        found.config, found.facts, started=_now_unless(started), remedy=_remedy(run_path)
    )
    with opened as session, session.workers.own_folder(run_path) as path:
        if found.facts:
            session.take_up(found.run)
        trains = trains and found.trains
        budget = session.budget(found.seconds) if trains else []
        if session.workers.is_chief:
            run = found.run
            run.take_up(found.config, epochs=found.facts.epoch if found.facts else 0)
        else:
            run = RunDir.create(path, found.config)
        return _go_on(session, run, run_path, budget, trains=trains, seconds=found.seconds)


def _go_on(
    session: "Session",
    run: "RunDir",
    run_path: Path,
    budget: list["TimeBudget"],
    *,
    trains: bool = True,
    seconds: float = 0.0,
) -> int:
    """Trains, unless that is done, and finishes."""
    from cyclegan_tf.distribution.rendezvous import WorkerLost
    from cyclegan_tf.training.callbacks.interruption import Interrupted
    from cyclegan_tf.training.resumption import resume_command

    command = resume_command(run_path)
    try:
        with session.interruption.watching():
            if trains:
                session.train(run, budget, seconds)
            else:
                session.save_weights(run)
            session.finish(run)
    except Interrupted as signal:
        print(f"stopped by {signal}; the state is saved; go on with: {command}")
    except WorkerLost:
        raise
    except Fault as error:
        raise Fault(f"training stopped: {error} Go on with: {command}") from error
    return 0


def _remedy(run_path: Path) -> str:
    from cyclegan_tf.training.resumption import resume_command

    return f"To go on, start it again on all machines: {resume_command(run_path)}"


def _now_unless(started: float | None) -> float:
    return time.monotonic() if started is None else started
