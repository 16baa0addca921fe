import numpy as np
import pytest

from cyclegan_tf.metrics.manifolds import precision_recall


def normal(count: int, dimensions: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimensions))


def line(*values: float) -> np.ndarray:
    return np.array(values, np.float64).reshape(-1, 1)


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
