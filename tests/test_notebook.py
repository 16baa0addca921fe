import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf import notebook
from cyclegan_tf.config.presets import preset_config
from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data import layouts
from cyclegan_tf.data.synthetic import dataset
from cyclegan_tf.distribution import runtime
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.training.checkpoint import write_state
from tests.tiny_models import pixel_cyclegan
from tests.training.test_resumption import METADATA


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder of its own, no Kaggle, no variable."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(layouts, "KAGGLE_DATA", (tmp_path / "old", tmp_path / "new"))
    monkeypatch.setattr(notebook, "KAGGLE_INPUT", tmp_path / "input")
    monkeypatch.setattr(notebook, "KAGGLE_WORKING", tmp_path / "handed-in")
    for name in (
        notebook.DATA_VARIABLE,
        notebook.INCEPTION_VARIABLE,
        notebook.QUICK_VARIABLE,
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def written(monkeypatch) -> list:
    """What `write_demo` was asked for, instead of pictures."""
    asked = []

    def write(folder: Path, **options) -> None:
        folder.mkdir(parents=True)
        asked.append((folder, options))

    monkeypatch.setattr(dataset, "write_demo", write)
    return asked


@pytest.mark.parametrize("name", ["old", "new"])
def test_the_competitions_data_come_first_wherever_they_are_mounted(name, tmp_path, monkeypatch):
    (tmp_path / name).mkdir()
    monkeypatch.setenv(notebook.DATA_VARIABLE, str(tmp_path))
    assert notebook.find_data() == tmp_path / name


def test_the_variable_names_the_data(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(notebook.DATA_VARIABLE, str(tmp_path))
    assert notebook.find_data() == tmp_path
    assert capsys.readouterr().out == f"data: {tmp_path}, as CYCLEGAN_TF_DATA says\n"


def test_a_variable_that_names_no_folder_is_refused(monkeypatch):
    monkeypatch.setenv(notebook.DATA_VARIABLE, "nowhere")
    with pytest.raises(InputError, match="CYCLEGAN_TF_DATA is 'nowhere', which is no folder"):
        notebook.find_data()


def test_without_data_the_synthetic_set_is_written_once(written, capsys):
    assert notebook.find_data() == notebook.find_data() == Path("data/synthetic")
    assert written == [(Path("data/synthetic"), {"size": 256, "count": 200})]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[2].split()[0] for line in lines] == ["writing", "using"]


def test_a_quick_notebook_gets_a_small_set_of_its_own(written, monkeypatch):
    monkeypatch.setenv(notebook.QUICK_VARIABLE, "1")
    assert notebook.find_data() == Path("data/synthetic-quick")
    assert written == [(Path("data/synthetic-quick"), {"size": 64, "count": 32})]


def test_quick_is_a_variable_that_is_neither_empty_nor_zero(monkeypatch):
    found = []
    for value in ("", "0", "1"):
        monkeypatch.setenv(notebook.QUICK_VARIABLE, value)
        found.append(notebook.is_quick())
    assert found == [False, False, True]


def test_the_machine_is_told_with_its_time(monkeypatch):
    monkeypatch.setattr(notebook, "available_cores", lambda: 1)
    monkeypatch.setattr("cyclegan_tf.distribution.strategy.has_tpu", lambda: False)
    assert notebook.describe_machine(40.0) == "1 CPU core, no GPU, no TPU; about 40 minutes"
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0", "GPU:1"])
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda _: {"device_name": "Tesla T4"}
    )
    assert notebook.describe_machine() == "1 CPU core, 2 GPUs (Tesla T4, Tesla T4)"
    monkeypatch.setenv(notebook.QUICK_VARIABLE, "1")
    assert "CYCLEGAN_TF_QUICK is set" in notebook.describe_machine(40.0)
    monkeypatch.setattr("cyclegan_tf.distribution.strategy.has_tpu", lambda: True)
    assert notebook.describe_machine().startswith("1 CPU core, a TPU")


