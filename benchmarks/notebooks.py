"""Executes the notebooks, writes the results as HTML, and reports what their clocks promised.

python benchmarks/notebooks.py --output docs/notebooks
python benchmarks/notebooks.py --output docs/notebooks --data data/gan-getting-started

Without --data they run on the synthetic set, which may be shown. Of any other data only curves,
histograms and numbers are kept: pictures of it, and what a network made of them, are left out.
"""

import argparse
import base64
import io
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DATA = Path("data/pictures")  # what a data set is called in the folder where a notebook runs
LEFT_OUT = "(a picture of the data, which is not shown here)"
CLOCK = re.compile(r"this notebook took .*")


def execute(notebook: Path, folder: Path, **variables: str) -> nbformat.NotebookNode:
    """Runs a notebook from top to bottom in a folder, and gives it back with its outputs."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("CYCLEGAN_TF_")}
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    contents = nbformat.read(notebook, as_version=4)
    resources = {"metadata": {"path": folder}}
    client = NotebookClient(contents, timeout=None, kernel_name="python3", resources=resources)
    client.execute(env={**own, "PYTHONPATH": paths, **variables})
    return contents


def shrink_pictures(contents: nbformat.NotebookNode) -> None:
    """Makes JPEGs of pictures, which take ten times the room as PNGs; other figures stay."""
    for cell in contents.cells:
        for output in cell.get("outputs", []):
            told = output.get("metadata", {}).get("cyclegan_tf", {})
            if "image/png" not in output.get("data", {}) or not told.get("pictures", True):
                continue
            jpeg = io.BytesIO()
            with Image.open(io.BytesIO(base64.b64decode(output.data.pop("image/png")))) as image:
                image.convert("RGB").save(jpeg, "JPEG", quality=85)
            output.data["image/jpeg"] = base64.b64encode(jpeg.getvalue()).decode()


def leave_out_pictures(contents: nbformat.NotebookNode) -> int:
    """Replaces all pictures but figures that say of themselves that they show none.

    Returns:
        How many were replaced.
    """
    replaced = 0
    for cell in contents.cells:
        for output in cell.get("outputs", []):
            kinds = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
            told = output.get("metadata", {}).get("cyclegan_tf", {})
            if kinds and told.get("pictures", True):
                output.data = nbformat.NotebookNode({"text/plain": LEFT_OUT})
                replaced += 1
    return replaced


def rename_paths(contents: nbformat.NotebookNode, names: dict[str, str]) -> None:
    """Replaces paths of this machine in all that was printed."""
    for cell in contents.cells:
        for output in cell.get("outputs", []):
            texts = output if "text" in output else output.get("data", {})
            for key in [key for key in texts if key in ("text", "text/plain", "text/html")]:
                for path, name in names.items():
                    texts[key] = texts[key].replace(path, name)


def clock(contents: nbformat.NotebookNode) -> str:
    """The line that a notebook's clock ends with."""
    outputs = [o for cell in contents.cells for o in cell.get("outputs", [])]
    found = CLOCK.findall("".join(output.get("text", "") for output in outputs))
    return found[-1] if found else "this notebook told no time"


def write_html(contents: nbformat.NotebookNode, path: Path) -> None:
    """Writes an executed notebook as one page."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="classic")
    html, _ = exporter.from_notebook_node(contents, {"metadata": {"name": path.stem}})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("notebooks", nargs="*", type=Path, default=NOTEBOOKS)
    parser.add_argument("--output", type=Path, required=True, help="folder of the pages")
    parser.add_argument("--data", type=Path, help="a data set in place of the synthetic one")
    parser.add_argument("--inception", type=Path, help="the frozen graph, for the scores")
    parser.add_argument("--suffix", default="", help="of the pages' names, before .html")
    parser.add_argument("--quick", action="store_true", help="tiny networks, eight steps")
    arguments = parser.parse_args(argv)
    variables = {"CYCLEGAN_TF_QUICK": "1"} if arguments.quick else {}
    names = {}
    if arguments.inception:
        variables["CYCLEGAN_TF_INCEPTION"] = str(arguments.inception.resolve())
        names[str(arguments.inception.resolve())] = arguments.inception.name
    for notebook in arguments.notebooks:
        with tempfile.TemporaryDirectory() as folder:
            if arguments.data:
                link = Path(folder) / DATA
                link.parent.mkdir()
                link.symlink_to(arguments.data.resolve(), target_is_directory=True)
                variables["CYCLEGAN_TF_DATA"] = str(DATA)
            began = time.monotonic()
            contents = execute(notebook, Path(folder), **variables)
            minutes = (time.monotonic() - began) / 60
        left_out = leave_out_pictures(contents) if arguments.data else 0
        shrink_pictures(contents)
        real = os.path.realpath(folder)
        rename_paths(contents, {**names, f"{real}/": "", f"{folder}/": "", f"{ROOT}/": ""})
        page = arguments.output / f"{notebook.stem}{arguments.suffix}.html"
        write_html(contents, page)
        size = page.stat().st_size / 1e6
        print(f"{page}: {size:.1f} MB, {left_out} pictures left out, {minutes:.1f} minutes in all")
        print(f"  {clock(contents)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
