"""Trains a CycleGan or a DcGan and, for Kaggle-shaped data, writes the submission.

python -m cyclegan_tf.train
python -m cyclegan_tf.train --data DIR --preset cpu --run runs/monet
python -m cyclegan_tf.train --run runs/monet --resume
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclegan_tf.cli import Parser, command, load_tensorflow
from cyclegan_tf.config.flags import add_flags, flag_values
from cyclegan_tf.config.presets import PRESETS, preset_config
from cyclegan_tf.config.train_config import TrainConfig, check_values
from cyclegan_tf.data.defaults import default_preset, kaggle_data, synthetic_data
from cyclegan_tf.errors import Fault, InputError

if TYPE_CHECKING:  # they import TensorFlow, which --help must not wait for
    from cyclegan_tf.io.run_folder import RunDir
    from cyclegan_tf.training.callbacks.guards import TimeBudget
    from cyclegan_tf.training.trainer import Session


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    started = time.monotonic()
    arguments = _parser().parse_args(argv)
    given = flag_values(arguments)
    # wrong flags are told before anything is loaded or written
    check_values(given)
    if arguments.resume:
        _check_resume(arguments)
        load_tensorflow()
        return resume(arguments.run, given, started=started)
    if arguments.preset:
        preset_config(arguments.preset, **given)
    load_tensorflow()
    if not any(given.get(name) for name in ("data", "a", "b")):
        given["data"] = str(kaggle_data() or synthetic_data(why="no --data"))
    preset = arguments.preset or _told_preset(given)
    config = preset_config(preset, **given)

    from cyclegan_tf.io.run_folder import next_free_run

    return train(config, arguments.run or next_free_run(Path("runs"), preset), started=started)


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


def _parser() -> argparse.ArgumentParser:
    parser = Parser("train", __doc__.split("\n")[0])
    parser.add_argument("--preset", choices=PRESETS, help="starting point for all other options")
    parser.add_argument(
        "--run", type=Path, metavar="DIR", help="run folder (default: runs/PRESET-1, -2, ...)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with --run DIR where its last state was saved"
    )
    add_flags(parser)
    return parser


def _check_resume(arguments: argparse.Namespace) -> None:
    if arguments.run is None:
        raise InputError("--resume is given without --run; name the run folder to go on with.")
    if arguments.preset:
        raise InputError(
            f"--preset {arguments.preset} is given with --resume, but the run keeps the settings "
            "it was started with; leave it out."
        )


def _told_preset(given: dict[str, Any]) -> str:
    """The preset for this data and model on this machine, told to the user."""
    preset = default_preset(given.get("model", "cyclegan"), given.get("data", ""))
    if preset != "demo":
        others = ", ".join(name for name in PRESETS if name != preset)
        print(f"no --preset: using {preset}; the others are {others}")
    return preset


if __name__ == "__main__":
    sys.exit(main())
