"""The command line: what it prints and writes, and how it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cyclegan_tf import evaluate
from cyclegan_tf.data.image import encode_jpeg
from cyclegan_tf.data.reader import open_source
from cyclegan_tf.io.files import DiskFull
from tests.metrics.test_evaluation import CYCLEGAN, write_greys, write_run
from tests.pictures import noise, png, write_files, write_zip
from tests.tiny_inception import write_tiny_graph

KEYS = {
    "fid", "kid_mean", "kid_std", "mifid", "memorization_distance", "precision", "recall",
    "layer", "dimensions", "generated_count", "reference_count",
}  # fmt: skip
JPEGS = {f"{seed}.jpg": encode_jpeg(noise(seed)) for seed in range(6)}
OTHERS = {f"{seed}.jpg": encode_jpeg(noise(seed) // 2) for seed in range(10, 15)}


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> dict[str, Path]:
    """Small sets, right and wrong, by name; they are only read."""
    root = tmp_path_factory.mktemp("sets")
    paths = {
        "graph": write_tiny_graph(root / "graph.pb"),
        "folder": write_files(root / "folder", JPEGS),
        "zip": write_zip(root / "images.zip", JPEGS),
        "broken": write_zip(root / "broken.zip", JPEGS | {"3.jpg": JPEGS["3.jpg"][:200]}),
        "reference": write_files(root / "reference", OTHERS),
        "one": write_files(root / "one", {"0.jpg": JPEGS["0.jpg"]}),
        "mixed": write_files(root / "mixed", {"a.png": png(noise(0)), "b.png": png(noise(1, 16))}),
        "data": root / "data",
        "run": root / "run",
        "gone": root / "gone",
        "text": root / "graph.txt",
    }
    (root / "graph.txt").write_text("no graph")
    write_greys(paths["data"] / "trainA", 20, 30, 40)
    write_greys(paths["data"] / "testA", 60, 80)
    write_greys(paths["data"] / "trainB", 150, 170, 190)
    write_run(paths["run"], **CYCLEGAN, data=str(paths["data"]))
    return paths


@pytest.fixture
def ask(sets, capsys):
    """Runs the command; words that name a set are replaced by its path."""

    def answer(line: str) -> tuple[int, str, str]:
        code = evaluate.main([str(sets.get(word, word)) for word in line.split()])
        return code, *capsys.readouterr()

    return answer


def strictly(text: str) -> dict:
    """Parses one JSON object; NaN and infinity are not JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def files(folder: Path) -> dict[str, int]:
    """All files below, and when they were written."""
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def test_zip_and_folder_of_the_same_jpegs_have_the_same_numbers(ask):
    results = []
    for images in ("zip", "folder"):
        code, out, _ = ask(f"--images {images} --reference reference --inception graph --json")
        assert code == 0
        results.append(strictly(out))
        assert out.count("\n") == 1
    assert Path(results[0].pop("generated")).name == "images.zip"
    assert Path(results[1].pop("generated")).name == "folder"
    assert results[0] == results[1]
    assert results[0].keys() >= KEYS
    assert (results[0]["generated_count"], results[0]["reference_count"]) == (6, 5)
    assert (results[0]["layer"], results[0]["dimensions"]) == ("mixed_7/join:0", 6)


def test_endless_mifid_of_copies_is_null(ask):
    _, out, _ = ask("--images folder --reference folder --inception graph --json")
    result = strictly(out)
    assert result["mifid"] is None
    assert result["fid"] < 1e-9
    assert result["memorization_distance"] < 1e-12


def test_table_tells_scores_counts_and_what_they_are_worth(ask):
    code, out, _ = ask("--images zip --reference reference --inception graph")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].endswith("images.zip: 6 images")
    assert lines[1].endswith("reference: 5 images, mixed_7/join:0")
    table = dict(line.strip().rsplit("  ", 1) for line in lines if line.startswith("  "))
    assert {"KID", "MiFID-6", "precision", "memorization distance"} <= {
        key.strip() for key in table
    }
    assert sum(line.startswith("note: ") for line in lines) == 3
    assert "saved" not in out


def test_copies_are_told_in_words(ask):
    _, out, _ = ask("--images folder --reference folder --inception graph")
    (line,) = [line for line in out.splitlines() if "MiFID-6  " in line]
    assert line.endswith("infinite: they are copies")


def test_run_keeps_what_was_printed(ask, sets):
    code, out, _ = ask("--run run --inception graph --json")
    assert code == 0
    result = strictly(out)
    assert result == strictly((sets["run"] / "evaluation.json").read_text())
    assert result.keys() >= KEYS | {"cycle_error", "structural_similarity", "change"}
    assert (result["generated_count"], result["reference_count"]) == (2, 3)
    assert result["change"] == pytest.approx(0.4, abs=1e-6)
    assert result["epsilon"] == 0.1
    assert len(result["inception_sha256"]) == 64
    assert not list(sets["run"].glob("*.partial"))


