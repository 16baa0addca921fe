"""Runs that an earlier version wrote still open, translate, evaluate and resume as they did.

`tests/golden/README.md` tells how they were written. They are never written anew.
"""

import hashlib
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cyclegan_tf import evaluate, generate, translate
from cyclegan_tf.io.run_folder import RunFolder
from tests.dying import start

GOLDEN = Path(__file__).parent / "golden"
PICTURES = GOLDEN / "pictures"
MODELS = ("cyclegan", "dcgan")


def same_machine() -> bool:
    """Whether the same bits can be expected: same libraries, a processor of the same kind."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    flags = next((line.split(":")[1].strip() for line in lines if line.startswith("flags")), "")
    here = {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "cpu": hashlib.sha256(flags.encode()).hexdigest()[:16],
    }
    return here == json.loads((GOLDEN / "machine.json").read_text())


@pytest.fixture
def run(request, tmp_path) -> Path:
    """A copy of a golden run, which may be written to."""
    return shutil.copytree(GOLDEN / request.param, tmp_path / request.param)


def require_same_pictures(folder: Path, expected: Path) -> None:
    for path in sorted(expected.glob("*.png")):
        found = np.asarray(Image.open(folder / path.name), np.int16)
        difference = np.abs(found - np.asarray(Image.open(path), np.int16)).max()
        assert difference <= (0 if same_machine() else 2), path.name


@pytest.mark.parametrize("run", ["cyclegan"], indirect=True)
def test_old_run_translates_to_the_same_pixels(run, tmp_path):
    photos = PICTURES / "photo_tfrec"
    output = tmp_path / "paintings"
    argv = ["--run", run, photos, "--output", output, "--format", "png"]
    assert translate.main([str(a) for a in argv]) == 0
    require_same_pictures(output, GOLDEN / "paintings")


@pytest.mark.parametrize("run", ["dcgan"], indirect=True)
def test_old_dcgan_draws_the_same_pixels(run, tmp_path):
    output = tmp_path / "invented"
    assert generate.main(["--run", str(run), "--output", str(output), "--count", "4"]) == 0
    require_same_pictures(output, GOLDEN / "invented")


@pytest.mark.parametrize("run", MODELS, indirect=True)
def test_old_run_scores_as_it_did(run, capsys):
    argv = ["--run", run, "--data", PICTURES, "--inception", GOLDEN / "inception.pb", "--json"]
    argv += ["--count", "16"] if run.name == "dcgan" else []
    capsys.readouterr()
    assert evaluate.main([str(a) for a in argv]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = json.loads((GOLDEN / f"scores_{run.name}.json").read_text())
    numbers = {key: value for key, value in expected.items() if isinstance(value, int | float)}
    close = 1e-6 if same_machine() else 0.02
    assert {key: found[key] for key in numbers} == pytest.approx(numbers, rel=close)


@pytest.mark.parametrize("run", MODELS, indirect=True)
def test_old_run_resumes_to_the_same_bits(run):
    # a process of its own: with two logical devices, as in this one, sums are rounded otherwise
    log = run.parent / "log.txt"
    process = start(["--run", str(run), "--resume", "--data", str(PICTURES)], log)
    assert process.wait() == 0, log.read_text()
    expected = (GOLDEN / f"metrics_{run.name}.jsonl").read_text().splitlines()
    rows = zip(RunFolder(run).metrics(), map(json.loads, expected), strict=True)
    for row, then in rows:
        logs = {key: value for key, value in then.items() if not key.endswith("second")}
        logs.pop("seconds")
        # of the log's last digit: threads add up the means in any order
        close = 1e-5 if same_machine() else 0.05
        assert row | logs == pytest.approx(row, rel=close, abs=close), f"epoch {then['epoch']}"
    if same_machine():
        missing = {name for name, digest in expected_state(run.name) if digest not in hashes(run)}
        assert missing == set()


def expected_state(model: str) -> list[tuple[str, str]]:
    """Name and hash of each variable at the end of the old run.

    Without the running means of the logs: each epoch begins with new ones, and tells them.
    """
    state = json.loads((GOLDEN / f"state_{model}.json").read_text())
    return [(name, digest) for name, digest in state if not name.endswith(("/total", "/count"))]


def hashes(run: Path) -> set[str]:
    with np.load(RunFolder(run).state_file) as archive:
        arrays = [archive[name] for name in archive.files if name != "facts"]
    return {hashlib.sha256(array.tobytes()).hexdigest()[:16] for array in arrays}
