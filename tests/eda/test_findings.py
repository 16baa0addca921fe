import numpy as np
import pandas as pd
import pytest

from cyclegan_tf.eda.findings import compare_means, judge_palette

CHANNELS = ["red", "green", "blue"]


def normal(mean: float, count: int, seed: int) -> pd.DataFrame:
    return pd.DataFrame({"x": np.random.default_rng(seed).normal(mean, 2.0, count)})


def test_difference_and_effect_of_two_known_crowds():
    table = compare_means(
        pd.DataFrame({"x": [0.0, 2.0]}), pd.DataFrame({"x": [3.0, 5.0, 3.0, 5.0]})
    )
    row = table.loc["x"]
    assert (row["a"], row["b"], row["difference"]) == (1, 4, 3)
    assert (row["spread"], row["effect"]) == (1, 3)
    assert row["low"] < 3 < row["high"]


def test_interval_is_that_of_the_normal_approximation():
    row = compare_means(normal(10, 400, 1), normal(11, 100, 2)).loc["x"]
    expected = 2 * 1.96 * 2.0 * np.sqrt(1 / 400 + 1 / 100)
    assert row["high"] - row["low"] == pytest.approx(expected, rel=0.2)
    assert row["low"] < 1 < row["high"]


def test_same_images_have_the_same_interval():
    a, b = normal(0, 30, 1), normal(1, 20, 2)
    pd.testing.assert_frame_equal(compare_means(a, b), compare_means(a, b))
    assert not compare_means(a, b).equals(compare_means(a, b, seed=1))


def test_single_images_have_a_difference_but_no_effect():
    row = compare_means(pd.DataFrame({"x": [1.0]}), pd.DataFrame({"x": [4.0]})).loc["x"]
    assert (row["difference"], row["low"], row["high"]) == (3, 3, 3)
    assert np.isnan(row["effect"])


def means(**rows: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows.values(), list(rows), ["difference", "low", "high"])


def test_claims_hold_by_the_side_of_zero_on_which_the_interval_lies():
    table = judge_palette(
        means(
            red=(-5, -7, -3), green=(4, 2, 6), blue=(1, -1, 3),
            saturation=(0.1, 0.05, 0.15), colourfulness=(-3, -4, -2),
        ),
        pd.Series([5.0, 9.0, 6.5], CHANNELS),
    )  # fmt: skip
    assert table["holds"].tolist() == ["yes", "no", "cannot be told", "yes", "no", "yes"]
    assert table["difference"].tolist() == [-5, 4, 1, 0.1, -3, 2.5]


def test_green_is_not_first_if_another_channel_is_as_far():
    rows = dict.fromkeys([*CHANNELS, "saturation", "colourfulness"], (1.0, 0.5, 1.5))
    table = judge_palette(means(**rows), pd.Series([9.0, 9.0, 1.0], CHANNELS))
    assert table["holds"].iloc[-1] == "no"
