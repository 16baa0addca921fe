"""Parts of a gradient that are computed together, late."""

import pytest
import tensorflow as tf

from cyclegan_tf.models.graph_order import add_late


def control_inputs_after(build) -> list[str]:
    """Types of what the first of two parts waits for; `build` gives the parts their inputs."""
    found = []

    @tf.function
    def step(x: tf.Tensor) -> tf.Tensor:
        first, last = build(x)
        total = tf.add_n([first, last])
        assert add_late([total])[0] is total
        while first.op.type == "Cast":
            first = first.op.inputs[0]
        found.extend(op.type for op in first.op.control_inputs)
        return total

    step.get_concrete_function(tf.TensorSpec([1, 8]))
    return found


def outer(x: tf.Tensor) -> tf.Tensor:
    return tf.matmul(x, x, transpose_a=True)


def test_the_first_part_waits_for_what_the_last_is_made_from():
    assert control_inputs_after(lambda x: (outer(x), outer(tf.sin(x)))) == ["Sin"]


def test_casts_behind_the_parts_do_not_matter():
    def build(x):
        return [tf.cast(outer(tf.cast(y, tf.bfloat16)), tf.float32) for y in (tf.exp(x), tf.sin(x))]

    assert control_inputs_after(build) == ["Cast"]


def test_a_part_smaller_than_what_it_is_made_from_is_computed_at_once():
    # 8 x 8 out of two maps of 1 x 8 is worth waiting, out of 8 x 8 and 8 x 8 it is not
    assert control_inputs_after(lambda x: (outer(tf.tile(x, [8, 1])), outer(tf.sin(x)))) == []


def test_a_part_that_others_read_is_computed_at_once():
    def build(x):
        first = outer(x)
        tf.exp(first)
        return first, outer(tf.sin(x))

    assert control_inputs_after(build) == []


def test_parts_of_unknown_size_and_sums_of_one_are_left_alone():
    @tf.function
    def step(x: tf.Tensor) -> tf.Tensor:
        unknown = outer(x[:, : tf.shape(x)[0]])
        add_late([tf.add_n([unknown, unknown]), outer(x)])
        assert not unknown.op.control_inputs
        return unknown

    step(tf.ones([1, 8]))


def test_outside_of_a_graph_nothing_is_done():
    gradients = [tf.constant(1.0)]
    assert add_late(gradients) is gradients


def peak_above_weights(order) -> tuple[float, list[tf.Tensor]]:
    """Megabytes that a graph takes for the gradients of weights it has used twice."""
    weights = [tf.Variable(tf.eye(512) * 0.5) for _ in range(12)]  # 1 MB each

    @tf.function
    def step(x: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            for weight in weights * 2:
                x = tf.tanh(tf.matmul(x, weight))
            loss = tf.reduce_sum(x)
        gradients = order(tape.gradient(loss, weights))
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.assign_sub(gradient)
        return [tf.reduce_sum(weight) for weight in weights]

    x = tf.ones([1, 512])
    step(x)
    tf.config.experimental.reset_memory_stats("CPU:0")
    before = tf.config.experimental.get_memory_info("CPU:0")["current"]
    sums = step(x)
    return (tf.config.experimental.get_memory_info("CPU:0")["peak"] - before) / 2**20, sums


def test_less_memory_and_the_same_sums():
    try:
        tf.config.experimental.get_memory_info("CPU:0")
    except ValueError:
        pytest.skip("this TensorFlow does not count the memory of the CPU")
    at_once, sums = peak_above_weights(lambda gradients: gradients)
    late, same = peak_above_weights(add_late)
    assert at_once >= 12  # all of one half, at least
    assert late < 0.7 * at_once
    for x, y in zip(sums, same, strict=True):
        assert float(x) == pytest.approx(float(y), rel=1e-5)
