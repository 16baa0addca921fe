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
                "next, to translate pictures, to score them (FID), or to train on:",
                "  python -m cyclegan_tf.translate --run 'my run' PHOTOS/ --output paintings/",
                "  python -m cyclegan_tf.evaluate --run 'my run'",
                "  python -m cyclegan_tf.train --run 'my run' --resume --epochs 10",
            ],
        ),
        (
            preset_config("dcgan"),
            [
                "next, to make pictures, to score them (FID), or to train on:",
                "  python -m cyclegan_tf.generate --run 'my run' --output pictures/ --count 16",
                "  python -m cyclegan_tf.evaluate --run 'my run'",
                "  python -m cyclegan_tf.train --run 'my run' --resume --budget-minutes 40",
            ],
        ),
    ],
)
def test_next_commands_are_those_of_the_model_and_can_be_typed(tmp_path, config, expected):
    run = RunFolder.create(tmp_path / "run", TrainConfig())
    run.path = type(run.path)("my run")
    assert next_commands(run, config).splitlines() == expected


def test_run_that_did_all_epochs_of_its_budget_needs_more_of_them(tmp_path):
    config = preset_config("cpu", epochs=3)
    run = RunFolder.create(tmp_path / "run", config)
    run.append_metrics({"epoch": 2})
    assert next_commands(run, config).endswith("--resume --budget-minutes 40")
    run.append_metrics({"epoch": 3})
    assert next_commands(run, config).endswith("--resume --epochs 6")
