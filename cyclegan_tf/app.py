"""Shows a page in the browser on which photos become paintings, computed on this machine.

python -m cyclegan_tf.app
python -m cyclegan_tf.app --run runs/monet --port 8000
"""

import argparse
import re
import socket
import sys
import threading
from importlib import metadata
from pathlib import Path

from cyclegan_tf.cli import Parser, command, load_tensorflow
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.shipped import DEFAULT_WEIGHTS, find_weights, shipped_names
from cyclegan_tf.io.files import user_path

_PORTS = (1, 65_535)
_GRADIO = ((6, 16), (7, 0))  # from this version on, below that one


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    arguments = _parser().parse_args(argv)
    low, high = _PORTS
    if not low <= arguments.port <= high:
        raise InputError(f"--port is {arguments.port}; expected a value from {low} to {high:,}.")
    models = _models(arguments)
    _require_gradio()
    _require_free(arguments.port)
    load_tensorflow()
    from cyclegan_tf.web.page import HOST, serving
    from cyclegan_tf.web.studio import Studio

    studio = Studio(models)
    first = next(iter(models))
    studio.translator(first, studio.directions[first][0])  # what cannot paint ends here
    with serving(studio, arguments.port):
        print(f"http://{HOST}:{arguments.port} is the page; Ctrl-C ends it.", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()
    return 0


def _require_free(port: int) -> None:
    """Raises `InputError` if something else listens there: before TensorFlow is loaded."""
    with socket.socket() as probe:
        # a port that was used a moment ago is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise InputError(
                f"port {port} is taken ({error.strerror}); choose another with --port."
            ) from error


def _parser() -> argparse.ArgumentParser:
    parser = Parser("app", __doc__.split("\n")[0])
    parser.add_argument(
        "--run", nargs="+", type=user_path, default=[], metavar="DIR", help="run folders of train"
    )
    parser.add_argument(
        "--weights",
        nargs="+",
        default=[],
        metavar="NAME",
        help="trained weights that come with the package, or files NAME.npz that export wrote "
        "(default, without --run: all that come with it)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=7860,
        help="port of this computer, which no other computer can reach (default: 7860)",
    )
    return parser


def _models(arguments: argparse.Namespace) -> dict[str, str | Path]:
    """What is to paint, by the names that the page shows."""
    weights = arguments.weights
    if not weights and not arguments.run and not (weights := shipped_names()):
        find_weights(DEFAULT_WEIGHTS, "ab")  # says what there is instead
    models: dict[str, str | Path] = {}
    for model in (*arguments.run, *weights):
        name = Path(model).stem
        models[str(model) if name in models else name] = model
    return models


def _require_gradio() -> None:
    """Raises `InputError` where there is no Gradio, or one that the page does not know."""
    low, high = _GRADIO
    try:
        found = metadata.version("gradio")
    except metadata.PackageNotFoundError:
        found = "none"
    if not low <= tuple(map(int, re.findall(r"\d+", found)[:2])) < high:
        raise InputError(
            f"the page needs Gradio {low[0]}.{low[1]} or newer, below {high[0]} (installed: "
            f"{found}); pip install 'gradio>={low[0]}.{low[1]},<{high[0]}'."
        )


if __name__ == "__main__":
    sys.exit(main())
