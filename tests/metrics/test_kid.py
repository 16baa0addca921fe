import numpy as np
import pytest

from cyclegan_tf.metrics.kid import kernel_distance


def normal(count: int, dimensions: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimensions))


def line(*values: float) -> np.ndarray:
    return np.array(values, np.float64).reshape(-1, 1)


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
