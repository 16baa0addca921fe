"""Generators in other formats translate as their run does, and say what they take."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf import export
from cyclegan_tf.errors import Fault, InputError
from cyclegan_tf.inference.exports.lite import write_lite
from cyclegan_tf.inference.exports.network import ExportedNetwork
from cyclegan_tf.inference.loading import load_network
from tests.tiny_models import pixel_network

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests/golden/cyclegan"


def noise(*shape):
    return np.random.default_rng(1).uniform(-1, 1, (*shape, 3)).astype(np.float32)


def exported(name, folder, *flags, run=GOLDEN):
    assert export.main(["--run", str(run), "--output", str(folder / name), *flags]) == 0
    return folder / name


def network(**changes):
    given = {"name": "x", "licence": "none", "multiple": 4, "margin": 0, "least": 16}
    return ExportedNetwork(pixel_network(0.5, "x"), **given | changes)


@pytest.fixture(scope="module")
def generator():
    return load_network(GOLDEN)[1].generator


def test_onnx_file_translates_any_size_and_says_what_it_takes(tmp_path, generator, capsys):
    onnxruntime = pytest.importorskip("onnxruntime")
    path = exported("x.onnx", tmp_path, "--licence", "CC0")
    told = capsys.readouterr().out
    assert "sides are multiples of 4 pixels" in told
    assert "ONNX Runtime translates as Keras does" in told
    session = onnxruntime.InferenceSession(path)
    [given], [made] = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape) == ("image", ["batch", "height", "width", 3])
    assert (made.name, made.shape) == ("translation", ["batch", "height", "width", 3])
    assert session.get_modelmeta().custom_metadata_map == {
        "name": "cyclegan ab",
        "licence": "CC0",
        "input": "image: float32 (batch, height, width, 3), RGB",
        "range": "-1 to 1: level / 127.5 - 1",
        "multiple_of_sides": "4",
        "smallest_side": "16",
        "margin": "0",
    }
    for images in (noise(1, 32, 32), noise(2, 48, 80)):
        found = session.run(None, {"image": images})[0]
        np.testing.assert_allclose(found, generator(images), atol=1e-4)


def test_half_keeps_the_weights_in_half_the_bytes(tmp_path, generator):
    onnxruntime = pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    path = exported("x.onnx", tmp_path, "--half")
    weights = onnx.load(path).graph.initializer
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
    large = [a for a in weights if np.prod(a.dims) > 16 and a.data_type in floats]
    halves = [array for array in large if array.data_type == onnx.TensorProto.FLOAT16]
    assert len(halves) == len(large) > 3
    images = noise(1, 32, 32)
    found = onnxruntime.InferenceSession(path).run(None, {"image": images})[0]
    assert 0 < np.abs(found - generator(images)).mean() < 2e-3


def test_saved_model_translates_any_size(tmp_path, generator, capsys):
    path = exported("model", tmp_path, "--format", "saved_model")
    assert "TensorFlow translates as Keras does" in capsys.readouterr().out
    assert json.loads((path / "facts.json").read_text())["multiple_of_sides"] == "4"
    translate = tf.saved_model.load(path).signatures["serving_default"]
    for images in (noise(1, 32, 32), noise(2, 48, 80)):
        found = translate(image=tf.constant(images))["translation"]
        np.testing.assert_allclose(found, generator(images), atol=1e-5)


def test_lite_file_is_of_one_size_and_says_so(tmp_path, capsys):
    path = exported("x.tflite", tmp_path, "--size", "32")
    told = capsys.readouterr().out
    assert "takes single images of 32 x 32 pixels, no other size" in told
    assert "LiteRT translates as Keras does" in told
    assert path.read_bytes()[4:8] == b"TFL3"


def test_lite_file_of_sides_that_do_not_fit_is_refused(tmp_path):
    for side in (30, 12):
        with pytest.raises(InputError, match=rf"--size is {side}; .* multiples of 4 pixels, at le"):
            write_lite(tmp_path / "x.tflite", network(), side=side)
    assert list(tmp_path.iterdir()) == []


def test_difference_is_that_of_the_worst_pixel_of_both_sizes():
    wrong = lambda images: images * 0.5 + (0.01 if images.shape[2] == 68 else 0.0)  # noqa: E731
    assert network().sizes == ((64, 64), (64, 68))
    assert network().compared(wrong, network().sizes) == pytest.approx(0.01, rel=1e-4)
    assert network(multiple=256).sizes == ((256, 256), (256, 512))


@pytest.mark.parametrize("shift", [0.5, np.nan])
def test_file_that_translates_otherwise_is_a_defect(shift):
    with pytest.raises(Fault, match="translates otherwise than the run"):
        network().compared(lambda images: images * 0.5 + shift, [(64, 64)])


def test_run_in_half_precision_is_exported_in_full(tmp_path):
    config = json.loads((GOLDEN / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"precision": "mixed_bfloat16"}))
    (tmp_path / "weights").symlink_to(GOLDEN / "weights")
    layers = load_network(tmp_path)[1].generator.layers
    assert {layer.compute_dtype for layer in layers} == {"float32"}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--output=x.h5"], "expected the name of a file, NAME.npz or NAME.onnx or NAME.tflite"),
        (["--output=x.npz", "--format=onnx"], "expected the name of a file, NAME.onnx."),
        (["--output=x.npz", "--half"], "--half is for --format onnx, this is npz"),
        (["--output=x.onnx", "--size=32"], "--size is for --format litert, this is onnx"),
        (["--output=x.npz", "--licence=MIT"], "--licence is for --format onnx and --format saved"),
        (["--output=full", "--format=saved_model"], "full exists and is not written over"),
    ],
)
def test_flags_that_do_not_fit_are_refused_before_any_work(
    flags, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    Path("full/file").touch()
    assert export.main(["--run=gone", *flags]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_absence_of_what_onnx_needs_is_told_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(export, "_NEEDED", ("onnx_of_nobody",))
    assert export.main(["--run", str(GOLDEN), "--output", str(tmp_path / "x.onnx")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "needs onnx_of_nobody, which is not installed; run pip install -r req" in error
    assert list(tmp_path.iterdir()) == []


def test_extra_of_the_wheel_is_what_the_requirements_say():
    lines = (ROOT / "requirements-export.txt").read_text().splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["export"]
    assert extra == [line for line in lines if not line.startswith("#")]
    assert {requirement.split(">")[0] for requirement in extra} == set(export._NEEDED)