@pytest.mark.parametrize(
    ("data", "model", "accelerator", "preset"),
    [
        ("monet", "cyclegan", True, "kaggle"),
        ("monet", "cyclegan", False, "cpu"),
        ("data/synthetic", "cyclegan", True, "demo"),
        ("data/synthetic", "cut", True, "demo"),
        ("data/synthetic", "dcgan", True, "dcgan"),
    ],
)
def test_settings_follow_machine_and_images(data, model, accelerator, preset, monkeypatch, capsys):
    monkeypatch.setattr(runtime, "has_accelerator", lambda: accelerator)
    config = notebook.choose_config(Path(data), model, seed=3)
    minutes = 10 if preset == "demo" else preset_config(preset).budget_minutes
    changes = {"data": data, "seed": 3, "budget_minutes": minutes}
    assert config == preset_config(preset, model=model, **changes)
    assert capsys.readouterr().out == f"settings: preset {preset}\n"


def test_the_reader_sets_minutes_and_preset():
    config = notebook.choose_config(Path("x"), preset="paper", minutes=7, image_size=128)
    assert config == preset_config("paper", data="x", budget_minutes=7, image_size=128)


@pytest.mark.parametrize(("given", "minutes"), [({}, 10), ({"budget_minutes": 60}, 60)])
def test_the_synthetic_set_gets_a_budget_unless_the_reader_has_one(given, minutes):
    assert notebook.choose_config(Path("data/synthetic"), **given).budget_minutes == minutes


def test_a_tpu_gets_the_half_precision_that_it_has(monkeypatch):
    monkeypatch.setattr("cyclegan_tf.training.run.has_tpu", lambda: True)
    precisions = [notebook.choose_config(Path("x"), preset=p).precision for p in ("kaggle", "cpu")]
    assert precisions == ["mixed_bfloat16", "auto"]


@pytest.mark.parametrize("preset", ["cpu", "kaggle", "demo", "dcgan", "dcgan-notebook"])
def test_a_quick_training_takes_eight_steps_of_32_pixels(preset, monkeypatch):
    monkeypatch.setenv(notebook.QUICK_VARIABLE, "1")
    model = preset_config(preset).model
    config = notebook.choose_config(Path("x"), model, preset=preset, minutes=9, image_size=64)
    assert config.epochs * config.steps_per_epoch == 8
    assert (config.image_size, config.budget_minutes) == (32, None)
    assert config.precision == "float32"
    assert config.adversarial_loss == preset_config(preset).adversarial_loss


def test_only_the_warning_of_many_traces_is_kept_from_the_reader(caplog):
    notebook.choose_config(Path("x"))
    tf.get_logger().warning("5 out of the last 8 calls triggered tf.function retracing.")
    tf.get_logger().warning("something else")
    assert [record.getMessage() for record in caplog.records] == ["something else"]


def test_each_run_gets_a_folder_of_its_own(tmp_path):
    assert notebook.new_run("dcgan").path == Path("runs/dcgan-1")
    (tmp_path / "runs" / "dcgan-1").mkdir(parents=True)
    assert notebook.new_run("dcgan").path == Path("runs/dcgan-2")


def test_inception_is_found_wherever_kaggle_mounts_a_data_set(tmp_path, capsys):
    graph = tmp_path / "input" / "datasets" / "me" / "fid" / "classify_image_graph_def.pb"
    graph.parent.mkdir(parents=True)
    graph.touch()
    assert notebook.find_inception() == graph
    assert capsys.readouterr().out == ""


def test_without_inception_a_line_tells_how_to_attach_it(capsys):
    assert notebook.find_inception() is None
    (line,) = capsys.readouterr().out.splitlines()
    assert "classify_image_graph_def.pb" in line
    assert "CYCLEGAN_TF_INCEPTION" in line


def test_inception_that_the_variable_names_must_be_there(tmp_path, monkeypatch):
    graph = tmp_path / "graph.pb"
    monkeypatch.setenv(notebook.INCEPTION_VARIABLE, str(graph))
    with pytest.raises(InputError, match="which is no file"):
        notebook.find_inception()
    graph.touch()
    assert notebook.find_inception() == graph


def test_clock_promises_training_drawing_and_scores_and_reports(monkeypatch):
    monkeypatch.setattr(notebook, "available_cores", lambda: 2)
    monkeypatch.setattr(runtime, "has_accelerator", lambda: False)
    now = [1000.0]
    monkeypatch.setattr(notebook.time, "monotonic", lambda: now[0])
    clock = notebook.Clock()
    assert clock.promise(40, scored=7338) == (
        "this notebook takes about 50 minutes: 40 for training, 2 for reading and drawing, 8 for "
        "the scores"
    )
    now[0] += 49 * 60
    assert clock.report() == "this notebook took 49.0 minutes; 50 were promised"