def test_options_of_a_run_reach_its_scores(ask, sets):
    options = "--all --epsilon 0.5 --reference folder --training reference --data data"
    code, out, _ = ask(f"--run run --inception graph {options}")
    assert code == 0
    assert out.splitlines()[-1] == f"saved: {sets['run'] / 'evaluation.json'}"
    result = strictly((sets["run"] / "evaluation.json").read_text())
    assert (result["generated_count"], result["reference_count"]) == (5, 6)
    assert (result["training_count"], result["epsilon"]) == (5, 0.5)
    assert "structural similarity to the photo" in out


def test_scores_are_printed_though_the_run_cannot_be_written(ask, sets, tmp_path):
    run = shutil.copytree(sets["run"], tmp_path / "run", ignore=shutil.ignore_patterns("*.json"))
    shutil.copy(sets["run"] / "config.json", run)
    (run / "evaluation.json").mkdir()
    code, out, err = ask(f"--run {run} --inception graph --json")
    assert code == 0
    assert strictly(out)["generated_count"] == 2
    assert "warning: " in err and "evaluation.json cannot be written" in err


def test_scores_are_printed_though_the_disk_is_full(ask, sets, monkeypatch):
    def full(*_):
        raise DiskFull("the disk is full")

    monkeypatch.setattr("cyclegan_tf.metrics.evaluation.write_text", full)
    code, out, err = ask(f"--run {sets['run']} --inception graph --json")
    assert code == 0
    assert strictly(out)["generated_count"] == 2
    assert "evaluation.json cannot be written (the disk is full)" in err


IMAGES = "--images folder --reference reference --inception graph"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", ["--images", "--run", "required", "--help"]),
        ("--run run --images folder", ["not allowed with"]),
        ("--images folder --inception graph", ["--images", "without --reference"]),
        ("--images gone --reference reference", ["--images", "gone does not exist"]),
        ("--images folder --reference gone", ["--reference", "gone does not exist"]),
        (f"{IMAGES} --training gone", ["--training", "gone does not exist"]),
        ("--images folder --reference reference --inception gone", ["gone cannot be read"]),
        ("--images folder --reference reference --inception text", ["is no frozen TensorFlow"]),
        ("--images folder --reference text --inception graph", ["file of another kind"]),
        (f"{IMAGES} --feature-layer pool_3:0", ["no layer pool_3:0", "mixed_7/join:0"]),
        (f"{IMAGES} --epsilon 2", ["--epsilon is 2.0", "from 0 to 1"]),
        (f"{IMAGES} --epsilon nan", ["--epsilon is nan", "from 0 to 1"]),
        (f"{IMAGES} --count 5", ["--count belongs to --run"]),
        (f"{IMAGES} --all", ["--all belongs to --run"]),
        (f"{IMAGES} --data data", ["--data belongs to --run"]),
        (f"{IMAGES} --range 9 0", ["--range is 9 0", "lower value first"]),
        ("--run run --range 0 9", ["--range is for pictures of --images"]),
        ("--run run --count 1", ["--count is 1", "at least 2"]),
        ("--run run --count 5 --inception graph", ["--count belongs to", "dcgan"]),
        ("--run folder --inception graph", ["folder holds no run", "train wrote"]),
        ("--run gone", ["gone holds no run"]),  # before a graph is fetched
        ("--run run --data gone --inception graph", ["gone does not exist"]),
        ("--images broken --reference reference --inception graph", ["entry 3.jpg", "Replace it"]),
        ("--images one --reference reference --inception graph", ["holds 1 picture", "at least 2"]),
        ("--images mixed --reference reference --inception graph", ["32 x 32", "16 x 16", "one"]),
        ("--images folder --reference mixed --inception graph", ["32 x 32", "16 x 16", "one size"]),
        ("--run run --reference one --inception graph", ["holds 1 picture", "at least 2"]),
    ],
)
def test_faults_end_in_one_line_and_exit_code_2(ask, sets, line, words):
    before = files(sets["run"].parent)
    code, out, err = ask(line)
    assert code == 2
    errors = [line for line in err.splitlines() if not line.startswith(("note: ", "warning: "))]
    assert (out, len(errors)) == ("", 1)
    assert errors[0].startswith("error: ")
    assert all(word in err for word in words), err
    assert files(sets["run"].parent) == before


def test_real_monets_against_themselves(ask, real_data, tmp_path):
    graph = real_data / "fid/inception-2015-12-05-mixed_7.pb"
    entries = open_source(real_data / "gan-getting-started/monet_tfrec").read()
    folder = write_files(tmp_path / "monets", {f"{n}.jpg": next(entries)[2] for n in range(16)})
    _, out, _ = ask(f"--images {folder} --reference {folder} --inception {graph} --json")
    result = strictly(out)
    assert result["fid"] < 1e-6
    assert result["memorization_distance"] < 1e-9
    assert np.isclose([result["precision"], result["recall"]], 1.0).all()
    assert result["dimensions"] == 768
