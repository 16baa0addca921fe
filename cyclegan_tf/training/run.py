"""A run from its first step, or from where it was broken off, to its end."""

import contextlib
import dataclasses
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cyclegan_tf.config.presets import PRESETS, default_preset, preset_config
from cyclegan_tf.config.train_config import TRANSLATING, TrainConfig, check_values
from cyclegan_tf.data.build import build_data_set
from cyclegan_tf.data.dataset import DataSet, name_hashes
from cyclegan_tf.data.image import grid, save_png, to_uint8
from cyclegan_tf.data.layouts import kaggle_data
from cyclegan_tf.data.synthetic.dataset import is_synthetic, synthetic_data
from cyclegan_tf.distribution import runtime
from cyclegan_tf.distribution.rendezvous import WorkerLost
from cyclegan_tf.distribution.strategy import choose_workers, has_tpu
from cyclegan_tf.distribution.workers import Workers
from cyclegan_tf.errors import Fault, InputError
from cyclegan_tf.inference.loading import load_best
from cyclegan_tf.inference.submission import submit_photos
from cyclegan_tf.io.display import in_notebook
from cyclegan_tf.io.files import user_path
from cyclegan_tf.io.notices import noted_warnings
from cyclegan_tf.io.run_folder import RunFolder, next_free_run
from cyclegan_tf.reporting.page import write_report
from cyclegan_tf.training.callbacks.budget import TimeBudget
from cyclegan_tf.training.callbacks.build import build_inception, strip_latents
from cyclegan_tf.training.callbacks.interruption import Interrupted
from cyclegan_tf.training.ending import made, next_commands
from cyclegan_tf.training.resumption import (
    Resumption,
    differences,
    find_resumption,
    resume_command,
)
from cyclegan_tf.training.trainer import Trainer


def fit(
    data: str | Path | None = None,
    *,
    a: str | Path | None = None,
    b: str | Path | None = None,
    preset: str | None = None,
    run: str | Path | None = None,
    started: float | None = None,
    **changes: Any,
) -> Path:
    """Trains a CycleGan or a DcGan; for Kaggle-shaped data it ends with `images.zip`.

    Args:
        data: folder of a data set in a known layout. Without it, and without `a` and `b`, the
            competition's on Kaggle, else the synthetic set, which is written if it is not there.
        a: in place of `data` a folder of images or TFRecords of domain A, and
        b: one of domain B.
        preset: where the settings start from; by default one for these images on this machine.
        run: a new folder for the run; by default `runs/PRESET-1`, `runs/PRESET-2`, ...
        started: when the user's clock began to run, as `time.monotonic` counts; by default now.
        **changes: other fields of `TrainConfig`, for example `epochs=10`.

    Returns:
        The run folder.

    Raises:
        InputError: before the first step, if data, settings or the run folder cannot be used.
        Fault: if training diverged, disk or memory is full, or another machine is lost.

    Example:
        >>> import cyclegan_tf as cg
        >>> run = cg.fit("data/horse2zebra", preset="cpu", epochs=1)
        >>> sorted(path.name for path in run.glob("weights/*_ab.*"))
        ['generator_ab.weights.h5']
    """
    started = time.monotonic() if started is None else started
    sources = {"data": data, "a": a, "b": b}
    given = {name: value for name, value in sources.items() if value is not None}
    given = check_values(given | changes)
    if run:
        RunFolder(user_path(run)).require_new()  # before a set is drawn for it
    if not any(given.get(name) for name in ("data", "a", "b")):
        given["data"] = str(kaggle_data() or synthetic_data(why="no --data"))
    preset = preset or _announced_preset(given)
    config = configure(preset, **given)
    run = user_path(run) if run else next_free_run(Path("runs"), preset)
    return train(config, run, started=started)


def _announced_preset(given: dict[str, Any]) -> str:
    """The preset for this data and model on this machine; a line says which one."""
    preset = choose_preset(given.get("model", "cyclegan"), given.get("data", ""))
    if preset != "demo":
        others = ", ".join(name for name in PRESETS if name != preset)
        print(f"no --preset: using {preset}; the others are {others}")
    return preset


def choose_preset(model: str, data: str) -> str:
    """The preset for this model and these images on this machine, where none is named."""
    accelerator = runtime.has_accelerator()
    return default_preset(model, synthetic=is_synthetic(data), accelerator=accelerator)


def configure(preset: str, **changes: Any) -> TrainConfig:
    """The named preset with some fields changed, in a precision that this machine has.

    A TPU has no float16: what a preset computes in it, a TPU computes in bfloat16. A precision
    among the changes stays as it is.
    """
    config = preset_config(preset, **changes)
    if "precision" in changes or config.precision != "mixed_float16" or not has_tpu():
        return config
    return dataclasses.replace(config, precision="mixed_bfloat16")


def train(config: TrainConfig, run_path: str | Path, *, started: float | None = None) -> Path:
    """Trains as configured and fills the run folder.

    Args:
        config: of the run.
        run_path: a folder that holds no run yet.
        started: when the user's clock began to run, as `time.monotonic` counts.

    Returns:
        The run folder.

    Raises:
        InputError: before the first step, if the data or the run folder cannot be used.
        Fault: if training diverged, disk or memory is full, or another machine is lost.
    """
    run = RunFolder(run_path)
    _carry_out(Resumption.of_nothing(run, config), started)
    return run.path


