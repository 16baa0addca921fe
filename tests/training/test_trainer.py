import dataclasses
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.build import build_data_set, build_training_batches
from cyclegan_tf.data.dataset import name_hashes
from cyclegan_tf.distribution.workers import Workers
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.run_folder import RunFolder, versions
from cyclegan_tf.models.build import build_model
from cyclegan_tf.training import profiling
from cyclegan_tf.training.callbacks.guards import DiscriminatorWatch
from cyclegan_tf.training.checkpoint import CheckpointMetadata, current_means, write_state
from cyclegan_tf.training.trainer import Trainer
from tests.pictures import image_set, write_folder, write_kaggle
from tests.tiny_models import metadata


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> TrainConfig:
    folder = tmp_path_factory.mktemp("data")
    for name in ("a", "b"):
        write_folder(folder / name, image_set(4))
    return TrainConfig(
        a=str(folder / "a"),
        b=str(folder / "b"),
        image_size=32,
        base_filters=2,
        discriminator_filters=2,
        epochs=5,
        steps_per_epoch=3,
        learning_rate=1e-3,
        budget_minutes=10.0,
    )


@pytest.fixture
def run(tmp_path, config) -> RunFolder:
    return RunFolder.create(tmp_path / "run", config)


def weights_after(steps: int, config: TrainConfig) -> list[np.ndarray]:
    model = build_model(config)
    if steps:
        batches = build_training_batches(config, build_data_set(config))
        model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False)
    return model.get_weights()


def test_two_runs_with_one_seed_end_in_equal_bits(config):
    small = {"generator": "resnet", "residual_blocks": 0, "discriminator_layers": 1}
    drawing = dataclasses.replace(
        config, **small, batch_size=2, crop_probability=0.5, noise_std=0.05
    )
    first, again = (weights_after(20, drawing) for _ in range(2))
    assert all(np.array_equal(x, y) for x, y in zip(first, again, strict=True))


def test_another_seed_starts_from_other_weights(config):
    one, other = (weights_after(0, dataclasses.replace(config, seed=seed)) for seed in (0, 1))
    assert not any(np.array_equal(x, y) for x, y in zip(one, other, strict=True) if x.ndim == 4)


def trainer_of(
    config: TrainConfig, left: CheckpointMetadata | None = None, *, late: float = 0.0
) -> Trainer:
    workers = Workers(tf.distribute.get_strategy())
    started = time.monotonic() + late
    return Trainer(config, build_data_set(config), workers, started=started, metadata=left)


def saved(run: RunFolder, config: TrainConfig, **changes) -> CheckpointMetadata:
    """The state of a run that did four steps."""
    trainer = trainer_of(config)
    trainer.model.step_number.assign(4)
    trainer.model.total_steps.assign(11)  # what the budget had planned
    left = metadata(
        **{
            "step": 4,
            "steps_per_epoch": 3,
            "seconds": 120.0,
            "data": name_hashes(trainer.data),
            "versions": versions(),
            "states": {"TimeBudget": {"between": 2.0, "measured": True}},
        }
        | changes
    )
    write_state(run.state_file, trainer.model, left)
    return left


def resumed(run: RunFolder, config: TrainConfig, left: CheckpointMetadata) -> Trainer:
    trainer = trainer_of(config, left)
    trainer.restore(run)
    return trainer


def test_trainer_goes_on_at_the_step_with_what_was_remembered(run, config):
    trainer = resumed(run, config, saved(run, config))
    assert (trainer.start.step, trainer.start.epoch, trainer.start.epoch_steps) == (4, 1, 1)
    assert int(trainer.model.step_number) == 4
    assert int(trainer.model.total_steps) == 11
    assert trainer.states == {"TimeBudget": {"between": 2.0, "measured": True}}


def test_learning_rate_may_change(run, config):
    left = saved(run, config)
    lower = resumed(run, dataclasses.replace(config, learning_rate=1e-4), left)
    assert float(lower.model.generator_optimizer.learning_rate) == pytest.approx(1e-4)
    assert float(lower.model.discriminator_optimizer.learning_rate) == pytest.approx(1e-4)


def test_more_epochs_lengthen_what_falls_over_the_training(run, config):
    endless = dataclasses.replace(config, budget_minutes=None, epochs=9)
    assert int(resumed(run, endless, saved(run, config)).model.total_steps) == 27


def test_epochs_keep_their_length_when_images_were_added(run, config):
    left = saved(run, config, data={"A": "1 images", "B": "1 images"}, steps_per_epoch=2)
    trainer = resumed(run, dataclasses.replace(config, steps_per_epoch=None), left)
    assert trainer.steps_per_epoch == 2


def test_budget_is_what_is_left_of_it(run, config):
    trainer = trainer_of(config, late=100.0)
    whole, rest = trainer.time_budget(), trainer.time_budget(used=120.0)
    assert whole.clock.left - rest.clock.left == pytest.approx(120.0, abs=1.0)
    with pytest.raises(InputError, match="--budget-minutes 10 leaves no time"):
        trainer.time_budget(used=720.0)


def test_rehearsal_measures_and_leaves_the_model_as_it_was(config, tmp_path, monkeypatch):
    monkeypatch.setattr(profiling, "_MOST_STEPS", 1)
    for name, count in {"trainA": 4, "trainB": 4, "testA": 4, "testB": 12}.items():
        write_folder(tmp_path / name, image_set(count))
    changes = {"data": str(tmp_path), "a": "", "b": "", "ema_decay": 0.9, "pool_size": 2}
    trainer = trainer_of(dataclasses.replace(config, **changes))
    trainer.model.run_eagerly = True
    before = [keras.ops.convert_to_numpy(v) for v in trainer.model.state_variables]
    budget = trainer.time_budget()
    trainer.rehearse(budget)
    after = [keras.ops.convert_to_numpy(v) for v in trainer.model.state_variables]
    assert all(np.array_equal(x, y) for x, y in zip(before, after, strict=True))
    assert not any(np.asarray(mean).any() for mean in current_means(trainer.model))
    assert budget.pace > 0.0
    assert budget.validation > 0.0


@pytest.mark.parametrize(
    ("changes", "submits"),
    [({}, True), ({"submission": False}, False), ({"model": "dcgan"}, False)],
)
def test_submission_is_made_of_the_competitions_data_unless_it_is_not_wanted(
    config, tmp_path, changes, submits
):
    write_kaggle(tmp_path / "set", image_set(4), image_set(4))
    paths = {"data": str(tmp_path / "set"), "a": "", "b": ""}
    trainer = trainer_of(dataclasses.replace(config, **paths, **changes))
    assert trainer.submits == submits
    assert (trainer.time_budget().rest > 0.0) == submits


@pytest.mark.parametrize(("loss", "watched"), [("lsgan", True), ("wgan-gp", False)])
def test_critic_that_calls_nothing_real_is_not_watched_for_a_won_game(run, config, loss, watched):
    trainer = trainer_of(dataclasses.replace(config, adversarial_loss=loss))
    callbacks = trainer._callbacks(run, trainer.time_budget())
    assert any(isinstance(c, DiscriminatorWatch) for c in callbacks) == watched
