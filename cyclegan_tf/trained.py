"""Trained models from their run folders."""

from cyclegan_tf import build
from cyclegan_tf.adversarial import AdversarialModel
from cyclegan_tf.config import TrainConfig
from cyclegan_tf.errors import InputError
from cyclegan_tf.rundir import RunDir


def load_trained(run: RunDir, *, model: str | None = None) -> tuple[TrainConfig, AdversarialModel]:
    """Builds the networks that a run trained and reads the generators' weights.

    Args:
        run: a run folder.
        model: refuse runs of another `--model` than this.

    Returns:
        The run's config, and the model; its generators and their averages hold the run's weights
        (`submitted_generators` the best ones if the run was to submit these).

    Raises:
        InputError: if the folder holds no such run, or no weights.
    """
    config = run.config()
    if model and config.model != model:
        raise InputError(
            f"{run.path} is a run of --model {config.model}; expected one of --model {model}."
        )
    trained = build.build_model(config, total_steps=1)  # nothing is trained
    for network in {id(n): n for n in (*trained.generators, *trained.averages)}.values():
        run.load_weights(network)
    load_best(run, config, trained)
    return config, trained


def load_best(run: RunDir, config: TrainConfig, model: AdversarialModel) -> None:
    """Gives the submitted generators their best weights, if the run is to submit these.

    Raises:
        InputError: if the run has none.
    """
    if config.submit == "best":
        for network in build.submitted_generators(config, model):
            run.load_weights(network, best=True)
