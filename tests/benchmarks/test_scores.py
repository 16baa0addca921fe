"""Precision and recall as parts of those of other real pictures."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from benchmarks.judging.scores import relative_precision_recall


def features(count: int, *, seed: int, centre: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(centre, 1.0, (count, 4))


def test_what_is_as_good_as_real_has_ratios_of_one():
    precision, recall = relative_precision_recall(
        features(400, seed=0), features(400, seed=1), features(400, seed=2)
    )
    assert precision == pytest.approx(1.0, abs=0.1)
    assert recall == pytest.approx(1.0, abs=0.1)


def test_what_is_far_from_real_has_ratios_of_zero():
    far = features(60, seed=0, centre=50.0)
    found = relative_precision_recall(far, features(80, seed=1), features(70, seed=2))
    assert found == (0.0, 0.0)


def test_half_as_precise_is_half():
    half = np.vstack([features(100, seed=0), features(100, seed=3, centre=50.0)])
    precision, _ = relative_precision_recall(half, features(200, seed=1), features(200, seed=2))
    assert precision == pytest.approx(0.5, abs=0.05)


def test_counts_do_not_matter():
    reference, others = features(200, seed=1), features(100, seed=2)
    few, many = (
        relative_precision_recall(features(count, seed=0), reference, others)
        for count in (100, 1000)
    )
    assert few == pytest.approx(many, abs=0.15)


def test_without_other_pictures_halves_of_the_reference_stand_in():
    found = relative_precision_recall(
        features(200, seed=0), features(200, seed=1), np.empty((0, 4))
    )
    assert found == pytest.approx((1.0, 1.0), abs=0.15)
