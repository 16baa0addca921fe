"""The package from Python: `import cyclegan_tf as cg`, and what one has brought oneself."""

import ast
import importlib
import inspect
import io
import json
import pkgutil
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import cyclegan_tf as cg
from cyclegan_tf.config.presets import PRESETS
from cyclegan_tf.data.image import encode_jpeg, save_png
from cyclegan_tf.data.layouts import find_layout
from cyclegan_tf.data.sources import load_pictures
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.metrics.evaluation import Comparison, evaluate_images
from cyclegan_tf.metrics.inception import Inception
from tests.metrics.test_evaluation import write_greys
from tests.pictures import flat, noise, write_files
from tests.tiny_inception import write_tiny_graph

SMALL = {
    "image_size": 32, "base_filters": 2, "unet_depth": 2, "discriminator_filters": 2,
    "discriminator_layers": 1, "batch_size": 2, "epochs": 1, "steps_per_epoch": 1,
    "sample_count": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def place(uncompiled, tmp_path_factory):
    """A folder with a data set, a photo and a graph, in which the three lines are typed."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "data/horse2zebra").mkdir(parents=True)
    for seed, name in enumerate(("trainA", "trainB", "testA", "testB")):
        files = {f"{name}{i}.jpg": encode_jpeg(noise(10 * seed + i)) for i in range(3)}
        write_files(folder / "data/horse2zebra" / name, files)
    (folder / "holiday.jpg").write_bytes(encode_jpeg(flat(99, 40)))
    write_tiny_graph(folder / "graph.pb")
    return folder


@pytest.fixture
def inside(place, monkeypatch):
    """In the folder, with a small preset, and a tiny graph in place of the one that is fetched."""
    monkeypatch.chdir(place)
    monkeypatch.setitem(PRESETS, "cpu", lambda: cg.TrainConfig(**SMALL))
    monkeypatch.setattr(
        "cyclegan_tf.metrics.evaluation.default_inception", lambda: place / "graph.pb"
    )
    return place


def test_three_lines_train_translate_and_score(inside, capsys):
    run = cg.fit("data/horse2zebra", preset="cpu")
    cg.load_generator(run).translate("holiday.jpg").save("painting.png")
    print(cg.score(run))
    assert run == Path("runs/cpu-1")
    with Image.open("painting.png") as painting:
        assert (painting.size, painting.mode) == ((40, 40), "RGB")
    table = capsys.readouterr().out.splitlines()
    start = table.index("runs/cpu-1: held-out photos, translated: 3 images")
    assert table[start + 1] == "against domain B: 6 images, mixed_7/join:0"
    labels = [line[:38].strip() for line in table[start + 2 : start + 6]]
    assert labels[0] == "FID-6"
    assert {"FID-6 of the untranslated photos", "KID"} <= set(labels)
    assert "structural similarity to the photo" in "\n".join(table)
    assert table[-1].startswith("note: ")
    assert json.loads((run / "evaluation.json").read_text())["generated_count"] == 3


def test_resumed_run_trains_on_and_leaves_the_callers_precision(inside, tmp_path):
    data = inside / "data/horse2zebra"
    a, b = data / "trainA", str(data / "trainB")
    run = cg.fit(a=a, b=b, preset="cpu", run=tmp_path / "run", precision="mixed_bfloat16")
    assert run == tmp_path / "run"
    assert keras.config.dtype_policy().name == "float32"
    assert cg.resume(str(run), epochs=2) == run
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    config = json.loads((run / "config.json").read_text())
    assert (config["a"], config["b"], config["precision"]) == (str(a), b, "mixed_bfloat16")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"data": "nowhere"}, "nowhere does not exist"),
        ({"data": "data", "preset": "pcu"}, "unknown preset 'pcu'"),
        ({"data": "data", "epochs": 0}, "--epochs is 0"),
        ({"data": "data", "epoch": 3}, "unknown config key 'epoch'; did you mean epochs?"),
    ],
)
def test_wrong_arguments_of_fit_are_refused(inside, arguments, words):
    with pytest.raises(cg.InputError, match=words):
        cg.fit(**{"preset": "cpu", **arguments})


def test_fid_of_two_folders(tmp_path):
    generated = write_greys(tmp_path / "generated", 10, 20)
    reference = write_greys(tmp_path / "reference", 33, 43)
    graph = write_tiny_graph(tmp_path / "graph.pb")
    evaluation = cg.score(str(generated), reference=reference, inception=graph)
    # six features of twice the grey, equal spreads: the means are 46 apart
    assert evaluation.scores.fid == pytest.approx(6 * 46**2)
    assert evaluation.to_dict()["fid"] == evaluation.scores.fid
    assert f"  {'FID-6':<36}{6 * 46**2:.4f}" in str(evaluation)
    assert not (generated / "evaluation.json").exists()


def test_images_without_what_they_are_compared_with_are_refused(tmp_path):
    images = write_greys(tmp_path / "images", 10, 20)
    with pytest.raises(cg.InputError, match=r"images is no run .* reference=PATH"):
        cg.score(images)
    with pytest.raises(cg.InputError, match="gone does not exist; expected a run folder"):
        cg.score(tmp_path / "gone")
    with pytest.raises(cg.InputError, match=r"count= belongs to runs, and .*images is none"):
        cg.score(images, reference=images, count=3)


def own_generator() -> keras.Model:
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    return keras.Model(inputs, keras.layers.Conv2D(3, 3, padding="same", activation="tanh")(x))


def own_discriminator() -> keras.Model:
    return keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 4, 2), keras.layers.Conv2D(1, 3)]
    )


@pytest.mark.parametrize("as_data_set", [False, True])
def test_networks_and_arrays_of_ones_own_train_and_write_a_submission(as_data_set, tmp_path):
    rng = np.random.default_rng(0)
    real_a, real_b = rng.uniform(-1, 1, (2, 4, 32, 32, 3)).astype(np.float32)
    networks = [own_generator(), own_generator(), own_discriminator(), own_discriminator()]
    model = cg.CycleGan(*networks)
    model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    before = networks[0].get_weights()
    if as_data_set:
        batches = tf.data.Dataset.from_tensor_slices((real_a, real_b)).batch(2, True)
        history = model.fit(batches, shuffle=False, verbose=0)
    else:
        history = model.fit(real_a, real_b, batch_size=2, epochs=1, verbose=0)
    assert np.isfinite(history.history["cycle_loss"]).all()
    assert any(
        (old != new).any() for old, new in zip(before, networks[0].get_weights(), strict=True)
    )
    photos = (["one", "two"], [noise(1, 256), noise(2, 300)])
    assert cg.write_submission(tmp_path / "images.zip", photos, networks[0]) == 2
    with zipfile.ZipFile(tmp_path / "images.zip") as archive:
        assert archive.namelist() == ["one.jpg", "two.jpg"]
        with Image.open(io.BytesIO(archive.read("two.jpg"))) as image:
            assert (image.format, image.size) == ("JPEG", (256, 256))


def test_importing_the_package_loads_nothing():
    code = (
        "import sys, cyclegan_tf as cg; dir(cg); cg.TrainConfig, cg.preset_config, cg.InputError;"
        "print({'tensorflow', 'keras', 'pandas', 'matplotlib'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_names_are_known_to_editors_and_come_from_where_the_imports_say():
    tree = ast.parse(Path(cg.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {alias.name: node.module for node in block.body for alias in node.names}
    assert imported == {name: f"cyclegan_tf.{home}" for name, home in cg._MODULES.items()}
    assert sorted(imported) == cg.__all__
    assert set(cg.__all__) <= set(dir(cg))
    with pytest.raises(AttributeError, match="has no attribute 'evaluation'"):
        cg.evaluation  # noqa: B018


def test_no_submodule_bears_the_name_of_what_the_package_exports():
    modules = {name for _, name, _ in pkgutil.iter_modules(cg.__path__)}
    assert "train" in modules
    assert not modules & set(cg.__all__)
    for name in modules - {"__main__"}:  # an imported module is an attribute of its package
        importlib.import_module(f"cyclegan_tf.{name}")
    for name, home in cg._MODULES.items():
        module = importlib.import_module(f"cyclegan_tf.{home}")
        assert getattr(cg, name) is getattr(module, name)
        assert getattr(cg, name).__module__ == module.__name__


def test_paths_may_be_text_everywhere(inside, tmp_path):
    for thing in (getattr(cg, name) for name in cg.__all__):
        is_fault = inspect.isclass(thing) and issubclass(thing, Exception)
        for parameter in () if is_fault else inspect.signature(thing).parameters.values():
            annotation = str(parameter.annotation)
            assert "Path" not in annotation or "str" in annotation, (thing, parameter)
    assert cg.TrainConfig(data=Path("set"), inception=Path("g"), evaluate_every=1).data == "set"
    assert RunFolder("runs").config_file == Path("runs/config.json")
    assert len(load_pictures("data/horse2zebra/trainA")) == 3
    assert len(find_layout("data/horse2zebra").a) == 3
    assert Inception("graph.pb").label == "FID-6"
    sets = "data/horse2zebra/trainA", Inception("graph.pb"), Comparison("data/horse2zebra/trainA")
    assert evaluate_images(*sets).scores.fid == pytest.approx(0, abs=1e-6)
    save_png(str(tmp_path / "grey.png"), flat(1))
    assert (tmp_path / "grey.png").exists()


@pytest.mark.parametrize("name", cg.__all__)
def test_every_name_is_documented_and_annotated(name):
    thing = getattr(cg, name)
    assert len(inspect.getdoc(thing)) > 40
    if inspect.isclass(thing) and issubclass(thing, Exception):
        return
    signature = inspect.signature(thing)
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty, parameter
    if inspect.isfunction(thing):
        assert signature.return_annotation is not inspect.Signature.empty
        assert "Raises:" in inspect.getdoc(thing)
