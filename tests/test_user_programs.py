"""Twelve programs as a user writes them, none above fifteen lines; and the examples in docstrings.

They run in a folder with photos, a data set, a trained run and a zip, all of them tiny. What
TensorFlow would compile runs as it is: it is the interface that counts here, not the speed.
"""

import ast
import doctest
import inspect
import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import cyclegan_tf as cg
from cyclegan_tf.config.presets import PRESETS
from cyclegan_tf.data.image import encode_jpeg
from tests.pictures import flat, noise, write_files
from tests.tiny_inception import write_tiny_graph

pytestmark = [
    pytest.mark.xdist_group("programs"),  # one process: the folder takes seconds
    pytest.mark.usefixtures("uncompiled"),
]
MOST_LINES = 15
SMALL = {
    "image_size": 32, "base_filters": 2, "unet_depth": 2, "discriminator_filters": 2,
    "discriminator_layers": 1, "batch_size": 2, "epochs": 1, "steps_per_epoch": 1,
    "sample_count": 2, "precision": "float32",
}  # fmt: skip


@pytest.fixture(scope="module")
def prepared(uncompiled, tmp_path_factory):
    """What a user has: photos, a data set, a run of one step, a zip, an Inception graph."""
    folder = tmp_path_factory.mktemp("home")
    for seed, name in enumerate(("trainA", "trainB", "testA", "testB")):
        files = {f"{name}{i}.jpg": encode_jpeg(noise(10 * seed + i)) for i in range(3)}
        (folder / "data/horse2zebra").mkdir(parents=True, exist_ok=True)
        write_files(folder / "data/horse2zebra" / name, files)
    write_files(folder / "photos", {f"{i}.jpg": encode_jpeg(noise(i, 48)) for i in (1, 2)})
    write_files(folder / "paintings", {f"{i}.jpg": encode_jpeg(noise(i, 48)) for i in (3, 4, 5)})
    (folder / "holiday.jpg").write_bytes(encode_jpeg(flat(99, 40)))
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.write(folder / "holiday.jpg", "more/holiday.jpg")
    write_tiny_graph(folder / "graph.pb")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setitem(PRESETS, "cpu", lambda: cg.TrainConfig(**SMALL))
        cg.fit("data/horse2zebra", preset="cpu", run="runs/monet")
    return folder


