import numpy as np
import pytest
from scipy.linalg import sqrtm

from cyclegan_tf.metrics.fid import feature_frechet_distance, frechet_interval


def pooled(count: int, dimensions: int, seed: int) -> np.ndarray:
    """Features such as pooling yields: correlated, from 0 to about 3, some always 0."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(0, 0.15, (12, dimensions))
    features = rng.normal(size=(count, 12)) @ mixing + rng.normal(0.3, 0.2, (count, dimensions))
    return np.clip(features, 0, 3).astype(np.float32) * (np.arange(dimensions) % 7 > 0)


def crosses(*deviations: float) -> np.ndarray:
    """Two points on each axis: their mean is 0, their covariance diagonal with these deviations."""
    arms = np.diag(deviations) * np.sqrt(len(deviations) - 0.5)
    return np.concatenate([arms, -arms])


def distance_by_covariances(first: np.ndarray, second: np.ndarray) -> float:
    """As it is written in the paper."""
    shift = first.mean(axis=0, dtype=np.float64) - second.mean(axis=0, dtype=np.float64)
    covariances = [np.cov(features, rowvar=False) for features in (first, second)]
    values = np.linalg.eigvals(covariances[0] @ covariances[1]).real
    return shift @ shift + np.trace(sum(covariances)) - 2 * np.sqrt(np.maximum(values, 0)).sum()


def test_equal_covariances_leave_the_squared_distance_of_the_means():
    features = pooled(20, 6, seed=1)
    distance = feature_frechet_distance(features, features + np.array([3.0, 0, 0, 4, 0, 0]))
    assert distance == pytest.approx(25.0, rel=1e-6)


def test_independent_features_compare_standard_deviations():
    # (1 - 3)^2 + (2 - 1)^2 + (0 - 2)^2 = 9, and means 2 apart
    distance = feature_frechet_distance(crosses(1, 2, 0), crosses(3, 1, 2) + np.array([0.0, 2, 0]))
    assert distance == pytest.approx(13.0, rel=1e-12)


def test_distributions_on_different_lines_do_not_overlap():
    # of ranks 1 and 1 in two dimensions: the traces add up
    distance = feature_frechet_distance(crosses(2, 0), crosses(0, np.sqrt(5)))
    assert distance == pytest.approx(9.0, rel=1e-12)


def test_empty_dimensions_of_one_distribution_stay_empty():
    # variance 1e4 along one slanting line, against 1 everywhere: 1e4 + 300 - 2 sqrt(1e4)
    line = np.random.default_rng(1).normal(size=300)
    line *= np.sqrt(0.5) * 100 / np.linalg.norm(line)
    distance = feature_frechet_distance(np.stack([line, -line]), crosses(*np.ones(300)))
    assert distance == pytest.approx(10_100, rel=1e-11)


@pytest.mark.parametrize("dimensions", [2, 5, 40])
def test_the_distance_agrees_with_the_matrix_square_root(dimensions):
    first, second = (np.random.default_rng(seed).normal(size=(90, dimensions)) for seed in (1, 2))
    second = 0.5 + second @ np.random.default_rng(3).normal(size=(dimensions, dimensions))
    covariances = [np.cov(features, rowvar=False) for features in (first, second)]
    shift = first.mean(axis=0) - second.mean(axis=0)
    root = sqrtm(covariances[0] @ covariances[1]).real
    expected = shift @ shift + np.trace(sum(covariances) - 2 * root)
    assert feature_frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)


def test_the_order_of_the_sets_does_not_matter():
    sets = pooled(20, 30, seed=1), pooled(90, 30, seed=2)
    forth, back = feature_frechet_distance(*sets), feature_frechet_distance(*sets[::-1])
    assert forth == pytest.approx(back, rel=1e-12) and forth > 0.1


@pytest.mark.parametrize(("count", "dimensions"), [(60, 8), (8, 60), (2, 5), (20, 2048)])
def test_a_set_is_at_distance_0_from_itself(count, dimensions):
    features = pooled(count, dimensions, seed=3)
    assert 0.0 <= feature_frechet_distance(features, features[::-1]) < 1e-6


@pytest.mark.parametrize(
    ("counts", "dimensions"), [((12, 9), 40), ((90, 70), 16), ((90, 10), 16), ((10, 90), 16)]
)
def test_centred_features_serve_as_roots_of_covariances_of_any_rank(counts, dimensions):
    first, second = pooled(counts[0], dimensions, seed=4), 1.5 * pooled(counts[1], dimensions, 5)
    expected = distance_by_covariances(first, second)
    assert feature_frechet_distance(first, second) == pytest.approx(expected, rel=1e-5)
    assert expected > 0.1


def test_two_images_a_side_by_hand():
    # means (1, 0) and (0, 3); variances 2 along x and 18 along y
    distance = feature_frechet_distance([[0, 0], [2, 0]], [[0, 0], [0, 6]])
    assert distance == pytest.approx(10.0 + 2.0 + 18.0, rel=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (np.ones((1, 4)), np.ones((3, 4)), r"at least 2 images. Received: shape \(1, 4\)"),
        (np.ones((3, 4)), np.ones((3, 5)), r"\(3, 4\) and \(3, 5\)"),
        (np.ones((3, 4)), np.full((3, 4), np.inf), "infinity in 3 rows"),
    ],
)
def test_feature_sets_that_cannot_be_compared_are_refused(first, second, message):
    for measure in (feature_frechet_distance, frechet_interval):
        with pytest.raises(ValueError, match=message):
            measure(first, second)


@pytest.mark.parametrize("dimensions", [3, 20])
def test_the_interval_is_the_spread_of_resamples_about_the_distance(dimensions):
    first, second = pooled(12, dimensions, seed=6), 2 * pooled(9, dimensions, seed=7)
    rng = np.random.default_rng(5)
    scores = []
    for _ in range(40):
        rows, others = rng.integers(12, size=12), rng.integers(9, size=9)
        scores.append(feature_frechet_distance(first[rows], second[others]))
    point = feature_frechet_distance(first, second)
    below, above = np.quantile(scores, [0.1, 0.9]) - np.mean(scores)
    interval = frechet_interval(first, second, resamples=40, confidence=0.8, seed=5)
    assert interval == pytest.approx((max(point + below, 0.0), point + above), rel=1e-6)


def normal_sets(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    return rng.normal(0, 1, (count, 1)), rng.normal(5, 1, (count, 1))


# means 5 apart, each known to 1 / sqrt(n): the square of the shift varies by 2 x 5 x sqrt(2 / n)
@pytest.mark.parametrize("count", [50, 400])
def test_the_interval_has_the_width_of_repeated_experiments(count):
    lower, upper = frechet_interval(*normal_sets(count), resamples=100)
    assert upper - lower == pytest.approx(2 * 1.96 * 10 * np.sqrt(2 / count), rel=0.35)


def test_the_interval_contains_the_distance_and_narrows_with_confidence():
    first, second = pooled(15, 10, seed=9), 2 * pooled(15, 10, seed=10)
    point = feature_frechet_distance(first, second)
    wide = frechet_interval(first, second, resamples=50)
    narrow = frechet_interval(first, second, resamples=50, confidence=0.5)
    assert wide[0] < narrow[0] < point < narrow[1] < wide[1]


def test_the_distance_lies_inside_however_skewed_the_resamples():
    # of three scores the middle one lies above their mean as often as below
    first, second = pooled(8, 4, seed=9), 2 * pooled(8, 4, seed=10)
    point = feature_frechet_distance(first, second)
    for seed in range(20):
        options = {"resamples": 3, "confidence": 0.01, "seed": seed}
        lower, upper = frechet_interval(first, second, **options)
        assert lower <= point <= upper


def test_two_resamples_of_a_set_against_itself_still_give_an_interval():
    features = pooled(6, 10, seed=9)
    lower, upper = frechet_interval(features, features, resamples=2)
    assert lower == 0.0 < upper


def test_the_seed_decides_the_interval():
    sets = pooled(10, 4, seed=11), pooled(10, 4, seed=12)
    first = frechet_interval(*sets, resamples=10, seed=1)
    assert frechet_interval(*sets, resamples=10, seed=1) == first
    assert frechet_interval(*sets, resamples=10, seed=2) != first


@pytest.mark.parametrize("options", [{"resamples": 1}, {"confidence": 1.0}, {"confidence": 0.0}])
def test_an_interval_needs_resamples_and_a_confidence(options):
    with pytest.raises(ValueError, match="Received: resamples="):
        frechet_interval(*normal_sets(5), **options)
