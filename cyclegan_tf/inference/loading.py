"""Trained models from their run folders, and generators from files of their own."""

import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import keras

from cyclegan_tf.config.train_config import PATHS, TRANSLATING, TrainConfig
from cyclegan_tf.data.build import levels
from cyclegan_tf.distribution import runtime
from cyclegan_tf.errors import InputError, first_line
from cyclegan_tf.inference.compiled import AnySizeGenerator, CompiledGenerator
from cyclegan_tf.inference.exports.network import ExportedNetwork
from cyclegan_tf.inference.shipped import (
    SUFFIX,
    PackedGenerator,
    find_weights,
    read_generator,
    shipped_names,
    write_generator,
)
from cyclegan_tf.inference.tiling import DEFAULT_TILE, Frame, check_sizes, smallest_tile
from cyclegan_tf.inference.translator import Translator
from cyclegan_tf.io.files import user_path
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.models import build
from cyclegan_tf.models.adversarial import AdversarialModel
from cyclegan_tf.models.networks.build import margin, stride, translation_generator

_LEAST_CANVAS = 256  # pixels: what is smaller cannot be enlarged to fill a screen
_LEAST_SIDE = 16  # pixels: below, the maps of a ResNet are smaller than what it mirrors of them


def load_trained(
    run: RunFolder, *, models: Sequence[str] = ()
) -> tuple[TrainConfig, AdversarialModel]:
    """Builds the networks that a run trained and reads the generators' weights.

    Args:
        run: a run folder.
        models: refuse runs of another `--model` than these.

    Returns:
        The run's config, and the model; its generators and their averages hold the run's weights
        (`submitted_generators` the best ones if the run was to submit these, and was scored).

    Raises:
        InputError: if the folder holds no such run, or no weights.
    """
    config = _config(run, models)
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
    canvas: int | str = "auto",
) -> Translator:
    """Loads one generator of a trained CycleGan, for pictures of any size.

    It computes in the precision in which it was trained where that is fast, and else in float32.

    Args:
        run: folder of a CycleGan that `fit` or the command `train` wrote; the name of weights that
            come with the package, "monet"; or a file NAME.npz of `export_generator`.
        direction: "ab" translates domain A into domain B (photos into paintings), "ba" goes the
            way back.
        tile: side in pixels beyond which a picture is translated in overlapping tiles.
        size: translate the centred square at this side, as in training; by default the whole
            picture at its own size.
        longest: reduce pictures whose longer side is longer than this to it.
        canvas: shorter side in pixels at which larger pictures are painted; the painting is then
            enlarged. "auto" is that of the pictures it was trained on, at least 256, so that
            strokes are as large in a picture as in theirs; "full" paints at the picture's size.

    Raises:
        InputError: if there is no such run, it has no weights, or an argument is out of range.

    Example:
        >>> import cyclegan_tf as cg
        >>> painting = cg.load_generator("runs/monet").translate("holiday.jpg")
        >>> painting.size
        (40, 40)
        >>> painting.save("painting.png")
    """
    check_sizes(tile=tile, size=size, longest=longest, canvas=canvas)
    config, read = _trained_generator(run, direction)
    frame = _frame(config, tile)
    # XLA compiles for each size of picture anew
    jit_compile = size is not None and runtime.compiles_with_xla(config.jit)
    generator = AnySizeGenerator(read(), jit_compile=jit_compile)
    sizes = {"size": size, "longest": longest, "canvas": _canvas_side(canvas, config)}
    tone = generator.with_tone_of
    return Translator(generator, frame, tone=tone, levels=levels(config), **sizes)


def directions(run: str | Path) -> tuple[str, ...]:
    """Which ways a run, or weights, translate: "ab", "ba".

    Args:
        run: as of `load_generator`.

    Raises:
        InputError: if there is no such run.
    """
    found, refused = [], []
    for direction in ("ab", "ba"):
        try:
            _trained_generator(run, direction)
        except InputError as error:
            refused.append(error)
        else:
            found.append(direction)
    if not found:
        raise refused[0]
    return tuple(found)


def export_generator(run: str | Path, path: str | Path, direction: str = "ab") -> None:
    """Writes one generator of a run into a file of its own, in half precision.

    `load_generator` takes the file as it takes the run; it holds the settings that build the
    network, too, and runs no code when it is read.

    Args:
        run: as of `load_generator`.
        path: of the file, NAME.npz.
        direction: as of `load_generator`.

    Raises:
        InputError: if there is no such run, or its weights do not fit half precision.
        DiskFull: if there is no room.
    """
    config, read = _trained_generator(run, direction)
    settings = {name: value for name, value in config.to_dict().items() if name not in PATHS}
    packed = PackedGenerator(direction, settings, read().get_weights())
    write_generator(user_path(path), packed)


