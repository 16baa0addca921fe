import dataclasses
import errno
import json
import os
import shutil
import subprocess
import sys

import pytest

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.dataset import DataSet, ImageSet, name_hashes
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.run_folder import RunFolder, versions
from cyclegan_tf.training.checkpoint import write_state
from cyclegan_tf.training.resumption import differences, find_resumption, resume_command
from tests.pictures import image_set
from tests.tiny_models import metadata, pixel_cyclegan


def data_set(count: int = 4) -> DataSet:
    a, b = image_set(count, prefix="a"), image_set(3, prefix="b")
    return DataSet(a, b, ImageSet(), ImageSet(), ImageSet(), kaggle_shaped=False, skipped=())


METADATA = metadata(
    step=7, epoch=3, seconds=90.0, data=name_hashes(data_set()), versions=versions()
)


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", TrainConfig(epochs=5, budget_minutes=10.0))


def saved(run: RunFolder, **changes) -> None:
    write_state(run.state_file, pixel_cyclegan(), dataclasses.replace(METADATA, **changes))


def test_nothing_but_the_folder_is_needed(run):
    saved(run)
    found = find_resumption(run.path, {})
    assert found.config == TrainConfig(epochs=5, budget_minutes=10.0)
    assert (found.metadata.step, found.seconds) == (7, 90.0)
    assert (found.trains, found.done) == (True, False)


def test_run_without_a_state_begins_anew(run):
    found = find_resumption(run.path, {})
    assert (found.metadata, found.trains, found.seconds) == (None, True, 0.0)


def test_trained_run_whose_state_is_gone_is_not_begun_anew(run):
    run.append_metrics({"epoch": 1})
    with pytest.raises(InputError, match=r"has trained, but .*state\.npz is gone"):
        find_resumption(run.path, {})


def test_one_way_of_naming_the_data_takes_the_place_of_the_other(tmp_path):
    whole = RunFolder.create(tmp_path / "whole", TrainConfig(data="set"))
    found = find_resumption(whole.path, {"a": "photos", "b": "etchings"}).config
    assert (found.data, found.a, found.b) == ("", "photos", "etchings")
    halves = RunFolder.create(tmp_path / "halves", TrainConfig(a="photos", b="etchings"))
    found = find_resumption(halves.path, {"data": "set"}).config
    assert (found.data, found.a, found.b) == ("set", "", "")


def test_harmless_options_may_change(run):
    saved(run)
    changes = {"epochs": 9, "sample_every": 2, "data": "elsewhere", "learning_rate": 1e-4}
    config = find_resumption(run.path, changes).config
    assert dataclasses.asdict(config).items() >= changes.items()
    assert config.budget_minutes == 10.0


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("batch_size", 4, "--batch-size is 4, but the run was started with 1"),
        ("image_size", 128, "--image-size is 128"),
        ("seed", 1, "--seed is 1"),
        ("generator", "resnet", "--generator is resnet, but the run was started with unet"),
        ("schedule", "linear", "--schedule is linear"),
    ],
)
def test_options_that_would_break_it_are_refused(run, name, value, words):
    saved(run)
    with pytest.raises(InputError, match=words + r".*leave it out.*--epochs"):
        find_resumption(run.path, {name: value})


def test_option_given_as_it_was_is_no_change(run):
    saved(run)
    assert find_resumption(run.path, {"batch_size": 1, "seed": 0}).config.batch_size == 1


def test_trained_run_still_owes_its_submission(run):
    saved(run, trained=True)
    found = find_resumption(run.path, {})
    assert (found.trains, found.done) == (False, False)
    run.finish()
    assert find_resumption(run.path, {}).done


def test_more_epochs_or_minutes_train_a_finished_run_on(run):
    saved(run, trained=True, epoch_steps=0)
    run.finish()
    assert find_resumption(run.path, {"epochs": 6}).trains
    more = find_resumption(run.path, {"budget_minutes": 10.0})
    assert (more.trains, more.seconds) == (True, 0.0)
    saved(run, trained=True, epoch=5, epoch_steps=0)
    assert find_resumption(run.path, {"budget_minutes": 20.0}).done  # all epochs are done


def test_fewer_epochs_than_are_done_are_refused(run):
    saved(run)
    with pytest.raises(InputError, match="--epochs 2 is less than the 4 epochs"):
        find_resumption(run.path, {"epochs": 2})


def test_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no run"):
        find_resumption(tmp_path, {})


