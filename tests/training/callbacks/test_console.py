import os
import shutil
from itertools import pairwise
from types import SimpleNamespace

import pytest

from cyclegan_tf.training.callbacks.budget import Clock, TimeBudget
from cyclegan_tf.training.callbacks.console import (
    LogConsole,
    TerminalConsole,
    build_console,
    shown_losses,
)
from tests.tiny_models import pixel_cyclegan
from tests.training.callbacks.test_samples import fit

CYCLEGAN = {  # in the order of Keras
    "cycle_loss": 0.3149,
    "disc_a_loss": 0.612,
    "disc_b_loss": 0.0,
    "gen_ab_loss": 4.213,
    "gen_ba_loss": 3.982,
    "identity_loss": 0.0,
    "disc_a_real_accuracy": 0.7,
}
HELD_OUT = {"val_gen_ab_loss": 5.0, "val_identity_loss": 0.0, "val_truth_error": 0.1234}
OTHERS = {
    "cut": {"gen_ab_loss": 2.0, "disc_b_loss": 0.5, "content_loss": 1.25, "identity_loss": 0.0},
    "dcgan": {"gen_loss": 2.0, "disc_loss": 0.5, "disc_real_accuracy": 0.7},
}


def budget_of(most: int = 1650) -> TimeBudget:
    """Of a training at 250 steps, one in a third of a second."""
    budget = TimeBudget(Clock(0.0), most)
    budget.learn(pace=1 / 3)
    budget.done = 250
    return budget


def console(kind: type, most: int = 1650):
    shown = kind(budget_of(most), 4)
    shown.set_model(SimpleNamespace(steps_done=250))
    shown.on_epoch_begin(0)
    return shown


@pytest.fixture
def terminal(monkeypatch):
    """A terminal whose columns can be set."""
    size = SimpleNamespace(columns=120)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((size.columns, 24)))
    return size


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (
            120,
            "step 250 of 1,650, 7:47 left, gen_ab 4.21, gen_ba 3.98, disc_a 0.61, disc_b 0.00, "
            "12.0 images/s",
        ),
        (80, "250/1,650, 7:47 left, gen 4.21 3.98, disc 0.61 0.00, 12.0 images/s"),
        (40, "250/1,650, 7:47 left, gen 4.21 3.98"),
        (24, "250/1,650, 7:47 left"),
        (5, ""),
    ],
)
def test_line_fits_the_terminal(terminal, columns, line, capsys):
    terminal.columns = columns
    console(TerminalConsole).on_train_batch_end(0, CYCLEGAN)
    assert capsys.readouterr().out == f"\r{line}"


def test_a_terminal_shows_one_line_and_the_validations_above_it(terminal, capsys):
    terminal.columns = 80
    shown = console(TerminalConsole)
    for batch in range(2):
        shown._next = 0.0
        shown.on_train_batch_end(batch, CYCLEGAN)
    shown.on_epoch_end(0, CYCLEGAN)
    shown.on_epoch_end(0, CYCLEGAN | HELD_OUT)
    shown.on_train_end()
    shown.close()
    out = capsys.readouterr().out
    assert "\x1b" not in out  # no colours, and nothing that a simple terminal does not know
    first, second, end = out.split("\n")
    states = first.split("\r")[1:]
    assert states[-1].rstrip() == "epoch 1, validation: truth_error 0.123, gen_ab 5.00"
    assert second.startswith("\r250/1,650, 7:47 left")
    assert end == ""
    assert max(map(len, states)) < 80
    assert all(len(later) >= len(sooner.rstrip()) for sooner, later in pairwise(states))


def test_line_is_written_a_few_times_a_second_not_at_each_step(terminal, capsys):
    shown = console(TerminalConsole)
    for batch in range(100):
        shown.on_train_batch_end(batch, CYCLEGAN)
    assert capsys.readouterr().out.count("\r") <= 2


def test_a_log_file_gets_an_epoch_a_line(capsys):
    shown = console(LogConsole)
    shown.on_train_batch_end(0, CYCLEGAN)
    shown.on_epoch_end(0, CYCLEGAN | HELD_OUT)
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1, step 250 of 1,650, 7:47 left, gen_ab 4.21, gen_ba 3.98, disc_a 0.61, "
        "disc_b 0.00, cycle 0.31, 12.0 images/s",
        "epoch 1, validation: truth_error 0.123, gen_ab 5.00",
    ]


def test_long_numbers_stay_under_120_columns(capsys):
    console(LogConsole, 10**9).on_epoch_end(0, dict.fromkeys(CYCLEGAN, 12345.6) | {"fid": 1.0})
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 120
    assert lines[1] == "epoch 1, scores: fid 1.000"


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("cut", "gen_ab 2.00, disc_b 0.50, content 1.25, 12.0 images/s"),
        ("dcgan", "gen 2.00, disc 0.50, 12.0 images/s"),
    ],
)
def test_other_models_read_as_well(model, line, capsys):
    console(LogConsole).on_epoch_end(0, OTHERS[model])
    assert capsys.readouterr().out == f"epoch 1, step 250 of 1,650, 7:47 left, {line}\n"


def test_losses_that_are_off_are_not_shown_but_a_player_that_won_is():
    assert list(shown_losses(CYCLEGAN)) == ["gen_ab", "gen_ba", "disc_a", "disc_b", "cycle"]


@pytest.mark.parametrize(("terminal", "kind"), [(True, TerminalConsole), (False, LogConsole)])
def test_console_is_the_one_for_where_it_is_shown(monkeypatch, tmp_path, terminal, kind):
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: terminal))
    assert type(build_console(budget_of(), 4, tmp_path)) is kind


def test_training_on_a_terminal_ends_with_its_last_state(terminal, capsys):
    budget = TimeBudget(Clock(0.0), 4)
    fit(pixel_cyclegan(), [budget, TerminalConsole(budget, 4, every=0.0)], epochs=2, steps=2)
    out = capsys.readouterr().out
    assert out.startswith("\rcompiling the training step ...")
    assert "step 4 of 4, 0:00 left, gen_ab " in out.split("\r")[-1]
    assert out.count("\n") == 1
