import dataclasses
import time

import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.dataset import name_hashes
from cyclegan_tf.distribution.workers import Workers
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.run_folder import RunDir, versions
from cyclegan_tf.training.callbacks.guards import DiscriminatorWatch
from cyclegan_tf.training.checkpoint import Facts, write_state
from cyclegan_tf.training.trainer import Session, explain
from tests.data.test_dataset import write_folder
from tests.pictures import image_set
from tests.tiny_models import facts


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
def run(tmp_path, config) -> RunDir:
    return RunDir.create(tmp_path / "run", config)


def session_of(config: TrainConfig, left: Facts | None = None, *, late: float = 0.0) -> Session:
    workers = Workers(tf.distribute.get_strategy())
    started = time.monotonic() + late
    return Session(config, left, workers=workers, strategy="", started=started)


def saved(run: RunDir, config: TrainConfig, **changes) -> Facts:
    """The state of a run that did four steps."""
    session = session_of(config)
    session.model.step_number.assign(4)
    session.model.total_steps.assign(11)  # what the budget had planned
    left = facts(
        **{
            "step": 4,
            "steps_per_epoch": 3,
            "seconds": 120.0,
            "data": name_hashes(session.data),
            "versions": versions(),
            "memories": {"TimeBudget": {"between": 2.0, "measured": True}},
        }
        | changes
    )
    write_state(run.state_file, session.model, left)
    return left


def resumed(run: RunDir, config: TrainConfig, left: Facts) -> Session:
    session = session_of(config, left)
    session.take_up(run)
    return session


def test_session_goes_on_at_the_step_with_what_was_remembered(run, config, capsys):
    session = resumed(run, config, saved(run, config))
    assert (session.start.step, session.start.epoch, session.start.epoch_steps) == (4, 1, 1)
    assert int(session.model.step_number) == 4
    assert int(session.model.total_steps) == 11
    assert session.memories == {"TimeBudget": {"between": 2.0, "measured": True}}
    assert capsys.readouterr().err == ""


def test_learning_rate_may_change(run, config):
    left = saved(run, config)
    lower = resumed(run, dataclasses.replace(config, learning_rate=1e-4), left)
    assert float(lower.model.generator_optimizer.learning_rate) == pytest.approx(1e-4)
    assert float(lower.model.discriminator_optimizer.learning_rate) == pytest.approx(1e-4)


def test_more_epochs_lengthen_what_falls_over_the_training(run, config):
    endless = dataclasses.replace(config, budget_minutes=None, epochs=9)
    assert int(resumed(run, endless, saved(run, config)).model.total_steps) == 27


def test_epochs_keep_their_length_when_images_were_added(run, config, capsys):
    left = saved(run, config, data={"A": "1 images", "B": "1 images"}, steps_per_epoch=2)
    session = resumed(run, dataclasses.replace(config, steps_per_epoch=None), left)
    assert session.steps_per_epoch == 2
    assert "warning: the images of domain A are not those" in capsys.readouterr().err


def test_budget_is_what_is_left_of_it(run, config):
    session = session_of(config, late=100.0)
    (whole,), (rest,) = session.budget(), session.budget(used=120.0)
    assert whole.deadline - rest.deadline == 120.0
    with pytest.raises(InputError, match="--budget-minutes 10 leaves no time"):
        session.budget(used=720.0)


@pytest.mark.parametrize(
    ("held_out", "changes", "images"),
    [
        ({"testA": 4, "testB": 12}, {}, 12),  # the smaller domain is repeated
        ({"testA": 4}, {}, 0),
        ({"testA": 4, "testB": 12}, {"model": "dcgan", "latent_size": 4}, 12),
        ({"testB": 12}, {"model": "dcgan", "latent_size": 4}, 12),
    ],
)
def test_validation_is_left_room_for(config, tmp_path, held_out, changes, images):
    for name, count in ({"trainA": 4, "trainB": 4} | held_out).items():
        write_folder(tmp_path / name, image_set(count))
    changes = changes | {"data": str(tmp_path), "a": "", "b": "", "batch_size": 2}
    (budget,) = session_of(dataclasses.replace(config, **changes)).budget()
    # forwards only: 0.6 of a training step for as many images
    assert budget.epoch_end == pytest.approx(0.6 * images / 2)


@pytest.mark.parametrize(("loss", "watched"), [("lsgan", True), ("wgan-gp", False)])
def test_critic_that_calls_nothing_real_is_not_watched_for_a_won_game(run, config, loss, watched):
    session = session_of(dataclasses.replace(config, adversarial_loss=loss))
    callbacks = session._callbacks(run, [])
    assert any(isinstance(c, DiscriminatorWatch) for c in callbacks) == watched


@pytest.fixture(scope="module")  # TensorFlow waits ten seconds for memory to come free
def exhausted() -> tf.errors.ResourceExhaustedError:
    """What TensorFlow raises when it is asked for more memory than any machine has."""
    with pytest.raises(tf.errors.ResourceExhaustedError) as raised:
        tf.zeros([2**22, 2**22, 2**8], tf.int8) + tf.constant(1, tf.int8)
    return raised.value


def test_out_of_memory_names_sizes_and_the_flags_to_lower(exhausted):
    text = explain(exhausted, TrainConfig(batch_size=4, image_size=256, base_filters=64))
    assert text == (
        "out of memory: training on a batch of 4 images of 256 px with 64 base filters in float32 "
        "does not fit this device; lower one or several, the mildest first: --batch-size 2, "
        "--gradient-accumulation 2, --precision mixed_float16, --image-size 128, "
        "--base-filters 32."
    )


def test_only_what_can_still_be_lowered_is_named(exhausted):
    config = TrainConfig(
        batch_size=6, gradient_accumulation=3, precision="mixed_float16", image_size=32
    )
    text = explain(exhausted, config)
    assert text.endswith("first: --batch-size 3, --gradient-accumulation 6, --base-filters 32.")
    single = explain(exhausted, TrainConfig(batch_size=1, image_size=32))
    assert "an image of 32 px" in single
    assert "--gradient-accumulation" not in single


def test_batch_norms_are_not_advised_to_work_in_parts(exhausted):
    text = explain(exhausted, TrainConfig(model="dcgan", batch_size=16, image_size=64))
    assert "--batch-size 8" in text
    assert "--gradient-accumulation" not in text


def test_numpy_and_python_run_out_of_memory_too():
    with pytest.raises(MemoryError) as raised:
        np.zeros([2**40, 2**20], np.uint8)
    assert explain(raised.value, TrainConfig()).startswith("out of memory: training on")


def test_other_errors_are_left_to_their_traceback():
    assert explain(tf.errors.InvalidArgumentError(None, None, "shape"), TrainConfig()) is None
    assert explain(RuntimeError("CUDA"), TrainConfig()) is None
