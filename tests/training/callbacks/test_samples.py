import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.training.callbacks.logs import EpochLog, Events
from cyclegan_tf.training.callbacks.samples import LatentGrid, SampleGrid, TruthError
from tests.tiny_models import pixel_cyclegan


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", TrainConfig())


def inputs(count: int = 3) -> np.ndarray:
    return np.linspace(-1, 1, count * 48, dtype=np.float32).reshape(count, 4, 4, 3)


def fit(model, callbacks, *, epochs: int = 2, steps: int = 2, pictures=None):
    x = tf.constant(inputs(2) if pictures is None else pictures)
    data = tf.data.Dataset.from_tensors((x, x)).repeat()
    return model.fit(
        data, epochs=epochs, steps_per_epoch=steps, callbacks=callbacks, verbose=0, shuffle=False
    )


def test_samples_are_drawn_before_training_every_n_epochs_and_at_the_end(run):
    grid = SampleGrid(run, lambda x: -x, inputs(), every=2)
    fit(pixel_cyclegan(), [grid], epochs=5, steps=1)
    names = sorted(path.name for path in run.samples.iterdir())
    assert names == [f"epoch_{epoch:04d}.png" for epoch in (0, 2, 4, 5)]


def test_originals_stand_above_translations_above_the_truth(run):
    black, white = (np.full((2, 4, 4, 3), x, np.float32) for x in (-1, 1))
    grid = SampleGrid(run, lambda x: x + 1, black, every=1, truth=white)
    grid.set_model(pixel_cyclegan())
    grid.on_train_begin()
    with Image.open(run.samples / "epoch_0000.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (20, 12, 3)
    assert pixels[[1, 9, 17], 1, 0].tolist() == [0, 128, 255]


def test_every_epoch_is_logged_once_with_losses_rate_and_pace(run):
    fit(pixel_cyclegan(), [EpochLog(run, images_per_step=4)], epochs=3, steps=2)
    rows = list(run.metrics())
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 2), (2, 4), (3, 6)]
    for row in rows:
        assert row["learning_rate"] == pytest.approx(1e-3)
        assert row["images_per_second"] == pytest.approx(8 / row["seconds"], rel=0.05)
        assert {"gen_ab_loss", "disc_b_loss", "cycle_loss"} <= set(row)


def test_curves_are_drawn_and_events_written(run):
    fit(pixel_cyclegan(), [EpochLog(run, images_per_step=4)])
    with Image.open(run.plots / "losses.png") as plot:
        assert plot.size[0] > 800
    assert [path.name for path in run.plots.iterdir()] == ["losses.png"]
    tags = set(events_of(run))
    assert {"loss/gen_ab", "loss/cycle", "accuracy/disc_a_real", "rate/generator"} <= tags
    assert {tag.split("/")[0] for tag in tags} == {"loss", "accuracy", "rate", "speed"}


def events_of(run: RunFolder) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows: of each tag the steps and the values."""
    found = {}
    for path in run.tensorboard.iterdir():
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                number = float(tf.make_ndarray(value.tensor)) if value.tensor.dtype == 1 else None
                found.setdefault(value.tag, []).append((event.step, number))
    return found


def test_losses_are_written_within_an_epoch_each_of_its_own_steps(run):
    events = Events(run)
    events.write_means(2, 2, {"gen_ab_loss": 4.0, "learning_rate": 0.1})
    events.write_means(4, 4, {"gen_ab_loss": 3.0, "learning_rate": 0.05})
    events.write_means(4, 4, {"gen_ab_loss": 3.0})  # nothing new
    events.begin_epoch()
    events.write_means(6, 2, {"gen_ab_loss": 7.0})
    events.write(6, {"val_gen_ab_loss": 1.0, "fid": float("nan"), "step": 6})
    assert events_of(run) == {
        # four steps of 3 on average, of which the first two had 4: the others had 2
        "loss/gen_ab": [(2, 4.0), (4, 2.0), (6, 7.0)],
        "rate/generator": [(2, pytest.approx(0.1)), (4, pytest.approx(0.05))],
        "loss/val_gen_ab": [(6, 1.0)],
    }


def test_an_epoch_has_ten_points_in_tensorboard_and_the_samples_a_group(run):
    model = pixel_cyclegan()
    grid = SampleGrid(run, lambda x: -x, inputs(), every=1)
    log = EpochLog(run, images_per_step=4)
    for callback in (grid, log):
        callback.set_model(model)
        callback.set_params({"steps": 25, "epochs": 1})
        callback.on_train_begin()
        callback.on_epoch_begin(0)
    for batch in range(25):
        model.step_number.assign(batch + 1)
        log.on_train_batch_end(batch, {"disc_b_loss": 1.0})
    for callback in (grid, log):
        callback.on_epoch_end(0, {"disc_b_loss": 1.0})
    found = events_of(run)
    assert [step for step, _ in found["loss/disc_b"]] == [*range(2, 26, 2), 25]
    assert [step for step, _ in found["samples/grid"]] == [0, 25]
    assert [step for step, _ in found["speed/images_a_second"]] == [25]


def test_truth_error_by_hand_reaches_the_log(run):
    x = np.zeros((2, 4, 4, 3), np.float32)
    callback = TruthError(lambda images: images + 0.3, x, x + 0.4)
    fit(pixel_cyclegan(), [callback, EpochLog(run, images_per_step=4)], epochs=1)
    row = json.loads(run.metrics_file.read_text())
    assert row["val_truth_error"] == pytest.approx(0.1, abs=1e-6)
    assert callback.untranslated_error == pytest.approx(0.4)
    assert "75% nearer" in callback.summary()


def test_diversity_of_samples_reaches_the_log_and_the_grid(run):
    latents = np.linspace(0, 1, 8, dtype=np.float32)[:, None]
    reals = inputs(6)

    def same(z):
        return np.zeros((len(z), 4, 4, 3), np.float32)

    grid = LatentGrid(run, same, latents, reals, every=1, shown=5)
    fit(pixel_cyclegan(), [grid, EpochLog(run, images_per_step=4)], epochs=1)
    assert json.loads(run.metrics_file.read_text())["sample_diversity"] == 0.0
    with Image.open(run.samples / "epoch_0001.png") as picture:
        assert picture.size == (3 * 8 - 4, 2 * 8 - 4)  # five pictures in rows of three
    grid.generate = lambda z: reals[: len(z)]
    grid.latents = latents[:6]
    grid.on_epoch_end(1, {})
    assert grid.diversity == pytest.approx(1.0)
