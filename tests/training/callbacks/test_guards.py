import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.models.optimizers import adam
from cyclegan_tf.models.stabilizers import Stabilizers
from cyclegan_tf.training.callbacks.guards import DiscriminatorWatch, StopOnNonFinite
from cyclegan_tf.training.callbacks.logs import EpochLog, SaveWeights
from cyclegan_tf.training.checkpoint import TrainingDiverged
from tests.tiny_models import pixel_cyclegan, pixel_network
from tests.training.callbacks.test_samples import fit


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", TrainConfig())


def test_nan_stops_the_run_and_keeps_the_last_good_weights(run):
    model = pixel_cyclegan()
    networks = [model.generator_ab, model.discriminator_b]
    good = [v.numpy().copy() for v in model.generator_ab.trainable_variables]
    poisoned = np.full((2, 4, 4, 3), np.nan, np.float32)
    callbacks = [StopOnNonFinite(), SaveWeights(run, networks), EpochLog(run, images_per_step=4)]
    with pytest.raises(TrainingDiverged, match=r"nan at step 1.*--learning-rate"):
        fit(model, callbacks, pictures=poisoned)
    kept = pixel_network(0.0, "generator_ab")
    kept.load_weights(run.weights_file(model.generator_ab))
    np.testing.assert_array_equal(kept.get_weights(), good)
    assert not run.metrics_file.exists()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_any_log_that_is_not_finite_stops_the_run(value):
    guard = StopOnNonFinite()
    guard.set_model(pixel_cyclegan())
    guard.on_train_batch_end(0, {"cycle_loss": 1.0, "val_x": 0.0})
    with pytest.raises(TrainingDiverged, match="disc_a_loss"):
        guard.on_epoch_end(0, {"cycle_loss": 1.0, "disc_a_loss": value})


def test_weights_that_became_nan_are_not_saved(run):
    model = pixel_cyclegan()
    guard = StopOnNonFinite()
    guard.set_model(model)
    guard.on_epoch_end(0, {"cycle_loss": 1.0})
    model.generator_ab.trainable_variables[0].assign(np.nan)
    with pytest.raises(TrainingDiverged, match="generator_ab_affine/scale"):
        guard.on_epoch_end(1, {"cycle_loss": 1.0})


def scaled_cyclegan(stabilizers: Stabilizers | None = None):
    """With the loss scaling that float16 gets."""
    model = pixel_cyclegan(stabilizers)
    model.compile(*(adam(1e-3, beta_1=0.5, loss_scaling=True) for _ in range(2)), run_eagerly=True)
    return model


def fit_each(model, batches: list[np.ndarray]) -> dict[str, float]:
    """A guarded epoch of these batches; the means of its logs."""
    pictures = tf.data.Dataset.from_tensor_slices(np.stack(batches)).map(lambda x: (x, x))
    history = model.fit(pictures, callbacks=[StopOnNonFinite()], verbose=0, shuffle=False).history
    return {key: values[0] for key, values in history.items()}


GOOD = [np.full((2, 4, 4, 3), value, np.float32) for value in (0.5, -0.25)]
OVERFLOW = np.full((2, 4, 4, 3), np.inf, np.float32)


def test_step_that_the_loss_scaler_leaves_out_neither_stops_the_run_nor_spoils_its_logs():
    without, scaled = fit_each(scaled_cyclegan(), GOOD), scaled_cyclegan()
    assert fit_each(scaled, [GOOD[0], OVERFLOW, GOOD[1]]) == without
    assert int(scaled.generator_optimizer.inner_optimizer.iterations) == 2
    assert float(scaled.generator_optimizer.dynamic_scale) == 2.0**14
    with pytest.raises(TrainingDiverged, match="at step 2"):
        fit_each(pixel_cyclegan(), [GOOD[0], OVERFLOW, GOOD[1]])


def test_float16_that_overflows_at_every_scale_stops_the_run():
    # the scale begins at 2 ** 15; halved 31 times it is 2 ** -16
    with pytest.raises(TrainingDiverged, match=r"loss scale.* became 1\.5\d+e-05 at step 32;"):
        fit_each(scaled_cyclegan(), [GOOD[0]] + 40 * [OVERFLOW])


def test_epoch_without_one_finite_loss_stops_the_run():
    with pytest.raises(TrainingDiverged, match="nan at step 2"):
        fit_each(scaled_cyclegan(), 2 * [OVERFLOW])


def test_pool_does_not_remember_what_overflowed():
    model = scaled_cyclegan(Stabilizers(pool_size=4))
    for pool in (model.pool_a, model.pool_b):
        pool.build((2, 4, 4, 3))
    fit_each(model, [GOOD[0], OVERFLOW, *GOOD, OVERFLOW, OVERFLOW])
    assert int(model.pool_a.count) == 4
    assert np.isfinite(model.pool_a.images).all()


def test_statistics_that_became_nan_are_not_saved():
    inputs = keras.Input((4, 4, 3))
    outputs = keras.layers.BatchNormalization(name="batch_norm")(inputs)
    model = pixel_cyclegan()
    model.generators[1] = keras.Model(inputs, outputs)
    guard = StopOnNonFinite()
    guard.set_model(model)
    guard.on_epoch_end(0)
    model.generators[1].get_layer("batch_norm").moving_mean.assign(np.full(3, np.nan))
    with pytest.raises(TrainingDiverged, match="batch_norm/moving_mean"):
        guard.on_epoch_end(1)


def accuracies(real: float, fake: float) -> dict[str, float]:
    return {"disc_a_real_accuracy": real, "disc_a_fake_accuracy": fake}


def test_discriminator_that_wins_for_three_epochs_is_named_once(capsys):
    watch = DiscriminatorWatch()
    for epoch in range(5):
        watch.on_epoch_end(epoch, accuracies(0.99, 1.0))
        assert capsys.readouterr().out.count("warning: disc_a") == (epoch == 2)


def test_streak_goes_on_after_a_resume_and_an_epoch_told_twice_counts_once(capsys):
    before, after = DiscriminatorWatch(), DiscriminatorWatch()
    for epoch in (0, 1, 1):
        before.on_epoch_end(epoch, accuracies(1.0, 1.0))
    after.set_state(before.get_state())
    assert capsys.readouterr().out == ""
    after.on_epoch_end(2, accuracies(1.0, 1.0))
    assert capsys.readouterr().out.count("for 3 epochs") == 1


def test_one_balanced_epoch_starts_the_count_anew(capsys):
    watch = DiscriminatorWatch()
    for epoch, fake in enumerate((1.0, 1.0, 0.9, 1.0, 1.0)):
        watch.on_epoch_end(epoch, accuracies(1.0, fake))
    assert capsys.readouterr().out == ""
