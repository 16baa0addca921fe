from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.data import pipeline
from cyclegan_tf.data.augmentation import Jitter
from cyclegan_tf.data.dataset import ImageSet
from cyclegan_tf.data.image import to_uint8
from cyclegan_tf.distribution.cluster import Shard
from tests.pictures import image_set, png

STRONG = Jitter(
    flip_left_right=0.5, flip_up_down=0.5, crop_probability=0.5, crop_enlarge=1.3, noise_std=0.05
)


def batches(a: int, b: int, *, batch_size: int = 1, count: int, jitter=Jitter(), **options):  # noqa: B008
    options = {"image_size": 32, "seed": 3, "jitter": jitter} | options
    sampling = pipeline.Sampling(batch_size=batch_size, **options)
    dataset = pipeline.unpaired_dataset(image_set(a), image_set(b), sampling)
    return [(x.numpy(), y.numpy()) for x, y in dataset.take(count)]


def shown(domain_batches) -> list[int]:
    """Which pictures a domain's batches show: each is of one grey, its number."""
    return [int(picture[0, 0, 0]) for batch in domain_batches for picture in to_uint8(batch)]


@pytest.mark.parametrize(("a", "b", "batch_size"), [(20, 6, 1), (20, 6, 4), (7, 20, 3)])
def test_every_image_of_both_domains_is_shown_in_every_epoch(a, b, batch_size):
    steps = -(-max(a, b) // batch_size)
    drawn = batches(a, b, batch_size=batch_size, count=2 * steps)
    for epoch in (drawn[:steps], drawn[steps:]):
        assert set(shown(x for x, _ in epoch)) == set(range(a))
        assert set(shown(y for _, y in epoch)) == set(range(b))


def test_two_epochs_differ_in_order():
    drawn = shown(x for x, _ in batches(20, 20, count=40))
    assert sorted(drawn[:20]) == sorted(drawn[20:])
    assert drawn[:20] != drawn[20:]
    assert drawn[:20] != list(range(20))


def test_domains_are_drawn_independently():
    drawn = batches(20, 20, count=20)
    assert shown(x for x, _ in drawn) != shown(y for _, y in drawn)


def test_batches_keep_the_pixel_contract():
    x, y = batches(5, 5, batch_size=4, count=1, jitter=STRONG)[0]
    assert x.shape == y.shape == (4, 32, 32, 3)
    assert x.dtype == np.float32
    assert -1 <= x.min() <= x.max() <= 1


def test_every_step_can_be_started_from():
    whole = batches(10, 4, batch_size=2, count=9, jitter=STRONG)
    rest = batches(10, 4, batch_size=2, count=2, jitter=STRONG, first_step=7)
    assert all(
        np.array_equal(x, y)
        for a, b in zip(whole[7:], rest, strict=True)
        for x, y in zip(a, b, strict=True)
    )


def rectangles(count: int) -> ImageSet:
    """Pictures of noise, each of another size."""
    random = np.random.default_rng(count)
    shapes = [(40 + 3 * i, 50 - i, 3) for i in range(count)]
    encoded = tuple(png(random.integers(0, 256, shape, dtype=np.uint8)) for shape in shapes)
    return ImageSet(tuple(map(str, range(count))), encoded)


@pytest.mark.parametrize("jitter", [Jitter(), Jitter(flip_left_right=0.5), STRONG])
@pytest.mark.parametrize("a", [image_set(5), rectangles(5)], ids=["squares", "rectangles"])
def test_decoded_images_make_the_same_batches(a, jitter):
    options = {"image_size": 32, "batch_size": 2, "seed": 1, "jitter": jitter}
    samplings = [pipeline.Sampling(decoded=decoded, **options) for decoded in (True, False)]
    kept, anew = (pipeline.unpaired_dataset(a, rectangles(3), s).take(6) for s in samplings)
    for one, other in zip(kept, anew, strict=True):
        for x, y in zip(one, other, strict=True):
            np.testing.assert_array_equal(x, y)


def test_pixels_of_a_set_take_three_bytes_each():
    domain = rectangles(2)  # 50 x 40 and 49 x 43
    assert domain.pixel_bytes == 3 * (40**2 + 43**2)
    assert [len(square) for square in domain.pixels.numpy()] == [3 * 40**2, 3 * 43**2]


def test_shares_of_workers_make_up_the_whole_batches():
    whole = batches(10, 6, batch_size=4, count=5, jitter=STRONG)[2:]
    options = {"batch_size": 4, "jitter": STRONG, "first_step": 2}
    first, second = (batches(10, 6, count=3, shard=Shard(i, 2), **options) for i in (0, 1))
    for full, *shares in zip(whole, first, second, strict=True):
        for domain in (0, 1):
            joined = np.concatenate([shard[domain] for shard in shares])
            assert np.array_equal(joined, full[domain])


def test_each_replica_of_a_worker_takes_a_batch_of_its_own():
    ((whole, _),) = batches(9, 9, batch_size=8, count=1)
    drawn = batches(9, 9, batch_size=8, count=2, shard=Shard(1, 2, replicas=2))
    assert [x.shape[0] for x, _ in drawn] == [2, 2]
    assert shown(x for x, _ in drawn) == shown([whole[4:]])


def test_training_batches_say_that_they_are_endless():
    images, sampling = image_set(2), pipeline.Sampling(32, 1, seed=0, jitter=Jitter())
    dataset = pipeline.unpaired_dataset(images, images, sampling)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY


def test_seed_fixes_order_and_augmentation():
    first, again = (batches(10, 4, count=5, jitter=STRONG) for _ in range(2))
    other = batches(10, 4, count=5, jitter=STRONG, seed=4)
    assert all(np.array_equal(x[0], y[0]) for x, y in zip(first, again, strict=True))
    assert not all(np.array_equal(x[0], y[0]) for x, y in zip(first, other, strict=True))


def test_second_pass_over_an_image_shows_other_pixels():
    drawn = [x for x, _ in batches(1, 1, count=2, jitter=Jitter(noise_std=0.05))]
    assert not np.array_equal(*drawn)


def test_order_is_even_over_many_passes():
    firsts = [
        int(pipeline.shuffled_index(tf.constant(5 * i, tf.int64), count=5, batch_size=1, seed=0))
        for i in range(300)
    ]
    assert np.bincount(firsts, minlength=5).min() >= 35  # 60 expected, standard deviation 6.9


def test_validation_pairs_repeat_the_smaller_domain():
    dataset = pipeline.paired_by_place(image_set(5), image_set(2), image_size=32, batch_size=2)
    drawn = [(x.numpy(), y.numpy()) for x, y in dataset]
    assert shown(x for x, _ in drawn) == [0, 1, 2, 3, 4]
    assert shown(y for _, y in drawn) == [0, 1, 0, 1, 0]


def test_image_batches_keep_the_order_and_the_last_rest():
    drawn = list(pipeline.image_batches(image_set(5), image_size=32, batch_size=2))
    assert [len(batch) for batch in drawn] == [2, 2, 1]
    assert shown(batch.numpy() for batch in drawn) == [0, 1, 2, 3, 4]


def test_no_data_set_waits_for_its_tuner_to_end():
    images, options = image_set(2), {"image_size": 32, "batch_size": 1}
    drawn = pipeline.Sampling(seed=0, jitter=Jitter(), **options)
    for dataset in (
        pipeline.unpaired_dataset(images, images, drawn),
        pipeline.single_dataset(images, drawn),
        pipeline.paired_by_place(images, images, **options),
        pipeline.image_batches(images, **options),
    ):
        assert dataset.options().autotune.enabled is False


def test_real_epoch_shows_every_photo_and_monet_by_name(real_data):
    from cyclegan_tf.data.dataset import load_data_set
    from cyclegan_tf.data.layouts import find_layout

    layout = find_layout(real_data / "gan-getting-started")
    data = load_data_set(layout, validation_fraction=0.0, skip_bad=False)
    orders = []
    for epoch in range(2):
        drawn = {}
        for place, domain in enumerate((data.train_a, data.train_b)):
            samples = tf.range(1408 * epoch, 1408 * (epoch + 1), dtype=tf.int64)
            draw = partial(pipeline.shuffled_index, count=len(domain), batch_size=4, seed=place)
            index = tf.map_fn(draw, samples)
            drawn[place] = [domain.names[i] for i in index.numpy()]
            assert set(drawn[place]) == set(domain.names)
        orders.append(drawn[0])
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


def test_expanded_set_shows_five_versions_of_every_image():
    left_white = np.zeros((32, 32, 3), np.uint8)
    left_white[:, :16] = 255
    left_white[:4] = 128
    domain = ImageSet(("x",), (png(left_white),))
    jitter = Jitter(crop_enlarge=1.3, noise_std=0.05)
    sampling = pipeline.Sampling(image_size=32, batch_size=1, seed=0, jitter=jitter)
    dataset = pipeline.single_dataset(domain, sampling, expand=True)
    shown = [to_uint8(batch)[0] for batch in dataset.take(5)]
    expected = [left_white, left_white[:, ::-1], left_white[::-1]]
    for version in expected:
        assert sum(np.array_equal(picture, version) for picture in shown) == 1
    rest = [p for p in shown if not any(np.array_equal(p, version) for version in expected)]
    noise = [np.abs(p.astype(int) - left_white).mean() for p in rest]
    assert min(noise) < 8 < max(noise)  # noised, and cropped
    together = pipeline.show_versions(domain, sampling)
    assert tuple(together) == pipeline.VERSIONS
    whole, mirrored, upside_down, cropped, noised = map(to_uint8, together.values())
    np.testing.assert_array_equal([whole[0], mirrored[0], upside_down[0]], expected)
    assert np.abs(noised[0].astype(int) - left_white).mean() < 8
    assert np.abs(cropped[0].astype(int) - left_white).mean() > 8


def test_single_domain_is_drawn_like_one_of_two():
    sampling = pipeline.Sampling(image_size=32, batch_size=2, seed=3, jitter=STRONG)
    alone = next(iter(pipeline.single_dataset(image_set(6), sampling)))
    _, beside = next(iter(pipeline.unpaired_dataset(image_set(9), image_set(6), sampling)))
    assert np.array_equal(alone, beside)
