"""A training broken off anywhere ends as one that was left alone, in bits and in logs."""

import json
import shutil

import keras
import numpy as np
import pytest

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.augmentation import Jitter
from cyclegan_tf.data.pipeline import Sampling, paired_by_place, unpaired_dataset
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.models.stabilizers import Stabilizers
from cyclegan_tf.training.callbacks import logs
from cyclegan_tf.training.callbacks.autosave import AutoSave
from cyclegan_tf.training.callbacks.guards import DiscriminatorWatch
from cyclegan_tf.training.callbacks.logs import EpochLog
from cyclegan_tf.training.checkpoint import Start, restore_state
from cyclegan_tf.training.loop import EpochLoop
from tests.pictures import image_set
from tests.tiny_models import pixel_cyclegan, state_of

EPOCHS, STEPS = 2, 3
A, B = image_set(5, size=8, prefix="a"), image_set(4, size=8, prefix="b")
JITTER = Jitter(flip_left_right=0.5, noise_std=0.1)


def batches_from(step: int):
    return unpaired_dataset(A, B, Sampling(8, 2, seed=3, jitter=JITTER, first_step=step))


class Blank:
    """A figure that is saved at once."""

    def savefig(self, path):
        path.touch()


@pytest.fixture(scope="module", autouse=True)
def no_plots():
    """Drawing the curves takes longer than all else here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "loss_curves", lambda _: Blank())
        yield


class Broken(Exception):
    """Stands for what ends a process."""


class Break(keras.callbacks.Callback):
    """Breaks the training off at the n-th call of one of its methods."""

    def __init__(self, method: str, call: int) -> None:
        super().__init__()
        self.left = call
        setattr(self, method, self._count)

    def _count(self, *_, **__) -> None:
        self.left -= 1
        if self.left == 0:
            raise Broken


def trained(run: RunFolder, *breaks: keras.callbacks.Callback, minutes: float = 0.0):
    """Trains from where the run stands; a break saves the state, as a signal does."""
    model = pixel_cyclegan(Stabilizers(pool_size=3, augment_color=True, ema_decay=0.9))
    for pool in (model.pool_a, model.pool_b):
        pool.build((2, 8, 8, 3))
    watching, start = [DiscriminatorWatch(), EpochLog(run, images_per_step=4)], Start()
    if run.state_file.exists():
        state = restore_state(run.state_file, model)
        metadata = state.metadata
        start = Start(metadata.step, metadata.epoch, metadata.epoch_steps, state.means)
        run.reopen(run.config(), epochs=metadata.epoch)
        for callback in watching:
            callback.set_state(metadata.states[callback.state_key])
    save = AutoSave(
        run, minutes=minutes, start=start, callbacks=watching, seconds=lambda: 0.0,
        steps_per_epoch=STEPS, data={}, versions={},
    )  # fmt: skip
    save.set_model(model)
    try:
        loop = EpochLoop(
            model, batches_from, [*watching, save, *breaks], epochs=EPOCHS, steps_per_epoch=STEPS,
            validation=paired_by_place(A, B, image_size=8, batch_size=4),
        )  # fmt: skip
        loop.run(start)
    except Broken:
        save.save()
    return model


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training that was left alone: its variables and its logs."""
    run = RunFolder.create(tmp_path_factory.mktemp("whole") / "run", TrainConfig())
    return state_of(trained(run)), logs_of(run)


def logs_of(run: RunFolder) -> list[dict]:
    clocks = ("seconds", "images_per_second")
    return [{k: v for k, v in row.items() if k not in clocks} for row in run.metrics()]


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("on_epoch_begin", 1),
        ("on_train_batch_end", 2),
        ("on_train_batch_end", 3),  # after the last step of an epoch
        ("on_test_batch_end", 2),  # in the middle of the validation
        ("on_epoch_end", 1),
        ("on_train_batch_end", 4),
        ("on_test_begin", 2),
        ("on_train_end", 1),
    ],
)
def test_training_broken_off_anywhere_ends_in_the_same_bits_and_logs(tmp_path, whole, method, call):
    run = RunFolder.create(tmp_path / "run", TrainConfig())
    trained(run, Break(method, call), minutes=1e9)
    model = trained(run)
    assert [row["epoch"] for row in run.metrics()] == [1, 2]
    assert logs_of(run) == whole[1]
    assert all(x.tobytes() == y.tobytes() for x, y in zip(state_of(model), whole[0], strict=True))


def test_training_broken_off_at_every_step_ends_in_the_same_bits(tmp_path, whole):
    run = RunFolder.create(tmp_path / "run", TrainConfig())
    for _ in range(EPOCHS * STEPS):
        model = trained(run, Break("on_train_batch_end", 2))
    assert logs_of(run) == whole[1]
    assert all(x.tobytes() == y.tobytes() for x, y in zip(state_of(model), whole[0], strict=True))


def test_callbacks_see_one_training(tmp_path):
    seen = []

    class Note(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append("begin")

        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

        def on_train_end(self, logs=None):
            seen.append("end")

    run = RunFolder.create(tmp_path / "run", TrainConfig())
    trained(run, Break("on_train_batch_end", 1), minutes=1e9)
    trained(run, Note())
    assert seen == ["begin", 1, 2, 0, 1, 2, "end"]


def test_time_of_a_broken_off_epoch_counts_in_its_log(tmp_path):
    run = RunFolder.create(tmp_path / "run", TrainConfig())
    trained(run, Break("on_train_batch_end", 2), minutes=1e9)
    with np.load(run.state_file) as archive:
        before = json.loads(archive["facts"].tobytes())["facts"]["states"]["EpochLog"]
    assert (before["epoch"], before["steps"]) == (0, 2)
    trained(run)
    first = next(run.metrics())
    assert first["seconds"] > before["seconds"]
    assert first["images_per_second"] == pytest.approx(3 * 4 / first["seconds"], rel=0.01)


class Remove(keras.callbacks.Callback):
    """Somebody removes the run folder."""

    def __init__(self, run: RunFolder) -> None:
        super().__init__()
        self.run = run

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.step_number) == 5:
            shutil.rmtree(self.run.path)


def test_folder_removed_under_the_run_is_made_anew(tmp_path, whole, capsys):
    run = RunFolder.create(tmp_path / "run", TrainConfig(epochs=2))
    trained(run, Remove(run), minutes=1e9)
    assert logs_of(run) == whole[1]
    assert run.config() == TrainConfig(epochs=2)
    assert run.state_file.exists()
    assert "run was removed while the training ran" in capsys.readouterr().err