def test_other_images_and_versions_are_told(run):
    assert differences(METADATA, name_hashes(data_set())) == []
    (warning,) = differences(METADATA, name_hashes(data_set(count=5)))
    assert "domain A are not those" in warning
    assert "4 images" in warning
    assert "now 5 images" in warning
    older = dataclasses.replace(METADATA, versions=versions() | {"keras": "3.1"})
    assert "keras is" in differences(older, name_hashes(data_set()))[0]


def test_epochs_that_come_again_and_half_written_files_are_removed(run):
    for epoch in (1, 2, 3, 4):
        run.append_metrics({"epoch": epoch})
    with run.metrics_file.open("a") as file:
        file.write('{"epoch": 5, "cyc')  # the power failed
    half = run.weights / "partial.4x_2" / "generator_ab.weights.h5"
    half.parent.mkdir(parents=True)
    older = run.weights / "partial.123.generator_ab.weights.h5"  # before each had its own folder
    for path in (half, older):
        path.touch()
    run.reopen(TrainConfig(epochs=9), epochs=3)
    assert [row["epoch"] for row in run.metrics()] == [1, 2, 3]
    assert not half.parent.exists() and not older.exists()
    assert json.loads(run.config_file.read_text())["epochs"] == 9


def test_command_to_go_on_can_be_pasted(tmp_path):
    command = resume_command(tmp_path / "my run")
    assert command == f"python -m cyclegan_tf.train --run '{tmp_path}/my run' --resume"


def test_lengthened_run_that_was_killed_at_once_still_trains(run):
    saved(run, trained=True, epoch=5, epoch_steps=0)
    run.reopen(TrainConfig(epochs=9), epochs=5)  # and then the power failed
    assert find_resumption(run.path, {}).trains


def test_no_more_epochs_than_are_done_leave_the_submission_alone_to_be_made(run):
    saved(run, epoch_steps=0)
    found = find_resumption(run.path, {"epochs": 3})
    assert (found.trains, found.done) == (False, False)


def test_other_weights_to_submit_are_no_finished_run(run):
    saved(run, trained=True, epoch=5, epoch_steps=0)
    run.finish()
    assert find_resumption(run.path, {"submit": "ema"}).done
    assert not find_resumption(run.path, {"submit": "last"}).done


def test_best_weights_are_not_asked_of_a_trained_run_without_scores(run):
    saved(run, trained=True, epoch=5, epoch_steps=0)
    changes = {"submit": "best", "evaluate_every": 1}
    with pytest.raises(InputError, match=r"--submit best needs scores.* give more --epochs"):
        find_resumption(run.path, changes)
    assert find_resumption(run.path, changes | {"epochs": 6}).trains
    run.save_weights(pixel_cyclegan().generator_ab, best=True)
    assert not find_resumption(run.path, changes).done


def test_run_that_another_process_trains_is_refused_until_that_is_killed(run, tmp_path):
    copy = RunFolder(shutil.copytree(run.path, tmp_path / "copy"))  # one that is not locked here
    hold = (
        "import pathlib, time; from cyclegan_tf.io.run_folder import RunFolder; "
        f"run = RunFolder(pathlib.Path({str(copy.path)!r})); run.lock(); "
        "print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"held\n"
            with pytest.raises(InputError, match="is being trained by another process; wait for"):
                copy.reopen(TrainConfig(), epochs=0)
        finally:
            process.kill()
    copy.reopen(TrainConfig(), epochs=0)


def test_a_process_may_go_on_with_its_own_run(run):
    RunFolder(run.path).reopen(TrainConfig(), epochs=0)


@pytest.mark.parametrize("fault", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_file_system_without_locks_is_trained_on_without(tmp_path, monkeypatch, fault):
    fcntl = pytest.importorskip("fcntl")

    def refused(*_: object) -> None:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(fcntl, "flock", refused)
    monkeypatch.setattr(fcntl, "lockf", refused)
    run = RunFolder.create(tmp_path / "run", TrainConfig())
    assert RunFolder(run.path).config() == TrainConfig()


def test_data_of_a_run_that_goes_on_elsewhere_is_found(tmp_path, monkeypatch, capsys):
    for folder in ("set", "elsewhere"):
        (tmp_path / folder).mkdir()
    RunFolder.create(tmp_path / "run", TrainConfig(data="set"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert find_resumption(tmp_path / "run", {}).config.data == str(tmp_path / "set")
    assert f"going on with --data {tmp_path}/set" in capsys.readouterr().err
    assert find_resumption(tmp_path / "run", {"data": "other"}).config.data == "other"
    assert capsys.readouterr().err == ""
