import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from cyclegan_tf.models.networks.layers import (
    GroupNormalization,
    SmoothUpSampling2D,
    SpectralConv2D,
)
from cyclegan_tf.models.stabilizers import ImagePool


def kernel_used(layer: SpectralConv2D) -> np.ndarray:
    """The kernel that a 1 x 1 convolution applies, read off its answers to unit vectors."""
    units = np.eye(layer.kernel.shape[2], dtype=np.float32)[:, None, None, :]
    return layer(units, training=False).numpy()[:, 0, 0]


def test_spectral_norm_brings_the_largest_singular_value_to_1():
    layer = SpectralConv2D(6, 1, use_bias=False, seed=1)
    x = np.zeros((1, 1, 1, 5), np.float32)
    layer.build(x.shape)
    kernel = np.random.default_rng(0).normal(size=layer.kernel.shape).astype(np.float32)
    layer.kernel.assign(3 * kernel)
    for _ in range(100):
        layer(x, training=True)
    assert np.linalg.svd(kernel_used(layer))[1][0] == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_array_equal(layer.kernel, 3 * kernel)  # the weight itself stays


def test_singular_vector_moves_in_training_alone():
    layer = SpectralConv2D(4, 3)
    x = np.ones((1, 8, 8, 2), np.float32)
    layer.build(x.shape)
    before = layer.singular_vector.numpy().copy()
    layer(x, training=False)
    np.testing.assert_array_equal(layer.singular_vector, before)
    layer(x, training=True)
    assert not np.array_equal(layer.singular_vector, before)


def test_spectral_norm_makes_the_scale_of_the_kernel_irrelevant_to_the_gradient():
    layer = SpectralConv2D(3, 1, use_bias=False)
    x = tf.random.stateless_normal((2, 4, 4, 3), [1, 2])
    layer.build(x.shape)
    for _ in range(200):  # at the converged vector the derivative along the kernel vanishes
        layer(x, training=True)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(layer(x, training=False) ** 2)
    gradient = tape.gradient(loss, layer.kernel.value)
    along = float(tf.reduce_sum(gradient * layer.kernel))
    assert abs(along) < 1e-4 * float(tf.norm(gradient) * tf.norm(layer.kernel.value))


def numbered(first: int, count: int) -> np.ndarray:
    """Images of one number each."""
    return np.broadcast_to(
        np.arange(first, first + count, dtype=np.float32)[:, None, None, None], (count, 2, 2, 1)
    ).copy()


def history(pool: ImagePool, steps: int, batch_size: int, call=None) -> list[int]:
    call = call or pool
    returned = [call(tf.constant(numbered(batch_size * i, batch_size))) for i in range(steps)]
    return [int(image[0, 0, 0]) for batch in returned for image in batch.numpy()]


def compiled_history(pool: ImagePool, steps: int) -> list[int]:
    """The same for pairs of images, ten times as fast."""
    pool.build((2, *numbered(0, 1).shape[1:]))
    return history(pool, steps, 2, call=tf.function(pool))


def test_pool_returns_what_comes_while_it_fills():
    assert history(ImagePool(6), steps=3, batch_size=2) == [0, 1, 2, 3, 4, 5]


def test_full_pool_swaps_half_of_the_time():
    seen = compiled_history(ImagePool(10, seed=1), steps=210)
    swapped = [image != place for place, image in enumerate(seen)][10:]
    assert 165 <= sum(swapped) <= 245  # of 410, standard deviation 10


def test_pool_returns_each_image_at_most_twice():
    counts = np.bincount(compiled_history(ImagePool(10, seed=2), steps=300))
    assert counts.max() == 2
    assert (counts == 2).sum() <= 10  # only those of the filling come back a second time


@pytest.mark.parametrize("jit", [False, True])
def test_pool_is_the_same_eagerly_and_compiled(jit):
    eager, compiled = ImagePool(3, seed=4), ImagePool(3, seed=4)
    compiled.build((2, 2, 2, 1))
    expected = history(eager, steps=20, batch_size=2)
    call = tf.function(compiled, jit_compile=jit)
    assert history(compiled, steps=20, batch_size=2, call=call) == expected


