"""What the documents say: every command runs, every link leads somewhere, every file is there.

Commands run letter by letter; trainings with flags behind, which make them small. What nobody can
run here is left out by name: installing (the checks of the project do it), and what needs an
account of Kaggle.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path

import keras
import pytest
from PIL import Image

from cyclegan_tf.__main__ import COMMANDS
from cyclegan_tf.data.image import encode_jpeg
from cyclegan_tf.data.synthetic import dataset
from cyclegan_tf.data.synthetic.dataset import write_demo
from cyclegan_tf.inference import shipped
from cyclegan_tf.inference.loading import export_generator
from tests.distribution.test_workers import free_addresses
from tests.pictures import flat, image_set, noise, write_files
from tests.tiny_inception import write_tiny_graph

ROOT = Path(__file__).parents[1]
PACKAGE = "cyclegan_tf/"
# all code blocks of these run, in this order
RUN = ("README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
DOCUMENTS = (
    *RUN, "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md", "tests/golden/README.md",
    *(f"benchmarks/results/{path.name}" for path in sorted(ROOT.glob("benchmarks/results/*.md"))),
)  # fmt: skip
INSTALL = re.compile(r"pip install -r [a-z-]+\.txt( && )?")
# the two checks of everything, which start this one; what is set up once; another's website
ELSEWHERE = {
    "python -m pytest",
    ".ci/run",
    "pre-commit install",
    "kaggle kernels push -p kernel",
    "git clone ADDRESS_OF_THIS_REPOSITORY cyclegan_tf && cd cyclegan_tf",
    "python3 -m venv .venv && source .venv/bin/activate",
    # served until somebody ends them; tests/test_app.py and tests/test_try.py do
    "python -m cyclegan_tf.app --run runs/monet",
    "python docs/try/prepare.py --onnx monet.onnx",
    "python -m http.server --directory docs/try",
    # it needs ffmpeg; tests/test_translate_clip.py
    "python -m cyclegan_tf.translate --run runs/monet clip.mp4 --output painted.mp4",
}

SMALL = (
    "--image-size 32 --base-filters 2 --discriminator-filters 2 --batch-size 2 --epochs 1 "
    "--steps-per-epoch 1 --sample-count 2 --precision float32 "
)
SMALL_TRANSLATION = SMALL + "--generator resnet --residual-blocks 0 --discriminator-layers 1 "
SMALL_CYCLEGAN = SMALL_TRANSLATION + "--model cyclegan --discriminator patch "
SMALL_DCGAN = SMALL + "--latent-size 4 "

# what stands behind each training, in the order of the documents: later commands need its run
BEHIND = {
    "python -m cyclegan_tf.train": SMALL_TRANSLATION,
    "python -m cyclegan_tf.train --data data/gan-getting-started --preset cpu "
    "--run runs/monet": SMALL_TRANSLATION + "--validation-fraction 0.2",
    "python -m cyclegan_tf.train --data data/horse2zebra --preset cpu": SMALL_CYCLEGAN,
    "python -m cyclegan_tf.train --a photos/ --b etchings/ --preset cpu": SMALL_CYCLEGAN,
    "python -m cyclegan_tf.train --run runs/monet --resume": "--epochs 2",
    "python -m cyclegan_tf.train --data data/gan-getting-started --preset dcgan "
    "--run runs/dcgan": SMALL_DCGAN,
    "python -m cyclegan_tf.evaluate --run runs/monet": "--inception graph.pb",
    "python -m cyclegan_tf.evaluate --images runs/monet/images.zip "
    "--reference data/gan-getting-started/monet_tfrec": "--inception graph.pb",
}
# files that a command must have written, by how it begins
WRITTEN = {
    "python -m cyclegan_tf.train": ["runs/demo-1/images.zip"],
    "python -m cyclegan_tf.train --data data/gan-": ["runs/monet/images.zip"],
    "python -m cyclegan_tf.train --data data/horse2zebra": ["runs/cpu-1/plots/losses.png"],
    "python -m cyclegan_tf.train --a": ["runs/cpu-2/plots/losses.png"],
    "python -m cyclegan_tf.train --run runs/monet --resume": ["runs/monet/images.zip"],
    "python -m cyclegan_tf.train --data data/gan-getting-started --preset dcgan": [
        "runs/dcgan/samples/interpolation.png",
    ],
    "python -m cyclegan_tf.translate photo.jpg": ["painting.png"],
    "python -m cyclegan_tf.translate --run runs/monet photos/ --": [
        "paintings/1.jpg", "paintings/2.jpg",
    ],
    "python -m cyclegan_tf.translate --run runs/monet holiday.jpg": ["holiday-painted.png"],
    "python -m cyclegan_tf.translate --run runs/monet photos/ more.zip": [
        "many/1.jpg", "many/2.jpg", "many/3.png", "many/landscape_00009.jpg",
    ],
    "python -m cyclegan_tf.export --run runs/monet --output monet.npz": ["monet.npz"],
    "python -m cyclegan_tf.export --run runs/monet --output monet.onnx": ["monet.onnx"],
    "python -m cyclegan_tf.translate --weights monet.npz": ["small.png"],
    "python -m cyclegan_tf.kaggle": ["kernel/03_cyclegan.ipynb", "kernel/kernel-metadata.json"],
    "python -m cyclegan_tf.generate": ["pictures/15.png"],
    "python -m cyclegan_tf.evaluate --run": ["runs/monet/evaluation.json"],
}  # fmt: skip


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text()
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for name, block in found if name == language]


def commands(document: str) -> list[str]:
    """A line each, without installing, in their order: letter by letter, as zsh and cmd take them.

    Both take a comment behind a command for arguments, so there is none.
    """
    lines = "\n".join(blocks(document, "bash")).replace("\\\n", "").splitlines()
    found = [re.sub(r"\s+", " ", INSTALL.sub("", line)) for line in lines]
    return [line.strip() for line in found if line.strip()]


@pytest.fixture(scope="module")
def place(uncompiled, tmp_path_factory):
    """A checkout with the files that the documents speak of, in the same places, but small."""
    folder = tmp_path_factory.mktemp("checkout")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("TF_CONFIG", raising=False)
        write = write_demo
        patch.setattr(dataset, "write_demo", lambda path, **_: write(path, size=32, count=10))
        (folder / "notebooks").symlink_to(ROOT / "notebooks")
        write(folder / "data/gan-getting-started", size=32, count=10)
        (folder / "data/horse2zebra").mkdir()
        for name in ("trainA", "trainB", "testA", "testB"):
            files = {f"{i}.jpg": encode_jpeg(noise(i)) for i in range(4)}
            write_files(folder / "data/horse2zebra" / name, files)
        for name in ("photos", "etchings"):
            write_files(folder / name, {f"{i}.jpg": encode_jpeg(noise(i)) for i in (1, 2)})
        for name in ("photo.jpg", "holiday.jpg"):
            (folder / name).write_bytes(encode_jpeg(flat(99, 40)))
        with zipfile.ZipFile(folder / "more.zip", "w") as archive:
            archive.writestr("3.png", image_set(1).encoded[0])
        (shard,) = (folder / "data/gan-getting-started/photo_tfrec").iterdir()
        shutil.copy(shard, folder / "photo00-352.tfrec")
        write_tiny_graph(folder / "graph.pb")
        # of weights that come with the package, tiny ones stand in for all
        patch.setattr(shipped, "_FOLDER", folder / "weights")
        (folder / "weights").mkdir()
        export_generator(ROOT / "tests/golden/cyclegan", folder / "weights/monet_ab.npz")
        yield folder


def run(line: str) -> None:
    """A command of the package in this process, where TensorFlow is loaded already."""
    python, minus_m, module, *argv = shlex.split(line)
    assert (python, minus_m) == ("python", "-m"), line
    keras.config.set_dtype_policy("float32")
    assert import_module(module).main(argv) == 0, line


def test_commands_run_from_top_to_bottom(place):
    lines = [line for document in RUN for line in commands(document) if "TF_CONFIG" not in line]
    own = [line for line in dict.fromkeys(lines) if line not in ELSEWHERE]
    assert set(BEHIND) <= set(own)
    for line in own:  # at its own length it would take hours
        assert ".train" not in line or line in BEHIND, f"add {line!r} to BEHIND"
    # a run comes before those who want it
    own.sort(key=lambda line: ".train" not in line)
    for line in own:
        expected = [files for begin, files in WRITTEN.items() if line.startswith(begin)]
        for file in expected[-1] if expected and ".train" not in line else ():
            assert not (place / file).exists(), f"{file} is there before {line}"
        run(f"{line} {BEHIND.get(line, '')}")
        for file in expected[-1] if expected else ():
            assert (place / file).exists(), f"{line} has not written {file}"
    rows = (place / "runs/monet/metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == [1, 2]
    with Image.open(place / "painting.png") as image:
        assert image.size == (40, 40)
    with Image.open(place / "paintings/1.jpg") as image:
        assert image.size == (32, 32)


def test_commands_for_two_machines_train_one_run(place, tmp_path):
    lines = [line for document in RUN for line in commands(document) if "TF_CONFIG" in line]
    assert len(lines) == 2
    addresses = free_addresses(2)
    processes, outputs = [], []
    try:
        for line in lines:
            for name, address in zip(("alpha", "beta"), addresses, strict=True):
                line = line.replace(f"{name}:12345", address)
            line = line.replace("python -m", f"{sys.executable} -m", 1)
            line = f"{line.replace('/shared', str(tmp_path))} {SMALL_TRANSLATION}"
            line = line.replace("--batch-size 2 ", "")  # the document's 4
            # the shell becomes the command, so that killing the one kills the other
            line = line.replace("TF_CONFIG=", "export TF_CONFIG=").replace("' ", "'; exec ", 1)
            outputs.append(tmp_path / f"output-{len(processes)}.txt")
            with outputs[-1].open("w") as output:
                environment = os.environ | {"PYTHONPATH": str(ROOT)}
                process = subprocess.Popen(
                    line, shell=True, stdout=output, stderr=subprocess.STDOUT, env=environment
                )
            processes.append(process)
        codes = [process.wait(240) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert codes == [0, 0], [output.read_text() for output in outputs]
    assert (tmp_path / "runs/zebra/plots/losses.png").exists()


def test_python_of_the_documents_runs(place, capsys, monkeypatch):
    snippets = [snippet for document in RUN for snippet in blocks(document, "python")]
    assert len(snippets) == 5
    run(
        "python -m cyclegan_tf.train --a photos/ --b etchings/ --run runs/etched "
        + SMALL_TRANSLATION
    )
    small = (
        "steps_per_epoch=1, epochs=1, image_size=32, base_filters=2, batch_size=2, "
        "generator='resnet', residual_blocks=0, discriminator_filters=2, discriminator_layers=1"
    )
    changes = {
        "runs/monet": "runs/etched",
        'preset="cpu")': f'preset="cpu", {small})',
        "steps_per_epoch=10)": f"{small})",
    }
    monkeypatch.setattr(
        "cyclegan_tf.metrics.evaluation.default_inception", lambda: Path("graph.pb")
    )
    (place / "painting.png").unlink(missing_ok=True)
    if not (place / "monet.onnx").exists():  # the commands ran in another process
        run("python -m cyclegan_tf.export --run runs/etched --output monet.onnx")
    assert sum(snippet.count(old) for snippet in snippets for old in changes) == 3
    for snippet in snippets:
        for old, new in changes.items():
            snippet = snippet.replace(old, new)
        exec(snippet, {})
    assert (place / "painting.png").exists()
    with Image.open(place / "my_painting.png") as painting:
        assert painting.size == (40, 40)
    with zipfile.ZipFile(place / "my_images.zip") as archive:
        assert archive.namelist() == ["1.jpg", "2.jpg"]
    out = capsys.readouterr().out
    assert "cycle_loss" in out  # of fit
    assert "structural similarity to the photo" in out  # of score
    assert re.search("A +4", out)  # images of the survey


def test_commands_of_contributing_exist():
    lines = [line for line in commands("CONTRIBUTING.md") if line not in ELSEWHERE]
    assert lines == ["python -m pytest -n 0 tests/models/test_losses.py"]
    argv = [sys.executable, *lines[0].split()[1:], "--collect-only", "-q"]
    found = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "test_losses.py::" in found.stdout


def test_what_is_left_out_is_in_the_documents():
    lines = {line for name in (*RUN, "CONTRIBUTING.md") for line in commands(name)}
    assert lines >= ELSEWHERE


@pytest.mark.parametrize("document", DOCUMENTS)
def test_blocks_are_of_known_kinds(document):
    text = (ROOT / document).read_text()
    marks = re.findall(r"^```(.*)$", text, re.MULTILINE)
    assert len(marks) % 2 == 0
    assert set(marks[::2]) <= {"bash", "python", ""}  # without a name: a listing
    assert set(marks[1::2]) <= {""}
    assert not re.search("^(<<<<<<<|>>>>>>>) ", text, re.MULTILINE)  # a merge that was not finished


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    folder = (ROOT / document).parent
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", (ROOT / document).read_text()):
        path, _, anchor = target.partition("#")
        file = folder / path if path else ROOT / document
        assert file.exists(), f"{document} links to {target}"
        assert not anchor or anchor in anchors(file), f"{document} links to {target}"


def anchors(file: Path) -> set[str]:
    """What headings can be linked by, as GitHub makes it of them."""
    headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_the_documents_name_are_there(document):
    """By their place in the checkout, or in the package."""
    text = re.sub(
        r"^```.*?^```$", "", (ROOT / document).read_text(), flags=re.DOTALL | re.MULTILINE
    )
    for path in re.findall(r"`([a-z_]+/[\w/]+\.(?:py|md|ipynb))`", text):
        places = (ROOT / path, ROOT / PACKAGE / path)
        assert any(place.exists() for place in places), f"{document} names {path}"


def test_readme_is_an_overview():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


def test_folder_table_shows_what_is_there():
    table = (ROOT / "docs/tree.md").read_text()
    rows = re.findall(r"^\| `([\w/]+/)` \| (.*) \| (.*) \|$", table, re.MULTILINE)
    listed = {folder: set(re.findall(r"`([\w./]+)`", files)) for folder, _, files in rows}
    folders = {
        f"{path.parent.relative_to(ROOT).as_posix()}/" for path in (ROOT / PACKAGE).rglob("*.py")
    }
    assert {folder for folder in listed if folder.startswith(PACKAGE)} == folders
    for folder, files in listed.items():
        names = {name for name in files if not name.startswith("images.zip")}
        missing = [name for name in names if not (ROOT / folder / name).exists()]
        assert not missing, f"{folder} has no {missing}"
    assert listed[PACKAGE] >= {f"{name}.py" for name in COMMANDS}
    assert all(len(listed[folder]) >= 2 for folder in folders)
