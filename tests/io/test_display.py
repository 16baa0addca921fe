import sys
from types import SimpleNamespace

import numpy as np
import pytest
from tqdm import tqdm

from cyclegan_tf.data.image import save_png
from cyclegan_tf.io.display import bar, in_notebook
from cyclegan_tf.training.callbacks.budget import Clock, TimeBudget
from cyclegan_tf.training.callbacks.console import build_console
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
    budget = TimeBudget(Clock(0.0), 4)
    shown = build_console(budget, 4, tmp_path)
    shown.every = 0.0
    fit(pixel_cyclegan(), [budget, shown], epochs=2, steps=2)
    states, pictures = notebook.outputs
    assert text(states[0]) == "starting ..."
    assert text(states[-1]).startswith("step 4 of 4, 0:00 left, gen_ab ")
    assert "accuracy" not in text(states[-1])
    assert "\n" not in text(states[-1])
    assert len(pictures) == 1  # shown once, though it was there at every epoch
    assert pictures[0].startswith(b"\x89PNG")


def test_validation_stands_below_the_line_of_a_notebook(notebook, tmp_path):
    budget = TimeBudget(Clock(0.0), 4)
    shown = build_console(budget, 4, tmp_path)
    shown.set_model(pixel_cyclegan())
    shown.on_train_begin()
    shown.on_epoch_begin(1)
    shown.on_epoch_end(1, {"gen_ab_loss": 1.0, "val_gen_ab_loss": 2.0})
    shown.on_train_batch_end(0, {"gen_ab_loss": 3.0})
    assert text(notebook.outputs[0][-1]) == (
        "step 0 of 4, gen_ab 3.00\nepoch 2, validation: gen_ab 2.00"
    )


def test_bar_of_a_log_file_is_written_seldom(capsys):
    with bar(1000, title="work") as progress:
        for _ in range(1000):
            progress.update()
    assert len(capsys.readouterr().err.split("\r")) <= 4


def test_bar_that_does_not_stay_or_is_not_waited_for_leaves_nothing(capsys):
    with bar(None, title="checking", stays=False, delay=60) as progress:
        progress.update()
    assert capsys.readouterr().err == ""
    with bar(2, title="tiles", unit="tile", stays=False) as progress:
        progress.update(2)
    assert capsys.readouterr().err.split("\r")[-2].strip() == ""
