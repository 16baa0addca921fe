"""Batches whose size the graph does not know, as of `.batch(n)` without `drop_remainder`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.models.dcgan import DcGan
from cyclegan_tf.models.optimizers import adam
from cyclegan_tf.models.stabilizers import ImagePool, Stabilizers
from tests.tiny_models import pixel_cyclegan, pixel_network, state_of

ALL = Stabilizers(
    pool_size=2, augment_color=True, augment_geometry=True, ema_decay=0.5, penalty_weight=1.0
)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 8, 8, 3)).astype(np.float32)


def batches(*sides: int | None) -> tf.data.Dataset:
    """Three pictures of each domain in batches of two and one."""
    data = tf.data.Dataset.from_tensor_slices((pictures(3), pictures(3, seed=1))).batch(2)
    shape = (None, *sides, 3)
    return data.map(lambda *pair: tuple(tf.ensure_shape(x, shape) for x in pair))


def unknown(data: tf.data.Dataset) -> tf.data.Dataset:
    """The same with pictures of sides that the graph does not know either."""
    spec = tf.TensorSpec((None, None, None, 3))
    made = tf.data.Dataset.from_generator(lambda: iter(data), output_signature=(spec, spec))
    return made.apply(tf.data.experimental.assert_cardinality(2))


@pytest.mark.parametrize(
    ("stabilizers", "sides_known"), [(Stabilizers(), True), (ALL, True), (ALL, False)]
)
def test_step_in_a_graph_is_the_step_on_known_sizes(stabilizers, sides_known):
    eager, graph = pixel_cyclegan(stabilizers), pixel_cyclegan(stabilizers)
    for pool in (*eager.pools, *graph.pools):
        pool.build((None, 8, 8, 3))
    graph.compile(graph.generator_optimizer, graph.discriminator_optimizer, jit_compile=False)
    data = batches(8, 8)
    logs = eager.fit(data, verbose=0, shuffle=False).history
    told = graph.fit(data if sides_known else unknown(data), verbose=0, shuffle=False).history
    for x, y in zip(state_of(eager), state_of(graph), strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5)
    assert {*logs} == {*told}
    assert all(np.isfinite(value[0]) for value in told.values())


def test_dcgan_takes_a_last_batch_that_is_smaller():
    layers = [keras.Input((2,)), keras.layers.Dense(192), keras.layers.Reshape((8, 8, 3))]
    model = DcGan(keras.Sequential(layers), pixel_network(0.3, "discriminator"), latent_size=2)
    model.compile(adam(0.01, beta_1=0.5), adam(0.01, beta_1=0.5), jit_compile=False)
    logs = model.fit(
        tf.data.Dataset.from_tensor_slices(pictures(3)).batch(2), shuffle=False, verbose=0
    ).history
    assert np.isfinite(logs["disc_loss"]).all()
    assert model.steps_done == 2


def test_logs_are_means_over_images():
    model = pixel_cyclegan()
    model.compile(adam(0.0, beta_1=0.5), adam(0.0, beta_1=0.5), jit_compile=False)
    whole = model.train_step((tf.constant(pictures(3)), tf.constant(pictures(3, seed=1))))
    expected = {key: float(value) for key, value in whole.items()}
    model.reset_metrics()
    logs = model.fit(batches(8, 8), verbose=0, shuffle=False).history
    for key in ("cycle_loss", "identity_loss", "disc_a_loss"):
        assert logs[key][0] == pytest.approx(expected[key], rel=1e-5)


def test_pool_gives_the_same_whether_it_knows_the_size_or_not():
    known, unknown = ImagePool(2, seed=3), ImagePool(2, seed=3)
    for pool in (known, unknown):
        pool.build((None, 8, 8, 3))
    spec = tf.TensorSpec((None, 8, 8, 3))
    ask = tf.function(lambda batch: unknown(batch), input_signature=[spec], autograph=False)
    for seed in range(4):
        batch = pictures(3, seed)
        np.testing.assert_array_equal(known(tf.constant(batch)), ask(batch))
    np.testing.assert_array_equal(known.images, unknown.images)


def test_parts_of_a_batch_need_its_size():
    model = pixel_cyclegan()
    model.compile(
        model.generator_optimizer, model.discriminator_optimizer, gradient_accumulation=2,
        jit_compile=False,
    )  # fmt: skip
    with pytest.raises(
        ValueError, match=r"of one known size: write .batch\(n, drop_remainder=True"
    ):
        model.fit(batches(8, 8), shuffle=False, verbose=0)
