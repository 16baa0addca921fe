"""What a user is told when a run has ended: what was made, where, and what to type next."""

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.errors import shell_words
from cyclegan_tf.io.run_folder import RunFolder


def made(run: RunFolder) -> str:
    """One line: the files of a run that are worth looking at."""
    found = {
        run.submission: "images.zip",
        run.samples: "samples/ (pictures of each stage)",
        run.plots / "losses.png": "plots/losses.png",
        run.weights: "weights/",
        run.metrics_file: "metrics.jsonl",
    }
    names = [name for path, name in found.items() if path.exists()]
    return f"made in {run.path}: {', '.join(names)}"


def next_commands(run: RunFolder, config: TrainConfig) -> str:
    """What one usually does with a trained run, a command a line.

    Nothing follows the commands: zsh and cmd take a comment for arguments.
    """
    path = shell_words(str(run.path))
    if config.model == "dcgan":
        aim, use = "make pictures", f"generate --run {path} --output pictures/ --count 16"
    else:
        aim, use = "translate pictures", f"translate --run {path} PHOTOS/ --output paintings/"
    epochs = max((row["epoch"] for row in run.metrics()), default=0)
    longer = f"--epochs {2 * config.epochs}"
    if config.budget_minutes and epochs < config.epochs:  # it was the clock that ended it
        longer = f"--budget-minutes {config.budget_minutes:g}"
    commands = [use, f"evaluate --run {path}", f"train --run {path} --resume {longer}"]
    lines = [f"  python -m cyclegan_tf.{command}" for command in commands]
    return "\n".join([f"next, to {aim}, to score them (FID), or to train on:", *lines])
