"""Trained models from their run folders."""

import sys
from pathlib import Path

import keras

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.build import levels
from cyclegan_tf.distribution import runtime
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.compiled import AnySizeGenerator, CompiledGenerator
from cyclegan_tf.inference.tiling import DEFAULT_TILE, Frame, check_sizes, smallest_tile
from cyclegan_tf.inference.translator import Translator
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


def load_generator(
    run: str | Path,
    direction: str = "ab",
    *,
    tile: int = DEFAULT_TILE,
    size: int | None = None,
    longest: int | None = None,
) -> Translator:
    """Loads one generator of a trained CycleGan, for pictures of any size.

    It computes in the precision in which it was trained where that is fast, and else in float32.

    Args:
        run: folder of a CycleGan that `fit` or the command `train` wrote.
        direction: "ab" translates domain A into domain B (photos into paintings), "ba" goes the
            way back.
        tile: side in pixels beyond which a picture is translated in overlapping tiles.
        size: translate the centred square at this side, as in training; by default the whole
            picture at its own size.
        longest: reduce pictures whose longer side is longer than this to it.

    Raises:
        InputError: if there is no such run, it has no weights, or an argument is out of range.
    """
    check_sizes(tile=tile, size=size, longest=longest)
    if direction not in ("ab", "ba"):
        raise InputError(f"--direction is {direction!r}; choose one of: ab, ba.")
    run = RunFolder(Path(run))
    config = _config(run, "cyclegan")
    frame = _frame(config, tile)
    # XLA compiles for each size of picture anew
    jit_compile = size is not None and runtime.compiles_with_xla(config.jit)
    generator = AnySizeGenerator(_read_generator(run, config, direction), jit_compile=jit_compile)
    sizes = {"size": size, "longest": longest}
    tone = generator.with_tone_of
    return Translator(generator, frame, tone=tone, levels=levels(config), **sizes)


def _frame(config: TrainConfig, tile: int) -> Frame:
    """What the run's generators ask of the sides of their inputs."""
    # the squares of the skip have to fit as well; both are powers of two
    multiple = max(stride(config), config.skip_blur)
    if tile < (smallest := smallest_tile(multiple)):
        raise InputError(
            f"--tile {tile} is too small for this network, which takes multiples of {multiple} "
            f"pixels; expected at least {smallest}."
        )
    return Frame(tile, multiple=multiple, margin=margin(config), least=_LEAST_SIDE)


def _read_generator(run: RunFolder, config: TrainConfig, direction: str) -> keras.Model:
    """What `submitted_generators` would give, without an optimizer and the other networks."""
    averaged = config.ema_decay > 0 and config.submit != "last"
    name = f"generator_{direction}{'_ema' if averaged else ''}"
    with runtime.inference_precision(config.precision):
        generator = translation_generator(config, name)
    run.load_weights(generator, best=_takes_best(run, config))
    return generator


def load_best(run: RunFolder, config: TrainConfig, model: AdversarialModel) -> None:
    """Gives the submitted generators their best weights, if the run is to submit these.

    A run without scores keeps the weights that the model has; a warning says so.

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


def compile_generator(
    config: TrainConfig, model: AdversarialModel, *, back: bool = False
) -> CompiledGenerator:
    """The submitted generator, compiled: A into B (or `back`), or latents into pictures."""
    generator = submitted_generators(config, model)[1 if back else 0]
    return CompiledGenerator(
        generator,
        margin=margin(config),
        parallel_parts=runtime.parallel_parts(),
        jit_compile=runtime.compiles_with_xla(config.jit),
    )
