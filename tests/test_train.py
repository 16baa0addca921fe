"""The command line from end to end, on sets that train in seconds."""

import io
import json
import shutil
import signal
import time
import zipfile
from contextlib import redirect_stderr, redirect_stdout

import keras
import numpy as np
import pytest
from PIL import Image

from cyclegan_tf import notebook, train
from cyclegan_tf.config.flags import GROUPS
from cyclegan_tf.data import pipeline
from cyclegan_tf.data.build import build_data_set
from cyclegan_tf.data.image import to_uint8
from cyclegan_tf.data.synthetic import dataset
from cyclegan_tf.data.synthetic.dataset import (
    SYNTHETIC_DATA,
    is_synthetic,
    synthetic_data,
    write_demo,
)
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.loading import compile_generator, load_generator, load_trained
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.models.build import build_model
from cyclegan_tf.training import trainer
from cyclegan_tf.training.callbacks import scores
from cyclegan_tf.training.callbacks.budget import Clock, TimeBudget
from cyclegan_tf.training.checkpoint import read_metadata, restore_state
from cyclegan_tf.training.run import fit
from tests.pictures import image_set, write_folder, write_kaggle
from tests.tiny_inception import write_tiny_graph

# one process for all, who look at one run
pytestmark = [pytest.mark.xdist_group("train"), pytest.mark.usefixtures("uncompiled")]

TINY = [
    "--preset=demo",
    "--image-size=32",
    "--picture-size=32",
    "--base-filters=2",
    "--unet-depth=2",
    "--discriminator-filters=2",
    "--discriminator-layers=1",
    "--batch-size=2",
    "--steps-per-epoch=2",
    "--epochs=2",
    "--sample-every=1",
    "--sample-count=2",
]


@pytest.fixture(scope="module")
def kaggle_set(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kaggle") / "set"
    write_demo(folder, size=64, count=20)
    return folder


@pytest.fixture(scope="module")
def finished(uncompiled, kaggle_set, tmp_path_factory):
    """A run from the command line: its folder, and what it printed. Its first epoch is its best."""
    folder = tmp_path_factory.mktemp("runs")
    graph = write_tiny_graph(folder / "graph.pb")
    scoring = ["--evaluate-every=1", "--submit=best", "--inception", str(graph)]
    options = ["--seed=7", "--learning-rate=0.02", "--data", str(kaggle_set)]
    run, distances = folder / "run", iter([9.0, 1.0, 2.0])  # before, and after both epochs
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(scores, "feature_frechet_distance", lambda *_: next(distances))
        code = train.main([*TINY, *options, *scoring, "--run", str(run)])
    assert code == 0
    return run, out.getvalue(), err.getvalue()


def test_kaggle_data_end_in_a_full_run_folder(finished):
    run, _, _ = finished
    files = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    expected = {"config.json", "metrics.jsonl", "images.zip", "plots/losses.png"}
    expected |= {"checkpoint/state.npz", "checkpoint/finished"}
    expected |= {f"samples/epoch_{epoch:04d}.png" for epoch in (0, 1, 2)}
    expected |= {
        f"weights/{kind}_{domain}.weights.h5"
        for kind, domains in (("generator", ("ab", "ba")), ("discriminator", ("a", "b")))
        for domain in domains
    }
    assert expected <= files
    assert not [name for name in files if "partial" in name]


def test_epochs_are_logged_with_validation(finished):
    run, _, _ = finished
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 2), (2, 4)]
    assert {"val_cycle_loss", "val_truth_error"} <= set(rows[-1])


def test_user_is_told_how_near_it_came_and_that_images_are_few(finished):
    _, out, err = finished
    assert "held-out error to the true painting" in out
    assert "images.zip holds 20 images; the competition asks for 7,000" in err


def test_submission_holds_every_photo_also_the_held_out_ones(finished):
    run, _, _ = finished
    with zipfile.ZipFile(run / "images.zip") as archive:
        names = {f"landscape_{number:05d}.jpg" for number in range(20)}
        assert set(archive.namelist()) == names
        for entry in archive.namelist():
            with archive.open(entry) as file, Image.open(file) as image:
                assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (256, 256))


