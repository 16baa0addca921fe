"""The judge of paint, on features that are easy to tell apart, and on some that cannot be."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from benchmarks.judging.paint import PaintJudge


def features(count: int, centre: float, *, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(centre, 0.1, (count, 8)).astype(np.float32)


def test_what_is_far_apart_is_told_apart():
    judge = PaintJudge(features(40, -1.0, seed=0), features(20, 1.0, seed=1))
    assert (judge.photos_right, judge.paintings_right) == (1.0, 1.0)


def test_the_painted_share_is_the_mean_verdict():
    judge = PaintJudge(features(40, -1.0, seed=0), features(20, 1.0, seed=1))
    mixed = np.vstack([features(3, 1.0, seed=2), features(9, -1.0, seed=3)])
    assert judge.painted_share(mixed) == 0.25


def test_what_cannot_be_told_apart_is_right_half_of_the_time():
    judge = PaintJudge(features(400, 0.0, seed=0), features(400, 0.0, seed=1))
    assert (judge.photos_right + judge.paintings_right) / 2 == pytest.approx(0.5, abs=0.06)


def test_more_photos_than_paintings_are_no_reason_to_call_a_painting_a_photo():
    judge = PaintJudge(features(400, 0.0, seed=0), features(40, 0.0, seed=1))
    assert judge.painted_share(features(1000, 0.0, seed=2)) > 0.25
