import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import cyclegan_tf
from cyclegan_tf import kaggle

PACKAGE = Path(cyclegan_tf.__file__).parent
ROOT = PACKAGE.parent


def notebook(**changes) -> dict:
    """Two cells of text, between them one of code that has been run."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]},
        {
            "cell_type": "code",
            "execution_count": 3,
            "metadata": {},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": ["x\n"]}],
            "source": ["print(1)\n", "print(2)"],
        },
        {"cell_type": "markdown", "metadata": {}, "source": "end"},
    ]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = {
        "cells": cells,
        "metadata": {"kernelspec": kernelspec},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    return made | changes


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "03_paint.ipynb"
    path.write_text(json.dumps(notebook()))
    return path


def run(source: Path, output: Path, *options: str) -> int:
    return kaggle.main(["--notebook", str(source), "--output", str(output), *options])


def python(code: str, folder: Path) -> subprocess.CompletedProcess:
    """Runs code in a folder, in an interpreter that knows nothing of this checkout."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    file = folder / "cell.py"
    file.write_text(code)
    return subprocess.run(
        [sys.executable, "-P" if sys.version_info >= (3, 11) else "-B", str(file)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment | {"TMPDIR": str(folder)},
        check=False,
    )


def test_bundle_is_the_notebook_with_the_package_in_front_of_its_code(source, tmp_path, capsys):
    assert run(source, tmp_path / "out", "--username", "monet") == 0
    made = json.loads((tmp_path / "out" / "03_paint.ipynb").read_text())
    nbformat.validate(made)
    assert [cell["cell_type"] for cell in made["cells"]] == [
        "markdown", "markdown", "code", "code", "markdown",
    ]  # fmt: skip
    assert made["cells"][2]["id"] == kaggle.CELL
    assert "".join(made["cells"][3]["source"]) == "print(1)\nprint(2)"
    assert [cell.get("outputs") for cell in made["cells"]] == [None, None, [], [], None]
    assert all(cell.get("execution_count") is None for cell in made["cells"])
    size = int(
        re.search(r"([\d,]+) bytes of 1,000,000", capsys.readouterr().out)[1].replace(",", "")
    )
    joined = [cell | {"source": "".join(cell["source"])} for cell in made["cells"]]
    assert size == len(json.dumps(made | {"cells": joined}))  # as it is sent
    assert size < 700_000


def test_metadata_are_those_of_a_private_gpu_notebook_without_internet(source, tmp_path):
    options = ["--username=monet", "--title=My Monets, at last", "--dataset=a-b/c.d"]
    assert run(source, tmp_path / "out", *options) == 0
    assert json.loads((tmp_path / "out" / "kernel-metadata.json").read_text()) == {
        "id": "monet/my-monets-at-last",
        "title": "My Monets, at last",
        "code_file": "03_paint.ipynb",
        "language": "python",
        "kernel_type": "notebook",
        "is_private": True,
        "enable_gpu": True,
        "enable_tpu": False,
        "enable_internet": False,
        "dataset_sources": ["a-b/c.d"],
        "competition_sources": ["gan-getting-started"],
        "kernel_sources": [],
        "model_sources": [],
    }


def test_the_name_on_kaggle_comes_from_the_environment(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KAGGLE_USERNAME", "camille")
    assert run(source, tmp_path / "known") == 0
    assert "YOUR_KAGGLE_NAME" not in capsys.readouterr().out
    monkeypatch.delenv("KAGGLE_USERNAME")
    assert run(source, tmp_path / "unknown") == 0
    assert "put your Kaggle name in the place of YOUR_KAGGLE_NAME" in capsys.readouterr().out
    ids = [
        json.loads((tmp_path / folder / "kernel-metadata.json").read_text())["id"]
        for folder in ("known", "unknown")
    ]
    assert ids == ["camille/cyclegan-tf-03-paint", "YOUR_KAGGLE_NAME/cyclegan-tf-03-paint"]


def test_same_package_same_bytes(source, tmp_path):
    for folder in ("one", "two"):
        assert run(source, tmp_path / folder) == 0
    one, two = ((tmp_path / f / "03_paint.ipynb").read_bytes() for f in ("one", "two"))
    assert one == two


def test_cell_unpacks_every_module_and_makes_it_importable(tmp_path):
    check = (
        "import subprocess, cyclegan_tf.config.presets\n"
        "print(cyclegan_tf.__file__)\n"
        "command = [sys.executable, '-m', 'cyclegan_tf.train', '--help']\n"
        "print(subprocess.run(command, capture_output=True, text=True).stdout)\n"
    )
    done = python(f"{kaggle.unpacking_code()}\n{check}", tmp_path)
    assert done.stderr == ""
    first, second, *rest = done.stdout.splitlines()
    folder = Path(first.removeprefix(f"cyclegan_tf {cyclegan_tf.__version__} in "))
    assert folder.parent == tmp_path  # of temporary files: not the working folder
    assert second == str(folder / "cyclegan_tf" / "__init__.py")
    unpacked = sources(folder / "cyclegan_tf")
    assert unpacked == sources(PACKAGE)
    assert rest[0].startswith("usage: python -m cyclegan_tf.train")  # also in processes it starts


def test_damaged_cell_is_told(tmp_path):
    code = kaggle.unpacking_code().replace('"""\n/Td6WFo', '"""\n/Td6WFp')
    done = python(code, tmp_path)
    assert done.returncode == 1
    assert "the package in this cell is damaged; make the notebook anew" in done.stderr


def test_too_old_a_machine_is_told(tmp_path, monkeypatch):
    wanted = {"numpy": "1.26", "pillow nothing": "99.0", "no-such-package": "1.0"}
    monkeypatch.setattr(kaggle, "NEEDED", wanted)
    lines = python(kaggle.unpacking_code(), tmp_path).stdout.splitlines()
    assert len(lines) == 3
    assert re.match(
        r"warning: needs pillow nothing 99.0 or newer, this machine has \d+\.", lines[0]
    )
    assert lines[1] == "warning: needs no-such-package 1.0 or newer, this machine has none"


def test_what_the_cell_asks_for_is_what_the_requirements_say():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    found = [re.match(r"([a-z0-9]+)>=([\d.]+)", line) for line in lines]
    required = {match[1]: match[2] for match in found if match}
    assert {names.split()[0]: least for names, least in kaggle.NEEDED.items()} == required


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no notebook"),
        ("[]", "is no notebook"),
        (json.dumps(notebook(cells=[{}])), "is no notebook"),
        (json.dumps(notebook(cells=[])), "0 cells of code"),
        (json.dumps(notebook(nbformat=3)), "of format 3"),
        (json.dumps(notebook(metadata={"kernelspec": {"language": "R"}})), "in R"),
    ],
)
def test_what_is_no_python_notebook_is_refused(content, words, tmp_path, capsys):
    path = tmp_path / "x.ipynb"
    path.write_text(content)
    assert run(path, tmp_path / "out") == 2
    assert words in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.ipynb"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--title=abc"], "--title 'abc' has 3 signs; Kaggle takes 5 to 50"),
        (["--title=" + 51 * "a"], "has 51 signs"),
        (["--title=-----"], "letters or digits"),
        (["--username=a/b"], "--username is 'a/b'"),
        (["--dataset=inception"], "--dataset is 'inception'; expected OWNER/NAME"),
    ],
)
def test_what_kaggle_would_refuse_is_refused(options, words, source, tmp_path, capsys):
    assert run(source, tmp_path / "out", *options) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten_and_no_path_surprises(source, tmp_path, capsys):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").touch()
    assert run(source, tmp_path / "there") == 2
    assert run(tmp_path / "nowhere.ipynb", tmp_path / "out") == 2
    assert run(tmp_path, tmp_path / "out") == 2
    assert run(source, source / "out") == 2
    lines = capsys.readouterr().err.splitlines()
    expected = [
        "exists; expected a new folder",
        "No such file",
        "is no .ipynb",
        "cannot be written",
    ]
    assert len(lines) == 4
    assert all(words in line for words, line in zip(expected, lines, strict=True))


def test_a_bundle_is_not_bundled_again(source, tmp_path, capsys):
    assert run(source, tmp_path / "one") == 0
    assert run(tmp_path / "one" / source.name, tmp_path / "two") == 2
    assert "holds the package already" in capsys.readouterr().err


def test_notebook_that_kaggle_would_not_take_is_told(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(kaggle, "LIMIT", 1000)
    assert run(source, tmp_path / "out") == 0
    assert "Kaggle takes notebooks below 1,000 bytes" in capsys.readouterr().err


def test_it_needs_nothing_but_the_standard_library(tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import cyclegan_tf.kaggle\n"
        "print(sorted({'tensorflow', 'keras', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    assert python(code, tmp_path).stdout == "[]\n"


def sources(package: Path) -> dict[str, bytes]:
    """All modules of a package by their place in it."""
    return {str(p.relative_to(package)): p.read_bytes() for p in package.rglob("*.py")}
