"""A generator of a run, in a file of its own, paints what the run paints."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cyclegan_tf as cg
from cyclegan_tf import export, translate
from cyclegan_tf.inference import shipped
from cyclegan_tf.inference.loading import load_generator
from cyclegan_tf.inference.shipped import read_generator, write_generator
from tests.pictures import noise, png

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The golden run's generators in files of their own, as if the package brought them along."""
    folder = tmp_path_factory.mktemp("export") / "weights"
    for direction in ("ab", "ba"):
        argv = ["--run", str(GOLDEN / "cyclegan"), "--direction", direction]
        assert export.main([*argv, "--output", str(folder / f"tiny_{direction}.npz")]) == 0
    return folder


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_exported_generator_paints_what_its_run_paints(folder, direction):
    batch = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    expected = load_generator(GOLDEN / "cyclegan", direction).batch(batch)
    found = load_generator(folder / f"tiny_{direction}.npz", direction).batch(batch)
    # weights have lost a 2048th of themselves
    assert np.abs(found - expected).mean() < 2e-3
    assert np.abs(expected - batch).mean() > 0.1  # it does paint


def test_file_is_small_and_tells_nobody_where_the_run_was(folder):
    path = folder / "tiny_ab.npz"
    read = read_generator(path, "ab")
    bytes_of_weights = sum(2 * weight.size for weight in read.weights)
    # and what a zip needs for each entry
    assert path.stat().st_size < bytes_of_weights + 500 * len(read.weights)
    assert read.settings["base_filters"] == 4
    assert not {"data", "a", "b", "inception", "versions"} & set(read.settings)


def test_shipped_weights_paint_by_their_name(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "_FOLDER", folder)
    monkeypatch.setattr("cyclegan_tf.translate.DEFAULT_WEIGHTS", "tiny")
    monkeypatch.chdir(tmp_path)
    Path("in.png").write_bytes(png(noise(0)))
    expected = cg.load_generator("tiny").translate("in.png")
    assert not np.array_equal(np.asarray(expected), noise(0))
    for number, how in enumerate(([], ["--weights", "tiny"], [f"--weights={folder}/tiny_ab.npz"])):
        assert translate.main(["in.png", *how, "--output", f"{number}.png"]) == 0
        np.testing.assert_array_equal(_opened(f"{number}.png"), np.asarray(expected))


def _opened(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_weights_that_are_not_shipped_are_answered_with_those_there_are(
    folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("in.png").write_bytes(png(noise(0)))
    monkeypatch.setattr(shipped, "_FOLDER", folder)
    assert translate.main(["in.png", "--weights", "money", "--output", "x.png"]) == 2
    told = "no shipped weights are called 'money' and go ab; there are: tiny (ab), tiny (ba). Name"
    assert told in capsys.readouterr().err
    with pytest.raises(cg.InputError, match=re.escape(told)):
        cg.load_generator("money")
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path / "gone")
    assert translate.main(["in.png", "--output", "x.png"]) == 2
    error = capsys.readouterr().err
    assert "no shipped weights are called 'monet' and go ab; there are: none." in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_weights_of_another_network_are_refused(folder, tmp_path):
    packed = read_generator(folder / "tiny_ab.npz", "ab")
    packed.settings["base_filters"] = 8
    write_generator(tmp_path / "x.npz", packed)
    with pytest.raises(cg.InputError, match=r"x\.npz holds weights of another network \("):
        cg.load_generator(tmp_path / "x.npz")


FAULTS = {
    "missing run": (["--run=gone", "--output=x.npz"], "gone holds no run"),
    "DcGan": ([f"--run={GOLDEN}/dcgan", "--output=x.npz"], "expected one of --model cyclegan"),
    "suffix": ([f"--run={GOLDEN}/cyclegan", "--output=x.h5"], "expected the name of a file"),
    "taken": ([f"--run={GOLDEN}/cyclegan", "--output=in.npz"], "in.npz exists"),
    "inside a file": ([f"--run={GOLDEN}/cyclegan", "--output=in.npz/x.npz"], "cannot be written"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_end_in_one_line_and_leave_nothing(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("in.npz").write_text("something else")
    argv, words = FAULTS[name]
    assert export.main(argv) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.npz"]


def test_wheel_takes_shipped_weights_along():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["cyclegan_tf.inference"]
    package = Path(shipped.__file__).parent
    file = (shipped._FOLDER / "monet_ab.npz").relative_to(package).as_posix()
    assert any(fnmatch(file, pattern) for pattern in patterns)
