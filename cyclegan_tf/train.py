"""Trains a CycleGan or a DcGan and, for Kaggle-shaped data, writes the submission.

python -m cyclegan_tf.train
python -m cyclegan_tf.train --data DIR --preset cpu --run runs/monet
python -m cyclegan_tf.train --run runs/monet --resume
"""

import argparse
import sys
import time

from cyclegan_tf.cli import Parser, command, load_tensorflow
from cyclegan_tf.config.fields import add_flags, flag_values
from cyclegan_tf.config.presets import PRESETS, preset_config
from cyclegan_tf.config.train_config import TrainConfig, check_values
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.files import user_path


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
    from cyclegan_tf.training.run import fit, resume

    if arguments.resume:
        resume(arguments.run, started=started, **given)
    else:
        fit(preset=arguments.preset, run=arguments.run, started=started, **given)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser("train", __doc__.split("\n")[0])
    parser.add_argument("--preset", choices=PRESETS, help="starting point for all other options")
    parser.add_argument(
        "--run", type=user_path, metavar="DIR", help="run folder (default: runs/PRESET-1, -2, ...)"
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


if __name__ == "__main__":
    sys.exit(main())