def test_pool_is_saved_with_its_model(tmp_path):
    inputs = keras.Input((2, 2, 1), batch_size=2)
    model, other = (keras.Model(inputs, ImagePool(4)(inputs)) for _ in range(2))
    model(numbered(1, 2))
    model.save_weights(tmp_path / "pool.weights.h5")
    other.load_weights(tmp_path / "pool.weights.h5")
    pool = other.layers[-1]
    assert int(ops.convert_to_numpy(pool.count.value)) == 2
    assert ops.convert_to_numpy(pool.images.value)[:, 0, 0, 0].tolist() == [1, 2, 0, 0]


@pytest.mark.parametrize("shape", [(1, 8, 8, 4), (3, 9, 16, 4), (2, 4, 4, 4), (17, 8, 8, 4)])
@pytest.mark.parametrize("options", [{}, {"scale": False, "center": False}])
def test_group_of_one_channel_is_normed_as_keras_does_it(shape, options):
    x = tf.random.stateless_normal(shape, [1, 2]) * 3.0 + 5.0
    found = []
    for kind in (GroupNormalization, keras.layers.GroupNormalization):
        layer = kind(groups=-1, epsilon=1e-5, **options)
        layer.build(shape)
        for number, weight in enumerate(layer.weights):
            weight.assign([0.5, 1.0, 2.0, -1.0 - number])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(y**3)
        found.append([y, *tf.nest.flatten(tape.gradient(loss, [x, *map(variable, layer.weights)]))])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-4)


def variable(weight: keras.Variable) -> tf.Variable:
    return weight.value


def test_kernel_keeps_half_precision_and_sums_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    layer = GroupNormalization(groups=-1, epsilon=1e-5)
    column = tf.range(256.0) % 2  # half 0, half 1: mean 1/2, deviation 1/2
    y = layer(tf.reshape(column, [1, 16, 16, 1]))
    assert y.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.unique(tf.reshape(y, [-1])).y.numpy().astype(float), [-1, 1])


def test_slope_of_a_slope_goes_through_the_kernel():
    layer = GroupNormalization(groups=-1, epsilon=1e-5)
    keras_layer = keras.layers.GroupNormalization(groups=-1, epsilon=1e-5)
    x = tf.random.stateless_normal((2, 8, 8, 3), [1, 2])
    seconds = []
    for norm in (layer, keras_layer):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(norm(x) ** 3)
            penalty = tf.reduce_sum(tf.square(inner.gradient(loss, x)))
        seconds.append(outer.gradient(penalty, x))
    np.testing.assert_allclose(*seconds, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("factor", [2, 8])
def test_smooth_up_sampling_of_any_size_is_that_of_keras(factor):
    layer = SmoothUpSampling2D(factor)
    of_any_size = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 3))])
    for shape in ((1, 5, 4, 3), (2, 1, 7, 3)):
        x = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
        expected = keras.layers.UpSampling2D(factor, interpolation="bilinear")(x)
        np.testing.assert_array_equal(layer(x), expected)
        np.testing.assert_allclose(of_any_size(x), expected, atol=1e-6)


def test_smooth_up_sampling_draws_straight_lines_between_the_middles():
    of_any_size = tf.function(
        SmoothUpSampling2D(2), input_signature=[tf.TensorSpec((None, None, None, 1))]
    )
    values = of_any_size(np.array([0.0, 4.0], np.float32).reshape(1, 1, 2, 1))
    np.testing.assert_allclose(values[0, :, :, 0], [[0, 1, 3, 4]] * 2)


def test_smooth_up_sampling_is_rebuilt_from_its_config():
    layer = SmoothUpSampling2D(8, dtype="float32", name="means")
    again = SmoothUpSampling2D.from_config(layer.get_config())
    assert (again.size, again.interpolation, again.name) == ((8, 8), "bilinear", "means")
