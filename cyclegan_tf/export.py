"""Writes one generator of a training into a small file, which other programs read as well.

python -m cyclegan_tf.export --run runs/monet --output monet.npz
python -m cyclegan_tf.export --run runs/monet --output monet.onnx --half
python -m cyclegan_tf.translate --weights monet.npz holiday.jpg --output painting.png
"""

import argparse
import importlib.util
import sys
from pathlib import Path

from cyclegan_tf.cli import Parser, command, load_tensorflow
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.shipped import SUFFIX
from cyclegan_tf.io.files import is_taken, require_local, user_path

_SUFFIXES = {"npz": SUFFIX, "onnx": ".onnx", "litert": ".tflite", "saved_model": ""}
_NEEDED = ("tf2onnx", "onnx", "onnxruntime")  # of ONNX: requirements-export.txt


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    arguments = _parser().parse_args(argv)
    _check(arguments)
    load_tensorflow()
    try:
        told = _export(arguments)
    except OSError as error:
        raise InputError(
            f"{arguments.output} cannot be written ({error.strerror}); choose another."
        ) from error
    print(f"{arguments.output}: {_size(arguments.output) / 1e6:.1f} MB{told}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser("export", __doc__)
    trained = parser.add_mutually_exclusive_group(required=True)
    trained.add_argument("--run", type=user_path, metavar="DIR", help="run folder of train")
    trained.add_argument(
        "--weights", metavar="NAME", help="trained weights that come with the package, or a file"
    )
    parser.add_argument(
        "--output",
        type=user_path,
        required=True,
        metavar="PATH",
        help=f"a new file, NAME{SUFFIX}, NAME.onnx or NAME.tflite; of a SavedModel a new folder",
    )
    parser.add_argument(
        "--format",
        choices=_SUFFIXES,
        help="npz: for translate and load_generator; onnx: for ONNX Runtime, any size; "
        "saved_model: for TensorFlow, any size; litert: for phones, one size (default: as the name "
        "of the output says)",
    )
    parser.add_argument(
        "--direction",
        choices=("ab", "ba"),
        default="ab",
        help="the generator that turns A into B (photos into paintings), or B into A (default: ab)",
    )
    parser.add_argument(
        "--half", action="store_true", help="keep the weights of an ONNX file in half precision"
    )
    parser.add_argument(
        "--size",
        type=int,
        metavar="PIXELS",
        help="side of the squares that a LiteRT file takes (default: that of the whole pictures in "
        "the run's samples)",
    )
    parser.add_argument(
        "--licence", default="", metavar="TEXT", help="of the weights, to be noted in the file"
    )
    return parser


def _check(arguments: argparse.Namespace) -> None:
    """Chooses the format; raises `InputError` on what does not go together or is missing."""
    output: Path = arguments.output
    by_suffix = {suffix: name for name, suffix in _SUFFIXES.items() if suffix}
    kind = arguments.format = arguments.format or by_suffix.get(output.suffix)
    if kind is None or (output.suffix != _SUFFIXES[kind] and kind != "saved_model"):
        wanted = [_SUFFIXES[kind]] if kind else by_suffix
        raise InputError(
            f"--output is {output}; expected the name of a file, "
            f"{' or '.join(f'NAME{suffix}' for suffix in wanted)}"
            + ("." if kind else ", or --format saved_model for a folder.")
        )
    for name, value, needed in (
        ("half", arguments.half, ("onnx",)),
        ("size", arguments.size, ("litert",)),
        ("licence", arguments.licence, ("onnx", "saved_model")),
    ):
        if value and kind not in needed:
            raise InputError(
                f"--{name} is for {' and '.join(f'--format {n}' for n in needed)}, this is {kind}; "
                "leave it out."
            )
    require_local(output)
    if is_taken(output) or (kind != "saved_model" and output.is_dir()):
        raise InputError(f"{output} exists and is not written over; choose another name.")
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if kind == "onnx" and missing:
        raise InputError(
            f"an ONNX file needs {', '.join(missing)}, which is not installed; run pip install -r "
            "requirements-export.txt, or pip install 'cyclegan_tf[export]'."
        )


def _export(arguments: argparse.Namespace) -> str:
    """Writes the file; returns what is to be said of it."""
    from cyclegan_tf.inference.loading import export_generator, load_network

    output, direction = arguments.output, arguments.direction
    run = arguments.run or arguments.weights
    if arguments.format == "npz":
        export_generator(run, output, direction)
        return ""
    config, network = load_network(run, direction, licence=arguments.licence)
    if arguments.format == "litert":
        from cyclegan_tf.inference.exports.lite import write_lite

        side = arguments.size or config.whole_size
        difference, runs = write_lite(output, network, side=side), "LiteRT"
        what = f"single images of {side} x {side} pixels, no other size"
    elif arguments.format == "onnx":
        from cyclegan_tf.inference.exports.onnx_file import write_onnx

        difference, runs = write_onnx(output, network, half=arguments.half), "ONNX Runtime"
        what = f"images whose sides are multiples of {network.multiple} pixels"
    else:
        from cyclegan_tf.inference.exports.lite import write_saved_model

        difference, runs = write_saved_model(output, network), "TensorFlow"
        what = f"images whose sides are multiples of {network.multiple} pixels"
    return (
        f"; takes {what}\nchecked: {runs} translates as Keras does, but for {difference:.2g} at "
        f"most in [-1, 1] ({127.5 * difference:.2g} grey levels)"
    )


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    sys.exit(main())