def test_run_reads_its_own_config_back(finished, kaggle_set):
    config = RunFolder(finished[0]).config()
    assert (config.seed, config.epochs, config.data) == (7, 2, str(kaggle_set))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--batch-size", "4"], ["--batch-size is 4, but the run was started with 2"]),
        (["--epochs", "1"], ["--epochs 1 is less than the 2 epochs"]),
        (["--preset", "cpu"], ["--preset cpu is given with --resume"]),
    ],
)
def test_resume_refuses_what_would_break_the_run(finished, argv, words, capsys):
    assert train.main(["--run", str(finished[0]), "--resume", *argv]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert all(word in error for word in words), error


def test_finished_run_says_so(finished, capsys):
    before = (finished[0] / "config.json").read_bytes()
    assert train.main(["--run", str(finished[0]), "--resume"]) == 0
    assert "is finished: 2 epochs, 4 steps. To train on" in capsys.readouterr().out
    assert (finished[0] / "config.json").read_bytes() == before


def test_resume_needs_the_name_of_a_run(tmp_path, capsys):
    assert train.main(["--resume"]) == 2
    assert "--resume is given without --run" in capsys.readouterr().err
    assert train.main(["--resume", "--run", str(tmp_path / "none")]) == 2
    assert "none holds no run" in capsys.readouterr().err


def test_submission_that_is_missing_is_made_up_for(finished, tmp_path):
    run = RunFolder(shutil.copytree(finished[0], tmp_path / "run"))
    run.finished_file.unlink()
    run.submission.unlink()
    assert train.main(["--run", str(run.path), "--resume"]) == 0
    assert run.submission.exists()
    assert run.finished
    assert [row["epoch"] for row in run.metrics()] == [1, 2]


def test_other_domains_train_without_a_submission(tmp_path):
    for name in ("cats", "dogs"):
        write_folder(tmp_path / name, image_set(4))
    folders = ["--a", str(tmp_path / "cats"), "--b", str(tmp_path / "dogs")]
    run = tmp_path / "run"
    assert train.main([*TINY, "--validation-fraction=0", *folders, "--run", str(run)]) == 0
    assert not (run / "images.zip").exists()
    assert (run / "samples" / "epoch_0002.png").exists()


def test_budget_ends_training_and_still_submits(kaggle_set, tmp_path, monkeypatch, capsys):
    rehearse = trainer.Trainer.rehearse

    def rehearse_in_no_time(self: trainer.Trainer, budget: TimeBudget) -> None:
        rehearse(self, budget)  # takes as long as the machine is busy
        budget.clock = Clock(time.monotonic(), 0.1)

    monkeypatch.setattr(trainer.Trainer, "rehearse", rehearse_in_no_time)
    run = tmp_path / "run"
    length = ["--epochs=100000", "--steps-per-epoch=50", "--budget-minutes=60"]
    options = [*length, "--schedule=linear", "--data", str(kaggle_set), "--run", str(run)]
    assert train.main([*TINY, *options]) == 0
    assert (run / "images.zip").exists()
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["learning_rate"] == 0.0
    out = capsys.readouterr().out
    assert "plan for 0:06: start-up 0:0" in out
    assert f"({rows[-1]['step']:,} steps), samples and images.zip 0:" in out
    assert "made in" in out
    assert f"translate --run {run} PHOTOS/ --output paintings/" in out


def test_training_without_submission_writes_it_when_it_is_asked_to(kaggle_set, tmp_path):
    run = tmp_path / "run"
    options = ["--epochs=1", "--no-submission", "--data", str(kaggle_set), "--run", str(run)]
    assert train.main([*TINY, *options]) == 0
    assert not (run / "images.zip").exists()
    state = (run / "checkpoint" / "state.npz").read_bytes()
    assert train.main(["--run", str(run), "--resume", "--submission"]) == 0
    assert (run / "images.zip").exists()
    assert (run / "checkpoint" / "state.npz").read_bytes() == state


def test_one_direction_trains_goes_on_and_translates(kaggle_set, tmp_path, capsys):
    run = tmp_path / "run"
    model = ["--model=cut", "--discriminator=projected", "--data", str(kaggle_set)]
    assert train.main([*TINY, *model, "--run", str(run)]) == 0
    weights = {path.name for path in (run / "weights").iterdir()}
    assert weights == {"generator_ab.weights.h5", "discriminator_b.weights.h5"}
    assert zipfile.ZipFile(run / "images.zip").testzip() is None
    assert train.main(["--run", str(run), "--resume", "--epochs=3"]) == 0
    assert [row["epoch"] for row in RunFolder(run).metrics()] == [1, 2, 3]
    painted = load_generator(run).translate(np.zeros((40, 50, 3), np.uint8))
    assert painted.size == (50, 40)


def translated(run: RunFolder) -> np.ndarray:
    """All photos of a run, `(n, 256, 256, 3)` uint8, by the weights that it is to submit."""
    config, model = load_trained(run)
    photos = build_data_set(config).all_a()
    return to_uint8(compile_generator(config, model)(pipeline.load_images(photos, 256)))


def test_best_weights_are_submitted_although_the_last_are_worse(finished, tmp_path):
    path, out, _ = finished
    assert "FID-6: 9.000 before the first step, at best 1.000 after epoch 1" in out
    assert [row["fid"] for row in RunFolder(path).metrics()] == [1.0, 2.0]
    with zipfile.ZipFile(path / "images.zip") as archive:
        entries = [Image.open(archive.open(name)) for name in archive.namelist()]
        submitted = np.stack([np.asarray(image) for image in entries]).astype(float)
    run = RunFolder(shutil.copytree(path, tmp_path / "run"))
    assert np.abs(translated(run) - submitted).mean() < 1.0  # but for the JPEGs
    values = json.loads(run.config_file.read_text())
    run.config_file.write_text(json.dumps(values | {"submit": "last"}))
    assert np.abs(translated(run) - submitted).mean() > 3.0


def test_run_without_a_score_that_counts_submits_its_average(
    kaggle_set, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(scores, "feature_frechet_distance", lambda *_: np.nan)
    graph, run = write_tiny_graph(tmp_path / "graph.pb"), tmp_path / "run"
    scoring = ["--evaluate-every=5", "--submit=best", "--inception", str(graph)]
    argv = [*TINY, "--epochs=1", *scoring, "--data", str(kaggle_set), "--run", str(run)]
    assert train.main(argv) == 0
    assert "has no scores yet to choose the best weights by" in capsys.readouterr().err
    assert (run / "images.zip").exists()


class InterruptedIn(keras.callbacks.Callback):
    """The user's Ctrl-C in the middle of a step, counted from 1."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if self.model.steps_done == self.step:
            signal.raise_signal(signal.SIGINT)


def test_interrupted_run_is_handed_in_without_another_step(kaggle_set, tmp_path, monkeypatch):
    monkeypatch.setattr(notebook, "KAGGLE_WORKING", tmp_path)
    run, reports = RunFolder(tmp_path / "run"), trainer.build_callbacks
    with monkeypatch.context() as patch:
        patch.setattr(
            trainer, "build_callbacks", lambda *x, **y: [*reports(*x, **y), InterruptedIn(3)]
        )
        options = ["--learning-rate=0.02", "--ema-decay=0.5", "--data", str(kaggle_set)]
        assert train.main([*TINY, *options, "--run", str(run.path)]) == 0
    files = (run.state_file, run.config_file)
    before = [file.read_bytes() for file in files]
    assert read_metadata(run.state_file).step == 3  # of 4, in the second of two epochs

    path = notebook.export_submission(run)
    assert [file.read_bytes() for file in files] == before
    config, model = load_trained(run)
    state = build_model(config, total_steps=1)
    restore_state(run.state_file, state)
    for network, saved in zip(
        (*model.generators, *model.averages), (*state.generators, *state.averages), strict=True
    ):
        pairs = zip(network.get_weights(), saved.get_weights(), strict=True)
        assert all(np.array_equal(x, y) for x, y in pairs)
    with zipfile.ZipFile(path) as archive:
        entries = [Image.open(archive.open(name)) for name in archive.namelist()]
        submitted = np.stack([np.asarray(image) for image in entries]).astype(float)
    assert np.abs(translated(run) - submitted).mean() < 1.0  # but for the JPEGs

    assert train.main(["--run", str(run.path), "--resume"]) == 0
    assert (read_metadata(run.state_file).step, run.finished) == (4, True)


def test_graph_that_is_missing_is_told_before_a_run_folder_exists(kaggle_set, tmp_path, capsys):
    run = tmp_path / "run"
    scoring = ["--evaluate-every=1000", "--inception", str(tmp_path / "gone.pb")]
    assert train.main([*TINY, *scoring, "--data", str(kaggle_set), "--run", str(run)]) == 2
    error = capsys.readouterr().err
    assert "gone.pb cannot be read" in error
    assert error.count("\n") == 1
    assert not run.exists()


def test_scores_of_a_single_image_are_refused(tmp_path, capsys):
    write_kaggle(tmp_path / "set", image_set(20), image_set(1))
    graph = write_tiny_graph(tmp_path / "graph.pb")
    argv = [*TINY, "--validation-fraction=0", "--evaluate-every=1", "--inception", str(graph)]
    paths = ["--data", str(tmp_path / "set"), "--run", str(tmp_path / "run")]
    assert train.main([*argv, *paths]) == 2
    assert "domain B has 1 training image" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--data", "nowhere"], ["nowhere does not exist", "Check the path"]),
        (["--image-size", "100"], ["--image-size 100", "multiple of 32"]),
        (["--batch-size", "many"], ["--batch-size", "many"]),
        (["--generator", "vit"], ["vit", "unet", "resnet"]),
        (["--bach-size", "4"], ["there is no --bach-size; did you mean --batch-size?"]),
        (["--a", "x"], ["--a is given without --b"]),
        (["--epoch", "4"], ["there is no --epoch; did you mean --epochs?"]),
        (["-seed=3"], ["there is no -seed; did you mean --seed?"]),
        (["--zoom", "4"], ["there is no --zoom; see python -m cyclegan_tf.train --help"]),
        (["photos/"], ["unrecognized arguments: photos/", "--help"]),
        (["--preset", "monet"], ["--preset is 'monet'; choose one of: demo, cpu, kaggle"]),
        (["--preset", "notbook"], ["--preset is 'notbook'; did you mean notebook?"]),
        (["--generator", "unnet"], ["--generator is 'unnet'; did you mean unet?"]),
        (["--data", "set", "--a", "x"], ["--data set is given together with --a x"]),
        (["--preset", "paper", "--image-size", "302"], ["302", "U-Net", "multiple of 32"]),
    ],
)
def test_bad_flags_end_in_one_line_and_exit_code_2(argv, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert train.main(["--preset=demo", "--generator=unet", *argv]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert all(word in error for word in words), error
    assert not list(tmp_path.iterdir())


def test_help_is_short_at_the_top_and_has_groups(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as end:
        train.main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    usage, what, examples, *groups = text.split("\n\n")
    assert usage.count("\n") == 2 and what.startswith("Trains a network")
    assert examples.count("  python -m cyclegan_tf.train") == 3
    titles = [group.splitlines()[0].removesuffix(":") for group in groups]
    assert [title for title in titles if title in GROUPS] == list(GROUPS)
    start = groups[titles.index("start here") + 1].split()
    assert {"--preset", "--run", "--resume", "--data", "--epochs"} <= set(start)
    assert max(map(len, text.splitlines())) <= 88  # the examples are kept whole


def test_presets_and_values_are_shown_without_training(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train.main(["--presets"]) == 0
    assert capsys.readouterr().out.startswith("preset ")
    assert train.main(["--preset=cpu", "--epochs=3", "--channels=1", "--show"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("preset cpu: photos become paintings, one way, 2 CPU cores, 40 minutes\n")
    assert "* --epochs                      3 " in out
    assert "* --channels                    1 " in out
    assert train.main(["--show"]) == 2
    assert "--show is given without --preset" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_run_that_is_there_is_refused_before_a_set_is_drawn(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    assert train.main(["--run", "run"]) == 2
    assert "run already holds a run; expected a new folder" in capsys.readouterr().err
    with pytest.raises(InputError, match="already holds a run"):
        fit(run="run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_flags_are_checked_against_the_preset_they_change(tmp_path, capsys):
    # 300 px fit no U-Net, which is the default, but the ResNet of this preset
    argv = ["--preset=paper", "--image-size=300", "--data", str(tmp_path / "nowhere")]
    assert train.main(argv) == 2
    assert "nowhere does not exist" in capsys.readouterr().err


def test_batch_larger_than_a_domain_is_refused(tmp_path, capsys):
    write_kaggle(tmp_path / "set", image_set(20), image_set(3))
    run = tmp_path / "run"
    argv = [*TINY, "--validation-fraction=0", "--batch-size=4", "--run", str(run)]
    assert train.main([*argv, "--data", str(tmp_path / "set")]) == 2
    assert "--batch-size 4 is larger than domain B, which has 3" in capsys.readouterr().err
    assert not run.exists()


def test_folder_that_holds_a_run_is_left_alone(kaggle_set, tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text("{}")
    assert train.main([*TINY, "--data", str(kaggle_set), "--run", str(run)]) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert (run / "config.json").read_text() == "{}"


def test_budget_without_time_to_train_is_refused(kaggle_set, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(trainer, "submission_seconds", lambda *_: 120.0)
    argv = [*TINY, "--budget-minutes=1.5", "--data", str(kaggle_set), "--run", str(tmp_path / "r")]
    assert train.main(argv) == 2
    assert "leaves no time for training" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_first_command_writes_the_synthetic_set_and_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write = write_demo
    monkeypatch.setattr(dataset, "write_demo", lambda folder, **_: write(folder, size=64, count=20))
    assert train.main([*TINY, "--epochs=1"]) == 0
    assert "writing the synthetic set to data/synthetic" in capsys.readouterr().out
    assert (tmp_path / "runs" / "demo-1" / "images.zip").exists()
    assert synthetic_data(why="no --data") == SYNTHETIC_DATA
    assert "using the synthetic set in data/synthetic" in capsys.readouterr().out


def test_synthetic_set_is_known_however_it_is_spelled(tmp_path, monkeypatch):
    folder = tmp_path / SYNTHETIC_DATA
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "loop").symlink_to("loop")
    spellings = ("data/synthetic", "./data/synthetic", "data/synthetic/", "data/../link", "link")
    assert all(is_synthetic(spelling) for spelling in (*spellings, folder))
    assert not any(is_synthetic(other) for other in ("", "data", "gone", "loop"))
