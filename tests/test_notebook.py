from pathlib import Path

import pytest
import tensorflow as tf

from cyclegan_tf import defaults, demo, notebook
from cyclegan_tf.errors import InputError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder of its own, no Kaggle, no variable."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(defaults, "KAGGLE_DATA", (tmp_path / "old", tmp_path / "new"))
    for name in (notebook.DATA_VARIABLE, notebook.QUICK_VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def written(monkeypatch) -> list:
    """What `write_demo` was asked for, instead of pictures."""
    asked = []

    def write(folder: Path, **options) -> None:
        folder.mkdir(parents=True)
        asked.append((folder, options))

    monkeypatch.setattr(demo, "write_demo", write)
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
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    monkeypatch.setattr("cyclegan_tf.strategy.has_tpu", lambda: False)
    assert notebook.describe_machine(40.0) == "1 CPU core, no GPU, no TPU; about 40 minutes"
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0", "GPU:1"])
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda _: {"device_name": "Tesla T4"}
    )
    assert notebook.describe_machine() == "1 CPU core, 2 GPUs (Tesla T4, Tesla T4)"
    monkeypatch.setenv(notebook.QUICK_VARIABLE, "1")
    assert "CYCLEGAN_TF_QUICK is set" in notebook.describe_machine(40.0)
    monkeypatch.setattr("cyclegan_tf.strategy.has_tpu", lambda: True)
    assert notebook.describe_machine().startswith("1 CPU core, TPU")
