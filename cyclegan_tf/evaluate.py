"""Scores generated images: FID, KID, MiFID, precision and recall, and what photos kept.

python -m cyclegan_tf.evaluate --run runs/monet --inception classify_image_graph_def.pb
python -m cyclegan_tf.evaluate --images images.zip --reference data/gan-getting-started/monet_tfrec
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclegan_tf.cli import Parser, command, load_tensorflow
from cyclegan_tf.errors import InputError

if TYPE_CHECKING:  # they import TensorFlow, which --help must not wait for
    from cyclegan_tf.metrics.evaluation import Evaluation
    from cyclegan_tf.metrics.inception import Inception

_MOST = 1_000_000  # pictures of a DcGan: their features take 8 GB
_RUN_ONLY = ("data", "all", "count")
_ROWS = {
    "fid": "{label}",
    "fid_floor": "{label} perfect images would get",
    "untranslated_fid": "{label} of the untranslated photos",
    "kid_mean": "KID",
    "kid_std": "KID, deviation over subsets",
    "mifid": "Mi{label}",
    "memorization_distance": "memorization distance",
    "precision": "precision",
    "recall": "recall",
    "sample_diversity": "sample diversity",
    "cycle_error": "cycle error",
    "structural_similarity": "structural similarity to the photo",
    "change": "mean change of the photo",
}


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    arguments = _parser().parse_args(argv)
    _check(arguments)
    load_tensorflow()
    from cyclegan_tf.io.run_folder import RunFolder
    from cyclegan_tf.metrics import evaluation
    from cyclegan_tf.metrics.inception import Inception
    from cyclegan_tf.metrics.inception_download import default_inception

    if arguments.run:
        RunFolder(arguments.run).config()  # a wrong folder is told before the graph is fetched
    graph = arguments.inception or default_inception()
    inception = Inception(graph, layer=arguments.feature_layer)
    compared = {
        "reference": arguments.reference,
        "training": arguments.training,
        "epsilon": arguments.epsilon,
    }
    if arguments.run:
        verdict = evaluation.evaluate_run(
            arguments.run,
            inception,
            evaluation.Comparison(**compared),
            data=arguments.data,
            every_photo=arguments.all,
            count=arguments.count,
        )
    else:
        verdict = evaluation.evaluate_images(arguments.images, inception, **compared)
    result = _result(verdict, inception)
    saved = _save(arguments.run, result) if arguments.run else None
    if arguments.json:
        print(json.dumps(result, allow_nan=False))
    else:
        print(_table(result, inception.label))
        print(*(f"note: {note}" for note in result["notes"]), sep="\n")
        if saved:
            print(f"saved: {saved}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser("evaluate", __doc__.split("\n")[0])
    what = parser.add_mutually_exclusive_group(required=True)
    path = {"type": Path, "metavar": "PATH"}
    what.add_argument("--run", type=Path, metavar="DIR", help="score what a run's generator makes")
    what.add_argument("--images", **path, help="score a folder, TFRecords or a zip of images")
    parser.add_argument(
        "--reference", **path, help="what they should look like (default: domain B of the run)"
    )
    parser.add_argument(
        "--training",
        **path,
        help="what must not be copied: memorization distance, MiFID (default: domain B of the run, "
        "or the reference)",
    )
    parser.add_argument(
        "--inception", **path, help="frozen Inception graph (default: fetched once, and kept)"
    )
    parser.add_argument(
        "--feature-layer",
        metavar="NAME",
        help="layer of the graph (default: pool_3:0, or mixed_7/join:0 if it ends there)",
    )
    parser.add_argument(
        "--epsilon", type=float, default=0.1, help="memorization threshold of MiFID (default: 0.1)"
    )
    parser.add_argument("--data", metavar="DIR", help="data set of the run, if it has moved")
    parser.add_argument(
        "--all", action="store_true", help="translate every photo, not only those held out"
    )
    parser.add_argument(
        "--count", type=int, help="pictures that a DcGan makes (default: as many as references)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    return parser


def _check(arguments: argparse.Namespace) -> None:
    """Raises `InputError` on flags that do not go together, before TensorFlow is loaded."""
    if arguments.images and not arguments.reference:
        raise InputError(
            "--images is given without --reference; name the paintings to compare with."
        )
    for name in ("images", "reference", "training"):
        path = getattr(arguments, name)
        if path and not path.exists():
            raise InputError(f"--{name} {path} does not exist; check the path.")
    for name in _RUN_ONLY if arguments.images else ():
        if getattr(arguments, name):
            raise InputError(f"--{name} belongs to --run, this is --images; leave it out.")
    if not 0.0 <= arguments.epsilon <= 1.0:
        raise InputError(f"--epsilon is {arguments.epsilon}; expected a value from 0 to 1.")
    if arguments.count is not None and not 2 <= arguments.count <= _MOST:
        raise InputError(f"--count is {arguments.count}; expected at least 2, at most {_MOST:,}.")


def _result(verdict: "Evaluation", inception: "Inception") -> dict[str, Any]:
    """Scores and how they came about, as plain JSON values; what is infinite becomes null."""
    values = {
        **verdict.scores.to_dict(),
        **verdict.measures,
        "layer": inception.layer,
        "dimensions": inception.dimensions,
        "inception_sha256": inception.digest,
        "generated": verdict.generated,
        "reference": verdict.reference,
        "training": verdict.training,
        "notes": verdict.notes(inception.label),
    }
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in values.items()
    }


def _table(result: dict[str, Any], label: str) -> str:
    lines = [
        f"{result['generated']}: {result['generated_count']:,} images",
        f"against {result['reference']}: {result['reference_count']:,} images, {result['layer']}",
    ]
    for key, text in _ROWS.items():
        if key in result:
            nothing = "infinite: they are copies" if key == "mifid" else "too few images"
            digits = 6 if key.startswith("kid") else 4  # it is a thousand times smaller
            value = nothing if result[key] is None else f"{result[key]:.{digits}f}"
            if key == "fid":
                value += f"  ({result['fid_low']:.4f} to {result['fid_high']:.4f})"
            lines.append(f"  {text.format(label=label):<36}{value}")
    return "\n".join(lines)


def _save(run_path: Path, result: dict[str, Any]) -> Path | None:
    from cyclegan_tf.io.files import write_text

    path = run_path / "evaluation.json"
    try:
        write_text(path, json.dumps(result, indent=2, allow_nan=False) + "\n")
    except OSError as error:  # the scores are on the terminal all the same
        print(f"warning: {path} cannot be written ({error.strerror})", file=sys.stderr)
        return None
    return path


if __name__ == "__main__":
    sys.exit(main())
