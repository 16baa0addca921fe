"""Trains a CycleGan or a DcGan and, for Kaggle-shaped data, writes the submission.

python -m cyclegan_tf.train
python -m cyclegan_tf.train --data DIR --preset cpu --run runs/monet
python -m cyclegan_tf.train --run runs/monet --resume
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from cyclegan_tf.cli import Parser, command, load_tensorflow
from cyclegan_tf.config.fields import add_flags, flag_values
from cyclegan_tf.config.presets import PRESETS, preset_config
from cyclegan_tf.config.train_config import TrainConfig, check_values
from cyclegan_tf.data.layouts import kaggle_data
from cyclegan_tf.data.synthetic.dataset import synthetic_data
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.run_folder import next_free_run


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    started = time.monotonic()
    arguments = _parser().parse_args(argv)
    given = flag_values(arguments, TrainConfig)
    # wrong flags are refused before anything is loaded or written
    check_values(given)
    if arguments.resume:
        _check_resume(arguments)
    elif arguments.preset:
        preset_config(arguments.preset, **given)
    load_tensorflow()
    from cyclegan_tf.training.run import resume, train

    if arguments.resume:
        return resume(arguments.run, given, started=started)
    if not any(given.get(name) for name in ("data", "a", "b")):
        given["data"] = str(kaggle_data() or synthetic_data(why="no --data"))
    preset = arguments.preset or _choose_preset(given)
    config = preset_config(preset, **given)
    return train(config, arguments.run or next_free_run(Path("runs"), preset), started=started)


def _parser() -> argparse.ArgumentParser:
    parser = Parser("train", __doc__.split("\n")[0])
    parser.add_argument("--preset", choices=PRESETS, help="starting point for all other options")
    parser.add_argument(
        "--run", type=Path, metavar="DIR", help="run folder (default: runs/PRESET-1, -2, ...)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with --run DIR where its last state was saved"
    )
    add_flags(parser, TrainConfig)
    return parser


def _check_resume(arguments: argparse.Namespace) -> None:
    if arguments.run is None:
        raise InputError("--resume is given without --run; name the run folder to go on with.")
    if arguments.preset:
        raise InputError(
            f"--preset {arguments.preset} is given with --resume, but the run keeps the settings "
            "it was started with; leave it out."
        )


def _choose_preset(given: dict[str, Any]) -> str:
    """The preset for this data and model on this machine; prints which one it is."""
    from cyclegan_tf.training.run import choose_preset

    preset = choose_preset(given.get("model", "cyclegan"), given.get("data", ""))
    if preset != "demo":
        others = ", ".join(name for name in PRESETS if name != preset)
        print(f"no --preset: using {preset}; the others are {others}")
    return preset


if __name__ == "__main__":
    sys.exit(main())