def test_clock_promises_no_time_for_a_training_without_budget():
    clock = notebook.Clock()
    assert clock.promise(None) == "no time is promised: the training has no budget"
    assert clock.report() == "this notebook took 0.0 minutes"


def test_shown_source_is_the_code_that_runs():
    shown = notebook.show_source(notebook.is_quick, RunFolder.finish)
    first, second = str(shown.text).split("\n\n")
    assert first.startswith("def is_quick() -> bool:")
    assert second.startswith("def finish(self) -> None:")  # dedented
    assert shown._repr_markdown_() == f"```python\n{shown.text}\n```"


def test_pictures_are_compared_by_what_the_eye_sees():
    light = np.full((4, 8, 8, 3), 200, np.uint8)
    light[1::2] = 100
    checks = np.zeros((4, 8, 8, 3), np.uint8)
    checks[:, ::2, ::2] = checks[:, 1::2, 1::2] = 255
    table = notebook.compare_pictures({"checks": checks, "same": light}, light)
    assert table.index.tolist() == ["paintings", "checks", "same"]
    assert table["pixel to pixel"].tolist() == [0, 255, 0]
    assert table["colourfulness"].tolist() == [0, 0, 0]
    # halves of one grey each; then black to 100 and white to 200
    assert table["palette's distance"].tolist() == pytest.approx([100, 77.5, 0])
    assert table["diversity"].tolist() == pytest.approx([1, 0, 1])


def test_without_a_graph_runs_have_no_scores(run):
    table = notebook.score_runs({"classic": run}, None)
    assert table.shape == (0, 0)


def write_zip(run: RunFolder, count: int) -> None:
    with zipfile.ZipFile(run.submission, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number}.jpg", b"x")


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", TrainConfig(epochs=5))


@pytest.mark.parametrize("on_kaggle", [True, False])
def test_submission_is_laid_where_it_is_looked_for(on_kaggle, run, tmp_path, capsys):
    if on_kaggle:
        notebook.KAGGLE_WORKING.mkdir()
    write_zip(run, 3)
    run.finish()
    path = notebook.export_submission(run)
    expected = (tmp_path / "handed-in" if on_kaggle else tmp_path) / "images.zip"
    assert path.resolve() == expected
    assert path.read_bytes() == run.submission.read_bytes()
    copied, counted = capsys.readouterr().out.splitlines()
    assert copied == f"copied {run.submission} to {expected}"
    assert counted == (
        "3 images, each a JPEG of 256 x 256 pixels; not to be submitted: images.zip holds 3 "
        "images; the competition asks for 7,000 to 10,000."
    )


def test_only_what_the_competition_takes_is_ready_to_submit(run, capsys):
    write_zip(run, 7000)
    run.finish()
    notebook.export_submission(run)
    assert capsys.readouterr().out.endswith(
        "7,000 images, each a JPEG of 256 x 256 pixels; ready to submit\n"
    )


@pytest.mark.parametrize(
    "metadata",
    [
        {"epoch": 3, "epoch_steps": 1},  # in the middle of the fourth
        {"epoch": 3, "epoch_steps": 0},
        {"epoch": 5, "epoch_steps": 0, "trained": True},  # while images.zip was written
    ],
)
def test_interrupted_run_is_handed_in_as_it_is(metadata, run, monkeypatch):
    write_state(run.state_file, pixel_cyclegan(), dataclasses.replace(METADATA, **metadata))
    write_zip(run, 1)  # of before the training went on
    asked = []

    def resume(path: Path, *, trains: bool, submission: bool) -> Path:
        assert submission  # also of a run with --no-submission
        asked.append((path, trains))
        write_zip(run, 2)
        return path

    monkeypatch.setattr("cyclegan_tf.training.run.resume", resume)
    path = notebook.export_submission(run)
    assert asked == [(run.path, False)]
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 2


@pytest.mark.parametrize("saved", [False, True])
def test_run_that_has_learned_nothing_is_not_handed_in(saved, run):
    if saved:  # before the first step
        write_state(
            run.state_file, pixel_cyclegan(), dataclasses.replace(METADATA, step=0, epoch=0)
        )
    with pytest.raises(InputError, match="holds no trained networks"):
        notebook.export_submission(run)


def test_run_of_other_data_has_nothing_to_submit_and_says_so(run, capsys):
    run.finish()
    assert notebook.export_submission(run) is None
    assert "makes no images.zip" in capsys.readouterr().out
