"""Scores images: FID, KID, MiFID, precision, recall, and how much photos have changed.

python -m cyclegan_tf.evaluate --run runs/monet
python -m cyclegan_tf.evaluate --images images.zip --reference data/gan-getting-started/monet_tfrec
"""

import argparse
import json
import sys
from typing import Any

from cyclegan_tf.cli import Parser, command, load_tensorflow
from cyclegan_tf.config.constraints import check_range
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.files import is_address, user_path

_MOST = 1_000_000  # pictures of a DcGan: their features take 8 GB
_RUN_ONLY = ("data", "all", "count")


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    arguments = _parser().parse_args(argv)
    _check(arguments)
    load_tensorflow()
    from cyclegan_tf.io.run_folder import RunFolder
    from cyclegan_tf.metrics.evaluation import Comparison, evaluate_images, evaluate_run
    from cyclegan_tf.metrics.inception import Inception
    from cyclegan_tf.metrics.inception_download import default_inception
    from cyclegan_tf.reporting.page import write_report

    run = RunFolder(arguments.run) if arguments.run else None
    if run:
        run.config()  # a wrong folder is named before the graph is fetched
    graph = arguments.inception or default_inception()
    inception = Inception(graph, layer=arguments.feature_layer)
    names = ("reference", "training", "epsilon", "features", "range")
    comparison = Comparison(**{name: getattr(arguments, name) for name in names})
    saved = None
    if run:
        of_runs = {"every_photo": arguments.all, "count": arguments.count, "data": arguments.data}
        evaluation = evaluate_run(run.path, inception, comparison, **of_runs)
        saved = evaluation.save(run)
    else:
        evaluation = evaluate_images(arguments.images, inception, comparison)
    if arguments.json:
        print(json.dumps(evaluation.to_dict(), allow_nan=False))
    else:
        print(evaluation)
        if saved:
            print(f"saved: {saved}")
    if saved:
        write_report(run)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser("evaluate", __doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    path = {"type": user_path, "metavar": "PATH"}
    folder = path | {"metavar": "DIR"}
    what.add_argument("--run", **folder, help="score what the generator of this training makes")
    what.add_argument(
        "--images", **path, help="score finished images in a folder, TFRecords or a zip"
    )
    parser.add_argument(
        "--reference",
        **path,
        help="images that they should look like (default: domain B of the run)",
    )
    parser.add_argument(
        "--training",
        **path,
        help="images that must not be copied, for MiFID and the memorization distance (default: "
        "those of domain B that the run was trained on, or the reference)",
    )
    _add_scoring(parser, path)
    parser.add_argument("--data", **folder, help="the data set of the run, if it has moved")
    parser.add_argument(
        "--all", action="store_true", help="translate all photos, not only the held-out ones"
    )
    parser.add_argument(
        "--count",
        type=int,
        metavar="PICTURES",
        help="how many pictures a DCGAN makes to be scored (default: as many as reference images)",
    )
    _add_reading(parser)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of a table"
    )
    return parser


def _add_scoring(parser: argparse.ArgumentParser, path: dict[str, Any]) -> None:
    """Adds the flags that say how features and scores are computed."""
    parser.add_argument(
        "--inception",
        **path,
        help="file of the frozen Inception graph (default: downloaded once and kept)",
    )
    parser.add_argument(
        "--feature-layer",
        metavar="NAME",
        help="layer of the graph that gives the features (default: pool_3:0, or mixed_7/join:0 if "
        "the graph ends there)",
    )
    parser.add_argument(
        "--epsilon",
        type=float,
        default=0.1,
        metavar="DISTANCE",
        help="memorization distance below which MiFID punishes copying (default: 0.1)",
    )


def _add_reading(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say what the files hold."""
    parser.add_argument(
        "--features",
        default="",
        metavar="NAMES",
        help="the features of TFRecords that hold the image and its name, for example "
        "image=image_raw,name=filename (default: those of the run)",
    )
    parser.add_argument(
        "--range",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="the values that stand for black and for white in files with more than 8 bits per "
        "channel, for example 0 4095 for 12 bits stored in 16 (default: as the run, or as the file "
        "says)",
    )


def _check(arguments: argparse.Namespace) -> None:
    """Raises `InputError` on flags that do not go together, before TensorFlow is loaded."""
    if arguments.images and not arguments.reference:
        raise InputError(
            "--images is given without --reference; name the paintings to compare with."
        )
    for name in ("images", "reference", "training"):
        path = getattr(arguments, name)
        if path and not path.exists() and not is_address(path):
            raise InputError(f"--{name} {path} does not exist; check the path.")
    for name in _RUN_ONLY if arguments.images else ():
        if getattr(arguments, name):
            raise InputError(f"--{name} belongs to --run, this is --images; leave it out.")
    if arguments.range:
        check_range(arguments.range)
        if not (arguments.images or arguments.reference or arguments.training):
            raise InputError(
                "--range is for pictures of --images, --reference or --training; the data of a run "
                "have its own. Leave it out."
            )
    if not 0.0 <= arguments.epsilon <= 1.0:
        raise InputError(f"--epsilon is {arguments.epsilon}; expected a value from 0 to 1.")
    if arguments.count is not None and not 2 <= arguments.count <= _MOST:
        raise InputError(f"--count is {arguments.count}; expected at least 2, at most {_MOST:,}.")


if __name__ == "__main__":
    sys.exit(main())
