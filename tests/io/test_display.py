import sys
from types import SimpleNamespace

import numpy as np
import pytest
from tqdm import tqdm

from cyclegan_tf.data.image import save_png
from cyclegan_tf.io.display import bar, in_notebook
from cyclegan_tf.training.callbacks import logs
from tests.tiny_models import pixel_cyclegan
from tests.training.callbacks.test_samples import fit


class Shown:
    """Stands for what a notebook displays: each output with all its states."""

    def __init__(self) -> None:
        self.outputs: list[list] = []

    def display(self, data, *, display_id: bool, **_) -> "SimpleNamespace":
        states = [data]
        self.outputs.append(states)
        return SimpleNamespace(update=lambda data, **_: states.append(data))


@pytest.fixture
def notebook(monkeypatch) -> Shown:
    """A process that believes that it is a notebook's kernel."""
    shown = Shown()
    ipython = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))
    display = SimpleNamespace(display=shown.display, Image=lambda data: data)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shown


def text(state: dict[str, str]) -> str:
    return state["text/plain"]


def test_a_shell_without_a_kernel_is_no_notebook(monkeypatch):
    for shell in (None, SimpleNamespace(kernel=None)):
        monkeypatch.setitem(
            sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell)
        )
        assert not in_notebook()


def test_outside_of_notebooks_the_bar_is_on_stderr(capsys):
    with bar(2, title="work") as progress:
        progress.update(2)
    assert type(progress) is tqdm
    written = capsys.readouterr()
    assert "work: 100%" in written.err
    assert written.out == ""


def test_a_notebooks_bar_is_one_output_that_changes(notebook, capsys):
    with bar(3, title="images.zip") as progress:
        for _ in range(3):
            progress.update()
    (states,) = notebook.outputs
    assert text(states[0]).startswith("images.zip:")
    assert "3/3" in text(states[-1])
    assert capsys.readouterr() == ("", "")


def test_a_training_is_one_line_and_its_newest_samples(notebook, tmp_path):
    save_png(tmp_path / "epoch_0000.png", np.zeros((4, 4, 3), np.uint8))
    verbose, (line,) = logs.progress_display(tmp_path)
    line.every = 0.0
    model = pixel_cyclegan()
    model.total_steps.assign(4)
    fit(model, [line], epochs=2, steps=2)
    states, pictures = notebook.outputs
    assert verbose == 0
    assert text(states[0]) == "compiling the training step ..."
    assert text(states[-1]).startswith("epoch 2, step 4 of about 4, ")
    assert "gen_ab " in text(states[-1])
    assert "accuracy" not in text(states[-1])
    assert len(pictures) == 1  # shown once, though it was there at every epoch
    assert pictures[0].startswith(b"\x89PNG")


def test_on_a_terminal_keras_shows_the_training(monkeypatch, tmp_path):
    found = []
    for terminal in (True, False):
        monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda t=terminal: t))
        found.append(logs.progress_display(tmp_path))
    assert found == [(1, []), (2, [])]


def test_bar_that_does_not_stay_or_is_not_waited_for_leaves_nothing(capsys):
    with bar(None, title="checking", stays=False, delay=60) as progress:
        progress.update()
    assert capsys.readouterr().err == ""
    with bar(2, title="tiles", unit="tile", stays=False) as progress:
        progress.update(2)
    assert capsys.readouterr().err.split("\r")[-2].strip() == ""
