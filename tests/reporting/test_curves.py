"""Curves: which lines a chart has, where their points lie, where its axes are marked."""

import math

import pytest

from cyclegan_tf.reporting.curves import HEIGHT, WIDTH, charts


def rows(*values, key="gen_ab_loss", **others):
    return [{"epoch": i + 1, key: value, **others} for i, value in enumerate(values)]


def by_title(found):
    return {chart.title: chart for chart in found}


def test_highest_value_is_at_the_top_and_the_last_epoch_at_the_right():
    [chart] = charts(rows(2.0, 4.0, 3.0))
    assert chart.lines[0].points == f"0.0,{HEIGHT}.0 {WIDTH / 2},0.0 {WIDTH}.0,{HEIGHT / 2}"
    assert chart.lines[0].last == 3.0
    assert chart.across == {0.0: "1", WIDTH / 2: "2", WIDTH: "3"}
    assert chart.upwards[HEIGHT] == "2"
    assert chart.upwards[0.0] == "4"
    assert chart.upwards[HEIGHT / 2] == "3"


def test_each_key_finds_its_chart():
    row = {
        "epoch": 1, "step": 20, "seconds": 5.0, "gen_ab_loss": 1.0, "disc_b_loss": 1.0,
        "cycle_loss": 1.0, "disc_b_real_accuracy": 1.0, "val_gen_ab_loss": 1.0, "fid": 1.0,
        "kid": 1.0, "learning_rate": 1.0, "discriminator_learning_rate": 1.0,
        "val_truth_error": 1.0, "sample_diversity": 1.0, "images_per_second": 1.0,
    }  # fmt: skip
    lines = {chart.title: [line.name for line in chart.lines] for chart in charts([row])}
    assert lines == {
        "losses of both sides": ["gen_ab_loss", "disc_b_loss"],
        "what is to be kept": ["cycle_loss"],
        "discriminators": ["disc_b_real_accuracy"],
        "losses on held-out pictures": ["val_gen_ab_loss"],
        "Frechet distance": ["fid"],
        "kernel distance": ["kid"],
        "error to the truth": ["val_truth_error"],
        "diversity": ["sample_diversity"],
        "learning rates": ["learning_rate", "discriminator_learning_rate"],
        "time": ["seconds_a_step"],
    }


def test_time_is_that_of_the_steps_of_each_epoch():
    found = charts([
        {"epoch": 1, "step": 10, "seconds": 20.0},
        {"epoch": 2, "step": 14, "seconds": 4.0},
    ])  # fmt: skip
    assert by_title(found)["time"].lines[0].points == f"0.0,0.0 {WIDTH}.0,{HEIGHT}.0"
    assert by_title(found)["time"].lines[0].last == 1.0


def test_scores_that_skip_epochs_are_joined_across_them():
    found = charts([{"epoch": 1, "fid": 2.0}, {"epoch": 2}, {"epoch": 3, "fid": 1.0}])
    assert by_title(found)["Frechet distance"].lines[0].points == f"0.0,0.0 {WIDTH}.0,{HEIGHT}.0"


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "text", [1.0]])
def test_what_is_no_number_is_left_out(value):
    [chart] = charts(rows(1.0, value, 2.0))
    assert chart.lines[0].points.count(",") == 2


def test_lines_that_are_zero_throughout_are_left_out():
    assert charts(rows(0.0, 0.0, key="identity_loss")) == []
    assert charts([]) == []


def test_single_epoch_stands_in_the_middle():
    [chart] = charts(rows(5.0))
    assert chart.lines[0].points == f"{WIDTH / 2},{HEIGHT / 2}"


def test_thousands_of_epochs_are_thinned_out_up_to_the_last():
    [chart] = charts(rows(*map(float, range(1, 5001))))
    assert chart.lines[0].points.count(",") <= 401
    assert chart.lines[0].points.endswith(f"{WIDTH}.0,0.0")
    assert len(chart.across) <= 6
