import numpy as np
import pytest

from cyclegan_tf.metrics import kid
from cyclegan_tf.metrics.kid import kernel_distance
from cyclegan_tf.metrics.manifolds import precision_recall
from cyclegan_tf.metrics.mifid import memorization_distance, memorization_informed


def normal(count: int, dimensions: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimensions))


def line(*values: float) -> np.ndarray:
    return np.array(values, np.float64).reshape(-1, 1)


def test_every_measure_is_found_here():
    assert all(callable(getattr(kid, name)) for name in kid.__all__)


def test_kernel_distance_of_two_points_a_side_by_hand():
    # kernels (xy + 1)^3: 1 within {0, 1}, 1 within {0, 2}; 1, 1, 1 and 27 between them
    assert kernel_distance(line(0, 1), line(0, 2)) == (1 + 1 - 2 * 7.5, 0.0)


def test_kernel_distance_agrees_with_a_double_loop():
    x, y = normal(7, 5, seed=1), 1.0 + normal(7, 5, seed=2)
    within = between = 0.0
    for i in range(7):
        for j in range(7):
            if i != j:
                within += ((x[i] @ x[j] / 5 + 1) ** 3 + (y[i] @ y[j] / 5 + 1) ** 3) / (7 * 6)
            between += (x[i] @ y[j] / 5 + 1) ** 3 / (7 * 7)
    mean, deviation = kernel_distance(x, y, subsets=3, subset_size=7)
    assert mean == pytest.approx(within - 2 * between, rel=1e-12)
    assert deviation == pytest.approx(0.0, abs=1e-12)


def test_kernel_distance_has_no_bias():
    # of one distribution: near 0, on both sides of it
    means = [
        kernel_distance(normal(40, 8, seed), normal(60, 8, 100 + seed), subsets=20)[0]
        for seed in range(20)
    ]
    assert min(means) < 0.0 < max(means)
    assert abs(np.mean(means)) < 0.05
    assert kernel_distance(normal(40, 8, 1), 1.0 + normal(60, 8, 2), subsets=20)[0] > 3.0


def test_kernel_distance_is_the_mean_and_deviation_of_subsets():
    x, y = normal(9, 3, seed=3), normal(6, 3, seed=4)
    first = kernel_distance(x, y, subsets=1)[0]
    mean, deviation = kernel_distance(x, y, subsets=2)
    second = 2 * mean - first
    assert deviation == pytest.approx(abs(first - second) / 2) and deviation > 0.0


def test_kernel_subsets_are_half_the_smaller_set():
    x, y = normal(9, 3, seed=3), normal(6, 3, seed=4)
    assert kernel_distance(x, y) == kernel_distance(x, y, subset_size=3)
    assert kernel_distance(x[:3], y) == kernel_distance(x[:3], y, subset_size=2)


def test_a_kernel_subset_repeats_no_image():
    # all three must be drawn: repeats would give many other sums
    x, y = line(0, 1, 3), line(5, 7, 2)
    assert kernel_distance(x, y, subset_size=3)[1] == pytest.approx(0.0, abs=1e-9)


def test_the_seed_decides_the_kernel_subsets():
    x, y = normal(9, 3, seed=3), normal(6, 3, seed=4)
    assert kernel_distance(x, y, seed=1) == kernel_distance(x, y, seed=1)
    assert kernel_distance(x, y, seed=1) != kernel_distance(x, y, seed=2)


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        ((1, 5), {}, r"at least 2 images. Received: shape \(1, 3\)"),
        ((4, 5), {"subset_size": 5}, "2 to 4 images.*subset_size=5"),
        ((4, 5), {"subset_size": 1}, "subset_size=1"),
        ((4, 5), {"subsets": 0}, "subsets=0"),
    ],
)
def test_kernel_subsets_that_cannot_be_drawn_are_refused(counts, options, message):
    with pytest.raises(ValueError, match=message):
        kernel_distance(normal(counts[0], 3, seed=1), normal(counts[1], 3, seed=2), **options)


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


def test_precision_and_recall_on_a_line():
    # to the nearest neighbour reference reaches 1, 1, 2, 7: -1 to 5 and 3 to 17, borders included
    reference = line(0, 1, 3, 10)
    # generated reaches 0.5, 0.5, 3, 1, 1: -2 to 5 and 16 to 19
    generated = line(-1.5, -1, 2, 17, 18)
    assert precision_recall(generated, reference, neighbours=1) == (3 / 5, 3 / 4)
    assert precision_recall(reference, generated, neighbours=1) == (3 / 4, 3 / 5)


def test_three_neighbours_unless_told():
    # reference reaches 3, 2, 2, 3: from -3 to 6; generated reaches over 10 each
    assert precision_recall(line(-4, -3, 6, 7), line(0, 1, 2, 3)) == (0.5, 1.0)


def test_one_picture_over_and_over_is_precise_but_recalls_nothing():
    generated = np.repeat(line(2.5), 5, axis=0)
    assert precision_recall(generated, line(0, 1, 2, 3, 4)) == (1.0, 0.0)


def test_a_set_recalls_itself():
    features = np.abs(normal(30, 12, seed=7))
    assert precision_recall(features, features) == (1.0, 1.0)


def test_precision_of_many_images_is_measured_in_parts():
    # more pairs than fit one block; whole numbers, so that borders are exact
    rng = np.random.default_rng(8)
    generated, reference = (rng.choice(200_000, 2100, replace=False) for _ in range(2))
    reach, other_reach = (
        np.sort(np.abs(own[:, None] - own), axis=1)[:, 2] for own in (generated, reference)
    )
    gaps = np.abs(generated[:, None] - reference)
    expected = (gaps <= other_reach).any(axis=1).mean(), (gaps <= reach[:, None]).any(0).mean()
    result = precision_recall(line(*generated), line(*reference), neighbours=2)
    assert result == pytest.approx(expected, rel=1e-12)
    assert 0.5 < result[0] < 1.0


@pytest.mark.parametrize(("count", "neighbours"), [(3, 3), (5, 0)])
def test_neighbours_that_are_not_there_are_refused(count, neighbours):
    features = normal(count, 2, seed=9)
    for sets in ((features, normal(9, 2, seed=10)), (normal(9, 2, seed=10), features)):
        with pytest.raises(ValueError, match=f"neighbours={neighbours}"):
            precision_recall(*sets, neighbours=neighbours)
