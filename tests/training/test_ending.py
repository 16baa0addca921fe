import pytest

from cyclegan_tf.config.presets import preset_config
from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.training.ending import made, next_commands


def test_what_was_made_is_what_is_there(tmp_path):
    run = RunFolder.create(tmp_path / "run", TrainConfig())
    assert "images.zip" not in made(run)
    run.submission.touch()
    assert made(run).startswith(f"made in {run.path}: images.zip, samples/ (")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            TrainConfig(epochs=5),
            [
                "translate --run 'my run' PHOTOS/ --output paintings/  # translate pictures",
                "evaluate --run 'my run'                               # score it (FID)",
                "train --run 'my run' --resume --epochs 10             # train on",
            ],
        ),
        (
            preset_config("dcgan"),
            [
                "generate --run 'my run' --output pictures/ --count 16  # make pictures",
                "evaluate --run 'my run'                                # score it (FID)",
                "train --run 'my run' --resume --budget-minutes 40      # train on",
            ],
        ),
    ],
)
def test_next_commands_are_those_of_the_model_and_can_be_typed(tmp_path, config, expected):
    run = RunFolder.create(tmp_path / "run", TrainConfig())
    run.path = type(run.path)("my run")
    lines = next_commands(run, config).splitlines()
    assert lines == ["next:", *(f"  python -m cyclegan_tf.{line}" for line in expected)]


def test_run_that_did_all_epochs_of_its_budget_needs_more_of_them(tmp_path):
    config = preset_config("cpu", epochs=3)
    run = RunFolder.create(tmp_path / "run", config)
    run.append_metrics({"epoch": 2})
    assert "--resume --budget-minutes 40 " in next_commands(run, config)
    run.append_metrics({"epoch": 3})
    assert "--resume --epochs 6 " in next_commands(run, config)
