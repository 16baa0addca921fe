import json
import math

import numpy as np
import pytest

from cyclegan_tf.metrics.fid import feature_frechet_distance
from cyclegan_tf.metrics.scores import Scores, caveats, frechet_floor, score_features


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


def spread_features(count: int, dimensions: int, seed: int) -> np.ndarray:
    """Gaussian features whose deviations fall from 1 to 0.1, as those of real pictures do."""
    deviations = np.geomspace(1.0, 0.1, dimensions)
    return np.random.default_rng(seed).normal(size=(count, dimensions)) * deviations


def test_scores_of_two_means_by_hand():
    # variances are 2 and 2, means 1 and 4; all have one direction, so they are "copies"
    scores = score_features(column(0, 2), column(3, 5), column(7))
    assert scores.fid == pytest.approx(9.0)
    assert scores.fid_low <= 9.0 <= scores.fid_high
    assert scores.memorization_distance == 0.0
    assert scores.mifid == math.inf
    assert (scores.precision, scores.recall, scores.fid_floor) == (None, None, None)
    assert (scores.generated_count, scores.reference_count, scores.training_count) == (2, 2, 1)


def test_copies_are_looked_for_among_the_training_images_not_the_references():
    generated, training = np.array([[1.0, 0], [0, 1]]), np.array([[0.0, 1], [0, 3]])
    reference = generated + 2.0 * np.eye(2)[:1]
    # (1, 0) is at right angles to all training images, (0, 1) is one of them: the mean is 1/2
    scores = score_features(generated, reference, training, epsilon=0.6)
    assert scores.fid == pytest.approx(4.0)
    assert scores.memorization_distance == pytest.approx(0.5)
    assert scores.mifid == pytest.approx(8.0)
    assert scores.epsilon == 0.6
    assert score_features(generated, reference, training).mifid == pytest.approx(4.0)


def test_half_the_variety_is_full_precision_and_half_the_recall():
    near, far = np.arange(5.0), np.arange(100.0, 105.0)
    reference = column(*near, *far)
    scores = score_features(column(*near), reference, reference)
    assert (scores.precision, scores.recall) == (1.0, 0.5)


def test_a_set_scores_zero_against_itself():
    features = spread_features(40, 8, seed=0)
    scores = score_features(features, features, features)
    assert scores.fid < 1e-9
    assert scores.fid_low == 0.0
    assert scores.memorization_distance < 1e-9
    assert (scores.precision, scores.recall) == (1.0, 1.0)


def test_scores_are_plain_values_that_a_seed_fixes():
    sets = [spread_features(30, 8, seed=seed) for seed in range(3)]
    values = score_features(*sets).to_dict()
    assert values == score_features(*sets).to_dict()
    assert values == json.loads(json.dumps(values, allow_nan=False))
    assert values["fid_low"] < values["fid"] < values["fid_high"]


@pytest.mark.parametrize(
    ("dimensions", "references", "count"), [(32, 200, 400), (256, 100, 100), (256, 100, 300)]
)
def test_floor_is_the_distance_of_two_samples_of_one_distribution(dimensions, references, count):
    draws = [
        feature_frechet_distance(
            spread_features(count, dimensions, 3 * seed),
            spread_features(references, dimensions, 3 * seed + 1),
        )
        for seed in range(20)
    ]
    floors = [
        frechet_floor(spread_features(references, dimensions, 3 * seed + 2), count)
        for seed in range(20)
    ]
    # both means are good to 3 %; the law of 1/n + 1/m alone is 25 to 40 % low in 256 dimensions
    assert np.mean(floors) == pytest.approx(np.mean(draws), rel=0.1)


def test_floor_of_many_references_is_found_from_parts_of_them():
    first, second = (spread_features(3000, 32, seed) for seed in (1, 2))
    distance = feature_frechet_distance(first, second)
    assert frechet_floor(first, 3000) == pytest.approx(distance, rel=0.3)


def test_floor_needs_references_that_can_be_halved_twice():
    assert frechet_floor(spread_features(15, 4, seed=0), 100) is None
    assert frechet_floor(spread_features(16, 4, seed=0), 100) > 0.0
    assert frechet_floor(np.ones((20, 4)), 100) == 0.0


def some_scores(**changes) -> Scores:
    values = {
        "fid": 50.0, "fid_low": 48.0, "fid_high": 52.5, "fid_floor": 30.0, "kid_mean": 0.1,
        "kid_std": 0.01, "mifid": 50.0, "memorization_distance": 0.3, "precision": 0.5,
        "recall": 0.5, "generated_count": 2048, "reference_count": 2048, "training_count": 300,
        "epsilon": 0.1,
    }  # fmt: skip
    return Scores(**values | changes)


def test_interval_is_told_whatever_the_count():
    (line,) = caveats(some_scores(), "FID")
    assert "between 48.000 and 52.500" in line


def test_few_images_on_either_side_are_told_with_the_floor():
    _, line = caveats(some_scores(reference_count=300), "FID")
    assert "2,048 images against 300 references are few (below 2,048)" in line
    assert "perfect images would score about 30.000" in line
    _, line = caveats(some_scores(generated_count=2047, fid_floor=None), "FID")
    assert "2,047 images against 2,048 references" in line
    assert "perfect" not in line


def test_other_features_than_those_of_the_fid_are_told():
    _, line = caveats(some_scores(), "FID-768")
    assert "FID-768 is no published FID" in line
    assert "MiFID-768" in line
