"""The hooks we use are there, and without each of them the numbers stay the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.models import internals
from cyclegan_tf.models.optimizers import adam, moments, takes_totals
from tests.tiny_models import pixel_network


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (tf.Operation, "_add_control_inputs"),
        (keras.optimizers.Optimizer, "_all_reduce_sum_gradients"),
        (keras.optimizers.Optimizer, "_get_variable_index"),
        (keras.Model, "_maybe_symbolic_build"),
    ],
)
def test_hook_is_still_there(owner, name):
    assert callable(getattr(owner, name))


def test_attribute_that_keeps_a_graph_apart_is_still_known():
    tf.function(lambda x: x, experimental_attributes={"_noinline": True})(1.0)


def test_operation_waits_for_another():
    with tf.Graph().as_default():
        first, second = tf.constant(1.0).op, tf.constant(2.0).op
        internals.compute_after(first, [second])
        assert list(first.control_inputs) == [second]


def test_operation_without_the_hook_waits_for_nothing():
    internals.compute_after(object(), [object()])


def test_function_whose_attribute_is_unknown_is_called_all_the_same(monkeypatch):
    function = tf.function

    def without_attributes(work, *, autograph, experimental_attributes=None):
        if experimental_attributes:
            raise ValueError("Attribute _noinline is not supported")
        return function(work, autograph=autograph)

    monkeypatch.setattr(tf, "function", without_attributes)
    assert float(internals.call_not_inlined(lambda x: 2.0 * x)(tf.constant(3.0))) == 6.0


def after_two_steps() -> tuple[keras.optimizers.Optimizer, float]:
    """An Adam, and where it has moved a weight to that started at 1."""
    optimizer = adam(0.1, beta_1=0.5)
    weight = keras.Variable(1.0)
    for gradient in (3.0, -1.0):
        optimizer.apply([tf.constant(gradient)], [weight])
    return optimizer, float(weight.numpy())


def test_adam_moves_alike_without_access_to_its_moments(monkeypatch):
    optimizer, moved = after_two_steps()
    slots = internals.adam_slots(optimizer, optimizer._trainable_variables[0])
    # 0.5 * (0.5 * 3) + 0.5 * -1 and 0.999 * (0.001 * 9) + 0.001 * 1
    assert float(slots.momentum.numpy()) == pytest.approx(0.25)
    assert float(slots.velocity.numpy()) == pytest.approx(0.009991, rel=1e-4)
    monkeypatch.setattr("cyclegan_tf.models.optimizers.adam_slots", lambda *_: None)
    assert after_two_steps()[1] == pytest.approx(moved, abs=1e-6)
    assert moved < 0.9


def test_moments_that_keras_keeps_otherwise_are_not_found():
    assert internals.adam_slots(object(), keras.Variable(0.0)) is None
    assert internals.trained_by(object()) == []


def test_moments_are_not_named_where_the_optimizer_does_not_tell_its_weights(monkeypatch):
    optimizer, _ = after_two_steps()
    assert [name for name, _ in moments(optimizer).values()] == ["momentums", "velocities"]
    monkeypatch.setattr("cyclegan_tf.models.optimizers.trained_by", lambda _: [])
    assert moments(optimizer) == {}


def test_totals_are_taken_only_where_keras_asks_for_the_sum(monkeypatch):
    assert takes_totals(adam(0.1, beta_1=0.5))
    assert takes_totals(adam(0.1, beta_1=0.5, loss_scaling=True))
    assert not takes_totals(keras.optimizers.Adam())
    monkeypatch.setattr("cyclegan_tf.models.optimizers.sums_can_be_replaced", lambda: False)
    assert not takes_totals(adam(0.1, beta_1=0.5))


def test_model_without_the_hook_is_built_by_a_batch(monkeypatch):
    network = pixel_network(2.0, "x")

    class Model(internals.NothingToBuild, keras.Model):
        def call(self, x):
            return network(x)

        def train_step(self, batch):
            return {"mean": tf.reduce_mean(self(batch))}

    batches = tf.data.Dataset.from_tensors(np.ones((1, 4, 4, 3), "float32"))
    for hooked in (True, False):
        if not hooked:
            monkeypatch.delattr(internals.NothingToBuild, "_maybe_symbolic_build")
        model = Model()
        model.compile(optimizer=None, run_eagerly=True)
        assert model.fit(batches, shuffle=False, verbose=0).history["mean"] == [2.0]
