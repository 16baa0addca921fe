"""A DcGan from the command line: trained, then asked for pictures."""

import json
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf import generate, train
from tests.pictures import image_set, write_folder, write_kaggle
from tests.tiny_inception import write_tiny_graph

TINY = [
    "--preset=dcgan",
    "--image-size=32",
    "--base-filters=2",
    "--discriminator-filters=2",
    "--latent-size=4",
    "--batch-size=2",
    "--steps-per-epoch=2",
    "--epochs=2",
    "--sample-every=1",
    "--sample-count=4",
    "--learning-rate=0.05",  # two steps must do
    "--ema-decay=0.1",
]


def picture(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dcgan")
    write_kaggle(folder / "set", image_set(6), image_set(6))
    run = folder / "run"
    graph = write_tiny_graph(folder / "graph.pb")
    scoring = ["--evaluate-every=2", "--inception", str(graph)]
    assert train.main([*TINY, *scoring, "--data", str(folder / "set"), "--run", str(run)]) == 0
    return run


def test_run_has_samples_diversity_and_an_interpolation(run):
    names = {path.name for path in (run / "samples").iterdir()}
    assert names == {f"epoch_{e:04d}.png" for e in range(3)} | {"interpolation.png"}
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert all(0 <= row["sample_diversity"] < 10 for row in rows)
    assert (run / "weights" / "generator_ema.weights.h5").exists()
    assert not (run / "images.zip").exists()


def test_run_has_scores_where_it_was_time_for_them(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert ["fid" in row for row in rows] == [False, True]
    assert (run / "weights" / "best_generator_ema.weights.h5").exists()


def test_run_that_submits_the_best_weights_draws_with_them(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    weights, values = copy / "weights", json.loads((copy / "config.json").read_text())
    # as if the plain weights were the best average
    shutil.copy(weights / "generator.weights.h5", weights / "best_generator_ema.weights.h5")
    pictures = {}
    for submit in ("best", "last", "ema"):
        (copy / "config.json").write_text(json.dumps(values | {"submit": submit}))
        output = tmp_path / submit
        assert generate.main(["--run", str(copy), "--output", str(output), "--count", "1"]) == 0
        pictures[submit] = picture(output / "1.png")
    np.testing.assert_array_equal(pictures["best"], pictures["last"])
    assert not np.array_equal(pictures["best"], pictures["ema"])


def test_folder_of_pictures_is_written(run, tmp_path):
    argv = ["--run", str(run), "--output", str(tmp_path / "pictures"), "--count", "12"]
    assert generate.main(argv) == 0
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == [f"{number:02d}.png" for number in range(1, 13)]
    with Image.open(tmp_path / "pictures" / "01.png") as picture:
        assert picture.size == (32, 32)


def test_zip_is_a_submission(run, tmp_path, capsys):
    path = tmp_path / "images.zip"
    assert generate.main(["--run", str(run), "--output", str(path), "--count", "18"]) == 0
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [f"{number}.jpg" for number in range(1, 19)]
        with archive.open("18.jpg") as file, Image.open(file) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (256, 256))
    assert "holds 18 images" in capsys.readouterr().err


def test_same_seed_same_pictures_and_other_latents_other_pictures(run, tmp_path):
    pictures = {}
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        output = tmp_path / name
        argv = ["--run", str(run), "--output", str(output), "--count", "2", "--seed", str(seed)]
        assert generate.main(argv) == 0
        pictures[name] = np.stack([picture(p) for p in sorted(output.iterdir())])
    assert np.array_equal(pictures["first"], pictures["again"])
    assert not np.array_equal(pictures["first"], pictures["other"])
    assert not np.array_equal(pictures["first"][0], pictures["first"][1])


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--run", "nowhere", "--output", "x"], "nowhere holds no run"),
        (["--run", "nowhere", "--output", "x", "--count", "0"], "--count is 0"),
        (["--run", "nowhere", "--output", "x", "--seed", "-1"], "--seed is -1"),
        (["--run", "nowhere", "--output", "."], "exists; expected a new folder"),
        (["--run", "nowhere", "--output", "gs://x/y"], "nothing is written there"),
        (["--output", "x"], "--run"),
    ],
)
def test_faults_end_in_one_line_and_exit_code_2(argv, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert generate.main(argv) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["file/pictures", "file/x.zip"])
def test_place_that_cannot_be_written_is_told(run, tmp_path, capsys, name):
    (tmp_path / "file").touch()
    output = tmp_path / name
    assert generate.main(["--run", str(run), "--output", str(output), "--count", "1"]) == 2
    error = capsys.readouterr().err
    assert f"{output} cannot be written (Not a directory); choose another." in error


def test_missing_weights_are_named(run, tmp_path, capsys):
    (tmp_path / "config.json").write_text((run / "config.json").read_text())
    assert generate.main(["--run", str(tmp_path), "--output", str(tmp_path / "x")]) == 2
    assert "weights.h5 does not exist" in capsys.readouterr().err


def test_weights_of_another_architecture_are_refused(run, tmp_path, capsys):
    values = json.loads((run / "config.json").read_text()) | {"base_filters": 3}
    (tmp_path / "config.json").write_text(json.dumps(values))
    (tmp_path / "weights").symlink_to(run / "weights")
    assert generate.main(["--run", str(tmp_path), "--output", str(tmp_path / "x")]) == 2
    assert "does not hold the weights of generator" in capsys.readouterr().err


def test_paintings_alone_suffice(tmp_path):
    write_folder(tmp_path / "paintings", image_set(4))
    argv = ["--epochs=1", "--b", str(tmp_path / "paintings"), "--run", str(tmp_path / "run")]
    assert train.main([*TINY, *argv]) == 0
    assert (tmp_path / "run" / "samples" / "interpolation.png").exists()