def resume(
    run: str | Path, *, started: float | None = None, trains: bool = True, **changes: Any
) -> Path:
    """Goes on with a run where its last state was saved.

    Args:
        run: a folder that holds a run.
        started: when the user's clock began to run, as `time.monotonic` counts; by default now.
        trains: whether steps are to be done; else what follows the last one is, with what the
            saved state has learned.
        **changes: fields of `TrainConfig` that are to be other than they were.

    Returns:
        The run folder.

    Raises:
        InputError: before the first step, if the run cannot go on, or not with these changes.
        Fault: as `fit` does.

    Example:
        >>> import cyclegan_tf as cg
        >>> run = cg.resume("runs/monet", epochs=2)
        >>> len((run / "metrics.jsonl").read_text().splitlines())
        2
    """
    run = user_path(run)
    found = find_resumption(run, check_values(changes))
    if found.done:
        print(
            f"{run} is finished: {found.metadata.epoch} epochs, {found.metadata.step:,} steps. "
            "To train on, give more --epochs, or another --budget-minutes."
        )
    else:
        _carry_out(found if trains else found.without_steps(), started)
    return run


def _carry_out(found: Resumption, started: float | None) -> None:
    """Opens, restores, trains unless that is done, and finishes."""
    run_path = found.run.path
    command = resume_command(run_path)
    started = time.monotonic() if started is None else started
    with (
        noted_warnings() as warnings,
        runtime.keep_precision(),
        _opened(found, started, warnings) as trainer,
        trainer.workers.own_folder(run_path) as own_path,
    ):
        if found.metadata:
            trainer.restore(found.run)
        budget = trainer.time_budget(found.seconds) if found.trains else None
        if budget:
            _describe(trainer)
            trainer.rehearse(budget)
        # last: what is refused before leaves nothing behind
        run = found.open_folder(own_path)
        try:
            with trainer.interruption.watching():
                if budget:
                    print(f"run: {run.path}", flush=True)
                    trainer.train(run, budget)
                else:
                    trainer.save_weights(run)
                _finish(trainer, run, budget)
        except Interrupted as signal:
            print(f"stopped by {signal}; the state is saved; go on with: {command}")
        except WorkerLost:
            raise
        except Fault as error:
            raise Fault(f"training stopped: {error} Go on with: {command}") from error


@contextlib.contextmanager
def _opened(found: Resumption, started: float, warnings: Sequence[str]) -> Iterator[Trainer]:
    """Sets the machine up, waits for the others of a cluster, reads the images, builds the model.

    Raises:
        InputError: if the devices or the data cannot be used.
        WorkerLost: if another machine does not come, or is lost.
    """
    config, metadata = found.config, found.metadata
    runtime.set_up(precision=config.precision, seed=config.seed, deterministic=config.deterministic)
    workers = choose_workers(config.strategy, config.batch_size)
    command = resume_command(found.run.path)
    with workers.watched(f"To go on, start it again on all machines: {command}"):
        inception = build_inception(config)
        data = _read(config, resumed=not found.new)
        _require_same(workers, config, data)
        for warning in differences(metadata, name_hashes(data)) if metadata else []:
            print(f"warning: {warning}", file=sys.stderr)
        yield Trainer(
            config,
            data,
            workers,
            started=started,
            metadata=metadata,
            inception=inception,
            warnings=warnings,
        )


def _read(config: TrainConfig, *, resumed: bool) -> DataSet:
    """The images; lines say what helps where they have moved, or all are grey."""
    try:
        data = build_data_set(config)
    except InputError as error:
        if not resumed:
            raise
        raise InputError(
            f"{error} The paths of a run are relative to where it was started; name its data with "
            "--data, or --a and --b."
        ) from error
    if config.model in TRANSLATING and config.channels == 3 and data.looks_grey():
        print(
            "note: both domains are grey, and translations may get colours of their own; "
            "--channels 1 trains on one channel.",
            file=sys.stderr,
        )
    return data


def _require_same(workers: Workers, config: TrainConfig, data: DataSet) -> None:
    """Refuses machines that were started with other settings or other images than the chief."""
    # each machine may have its own copy of the images, in a folder of its own
    here = {"data", "a", "b", "inception"}
    settings = {k: v for k, v in sorted(config.to_dict().items()) if k not in here}
    workers.require_same("settings", f"{settings}")
    workers.require_same("images", f"{name_hashes(data)}")


def _describe(trainer: Trainer) -> None:
    print(f"{runtime.describe()}\n{trainer.workers.summary}\ndata: {trainer.data.summary()}")
    if trainer.start.step:
        print(f"going on after step {trainer.start.step:,}, in epoch {trainer.start.epoch + 1}")
    sys.stdout.flush()


def _finish(trainer: Trainer, run: RunFolder, budget: TimeBudget | None) -> None:
    """What a finished training leaves besides its weights: the submission, or a strip."""
    if not trainer.workers.is_chief:
        return
    trainer.interruption.leave_training()
    load_best(run, trainer.config, trainer.model)
    if trainer.config.model == "dcgan":
        rows = [to_uint8(trainer.generator(row)) for row in strip_latents(trainer.config)]
        save_png(run.samples / "interpolation.png", grid(rows))
    elif trainer.submits:
        submit_photos(run.submission, trainer.data.all_a(), trainer.generator)
    run.finish()
    write_report(run)  # of the finished run
    if budget:
        print(budget.report())
    print(made(run))
    if not in_notebook():
        print(next_commands(run, trainer.config))
