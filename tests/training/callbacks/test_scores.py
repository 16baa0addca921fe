import keras
import numpy as np
import pytest

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.training.callbacks.scores import EpochScores
from tests.tiny_models import pixel_cyclegan, pixel_network
from tests.training.callbacks.test_samples import fit

REAL = np.arange(8.0)[:, None]


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", TrainConfig())


class Shifted:
    """Features of the references moved by one number after the other: FIDs are their squares."""

    def __init__(self, *shifts: float) -> None:
        self.shifts = list(shifts)

    def __call__(self) -> np.ndarray:
        return REAL + self.shifts.pop(0)


class Notes(keras.callbacks.Callback):
    """Notes logs and the scale of the generator after each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.rows, self.scales = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append(dict(logs))
        self.scales.append(float(self.model.generator_ab.get_weights()[0]))


class StopInEpoch(keras.callbacks.Callback):
    """Stops at the first step of an epoch, counted from 1."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = self.now == self.epoch


def scored(run, shifts, *, every, epochs, before=()) -> tuple[EpochScores, Notes]:
    """Trains; returns the callback and what stood in the logs."""
    model, features, notes = pixel_cyclegan(), Shifted(*shifts), Notes()
    evaluation = EpochScores(run, model.generators, features, REAL, every=every, label="FID-1")
    fit(model, [*before, evaluation, notes], epochs=epochs)
    assert features.shifts == []  # all of them were asked for
    return evaluation, notes


def fids(notes: Notes) -> dict[int, float]:
    """What was logged, by the epoch, counted from 1."""
    logged = enumerate(notes.rows, start=1)
    return {epoch: round(row["fid"], 6) for epoch, row in logged if "fid" in row}


def test_scores_stand_in_the_log_every_n_epochs_and_after_the_last(run):
    evaluation, notes = scored(run, (5, 3, 2, 4), every=2, epochs=5)
    assert evaluation.first == pytest.approx(25.0)
    assert fids(notes) == {2: 9.0, 4: 4.0, 5: 16.0}
    assert ["kid" in row for row in notes.rows] == [False, True, False, True, True]


def test_the_last_epoch_is_scored_once_if_its_turn_has_come(run):
    _, notes = scored(run, (5, 3, 2), every=2, epochs=4)
    assert fids(notes) == {2: 9.0, 4: 4.0}


def test_the_epoch_that_is_stopped_in_is_scored(run):
    _, notes = scored(run, (5, 3, 2), every=2, epochs=9, before=[StopInEpoch(3)])
    assert fids(notes) == {2: 9.0, 3: 4.0}


def test_kid_by_hand_reaches_the_log(run):
    real = np.zeros((4, 2))
    # kernels: 1 within the references and across, (2 / 2 + 1)^3 within the generated
    notes = Notes()
    evaluation = EpochScores(run, [], lambda: np.ones((4, 2)), real, every=1)
    fit(pixel_cyclegan(), [evaluation, notes], epochs=1)
    assert notes.rows[0]["kid"] == pytest.approx(8 + 1 - 2)
    assert notes.rows[0]["fid"] == pytest.approx(2.0)


def test_weights_of_the_best_epoch_are_kept(run):
    # the untrained network would be the best, but is no result
    shifts = (0, 3, -1, 2)
    evaluation, notes = scored(run, shifts, every=1, epochs=3)
    assert (evaluation.best, evaluation.best_epoch) == (pytest.approx(1.0), 2)
    assert len(set(notes.scales)) == 3
    names = sorted(path.name for path in run.weights.iterdir())
    assert names == ["best_generator_ab.weights.h5", "best_generator_ba.weights.h5"]
    kept = pixel_network(0.0, "generator_ab")
    run.load_weights(kept, best=True)
    assert float(kept.get_weights()[0]) == notes.scales[1]


def test_summary_tells_beginning_and_best(run):
    evaluation, _ = scored(run, (2, 1, 3), every=1, epochs=2)
    summary = evaluation.summary()
    assert "FID-1: 4.000 before the first step, at best 1.000 after epoch 1" in summary
    assert "8 real ones" in summary
