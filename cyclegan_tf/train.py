"""Trains a network that turns photos into paintings, or any pictures into others.

python -m cyclegan_tf.train
    draws a synthetic data set and trains on it: five to ten minutes on two CPU cores
python -m cyclegan_tf.train --data data/horse2zebra --preset cpu --run runs/zebra
    trains on a data set; for the competition's it ends with images.zip
python -m cyclegan_tf.train --run runs/zebra --resume
    continues that run after an interruption, or for longer with --budget-minutes
    (a run without a time budget: with --epochs)
"""

import argparse
import sys
import time

from cyclegan_tf.cli import Parser, command, load_tensorflow
from cyclegan_tf.config.flags import add_flags, describe_config, describe_presets, flag_values
from cyclegan_tf.config.presets import PRESETS, SUMMARIES, preset_config
from cyclegan_tf.config.train_config import TrainConfig, check_values
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.files import user_path
from cyclegan_tf.io.run_folder import RunFolder

_USAGE = """python -m cyclegan_tf.train [--data PATH] [--preset NAME] [OPTION ...]
       python -m cyclegan_tf.train --run DIR --resume [OPTION ...]
       python -m cyclegan_tf.train --presets | --preset NAME --show"""


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    started = time.monotonic()
    arguments = _parser().parse_args(argv)
    if arguments.presets:
        print(describe_presets())
        return 0
    given = flag_values(arguments)
    # wrong flags are refused before anything is loaded or written
    check_values(given)
    if arguments.resume:
        _check_resume(arguments)
    config = preset_config(arguments.preset, **given) if arguments.preset else None
    if arguments.show:
        print(_shown(arguments.preset, config))
        return 0
    if arguments.run and not arguments.resume:
        RunFolder(arguments.run).require_new()
    load_tensorflow()
    from cyclegan_tf.training.run import fit, resume

    if arguments.resume:
        resume(arguments.run, started=started, **given)
    else:
        fit(preset=arguments.preset, run=arguments.run, started=started, **given)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser("train", __doc__, _USAGE)
    start = parser.add_argument_group(
        "start here",
        "A preset sets many values at once; the other flags change one each.\n"
        "--presets says what the presets are for; --preset NAME --show prints all values\n"
        "of one. In brackets, 'for' and 'without' say with which other flags a flag works.",
    )
    start.add_argument(
        "--preset",
        choices=PRESETS,
        metavar="NAME",
        help="where all settings start from, before the flags change some of them: "
        f"{', '.join(PRESETS)}",
    )
    start.add_argument(
        "--presets", action="store_true", help="say what each preset is for, and end"
    )
    start.add_argument(
        "--show",
        action="store_true",
        help="print all values of --preset, with the other flags applied, and end",
    )
    start.add_argument(
        "--run",
        type=user_path,
        metavar="DIR",
        help="new folder for everything that the training writes (default: runs/PRESET-1, or the "
        "next number that is free)",
    )
    start.add_argument(
        "--resume",
        action="store_true",
        help="go on with the training in --run DIR from its last saved state",
    )
    add_flags(parser, start)
    return parser


def _shown(preset: str | None, config: TrainConfig | None) -> str:
    if config is None:
        raise InputError("--show is given without --preset; name the preset that is to be shown.")
    return describe_config(config, f"preset {preset}: {', '.join(SUMMARIES[preset])}")


def _check_resume(arguments: argparse.Namespace) -> None:
    if arguments.run is None:
        raise InputError("--resume is given without --run; name the run folder to go on with.")
    if arguments.preset:
        raise InputError(
            f"--preset {arguments.preset} is given with --resume, but a run keeps the settings it "
            "was started with; leave --preset out."
        )


if __name__ == "__main__":
    sys.exit(main())
