"""Trains a CycleGan or a DcGan and, for Kaggle-shaped data, writes the submission.

python -m cyclegan_tf.train
python -m cyclegan_tf.train --data DIR --preset cpu --run runs/monet
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclegan_tf.command import Parser, command, load_tensorflow
from cyclegan_tf.config import TrainConfig, add_flags, check_values, flag_values
from cyclegan_tf.errors import InputError
from cyclegan_tf.presets import PRESETS, preset_config

if TYPE_CHECKING:  # they import TensorFlow, which --help must not wait for
    from cyclegan_tf.data import DataSet
    from cyclegan_tf.guards import TimeBudget
    from cyclegan_tf.rundir import RunDir
    from cyclegan_tf.translator import Translator

KAGGLE_DATA = Path("/kaggle/input/gan-getting-started")
SYNTHETIC_DATA = Path("data/synthetic")


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    started = time.monotonic()
    arguments = _parser().parse_args(argv)
    given = flag_values(arguments)
    # wrong flags are told before anything is loaded or written
    check_values(given)
    if arguments.preset:
        preset_config(arguments.preset, **given)
    load_tensorflow()
    if not any(given.get(name) for name in ("data", "a", "b")):
        given["data"] = str(_default_data())
    preset = arguments.preset or _default_preset(given)
    config = preset_config(preset, **given)

    from cyclegan_tf.rundir import next_free_run

    return train(config, arguments.run or next_free_run(Path("runs"), preset), started=started)


def train(config: TrainConfig, run_path: Path, *, started: float | None = None) -> int:
    """Trains as configured and fills the run folder.

    Args:
        config: of the run.
        run_path: a folder that holds no run yet.
        started: when the user's clock began to run, as `time.monotonic` counts.

    Returns:
        The exit code: 0, or 1 if training diverged.

    Raises:
        InputError: before the first step, if the data or the run folder cannot be used.
    """
    from cyclegan_tf import build, reporting, runtime
    from cyclegan_tf.features import default_inception
    from cyclegan_tf.guards import TrainingDiverged
    from cyclegan_tf.inception import Inception
    from cyclegan_tf.rundir import RunDir
    from cyclegan_tf.trained import load_best

    started = time.monotonic() if started is None else started
    runtime.set_up(precision=config.precision, seed=config.seed, deterministic=config.deterministic)
    inception = None
    if config.evaluate_every:
        graph = Path(config.inception) if config.inception else default_inception()
        inception = Inception(graph)
    data = build.build_data_set(config)
    steps = build.steps_per_epoch(config, data)
    model = build.build_model(config, config.epochs * steps)
    draw = build.build_translator(config, model)
    budget = _budget(config, data, draw, started, config.epochs * steps)
    run = RunDir.create(run_path, config)  # last: what is refused before leaves nothing behind
    print(f"{runtime.describe()}\ndata: {data.summary()}\nrun: {run.path}")
    batches = build.build_training_batches(config, data)
    if config.profile:
        print(runtime.profile(model, batches, run.tensorboard, build.images_per_step(config)))
    callbacks = budget + reporting.build_callbacks(
        config, run, data=data, model=model, draw=draw, inception=inception
    )
    try:
        model.fit(
            batches,
            validation_data=build.build_validation_batches(config, data),
            epochs=config.epochs,
            steps_per_epoch=steps,
            callbacks=callbacks,
            shuffle=False,  # the pipeline does
            verbose=_verbosity(),
        )
    except TrainingDiverged as error:
        print(f"error: training stopped: {error}", file=sys.stderr)
        return 1
    for line in [c.summary() for c in callbacks if hasattr(c, "summary")]:
        print(line)
    load_best(run, config, model)
    _finish(config, data, run, draw)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser("train", __doc__.split("\n")[0])
    parser.add_argument("--preset", choices=PRESETS, help="starting point for all other options")
    parser.add_argument(
        "--run", type=Path, metavar="DIR", help="run folder (default: runs/PRESET-1, -2, ...)"
    )
    add_flags(parser)
    return parser


def _default_data() -> Path:
    """The competition's data on Kaggle, the synthetic set elsewhere, written if it is not there."""
    if KAGGLE_DATA.is_dir():
        return KAGGLE_DATA
    if not SYNTHETIC_DATA.is_dir():
        from cyclegan_tf.demo import write_demo

        print(f"no --data: writing the synthetic set to {SYNTHETIC_DATA} ...", flush=True)
        write_demo(SYNTHETIC_DATA)
    else:
        print(f"no --data: using the synthetic set in {SYNTHETIC_DATA}")
    return SYNTHETIC_DATA


def _default_preset(given: dict[str, Any]) -> str:
    """The preset for this data and model on this machine, told to the user."""
    if given.get("model") == "dcgan":
        preset = "dcgan"
    elif given.get("data") == str(SYNTHETIC_DATA):
        return "demo"
    else:
        from cyclegan_tf import runtime

        preset = "kaggle" if runtime.has_accelerator() else "cpu"
    others = ", ".join(name for name in PRESETS if name != preset)
    print(f"no --preset: using {preset}; the others are {others}")
    return preset


def _verbosity() -> int:
    """Keras's progress bar where it can redraw itself, a line an epoch in a log file."""
    return 1 if sys.stdout.isatty() or "ipykernel" in sys.modules else 2


def _budget(
    config: TrainConfig, data: "DataSet", draw: "Translator", started: float, most_steps: int
) -> list["TimeBudget"]:
    """The callback that keeps the time budget, if there is one."""
    if config.budget_minutes is None:
        return []
    from cyclegan_tf.guards import TimeBudget

    submits = data.kaggle_shaped and config.model == "cyclegan"
    reserve = _submission_seconds(data, draw) if submits else 5.0
    deadline = started + 60 * config.budget_minutes
    if time.monotonic() + reserve > deadline:
        needed = (time.monotonic() + reserve - started) / 60
        raise InputError(
            f"--budget-minutes {config.budget_minutes:g} leaves no time for training: starting and "
            f"images.zip alone take about {needed:.1f} minutes; give more."
        )
    return [TimeBudget(deadline, reserve, most_steps)]


def _submission_seconds(data: "DataSet", draw: "Translator") -> float:
    """How long images.zip will take, from the time of one batch."""
    import numpy as np

    from cyclegan_tf.submission import SIZE

    batch = np.zeros((draw.batch_size, SIZE, SIZE, 3), np.float32)
    draw(batch)  # the first call compiles
    began = time.monotonic()
    draw(batch)
    batches = -(-len(data.all_a()) // draw.batch_size)
    # half as much again for JPEGs and a machine that slows down, and the last samples
    return 1.5 * batches * (time.monotonic() - began) + 10.0


def _finish(config: TrainConfig, data: "DataSet", run: "RunDir", draw: "Translator") -> None:
    """What a finished training leaves besides its weights: the submission, or a strip."""
    from cyclegan_tf import images, pipeline, reporting, submission

    if config.model == "dcgan":
        rows = [images.to_uint8(draw(row)) for row in reporting.strip_latents(config)]
        images.save_png(run.samples / "interpolation.png", images.grid(rows))
        print(f"more pictures: python -m cyclegan_tf.generate --run {run.path} --output images.zip")
    elif data.kaggle_shaped:
        photos = data.all_a()
        batches = pipeline.image_batches(
            photos, image_size=submission.SIZE, batch_size=draw.batch_size
        )
        count = submission.write_submission(run.submission, photos.names, batches, draw)
        print(f"submission: {run.submission}, {count:,} images")
        if warning := submission.count_warning(count):
            print(f"warning: {warning}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
