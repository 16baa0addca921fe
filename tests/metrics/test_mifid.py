import numpy as np
import pytest

from cyclegan_tf.metrics.mifid import memorization_distance, memorization_informed


def normal(count: int, dimensions: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimensions))


TRAINING = np.array([[1.0, 0.0], [3.0, 4.0]])
# least 1 - |cosine|: 0 to the first, 0.2 to the second, 0.2 to the first turned round
GENERATED = np.array([[2.0, 0.0], [0.0, 1.0], [-4.0, 3.0]])


def test_memorization_is_averaged_over_generated_images():
    # over the two training images it would be (0 + 0.2) / 2
    assert memorization_distance(GENERATED, TRAINING) == pytest.approx(0.4 / 3, rel=1e-12)
    assert memorization_distance(TRAINING, GENERATED) == pytest.approx(0.1, rel=1e-12)


def test_memorization_leaves_out_rows_of_zeros():
    zeros = np.zeros((2, 2))
    generated, training = np.concatenate([GENERATED, zeros]), np.concatenate([zeros, TRAINING])
    assert memorization_distance(generated, training) == pytest.approx(0.4 / 3, rel=1e-12)


def test_copies_are_exactly_at_0_and_strangers_at_1():
    features = np.abs(normal(6, 50, seed=5))
    assert memorization_distance(features[:4], features) == 0.0
    assert memorization_distance(np.eye(4)[:2], np.eye(4)[2:]) == 1.0


def test_memorization_of_many_images_is_measured_in_parts():
    # more pairs than fit one block
    angles, others = np.random.default_rng(6).uniform(0, np.pi, (2, 2500))
    generated = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    training = np.stack([np.cos(others), np.sin(others)], axis=1)[:2000]
    expected = 1 - np.abs(np.cos(angles[:, None] - others[None, :2000])).max(axis=1)
    distance = memorization_distance(generated, training)
    assert distance == pytest.approx(expected.mean(), rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("generated", "training", "message"),
    [
        (np.zeros((3, 2)), TRAINING, r"generated features other than zeros.*\(3, 2\)"),
        (GENERATED, np.zeros((4, 2)), r"training features other than zeros.*\(4, 2\)"),
        (np.zeros((0, 2)), TRAINING, r"generated features other than zeros.*\(0, 2\)"),
        (GENERATED, np.ones((4, 3)), r"\(3, 2\) and \(4, 3\)"),
        (GENERATED * np.nan, TRAINING, "NaN or infinity in 3 rows"),
    ],
)
def test_memorization_that_cannot_be_measured_is_refused(generated, training, message):
    with pytest.raises(ValueError, match=message):
        memorization_distance(generated, training)


@pytest.mark.parametrize(
    ("distance", "score"),
    [(0.05, 800.0), (0.0999, 40 / 0.0999), (0.1, 40.0), (0.35, 40.0), (1.0, 40.0)],
)
def test_only_distances_below_epsilon_are_punished(distance, score):
    assert memorization_informed(40.0, distance) == pytest.approx(score, rel=1e-12)


def test_epsilon_is_an_option():
    assert memorization_informed(40.0, 0.2, epsilon=0.25) == pytest.approx(200.0)
    assert memorization_informed(40.0, 0.05, epsilon=0.05) == 40.0


def test_exact_copies_score_infinity():
    assert memorization_informed(40.0, 0.0) == np.inf
    assert memorization_informed(0.0, 0.0) == np.inf


@pytest.mark.parametrize(("fid", "distance"), [(-1.0, 0.5), (1.0, -0.5), (np.nan, 0.5)])
def test_scores_of_no_distances_are_refused(fid, distance):
    with pytest.raises(ValueError, match="Received"):
        memorization_informed(fid, distance)
