"""TrainConfig: everything a training run can be told, as one flat frozen record.

Needs the standard library only, so that `--help` answers without loading TensorFlow.
"""

import argparse
import dataclasses
import difflib
import math
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

from cyclegan_tf.combinations import check_combinations, flag
from cyclegan_tf.errors import InputError


def option(default: Any, text: str) -> Any:
    """A config field: its default, and the text that `--help` prints."""
    return dataclasses.field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class TrainConfig:
    """A training run: data, augmentation, networks, objective, optimization, machine, reports.

    Raises:
        InputError: on a value of the wrong type, out of its range, or at odds with another one.
    """

    model: Literal["cyclegan", "dcgan"] = option(
        "cyclegan", "cyclegan translates A into B; dcgan invents pictures like those of B"
    )

    # Data
    data: str = option("", "data set folder (Kaggle TFRecords, Kaggle JPEGs, or trainA/trainB)")
    a: str = option("", "folder of domain A, what is translated (with --b, in place of --data)")
    b: str = option("", "folder of domain B, what it is translated into")
    image_size: int = option(256, "side in pixels of the square training images")
    picture_size: int | None = option(
        None, "side of whole pictures in samples and validation; default: the image size"
    )
    validation_fraction: float = option(
        0.0, "share of each domain held out, by a hash of the names; 0 with no test folders: none"
    )
    skip_bad_images: bool = option(False, "count and skip what is no image instead of refusing it")

    # Augmentation
    flip_left_right: float = option(0.5, "probability of a left-right flip")
    flip_up_down: float = option(0.0, "probability of an up-down flip")
    crop_probability: float = option(0.0, "probability of enlarging and cropping an image")
    crop_enlarge: float = option(1.3, "how much larger it is made before the crop")
    noise_std: float = option(0.0, "standard deviation of Gaussian noise on images in [-1, 1]")
    expand: bool = option(
        False, "show each image also mirrored, flipped, cropped and noised: five for one (dcgan)"
    )

    # Networks
    generator: Literal["unet", "resnet"] = option("unet", "architecture of both generators")
    base_filters: int = option(64, "filters of the generators' first layer; the rest scales")
    residual_blocks: int = option(9, "blocks of the ResNet: 9 at 256 px, 6 at 128 in the paper")
    dropout: float | None = option(
        None,
        "dropout rate: the U-Net's three deepest levels (default 0.5), the ResNet's blocks (0)",
    )
    norm: Literal["group", "instance", "none"] = option(
        "group", "normalization; instance is without scale and offset, as in the paper"
    )
    norm_groups: int | None = option(None, "groups of --norm group; default: one a channel")
    upsampling: Literal["transpose", "resize"] = option(
        "transpose", "how generators enlarge: transposed convolutions, or nearest + convolution"
    )
    global_skip: bool = option(
        False, "generators predict a change of their input, at first none: keeps the content"
    )
    discriminator: Literal["patch", "two-objective"] = option(
        "patch", "architecture of the discriminators; two-objective: that of B has two heads"
    )
    discriminator_filters: int = option(64, "filters of the discriminators' first layer")
    discriminator_layers: int = option(3, "strided layers, 1 to 4: patches of 16, 34, 70, 142 px")
    discriminator_noise: float = option(0.0, "deviation of Gaussian noise on what they see")
    discriminator_dropout: float = option(0.0, "dropout rate behind their layers")
    spectral_norm: bool = option(False, "divide their kernels by their largest singular value")
    latent_generator: Literal["transpose", "residual"] = option(
        "residual", "dcgan: transposed convolutions as in 2016, or residual blocks that resize"
    )
    latent_discriminator: Literal["strided", "residual"] = option(
        "strided", "dcgan: strided convolutions as in 2016, or residual blocks"
    )
    latent_size: int = option(128, "dcgan: numbers a picture is made from")

    # Objective
    adversarial_loss: Literal["bce", "soft-bce", "lsgan", "hinge", "wgan-gp"] = option(
        "bce", "adversarial objective (bce: cross-entropy, soft-bce: with soft labels)"
    )
    label_smoothing: float = option(0.0, "lowers the label of real images; bce and lsgan")
    two_objective_weight: float = option(0.4, "weight of the second head for the generator")
    cycle_weight: float = option(10.0, "weight of cycle consistency (Zhu et al. 2017, section 3.3)")
    cycle_weight_end: float | None = option(None, "what it falls to; default: it stays")
    identity_weight: float = option(5.0, "weight of the identity loss, 0: off (section 5.2)")
    identity_weight_end: float | None = option(None, "what it falls to; default: it stays")
    r1_weight: float = option(0.0, "weight of the R1 penalty (Mescheder et al. 2018)")
    gradient_penalty: float | None = option(
        None, "weight of the gradient penalty; default: 10 with wgan-gp, else 0"
    )

    # Stabilizers
    pool_size: int = option(0, "fakes remembered for the discriminators, 50 in the paper")
    diff_augment: Literal["off", "geometry", "all"] = option(
        "off", "augment what the discriminators see; all: colours too (Zhao et al. 2020)"
    )
    ema_decay: float = option(0.0, "moving average of the generators' weights; 0.999 is usual")
    submit: Literal["ema", "last"] = option(
        "ema", "weights that draw samples and submission; ema: the average, where there is one"
    )
    discriminator_steps: int = option(1, "discriminator updates after each generator update")

    # Optimization
    batch_size: int = option(1, "images of each domain in a step")
    epochs: int = option(100, "epochs to train")
    steps_per_epoch: int | None = option(None, "steps in an epoch; default: the larger domain once")
    learning_rate: float = option(2e-4, "Adam's learning rate")
    discriminator_learning_rate: float | None = option(None, "default: the generators'")
    schedule: Literal["constant", "linear", "cosine"] = option(
        "constant", "of both learning rates; linear and cosine end at zero"
    )
    decay_from: float = option(0.5, "share of the training before the linear schedule falls")
    beta_1: float = option(0.5, "Adam's beta 1; 0.9 makes the players oscillate (DCGAN, section 4)")
    beta_2: float = option(0.999, "Adam's beta 2")
    clip_norm: float | None = option(None, "scale gradients of a larger joint norm down to this")
    budget_minutes: float | None = option(
        None, "end training, final samples and images.zip within these minutes"
    )

    # Machine
    seed: int = option(0, "seeds weights, order of images, augmentation and dropout")
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = option(
        "float32", "number format of the layers' computations"
    )
    jit: Literal["auto", "on", "off"] = option("auto", "compile with XLA; auto: on a GPU or TPU")
    deterministic: bool = option(False, "bit-exact repetition, somewhat slower")

    # Reports
    profile: bool = option(False, "first profile a few steps for TensorBoard and print their cost")
    sample_every: int = option(5, "epochs between sample grids")
    sample_count: int = option(6, "pictures in a sample grid")

    def __post_init__(self) -> None:
        for name, value in check_values(dataclasses.asdict(self)).items():
            object.__setattr__(self, name, value)
        check_combinations(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrainConfig":
        """Builds a config from plain values, as a run's `config.json` holds them.

        Raises:
            InputError: on a key that is no field, or a value that does not fit its field.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}."
                raise InputError(f"unknown config key {key!r}; {hint}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return dataclasses.asdict(self)


# Closed intervals; what has no upper end is bounded only by the machine.
_RANGES: dict[str, tuple[float, float]] = {
    "image_size": (32, math.inf),
    "picture_size": (32, math.inf),
    "validation_fraction": (0, 0.9),
    "flip_left_right": (0, 1),
    "flip_up_down": (0, 1),
    "crop_probability": (0, 1),
    "crop_enlarge": (1, 4),
    "noise_std": (0, 1),
    "base_filters": (1, math.inf),
    "discriminator_layers": (1, 4),
    "discriminator_noise": (0, 1),
    "discriminator_dropout": (0, 0.95),
    "latent_size": (1, math.inf),
    "label_smoothing": (0, 0.5),
    "two_objective_weight": (0, math.inf),
    "cycle_weight_end": (0, math.inf),
    "identity_weight_end": (0, math.inf),
    "r1_weight": (0, math.inf),
    "gradient_penalty": (0, math.inf),
    "pool_size": (0, math.inf),
    "ema_decay": (0, 0.99999),
    "discriminator_steps": (1, 100),
    "discriminator_learning_rate": (0, 1),
    "decay_from": (0, 0.99),
    "beta_2": (0, 0.99999),
    "clip_norm": (1e-6, math.inf),
    "residual_blocks": (0, 64),
    "dropout": (0, 0.95),
    "norm_groups": (1, math.inf),
    "discriminator_filters": (1, math.inf),
    "cycle_weight": (0, math.inf),
    "identity_weight": (0, math.inf),
    "batch_size": (1, math.inf),
    "epochs": (1, math.inf),
    "steps_per_epoch": (1, math.inf),
    "learning_rate": (0, 1),
    "beta_1": (0, 0.999),
    "budget_minutes": (0.1, math.inf),
    "seed": (0, 2**31 - 1),
    "sample_every": (1, math.inf),
    "sample_count": (1, 64),
}


def check_values(values: dict[str, Any]) -> dict[str, Any]:
    """Checks the type and the range of each field given, not how they go together.

    Returns:
        The values, integers made floats where those are expected.

    Raises:
        InputError: naming the flag, what came and what is expected.
    """
    hints = typing.get_type_hints(TrainConfig)
    checked = {name: _checked(name, value, hints[name]) for name, value in values.items()}
    for name, value in checked.items():
        low, high = _RANGES.get(name, (-math.inf, math.inf))
        if isinstance(value, int | float) and not low <= value <= high:
            raise InputError(f"{flag(name)} is {value}; expected {_range_text(low, high)}.")
    return checked


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds one flag per field of `TrainConfig`; one that is not given stays out of the result."""
    hints = typing.get_type_hints(TrainConfig)
    for field in dataclasses.fields(TrainConfig):
        hint = hints[field.name]
        keywords: dict[str, Any] = {"help": field.metadata["help"], "default": argparse.SUPPRESS}
        if hint is bool:
            keywords["action"] = argparse.BooleanOptionalAction
        elif typing.get_origin(hint) is Literal:
            keywords["choices"] = typing.get_args(hint)
        else:
            keywords["type"] = next(t for t in _alternatives(hint) if t is not types.NoneType)
            keywords["metavar"] = keywords["type"].__name__.upper()
        parser.add_argument(flag(field.name), **keywords)


def flag_values(arguments: argparse.Namespace) -> dict[str, Any]:
    """The config fields that were given on the command line."""
    names = {field.name for field in dataclasses.fields(TrainConfig)}
    return {name: value for name, value in vars(arguments).items() if name in names}


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _checked(name: str, value: Any, hint: Any) -> Any:
    """The value, an int made a float where one is expected; raises `InputError` otherwise."""
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if not isinstance(value, str) or value not in choices:
            raise InputError(f"{flag(name)} is {value!r}; choose one of: {', '.join(choices)}.")
        return value
    for kind in _alternatives(hint):
        if type(value) is kind and not (kind is float and not math.isfinite(value)):
            return value
        if kind is float and type(value) is int:
            return float(value)
    expected = " or ".join(
        {types.NoneType: "null", str: "text", bool: "true or false"}.get(kind, kind.__name__)
        for kind in _alternatives(hint)
    )
    raise InputError(f"{flag(name)} is {value!r}; expected {expected}.")


def _range_text(low: float, high: float) -> str:
    return f"at least {low:g}" if high == math.inf else f"a value from {low:g} to {high:g}"