def load_network(
    run: str | Path, direction: str = "ab", *, name: str = "", licence: str = ""
) -> tuple[TrainConfig, ExportedNetwork]:
    """Loads one generator, in float32 whatever the run's precision, to be written elsewhere.

    Args:
        run: as of `load_generator`.
        direction: as of `load_generator`.
        name: what it is called; by default as the run, and the direction.
        licence: of its weights; by default that is not stated, and of shipped weights MIT.

    Returns:
        The settings of the run, and the network.

    Raises:
        InputError: if there is no such run, or it has no weights.
    """
    config, read = _trained_generator(run, direction, precision="float32")
    frame, shipped = _frame(config, DEFAULT_TILE), _is_name(run)
    return config, ExportedNetwork(
        read(),
        name or f"{Path(run).stem} {direction}",
        licence or ("MIT" if shipped else "not stated"),
        multiple=frame.multiple,
        margin=frame.margin,
        least=frame.least,
    )


def _trained_generator(
    run: str | Path, direction: str, *, precision: str | None = None
) -> tuple[TrainConfig, Callable[[], keras.Model]]:
    """The settings of a generator, and what builds it and reads its weights."""
    if direction not in ("ab", "ba"):
        raise InputError(f"--direction is {direction!r}; choose one of: ab, ba.")
    path = user_path(run)
    named = _is_name(run)  # then the name of the file says which way it goes
    if named:
        path = find_weights(run, direction)
    if path.suffix == SUFFIX:
        packed = read_generator(path, None if named else direction)
        config = _computing_in(precision, TrainConfig.from_dict(packed.settings))
        return config, lambda: _unpacked(path, packed, config)
    folder = RunFolder(path)
    config = _computing_in(precision, _config(folder, TRANSLATING))
    if direction == "ba" and config.model == "cut":
        raise InputError(
            f"{folder.path} is a run of --model cut, which translates A into B alone; leave out "
            "--direction ba, or train with --model cyclegan."
        )
    return config, lambda: _read_generator(folder, config, direction)


def _is_name(run: str | Path) -> bool:
    """Whether this is no path but a name: it leads nowhere, or only to a folder called as it is."""
    path = user_path(run)
    if path.name != run:
        return False
    holds_run = RunFolder(path).config_file.exists()
    return not path.exists() or (run in shipped_names() and not holds_run)


def _computing_in(precision: str | None, config: TrainConfig) -> TrainConfig:
    return dataclasses.replace(config, precision=precision) if precision else config


def _unpacked(path: Path, packed: PackedGenerator, config: TrainConfig) -> keras.Model:
    with runtime.inference_precision(config.precision):
        generator = translation_generator(config, f"generator_{packed.direction}")
    try:
        generator.set_weights(packed.weights)
    except ValueError as error:
        raise InputError(
            f"{path} holds weights of another network ({first_line(error)}); export it anew."
        ) from error
    return generator


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


def _canvas_side(canvas: int | str, config: TrainConfig) -> int | None:
    """The shorter side at which larger pictures are painted; None: their own."""
    if canvas == "full":
        return None
    if canvas != "auto":
        return canvas
    enlarged = config.crop_probability >= 0.5
    trained = round(config.image_size * (config.crop_enlarge if enlarged else 1))
    return max(trained, config.whole_size, _LEAST_CANVAS)


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


def _config(run: RunFolder, models: Sequence[str]) -> TrainConfig:
    config = run.config()
    if models and config.model not in models:
        raise InputError(
            f"{run.path} is a run of --model {config.model}; expected one of --model "
            f"{' or '.join(models)}."
        )
    return config


def submitted_generators(config: TrainConfig, model: AdversarialModel) -> list[keras.Model]:
    """The generators that draw samples and submission: the averages, where there are any."""
    return model.generators if config.submit == "last" else model.averages


def compile_generator(config: TrainConfig, model: AdversarialModel) -> CompiledGenerator:
    """The submitted generator, compiled: A into B, or latents into pictures."""
    return _compiled(config, submitted_generators(config, model)[0])


def compile_way_back(
    config: TrainConfig, model: AdversarialModel, *, traced: bool = True
) -> CompiledGenerator | None:
    """The same of B into A; None of a model that has no way back.

    Args:
        config: of the run.
        model: that it trains.
        traced: as of `CompiledGenerator`.
    """
    _, *back = submitted_generators(config, model)
    return _compiled(config, back[0], traced=traced) if back else None


def _compiled(
    config: TrainConfig, generator: keras.Model, *, traced: bool = True
) -> CompiledGenerator:
    return CompiledGenerator(
        generator,
        margin=margin(config),
        parallel_parts=runtime.parallel_parts(),
        jit_compile=runtime.compiles_with_xla(config.jit),
        traced=traced,
    )
