"""python -m cyclegan_tf: lists the commands; cyclegan-tf NAME ... runs one."""

import ast
import importlib
import platform
import sys
from importlib import metadata
from pathlib import Path

from cyclegan_tf import __version__
from cyclegan_tf.cli import command
from cyclegan_tf.errors import InputError, suggestion

COMMANDS = (
    "train", "translate", "evaluate", "generate", "demo", "kaggle", "export", "report", "app",
)  # fmt: skip
LIBRARIES = ("tensorflow", "keras", "numpy", "pandas", "matplotlib", "pillow", "jinja2")


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    name, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in COMMANDS:
        return importlib.import_module(f"cyclegan_tf.{name}").main(rest)
    if name in ("-h", "--help"):
        print(_help())
    elif name == "--versions":
        print(_versions())
    else:
        raise InputError(f"{name!r} is no command; {suggestion(name, COMMANDS)}")
    return 0


def _help() -> str:
    lines = [f"  {name:10} {_first_line(name)}" for name in COMMANDS]
    return "\n".join(
        [
            "usage: python -m cyclegan_tf.NAME --help   (or, once installed: cyclegan-tf NAME)",
            "",
            "CycleGAN for TensorFlow and Keras 3: photos become paintings.",
            "To begin: python -m cyclegan_tf.train",
            "",
            *lines,
            "",
            "  --versions  says what is installed, for a report of a fault",
        ]
    )


def _first_line(name: str) -> str:
    """What a command says of itself; it is read, not imported."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)).splitlines()[0]


def _versions() -> str:
    lines = [f"cyclegan_tf {__version__}", f"Python {platform.python_version()}"]
    for library in LIBRARIES:
        try:
            lines.append(f"{library} {metadata.version(library)}")
        except metadata.PackageNotFoundError:
            lines.append(f"{library} is not installed")
    return "\n".join([*lines, platform.platform()])


if __name__ == "__main__":
    sys.exit(main())
