"""Weights that are read once."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.models.memory import read_once
from cyclegan_tf.models.networks.layers import SpectralConv2D


def network() -> keras.Model:
    inputs = keras.Input((4, 4, 3))
    x = SpectralConv2D(3, 3, padding="same", seed=1)(inputs)
    return keras.Model(inputs, keras.layers.Dropout(0.5, seed=2)(x))


def called_twice(model: keras.Model, x: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
    with tf.GradientTape() as tape:
        y = model(model(x, training=True), training=True)
    return y, tape.gradient(y, model.trainable_variables)


def called_within(model: keras.Model, x: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
    with tf.GradientTape() as tape, read_once([model]):
        y = model(model(x, training=True), training=True)
    return y, tape.gradient(y, model.trainable_variables)


@pytest.mark.parametrize("compiled", [False, True])
def test_outputs_gradients_seeds_and_singular_vectors_are_those_of_plain_calls(compiled):
    one, two = network(), network()
    start = one.get_weights()
    two.set_weights(start)
    x = tf.random.stateless_normal([2, 4, 4, 3], [1, 2])
    calls = [tf.function(f) if compiled else f for f in (called_twice, called_within)]
    for _ in range(2):  # the second time, from the seeds that the first has left
        (y, gradients), (same_y, same_gradients) = (
            call(model, x) for call, model in zip(calls, (one, two), strict=True)
        )
        np.testing.assert_allclose(y, same_y, rtol=1e-6)
        for gradient, same in zip(gradients, same_gradients, strict=True):
            np.testing.assert_allclose(gradient, same, rtol=1e-5, atol=1e-6)
    for plain, once in zip(one.variables, two.variables, strict=True):
        np.testing.assert_allclose(plain.numpy(), once.numpy(), rtol=1e-6, err_msg=plain.path)
    seeds = [v.numpy() for v in one.non_trainable_variables if "seed" in v.path]
    assert [int(seed[-1]) for seed in seeds] == [4]  # two calls, twice
    vectors = [layer.singular_vector for layer in one.layers if hasattr(layer, "singular_vector")]
    assert not any(np.array_equal(vectors[0].numpy(), w) for w in start)


def test_a_graph_reads_and_casts_each_weight_once():
    keras.config.set_dtype_policy("mixed_bfloat16")
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(3, 3, padding="same")(inputs))
    x = tf.ones([1, 4, 4, 3])
    counts = {}
    for call in (called_twice, called_within):
        graph = tf.function(call).get_concrete_function(model, x).graph
        reads = [op.outputs[0] for op in graph.get_operations() if op.type == "ReadVariableOp"]
        counts[call] = sum(x.shape == model.layers[1].kernel.shape for x in reads)
    assert counts == {called_twice: 2, called_within: 1}
