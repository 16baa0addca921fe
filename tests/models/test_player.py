"""A batch in parts gives the step of the whole batch; weights are read once."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.errors import InputError
from cyclegan_tf.models.build import build_model
from cyclegan_tf.models.networks.layers import SpectralConv2D
from cyclegan_tf.models.player import States, Turn, accumulate, add_late
from cyclegan_tf.models.stabilizers import Stabilizers
from tests.distribution.test_replicas import CYCLEGAN, DRAWING, SMALLEST, TINY, soften
from tests.tiny_models import pixel_cyclegan, pixel_network


def parts_of_pairs(parts: int):
    """Works on 4 images of 2 numbers and their 4 names; remembers what it was given."""
    given = []

    def work(states, images, names):
        given.append(names)
        losses = {"loss": tf.reduce_mean(images)}
        return [tf.reduce_sum(images)], Turn(losses["loss"], losses, fakes=(images + 1.0,))

    images = tf.reshape(tf.range(8.0), [4, 2])
    networks = [pixel_network(1.0, "network")]
    return given, accumulate(work, networks, parts, images, tf.range(4)), images


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_gradients_add_up_losses_average_and_images_keep_their_order(parts):
    given, found, whole = parts_of_pairs(parts)
    assert [x.numpy().tolist() for x in given] == np.arange(4).reshape(parts, -1).tolist()
    assert float(found.gradients[0]) == 28.0
    assert float(found.losses["loss"]) == 3.5
    np.testing.assert_array_equal(found.fakes[0], whole + 1.0)


def test_unequal_parts_are_refused():
    with pytest.raises(ValueError, match="Received: 4 images in 3 parts"):
        parts_of_pairs(3)


def weights(parts: int, **options) -> list[np.ndarray]:
    config = TrainConfig(**TINY | options, gradient_accumulation=parts)
    keras.config.set_dtype_policy(config.precision)
    model = build_model(config)
    soften(model, config.precision)
    rng = np.random.default_rng(0)
    step = tf.function(model.train_step) if options.get("pool_size") else model.train_step
    for _ in range(3):
        step(tuple(tf.constant(rng.uniform(-1, 1, (4, 32, 32, 3)), tf.float32) for _ in "ab"))
    return [v.numpy() for v in model.variables]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"adversarial_loss": "wgan-gp"}, id="gradient penalty"),
        pytest.param({"precision": "mixed_float16"}, id="float16"),
        pytest.param(DRAWING, id="dropout, noise, spectral norm"),
        pytest.param(
            {
                "pool_size": 3,
                "diff_augment": "all",
                "ema_decay": 0.5,
                "discriminator_steps": 2,
                "clip_norm": 0.1,
            },
            id="pool, DiffAugment, average, clipping; as a graph",
        ),
    ],
)
def test_parts_make_the_step_of_the_whole(options):
    whole, parts = (weights(n, **CYCLEGAN | SMALLEST["unet"] | options) for n in (1, 2))
    for x, y in zip(whole, parts, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5)


def test_parts_compile():
    pair = tuple(tf.random.stateless_uniform((4, 8, 8, 3), [0, seed]) for seed in (1, 2))
    results = []
    for parts, jit in ((1, False), (2, True)):
        model = pixel_cyclegan(Stabilizers(pool_size=2))
        for player in model.players:
            player.parts = parts
        losses = tf.function(model.train_step, jit_compile=jit)(pair)
        results.append([x.numpy() for x in [*losses.values(), *model.trainable_variables]])
    np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("parts", "batch", "remedy"),
    [
        (3, 4, "take 4, or a batch of 6"),
        (8, 4, "take 4, or a batch of 8"),
        (4, 6, "take 3, or a batch of 8"),
    ],
)
def test_parts_that_do_not_divide_the_batch_are_refused(parts, batch, remedy):
    with pytest.raises(InputError, match=f"{parts} does not divide --batch-size {batch}; {remedy}"):
        TrainConfig(gradient_accumulation=parts, batch_size=batch)


def test_batch_norms_refuse_parts():
    with pytest.raises(InputError, match=r"batch norms of --model dcgan .* lower --batch-size"):
        TrainConfig(model="dcgan", gradient_accumulation=2, batch_size=4)


def network() -> keras.Model:
    inputs = keras.Input((4, 4, 3))
    x = SpectralConv2D(3, 3, padding="same", seed=1)(inputs)
    return keras.Model(inputs, keras.layers.Dropout(0.5, seed=2)(x))


def called_twice(model: keras.Model, x: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
    with tf.GradientTape() as tape:
        y = model(model(x, training=True), training=True)
    return y, tape.gradient(y, model.trainable_variables)


def called_within(model: keras.Model, x: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
    states = States([model])
    before = states.values
    with tf.GradientTape() as tape, states.read_once():
        y = model(model(x, training=True), training=True)
    states.assign(states.changes(before))
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


def test_scope_without_networks_is_refused():
    with pytest.raises(ValueError, match=r"Received: networks=\[\]"):
        States([])


def test_what_layers_of_unnamed_networks_assign_is_not_lost_without_a_word():
    named, other = network(), network()
    # a singular vector and a seed
    message = "2 variables were assigned by layers of other networks"
    with pytest.raises(ValueError, match=message), States([named]).read_once():
        other(tf.ones([1, 4, 4, 3]), training=True)


def test_states_stay_as_they_are_until_they_are_assigned():
    model = network()
    before = [v.numpy() for v in model.non_trainable_variables]
    states = States([model])
    with states.read_once():
        model(tf.ones([1, 4, 4, 3]), training=True)
    for variable, value in zip(model.non_trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert len(states.changes(States([model]).values)) == len(before)
