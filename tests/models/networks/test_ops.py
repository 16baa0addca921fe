"""What TensorFlow is asked for in its own words gives what Keras gives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.models.networks.layers import LeakyReLU, SkipConnection
from cyclegan_tf.models.networks.ops import leaky_relu, relu_beside


def maps(seed: int, channels: int, dtype: str = "float32") -> tf.Tensor:
    return tf.cast(tf.random.stateless_normal([2, 3, 4, channels], [seed, 0]), dtype)


def twice_differentiated(function, *inputs: tf.Tensor) -> list[tf.Tensor]:
    """Output, gradients, and gradients of their squares."""
    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            y = function(*inputs)
            loss = tf.reduce_sum(y**3)
        gradients = inner.gradient(loss, inputs)
        slope = tf.add_n([tf.reduce_sum(g**2) for g in gradients])
    return [y, *gradients, *outer.gradient(slope, inputs)]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_leaky_relu_and_both_its_gradients_are_those_of_keras(dtype, compiled):
    x = tf.concat([maps(1, 5, dtype), tf.zeros([2, 3, 4, 1], dtype)], -1)

    def ours(x):
        return leaky_relu(x, 0.2)

    def plain(x):
        return keras.ops.leaky_relu(x, 0.2)

    check = tf.function(twice_differentiated) if compiled else twice_differentiated
    for found, expected in zip(check(ours, x), check(plain, x), strict=True):
        assert found.dtype == dtype
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_skip_connection_and_both_its_gradients_are_those_of_relu_and_concatenation(
    dtype, compiled
):
    def plain(x, skip):
        return tf.concat([tf.nn.relu(x), skip], -1)

    inputs = maps(1, 3, dtype), maps(2, 2, dtype)
    check = tf.function(twice_differentiated) if compiled else twice_differentiated
    found = check(relu_beside, *inputs)
    for value, expected in zip(found, check(plain, *inputs), strict=True):
        np.testing.assert_array_equal(value.numpy(), expected.numpy())


def remembered(layer: keras.layers.Layer, *inputs: tf.Tensor) -> set[str]:
    """Kinds of operations on the way there whose results the way back reads."""

    @tf.function
    def step(*inputs: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = layer(inputs[0] if len(inputs) == 1 else inputs)
            there = {op.name for op in tf.compat.v1.get_default_graph().get_operations()}
        gradients = tape.gradient(y, inputs)
        back = [op for op in gradients[0].graph.get_operations() if op.name not in there]
        found.update(x.op.type for op in back for x in op.inputs if x.op.name in there)
        return gradients

    found: set[str] = set()
    step.get_concrete_function(*inputs)
    return found


def test_the_way_back_does_not_read_what_went_into_the_activation():
    x = maps(1, 3)
    assert "Placeholder" in remembered(keras.layers.LeakyReLU(0.2), x)
    assert "Placeholder" not in remembered(LeakyReLU(0.2), x)


def test_a_skip_connection_remembers_its_result_alone():
    def plain(maps):
        return tf.concat([tf.nn.relu(maps[0]), maps[1]], -1)

    assert "Relu" in remembered(plain, maps(1, 3), maps(2, 2))
    assert "Relu" not in remembered(SkipConnection(), maps(1, 3), maps(2, 2))


def test_layers_work_on_symbolic_inputs_and_can_be_saved(tmp_path):
    x, skip = keras.Input((4, 4, 3)), keras.Input((4, 4, 2))
    y = SkipConnection()([LeakyReLU(negative_slope=0.3)(x), skip])
    assert y.shape == (None, 4, 4, 5)
    model = keras.Model([x, skip], y)
    model.save(tmp_path / "model.keras")
    inputs = [np.full((1, 4, 4, n), -1.0, np.float32) for n in (3, 2)]
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(inputs), model(inputs))
    np.testing.assert_array_equal(model(inputs)[0, 0, 0], [0, 0, 0, -1, -1])
