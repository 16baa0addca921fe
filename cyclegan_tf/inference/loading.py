"""Trained models from their run folders."""

import sys

import keras

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.distribution import runtime
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.compiled import AnySize, Translator
from cyclegan_tf.inference.tiling import DEFAULT_TILE, Frame, smallest_tile
from cyclegan_tf.inference.translator import Painter
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.models import build
from cyclegan_tf.models.adversarial import AdversarialModel
from cyclegan_tf.models.networks.build import margin, stride, translation_generator

_LEAST_SIDE = 16  # pixels: below, the maps of a ResNet are smaller than what it mirrors of them


def load_trained(
    run: RunFolder, *, model: str | None = None
) -> tuple[TrainConfig, AdversarialModel]:
    """Builds the networks that a run trained and reads the generators' weights.

    Args:
        run: a run folder.
        model: refuse runs of another `--model` than this.

    Returns:
        The run's config, and the model; its generators and their averages hold the run's weights
        (`submitted_generators` the best ones if the run was to submit these, and was scored).

    Raises:
        InputError: if the folder holds no such run, or no weights.
    """
    config = _config(run, model)
    trained = build.build_model(config, total_steps=1)  # nothing is trained
    for network in {id(n): n for n in (*trained.generators, *trained.averages)}.values():
        run.load_weights(network)
    load_best(run, config, trained)
    return config, trained


def load_painter(
    run: RunFolder,
    *,
    back: bool = False,
    tile: int = DEFAULT_TILE,
    size: int | None = None,
    longest: int | None = None,
) -> Painter:
    """A run's generator for pictures of any size: no optimizer, and none of the other networks.

    It computes in the precision it was trained in where that is fast, and else in float32.

    Args:
        run: a run folder of a CycleGan.
        back: from B to A.
        tile: side in pixels beyond which pictures are translated in tiles.
        size: see `Painter`.
        longest: see `Painter`.

    Raises:
        InputError: if the folder holds no such run, or no weights, or the tile is too small.
    """
    config = _config(run, "cyclegan")
    # the squares of the skip have to fit as well; both are powers of two
    multiple = max(stride(config), config.skip_blur)
    if tile < (smallest := smallest_tile(multiple)):
        raise InputError(
            f"--tile {tile} is too small for this network, which takes multiples of {multiple} "
            f"pixels; expected at least {smallest}."
        )
    frame = Frame(tile, multiple=multiple, margin=margin(config), least=_LEAST_SIDE)
    # XLA compiles for each size of picture anew
    jit_compile = size is not None and runtime.compiles_with_xla(config.jit)
    network = AnySize(_load_generator(run, config, back=back), jit_compile=jit_compile)
    return Painter(network, frame, tone=network.with_tone_of, size=size, longest=longest)


def _load_generator(run: RunFolder, config: TrainConfig, *, back: bool) -> keras.Model:
    """What `submitted_generators` would give, alone."""
    averaged = config.ema_decay > 0 and config.submit != "last"
    name = f"generator_{'ba' if back else 'ab'}{'_ema' if averaged else ''}"
    with runtime.inference_precision(config.precision):
        generator = translation_generator(config, name)
    run.load_weights(generator, best=_takes_best(run, config))
    return generator


def load_best(run: RunFolder, config: TrainConfig, model: AdversarialModel) -> None:
    """Gives the submitted generators their best weights, if the run is to submit these.

    A run without scores keeps the weights that the model has, and that is told.

    Raises:
        InputError: if some of the best weights are missing.
    """
    if _takes_best(run, config):
        for network in submitted_generators(config, model):
            run.load_weights(network, best=True)


def _takes_best(run: RunFolder, config: TrainConfig) -> bool:
    if config.submit != "best" or run.has_best:
        return config.submit == "best"
    last = "average" if config.ema_decay else "weights"
    print(
        f"warning: {run.path} has no scores yet to choose the best weights by: using the last "
        f"{last}.",
        file=sys.stderr,
    )
    return False


def _config(run: RunFolder, model: str | None) -> TrainConfig:
    config = run.config()
    if model and config.model != model:
        raise InputError(
            f"{run.path} is a run of --model {config.model}; expected one of --model {model}."
        )
    return config


def submitted_generators(config: TrainConfig, model: AdversarialModel) -> list[keras.Model]:
    """The generators that draw samples and submission: the averages, where there are any."""
    return model.generators if config.submit == "last" else model.averages


def build_translator(
    config: TrainConfig, model: AdversarialModel, *, back: bool = False
) -> Translator:
    """Compiled A into B (or `back`), or latents into pictures, by the submitted generator."""
    generator = submitted_generators(config, model)[1 if back else 0]
    return Translator(
        generator,
        margin=margin(config),
        parallel_parts=runtime.parallel_parts(),
        jit_compile=runtime.compiles_with_xla(config.jit),
    )