@pytest.fixture(autouse=True)
def home(prepared, tmp_path, monkeypatch):
    """A copy of it for each program, in which "cpu" is tiny and nothing is downloaded."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PRESETS, "cpu", lambda: cg.TrainConfig(**SMALL))
    monkeypatch.setattr(
        "cyclegan_tf.metrics.evaluation.default_inception", lambda: Path("graph.pb")
    )


def network(channels: int) -> keras.Model:
    layers = [keras.Input((None, None, 3)), keras.layers.Conv2D(channels, 3, padding="same")]
    return keras.Sequential(layers)


def small_cyclegan() -> cg.CycleGan:
    model = cg.CycleGan(network(3), network(3), network(1), network(1))
    model.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01))
    return model


def test_own_networks():
    def generator():
        photo = keras.Input((None, None, 3))
        change = keras.layers.Conv2D(3, 5, padding="same", activation="tanh")(photo)
        return keras.Model(photo, keras.layers.Average()([photo, change]))

    model = cg.CycleGan(generator(), generator(), network(1), network(1))
    model.compile(keras.optimizers.Adam(2e-4, 0.5), keras.optimizers.Adam(2e-4, 0.5))
    photos = np.zeros((2, 32, 32, 3), np.float32)
    model.fit(photos, photos + 0.5, batch_size=1, verbose=0)
    cg.Translator(model.generator_ab).translate("holiday.jpg").save("painting.png")
    assert [image.shape for _, image in cg.read_images("painting.png")] == [(40, 40, 3)]


def test_own_data_set():
    def images(pattern):
        files = tf.data.Dataset.list_files(pattern, shuffle=False)
        decoded = files.map(lambda file: tf.io.decode_jpeg(tf.io.read_file(file), 3))
        return decoded.map(lambda image: tf.cast(image, tf.float32) / 127.5 - 1)

    pairs = tf.data.Dataset.zip(images("paintings/*.jpg"), images("paintings/*.jpg").shuffle(3))
    model = small_cyclegan()
    model.fit(pairs.batch(2), epochs=2, shuffle=False, verbose=0)  # the last batch has one
    assert model.steps_done == 4


def test_numpy_arrays():
    photos, paintings = np.random.default_rng(0).uniform(-1, 1, (2, 3, 32, 32, 3))
    model = small_cyclegan()
    history = model.fit(photos.astype("float32"), paintings.astype("float32"), verbose=0)
    translated = cg.Translator(model.generator_ab).batch(photos)
    assert translated.shape == photos.shape
    assert history.history["cycle_loss"][0] > 0


def test_pil_images():
    generator = cg.load_generator("runs/monet")
    photo = Image.open("holiday.jpg").rotate(90)
    painting = generator.translate(photo, strength=0.5)
    painting.resize((20, 20)).save("small.webp")
    again = generator.translate(np.asarray(painting))
    assert painting.size == again.size == photo.size


def test_zip():
    (name, image), *others = cg.read_images("more.zip")
    assert (name, image.shape, others) == ("holiday", (40, 40, 3), [])
    generator = cg.load_generator("runs/monet")
    assert cg.write_submission("images.zip", "more.zip", generator) == 1
    with zipfile.ZipFile("images.zip") as archive, archive.open("holiday.jpg") as file:
        assert Image.open(file).size == (256, 256)


def test_fid_of_two_folders():
    evaluation = cg.score("photos", reference="paintings", inception="graph.pb")
    print(evaluation)
    fid = evaluation.to_dict()["fid"]
    same = cg.score("paintings", reference="paintings", inception="graph.pb").scores.fid
    assert fid > same == pytest.approx(0, abs=1e-6)


def test_resume():
    run = cg.fit("data/horse2zebra", preset="cpu", run="runs/zebra")
    cg.resume("runs/zebra", epochs=2)
    rows = (run / "metrics.jsonl").read_text().splitlines()
    assert len(rows) == 2


def test_callbacks():
    photos = np.zeros((4, 32, 32, 3), np.float32)
    seen = []
    log = keras.callbacks.CSVLogger("losses.csv")
    stop = keras.callbacks.EarlyStopping("cycle_loss", mode="min", min_delta=1e9, patience=1)
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs))
    small_cyclegan().fit(photos, photos, epochs=9, callbacks=[log, stop, watch], verbose=0)
    assert len(seen) == 2  # nothing can become that much better
    assert "gen_ab_loss" in Path("losses.csv").read_text()


def test_reading_images():
    shapes = {name: image.shape for name, image in cg.read_images("photos")}
    assert shapes == {"1": (48, 48, 3), "2": (48, 48, 3)}
    Path("photos/broken.jpg").write_bytes(b"no JPEG")
    squares = [image for _, image in cg.read_images("photos", size=16, skip_bad=True)]
    assert np.stack(squares).shape == (2, 16, 16, 3)
    with pytest.raises(cg.InputError, match=r"broken.jpg is no image"):
        list(cg.read_images("photos"))


def test_saving():
    model = small_cyclegan()
    model.save("model.keras")  # all of it, to be trained on
    model.generator_ab.save("generator.keras")  # Keras alone opens this one
    generator = keras.models.load_model("generator.keras")
    cg.Translator(generator).translate("holiday.jpg").save("painting.png")
    assert Path("model.keras").stat().st_size > Path("generator.keras").stat().st_size


def test_loading():
    photos = np.zeros((2, 32, 32, 3), np.float32)
    model = small_cyclegan()
    model.fit(photos, photos, verbose=0)
    model.save("model.keras")
    loaded = keras.models.load_model("model.keras")
    for each in (model, loaded):
        each.fit(photos, photos, verbose=0)
    np.testing.assert_array_equal(loaded.predict(photos, verbose=0), model(photos))


def test_scoring_a_run():
    evaluation = cg.score("runs/monet")
    print(evaluation)
    scores = evaluation.to_dict()
    assert scores["generated_count"] == 3
    assert 0 <= scores["structural_similarity"] <= 1
    assert Path("runs/monet/evaluation.json").exists()


def test_programs_are_twelve_and_short():
    tree = ast.parse(Path(__file__).read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    programs = {f.name: f.end_lineno - f.lineno for f in functions if f.name.startswith("test_")}
    others = {"test_programs_are_twelve_and_short", "test_examples_of_docstrings_run"}
    lengths = {name: lines for name, lines in programs.items() if name not in others}
    assert len(lengths) == 12
    assert max(lengths.values()) <= MOST_LINES


class Checker(doctest.OutputChecker):
    """Output that an example does not show may be anything: bars, paths, and times."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return not want or super().check_output(want, got, optionflags)


@pytest.mark.parametrize("name", sorted({*cg.__all__} - {"Fault", "InputError"}))
def test_examples_of_docstrings_run(name):
    thing = getattr(cg, name)
    assert "Example:" in inspect.getdoc(thing), name
    example = doctest.DocTestParser().get_doctest(inspect.getdoc(thing), {}, name, None, 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(Checker(), verbose=False, optionflags=doctest.ELLIPSIS)
    runner.run(example, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)
