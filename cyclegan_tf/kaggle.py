"""Packs this package into a notebook, so that it runs on Kaggle without internet.

python -m cyclegan_tf.kaggle --notebook notebooks/03_cyclegan.ipynb --output kernel --username NAME
kaggle kernels push -p kernel
"""

import argparse
import base64
import hashlib
import io
import json
import lzma
import os
import re
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

from cyclegan_tf import __version__
from cyclegan_tf.cli import Parser, command
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.files import atomic_folder, is_taken, read_file, user_path

COMPETITION = "gan-getting-started"
LIMIT = 1_000_000  # bytes: "The kernel source must be less than 1 megabytes in size"
UNKNOWN_USER = "YOUR_KAGGLE_NAME"
CELL = "package-cyclegan-tf"  # id of the cell that holds the package
# What the package runs with; of a distribution that has several names, all of them.
NEEDED = {
    "tensorflow tensorflow-cpu tensorflow-tpu": "2.20",
    "keras": "3.12",
    "tensorboard": "2.20",
    "numpy": "1.26",
    "protobuf": "3.20",
    "pandas": "2.1",
    "matplotlib": "3.7",
    "pillow": "10.1",
    "tqdm": "4.66",
    "filelock": "3.16",
    "psutil": "5.9",
    "jinja2": "3.1",
}
PACKED = {".py", ".npz", ".html", ".css", ".js"}
LEFT_OUT = {"weights"}  # folders of trained generators, which are too large
_DAY = (1980, 1, 1, 0, 0, 0)  # of every file: the same package gives the same bytes
_TITLE = (5, 50)  # signs that Kaggle takes
_LONGEST_NOTEBOOK = 2**26
_CODE = '''\
# cyclegan_tf {version} (MIT licence), {count} files: unpacked into a temporary folder
import base64
import contextlib
import hashlib
import importlib.metadata as installed
import io
import lzma
import os
import re
import sys
import tempfile
import zipfile

packed = base64.b64decode("""
{packed}
""")
if hashlib.sha256(packed).hexdigest() != "{digest}":
    raise RuntimeError("the package in this cell is damaged; make the notebook anew")
folder = tempfile.mkdtemp(prefix="cyclegan_tf-")
zipfile.ZipFile(io.BytesIO(lzma.decompress(packed))).extractall(folder)
sys.path.insert(0, folder)  # of this process, and of those that it starts
os.environ["PYTHONPATH"] = os.pathsep.join([folder, *filter(None, [os.getenv("PYTHONPATH")])])


def version(names):
    for name in names.split():
        with contextlib.suppress(installed.PackageNotFoundError):
            return installed.version(name)
    return "none"


def numbers(text):
    return [int(part) for part in re.findall(r"\\d+", text)[:2]]


for names, least in {needed}.items():
    if numbers(version(names)) < numbers(least):
        print(f"warning: needs {{names}} {{least}} or newer, this machine has {{version(names)}}")
print("cyclegan_tf {version} in", folder)
'''
_TEXT = (
    "*The package that this notebook uses is packed into the next cell, so it needs no internet. "
    "To read it, look into the folder that the cell prints.*"
)


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    arguments = _parser().parse_args(argv)
    title = arguments.title or f"cyclegan-tf {arguments.notebook.stem.replace('_', ' ')}"
    _check(arguments, title)
    notebook = bundle(read_notebook(arguments.notebook))
    metadata = kernel_metadata(
        arguments.notebook.name,
        title,
        username=arguments.username or UNKNOWN_USER,
        datasets=arguments.dataset,
    )
    _write(arguments.output, arguments.notebook.name, notebook, metadata)
    size = source_size(notebook)
    print(f"{arguments.output / arguments.notebook.name}: {size:,} bytes of {LIMIT:,}")
    if size >= LIMIT:
        print(
            f"warning: Kaggle takes notebooks below {LIMIT:,} bytes; shorten this one.",
            file=sys.stderr,
        )
    if not arguments.username:
        print(
            f"put your Kaggle name in the place of {UNKNOWN_USER} in "
            f"{arguments.output / 'kernel-metadata.json'}, or give --username"
        )
    print(f"to run it: kaggle kernels push -p {arguments.output}")
    return 0


def read_notebook(path: Path) -> dict[str, Any]:
    """Reads a Python notebook.

    Raises:
        InputError: if it cannot be read, or is none.
    """
    expected = "expected a Jupyter notebook (.ipynb, format 4) in Python"
    if path.suffix != ".ipynb":
        raise InputError(f"{path} is no .ipynb file; {expected}.")
    try:
        notebook = json.loads(read_file(path, most=_LONGEST_NOTEBOOK).decode())
        cells = notebook["cells"]
        # joined: what is no text raises
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        language = notebook["metadata"].get("kernelspec", {}).get("language", "python")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {expected}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is no notebook; {expected}. Check the path.") from error
    if notebook.get("nbformat") != 4 or not code or language != "python":
        raise InputError(
            f"{path} is a notebook of format {notebook.get('nbformat')} in {language} with "
            f"{len(code)} cells of code; {expected}, with some."
        )
    if any(cell.get("id") == CELL for cell in cells):
        raise InputError(f"{path} holds the package already; give the notebook it was made from.")
    return notebook


