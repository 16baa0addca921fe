"""The command from data to table, with miniatures of both networks."""

import json
from functools import partial

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("sklearn")

from benchmarks import quality
from benchmarks.judging import contact_sheet
from cyclegan_tf.data.dataset import ImageSet
from cyclegan_tf.data.reader import open_source
from cyclegan_tf.metrics.inception import Inception
from tests.metrics.test_evaluation import CYCLEGAN, write_run
from tests.pictures import flat, noise, png, write_kaggle
from tests.tiny_inception import write_tiny_graph


def pictures(count: int, *, seed: int, brighter: int) -> ImageSet:
    """Greys and noise by turns, so that features vary; at the size of judging."""
    drawn = [noise(seed + i, 256) // 4 if i % 2 else flat(3 * i, 256) for i in range(count)]
    return ImageSet(
        tuple(f"{brighter}-{i}" for i in range(count)),
        tuple(png(picture + np.uint8(brighter)) for picture in drawn),
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two shards of 8 photos and one of 36 paintings, which are brighter."""
    folder = tmp_path_factory.mktemp("quality") / "data"
    write_kaggle(folder, pictures(8, seed=0, brighter=0), pictures(36, seed=100, brighter=60))
    other = folder.parent / "other"
    write_kaggle(other, pictures(8, seed=50, brighter=1), pictures(1, seed=0, brighter=0))
    shard = (other / "photo_tfrec" / "photo00.tfrec").read_bytes()
    (folder / "photo_tfrec" / "photo01.tfrec").write_bytes(shard)
    return folder


@pytest.fixture
def ask(data, tmp_path, monkeypatch, capsys):
    """Runs the command in a folder of its own; gives the exit code, output and errors."""
    graph = write_tiny_graph(tmp_path / "graph.pb")
    monkeypatch.setattr(quality, "EfficientNetLite0", partial(Inception, graph))

    def answer(*words: str) -> tuple[int, str, str]:
        options = ["--data", data, "--inception", graph, "--output", tmp_path / "output"]
        options += ["--cache", tmp_path / "cache", "--no-large", *words]
        return quality.main([str(word) for word in options]), *capsys.readouterr()

    return answer


def test_photos_and_a_run_are_scored_alike(ask, data, tmp_path):
    run = write_run(tmp_path / "run", **CYCLEGAN, data=str(data))
    code, out, err = ask("--judge-on", "all", "--untranslated", "--run", f"bright={run}")
    assert code == 0, err
    result = json.loads((tmp_path / "output" / "quality.json").read_text())
    photos, translated = result["rows"]
    assert [photos["name"], translated["name"]] == ["untranslated", "bright"]
    assert photos["structural_similarity"] == pytest.approx(1.0)
    assert photos["change"] == 0.0
    # it adds 0.4, and nothing clips: photos are dark
    assert translated["change"] == pytest.approx(0.4, abs=0.01)
    # paintings are 60 / 255 brighter than photos, half as much as 0.4 adds in [-1, 1]
    assert translated["inception"]["fid"] < photos["inception"]["fid"]
    assert out.count("| bright |") == 1
    assert "36 of 36 paintings to judge with have been trained on" in err
    with Image.open(tmp_path / "output" / "bright.png") as sheet:
        assert sheet.size == (6 * 260 - 4, 4 * 260 - 4)  # 4 photos and 2 paintings a row


def test_a_run_is_not_judged_by_what_it_was_trained_on(ask, data, tmp_path):
    run = write_run(tmp_path / "run", **CYCLEGAN, data=str(data), validation_fraction=0.0)
    code, _, err = ask("--run", str(run))
    assert code == 2
    assert "trained on all but 0 of 36 paintings" in err


def test_finished_pictures_are_found_by_the_photos_names(ask, data, tmp_path):
    folder = tmp_path / "finished"
    folder.mkdir()
    for _, name, encoded in open_source(data / "photo_tfrec").read():
        (folder / f"{name}.png").write_bytes(encoded)
    code, _, _ = ask("--judge-on", "all", "--pictures", f"copies={folder}")
    result = json.loads((tmp_path / "output" / "quality.json").read_text())
    assert code == 0
    assert result["rows"][0]["count"] == 8
    assert result["rows"][0]["change"] == 0.0


def test_two_runs_of_one_name_are_refused(ask):
    code, _, err = ask("--run", "a/run", "b/run")
    assert code == 2
    assert "different names" in err


def test_the_training_set_can_be_written_alone(ask, tmp_path):
    code, out, _ = ask("--split", tmp_path / "split")
    assert code == 0
    assert out.strip() == str(tmp_path / "split")
    assert len(list((tmp_path / "split" / "trainB").iterdir())) == 1


def test_large_photos_are_shown_whole_and_at_full_size(tmp_path, monkeypatch):
    monkeypatch.setattr(contact_sheet, "_LANDSCAPE", 1200)
    contact_sheet.write_large(tmp_path, "run", lambda picture: picture)
    with Image.open(tmp_path / "run-china.png") as image:
        china = np.asarray(image)
    assert china.shape == (2 * 427, 640 + 4 + 427, 3)
    assert (china[:427] == china[427:]).all()
    with Image.open(tmp_path / "run-landscape.png") as landscape:
        assert landscape.size == (2004, 2000)
    assert (tmp_path / "run-flower.png").exists()


def test_a_recipe_is_trained_without_the_paintings_that_are_held_out(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = "--image-size 32 --base-filters 2 --generator resnet --residual-blocks 0 --epochs 1 "
    small += "--steps-per-epoch 1 --sample-count 2 --precision float32 --validation-fraction 0 "
    small += "--batch-size 2 --model cyclegan --discriminator patch --discriminator-layers 1 "
    small += "--discriminator-filters 2"
    code, _, err = ask("--output", "relative", "--judge-on", "all", "--train", f"tiny={small}")
    assert code == 0, err
    (row,) = json.loads((tmp_path / "relative" / "quality.json").read_text())["rows"]
    assert (row["name"], row["steps"], row["flags"]) == ("tiny", 1, small)
    assert row["training_seconds"] > 0
    assert "24 of 36 paintings to judge with have been trained on" in err
