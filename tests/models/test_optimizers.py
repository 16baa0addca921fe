import keras
import numpy as np
import pytest

from cyclegan_tf.models.optimizers import CosineDecay, LinearDecay, adam, update_average
from tests.tiny_models import pixel_network


def steps(count: int) -> keras.Variable:
    return keras.Variable(count, dtype="int64", trainable=False)


@pytest.mark.parametrize(
    ("step", "rate"), [(0, 2e-4), (99, 2e-4), (100, 2e-4), (150, 1e-4), (200, 0.0), (300, 0.0)]
)
def test_linear_decay_is_constant_then_reaches_zero_at_last_step(step, rate):
    assert float(LinearDecay(2e-4, steps(200))(step)) == pytest.approx(rate, abs=1e-10)


def test_knee_moves_where_the_fall_begins():
    schedule = LinearDecay(1.0, steps(100), knee=0.2)
    assert [float(schedule(s)) for s in (20, 60, 100)] == pytest.approx([1.0, 0.5, 0.0])


@pytest.mark.parametrize(("step", "share"), [(0, 1.0), (50, 0.853553), (100, 0.5), (200, 0.0)])
def test_cosine_decay_at_start_middle_and_end(step, share):
    assert float(CosineDecay(3.0, steps(200))(step)) == pytest.approx(3 * share, abs=1e-5)


def test_schedule_follows_when_the_training_is_planned_anew():
    total = steps(200)
    schedule = LinearDecay(1.0, total)
    total.assign(120)
    assert float(schedule(90)) == pytest.approx(0.5)


def test_rate_of_the_optimizer_follows_its_schedule():
    optimizer = adam(LinearDecay(1.0, steps(2), knee=0.0), beta_1=0.5)
    variable = keras.Variable(0.0)
    rates = []
    for _ in range(2):
        rates.append(float(optimizer.learning_rate))
        optimizer.apply([keras.ops.ones(())], [variable])
    assert rates == pytest.approx([1.0, 0.5])


def test_average_of_two_steps_by_hand():
    network, average = pixel_network(0.0, "x"), pixel_network(0.0, "x_ema")
    scale = network.trainable_variables[0]
    scale.assign(1.0)
    update_average(average, network, decay=0.999, step=0)  # keeps (1 + 0) / (10 + 0) = 0.1
    assert float(average.variables[0].numpy()) == pytest.approx(0.9)
    scale.assign(2.0)
    update_average(average, network, decay=0.999, step=1)  # keeps 2 / 11
    assert float(average.variables[0].numpy()) == pytest.approx(0.9 * 2 / 11 + 2.0 * 9 / 11)


def test_average_is_slow_once_warmed_up():
    network, average = pixel_network(1.0, "x"), pixel_network(0.0, "x_ema")
    update_average(average, network, decay=0.99, step=10_000)
    assert float(average.variables[0].numpy()) == pytest.approx(0.01, rel=1e-4)


def test_gradients_are_clipped_by_their_joint_norm():
    clipped = adam(1.0, beta_1=0.5, clip_norm=1.0)
    variables = [keras.Variable(0.0), keras.Variable(0.0)]
    clipped.build(variables)
    gradients = clipped._clip_gradients([np.float32(3.0), np.float32(4.0)])
    assert [float(g) for g in gradients] == pytest.approx([0.6, 0.8])


def test_one_pass_moves_weights_as_the_formulas_of_keras_do():
    ours = adam(LinearDecay(0.1, steps(4)), beta_1=0.5, beta_2=0.9)
    theirs = keras.optimizers.Adam(LinearDecay(0.1, steps(4)), beta_1=0.5, beta_2=0.9)
    ends = []
    for optimizer in (ours, theirs):
        variables = [keras.Variable([1.0, -2.0]), keras.Variable(3.0)]
        for gradient in (0.3, -0.1, 0.7):
            optimizer.apply([np.float32([gradient, 1e-5]), np.float32(-gradient)], variables)
        ends.append([v.numpy() for v in variables + optimizer.variables])
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_first_step_of_adam_is_the_rate_whatever_the_gradient():
    optimizer, variable = adam(0.01, beta_1=0.5), keras.Variable([1.0, 1.0])
    optimizer.apply([np.float32([0.5, -50.0])], [variable])
    assert variable.numpy() == pytest.approx([0.99, 1.01], abs=1e-6)


@pytest.mark.parametrize("schedule", [LinearDecay, CosineDecay])
def test_several_updates_a_step_do_not_hurry_the_schedule(schedule):
    one, three = schedule(1.0, steps(10)), schedule(1.0, steps(10), updates=3)
    for step in range(11):
        rates = [float(three(3 * step + i)) for i in range(3)]
        assert rates == pytest.approx([float(one(step))] * 3)