def bundle(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook without outputs, with a cell in front of its code that unpacks the package.

    Args:
        notebook: as `read_notebook` gives it; it stays as it is.
    """
    cells = []
    for cell in notebook["cells"]:
        cleared = {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else {}
        cells.append(cell | cleared)
    first = next(place for place, cell in enumerate(cells) if cell["cell_type"] == "code")
    hidden = {"_kg_hide-input": True, "jupyter": {"source_hidden": True}}
    package = [
        {"cell_type": "markdown", "id": f"about-{CELL}", "metadata": {}, "source": _TEXT},
        {
            "cell_type": "code",
            "execution_count": None,
            "id": CELL,
            "metadata": hidden,
            "outputs": [],
            "source": unpacking_code(),
        },
    ]
    # cells have ids from this minor version on
    minor = max(5, notebook.get("nbformat_minor", 0))
    for place, cell in enumerate(cells):
        cell.setdefault("id", f"cell-{place}")
    return notebook | {"nbformat_minor": minor, "cells": cells[:first] + package + cells[first:]}


def unpacking_code() -> str:
    """Python code that carries this package, unpacks it and makes it importable."""
    package = Path(__file__).parent
    files = (path for path in package.rglob("*") if path.parent.name not in LEFT_OUT)
    modules = sorted(path for path in files if path.suffix in PACKED)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in modules:
            entry = zipfile.ZipInfo(path.relative_to(package.parent).as_posix(), _DAY)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    packed = lzma.compress(buffer.getvalue(), preset=9)
    return _CODE.format(
        version=__version__,
        count=len(modules),
        packed="\n".join(textwrap.wrap(base64.b64encode(packed).decode(), 100)),
        digest=hashlib.sha256(packed).hexdigest(),
        needed=json.dumps(NEEDED, indent=4),
    )


def kernel_metadata(
    file: str, title: str, *, username: str, datasets: list[str]
) -> dict[str, str | bool | list[str]]:
    """What `kaggle kernels push` has to know.

    Args:
        file: name of the notebook.
        title: of it on Kaggle; its address follows from that.
        username: whose it is.
        datasets: attached besides the competition's data, as OWNER/NAME.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return {
        "id": f"{username}/{slug}",
        "title": title,
        "code_file": file,
        "language": "python",
        "kernel_type": "notebook",
        "is_private": True,
        "enable_gpu": True,
        "enable_tpu": False,
        "enable_internet": False,
        "dataset_sources": datasets,
        "competition_sources": [COMPETITION],
        "kernel_sources": [],
        "model_sources": [],
    }


def source_size(notebook: dict[str, Any]) -> int:
    """Bytes of a notebook as it is sent to Kaggle: each cell one string."""
    cells = [cell | {"source": "".join(cell["source"])} for cell in notebook["cells"]]
    return len(json.dumps(notebook | {"cells": cells}))


def _parser() -> argparse.ArgumentParser:
    parser = Parser("kaggle", __doc__)
    path = {"type": user_path, "required": True}
    parser.add_argument("--notebook", **path, metavar="FILE", help="the notebook to pack")
    parser.add_argument(
        "--output",
        **path,
        metavar="DIR",
        help="new folder for the notebook and its kernel-metadata.json",
    )
    parser.add_argument(
        "--username",
        default=os.environ.get("KAGGLE_USERNAME"),
        metavar="NAME",
        help="your user name on Kaggle (default: the variable KAGGLE_USERNAME)",
    )
    parser.add_argument(
        "--title", help="title of the notebook on Kaggle (default: made of its file name)"
    )
    parser.add_argument(
        "--dataset",
        action="append",
        default=[],
        metavar="OWNER/NAME",
        help="also attach this data set, for example one with the Inception graph; can be given "
        "several times",
    )
    return parser


def _check(arguments: argparse.Namespace, title: str) -> None:
    """Raises `InputError` on what Kaggle would refuse."""
    output, user = arguments.output, arguments.username
    if is_taken(output):
        raise InputError(f"{output} exists; expected a new folder. Remove it, or name another.")
    if not _TITLE[0] <= len(title) <= _TITLE[1] or not re.search(r"[a-z0-9]", title.lower()):
        raise InputError(
            f"--title {title!r} has {len(title)} signs; Kaggle takes {_TITLE[0]} to {_TITLE[1]}, "
            "letters or digits among them. Give another --title."
        )
    for flag, value, pattern in (
        ("username", user, r"[\w-]+"),
        *(("dataset", dataset, r"[\w-]+/[\w.-]+") for dataset in arguments.dataset),
    ):
        if value and not re.fullmatch(pattern, value):
            kind = "OWNER/NAME" if flag == "dataset" else "letters, digits and dashes"
            raise InputError(f"--{flag} is {value!r}; expected {kind}, as in its address.")


def _write(
    output: Path, name: str, notebook: dict[str, Any], metadata: dict[str, str | bool | list[str]]
) -> None:
    """Writes the folder: complete, or not at all."""
    try:
        with atomic_folder(output) as folder:
            for file, content in ((name, notebook), ("kernel-metadata.json", metadata)):
                text = json.dumps(content, indent=1, ensure_ascii=False)
                (folder / file).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{output} cannot be written ({error.strerror}); choose another folder."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
