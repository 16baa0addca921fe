"""TrainConfig: everything a training run can be told, as one flat frozen record.

Needs the standard library only, so that `--help` answers without loading TensorFlow.
"""

import dataclasses
import difflib
import os
from dataclasses import dataclass
from typing import Any, Literal

from cyclegan_tf.config.constraints import check_combinations
from cyclegan_tf.config.fields import check_fields, check_needs, option, without_ignored
from cyclegan_tf.errors import InputError

TRANSLATING = ("cyclegan", "cut")  # the models that make a picture of a picture
# What options of only one kind of model need.
_CYCLEGAN, _CUT, _DCGAN = ({"model": name} for name in ("cyclegan", "cut", "dcgan"))
_TRANSLATION = {"model": TRANSLATING}
PATHS = ("data", "a", "b", "inception")  # fields that say where files are


@dataclass(frozen=True)
class TrainConfig:
    """A training run: data, augmentation, networks, objective, optimization, machine, reports.

    Raises:
        InputError: on a value of the wrong type, out of its range, at odds with another one, or
            one that others switch off.
    """

    model: Literal["cyclegan", "cut", "dcgan"] = option(
        "cyclegan",
        "cyclegan translates A into B and back; cut translates A into B alone, with half the "
        "networks; dcgan invents pictures like those of B",
    )

    # Data
    data: str = option(
        "",
        "data set: folder, zip or gs:// (Kaggle TFRecords, Kaggle JPEGs, or trainA/trainB)",
        changeable=True,
    )
    a: str = option(
        "",
        "folder or zip of domain A, what is translated (with --b, in place of --data)",
        changeable=True,
    )
    b: str = option("", "folder or zip of domain B, what it is translated into", changeable=True)
    swap: bool = option(False, "exchange the domains: B is translated into A", needs=_TRANSLATION)
    features: str = option(
        "",
        "what TFRecords call image and name, such as image=image_raw,name=filename; default: "
        "it is seen",
        changeable=True,
    )
    channels: int = option(
        3, "1: all in grey, in networks of one channel; 3: colours", low=1, high=3, needs=_CYCLEGAN
    )
    range: tuple[float, float] | None = option(
        None,
        "values that become black and white, in files of more than 8 bits a channel (0 4095 for "
        "12 bits in 16); default: as the file says",
    )
    image_size: int = option(256, "side in pixels of the square training images", low=32, high=4096)
    picture_size: int | None = option(
        None,
        "side of whole pictures in samples and validation; default: the image size",
        low=32,
        high=4096,
        changeable=True,
        needs=_TRANSLATION,
    )
    validation_fraction: float = option(
        0.0,
        "share of each domain held out, by a hash of the names; 0 with no test folders: none",
        low=0,
        high=0.9,
    )
    skip_bad_images: bool = option(False, "name and skip what is no image instead of refusing it")
    cache: Literal["auto", "encoded", "decoded"] = option(
        "auto",
        "images in memory as they come (encoded), or as pixels, which are faster and ten times as "
        "large (decoded); auto: pixels, where they fit easily",
        changeable=True,
    )

    # Augmentation
    flip_left_right: float = option(
        0.5, "probability of a left-right flip", low=0, high=1, needs={"expand": False}
    )
    flip_up_down: float = option(
        0.0, "probability of an up-down flip", low=0, high=1, needs={"expand": False}
    )
    crop_probability: float = option(
        0.0,
        "probability of enlarging and cropping an image",
        low=0,
        high=1,
        needs={"expand": False},
    )
    crop_enlarge: float = option(
        1.3,
        "how much larger it is made before the crop",
        low=1,
        high=4,
        needs=({"crop_probability": True}, {"expand": True}),
    )
    noise_std: float = option(
        0.0, "standard deviation of Gaussian noise on images in [-1, 1]", low=0, high=1
    )
    expand: bool = option(
        False,
        "show each image also mirrored, flipped, cropped and noised: five for one",
        needs=_DCGAN,
    )

    # Networks
    generator: Literal["unet", "resnet", "painter"] = option(
        "unet",
        "architecture of the generators; painter: a U-Net past which no fine detail goes, so that "
        "it has to draw",
        needs=_TRANSLATION,
    )
    base_filters: int = option(
        64, "filters of the generators' first layer; the rest scales", low=1, high=1024
    )
    unet_depth: int | None = option(
        None,
        "how often the U-Net halves an image (default: as often as it can), or the painter (4)",
        low=2,
        high=8,
        needs=_TRANSLATION | {"generator": ("unet", "painter")},
    )
    head_filters: int = option(
        0,
        "filters of a last stage at full size that sees the input again; 0: none",
        low=0,
        high=1024,
        needs=_TRANSLATION | {"generator": "unet"},
    )
    residual_blocks: int = option(
        9,
        "residual blocks: 9 at 256 px, 6 at 128 in the paper; a painter needs 3",
        low=0,
        high=64,
        needs=_TRANSLATION | {"generator": ("resnet", "painter")},
    )
    dropout: float | None = option(
        None,
        "dropout rate: the U-Net's three deepest levels (default 0.5), the ResNet's blocks (0)",
        low=0,
        high=0.95,
        needs=_TRANSLATION,
    )
    norm: Literal["group", "instance", "pixel", "none"] = option(
        "group",
        "normalization; instance is without scale and offset, as in the paper; pixel: over the "
        "channels of each pixel, whatever else is in the picture (of generators; discriminators "
        "then have group)",
        needs=_TRANSLATION,
    )
    norm_groups: int | None = option(
        None, "groups; default: one a channel", low=1, needs=_TRANSLATION | {"norm": "group"}
    )
    upsampling: Literal["transpose", "resize", "bilinear"] = option(
        "transpose",
        "how generators enlarge: transposed convolutions, or nearest or bilinear + convolution",
        needs=_TRANSLATION,
    )
    global_skip: bool = option(
        False,
        "generators predict a change of their input, at first none: keeps the content",
        needs=_TRANSLATION,
    )
    skip_blur: int = option(
        1,
        "what the global skip passes on; 1: the image, more: means of squares of this side, so "
        "that colours stay and detail is drawn anew",
        low=1,
        high=64,
        needs=_TRANSLATION | {"global_skip": True},
    )
    discriminator: Literal["patch", "projected", "two-objective"] = option(
        "patch",
        "architecture of the discriminators; projected: beside the patches they see frozen "
        "features of an image classifier; two-objective: that of B has two heads",
        needs=_TRANSLATION,
    )
    discriminator_filters: int = option(
        64, "filters of the discriminators' first layer", low=1, high=1024
    )
    discriminator_layers: int = option(
        3,
        "strided layers, 1 to 4: patches of 16, 34, 70, 142 px",
        low=1,
        high=4,
        needs=_TRANSLATION,
    )
    discriminator_noise: float = option(
        0.0, "deviation of Gaussian noise on what they see", low=0, high=1
    )
    discriminator_dropout: float = option(0.0, "dropout rate behind their layers", low=0, high=0.95)
    spectral_norm: bool = option(
        False,
        "divide their kernels by their largest singular value",
        needs=({"latent_discriminator": "residual"}, _TRANSLATION),
    )
    latent_generator: Literal["transpose", "residual"] = option(
        "residual",
        "transposed convolutions as in 2016, or residual blocks that resize",
        needs=_DCGAN,
    )
    latent_discriminator: Literal["strided", "residual", "projected"] = option(
        "strided",
        "strided convolutions as in 2016, residual blocks, or small networks on frozen features "
        "of an image classifier",
        needs=_DCGAN,
    )
    latent_size: int = option(
        128, "numbers a picture is made from", low=1, high=65_536, needs=_DCGAN
    )

    # Objective
    adversarial_loss: Literal["bce", "soft-bce", "lsgan", "hinge", "wgan-gp"] = option(
        "bce", "adversarial objective (bce: cross-entropy, soft-bce: with soft labels)"
    )
    label_smoothing: float = option(
        0.0,
        "lowers the label of real images",
        low=0,
        high=0.5,
        needs={"adversarial_loss": ("bce", "lsgan")},
    )
    two_objective_weight: float = option(
        0.4,
        "weight of the second head for the generator",
        low=0,
        needs=_TRANSLATION | {"discriminator": "two-objective"},
    )
    cycle_weight: float = option(
        10.0, "weight of cycle consistency (Zhu et al. 2017, section 3.3)", low=0, needs=_CYCLEGAN
    )
    cycle_weight_end: float | None = option(
        None, "what it falls to; default: it stays", low=0, needs=_CYCLEGAN
    )
    content_weight: float = option(
        1.0,
        "weight of the contrastive loss, which keeps each thing in its place (Park et al. 2020)",
        low=0,
        needs=_CUT,
    )
    identity_weight: float = option(
        5.0, "weight of the identity loss, 0: off (section 5.2)", low=0, needs=_TRANSLATION
    )
    identity_weight_end: float | None = option(
        None, "what it falls to; default: it stays", low=0, needs=_TRANSLATION
    )
    colour_weight: float = option(
        0.0,
        "weight of the distance between a picture and its translation in means over squares of "
        "16 px: keeps colours in place",
        low=0,
        needs=_TRANSLATION,
    )
    r1_weight: float = option(0.0, "weight of the R1 penalty (Mescheder et al. 2018)", low=0)
    gradient_penalty: float | None = option(
        None, "weight of the gradient penalty; default: 10 with wgan-gp, else 0", low=0
    )

    # Stabilizers
    pool_size: int = option(
        0, "fakes remembered for the discriminators, 50 in the paper", low=0, high=10_000
    )
    diff_augment: Literal["off", "geometry", "mirrored", "all"] = option(
        "off",
        "augment what the discriminators see (Zhao et al. 2020); mirrored: what moves in is the "
        "mirrored picture, not grey; all: colours too",
    )
    ema_decay: float = option(
        0.0, "moving average of the generators' weights; 0.999 is usual", low=0, high=0.99999
    )
    submit: Literal["ema", "last", "best"] = option(
        "ema",
        "weights that draw samples and submission; ema: the average, where there is one; best: "
        "the average of the epoch with the lowest FID (--evaluate-every)",
        changeable=True,
    )
    discriminator_steps: int = option(
        1, "discriminator updates after each generator update", low=1, high=100
    )

    # Optimization
    batch_size: int = option(1, "images of each domain in a step", low=1, high=65_536)
    epochs: int = option(100, "epochs to train", low=1, high=10**9, changeable=True)
    steps_per_epoch: int | None = option(
        None, "steps in an epoch; default: the larger domain once", low=1, high=10**9
    )
    learning_rate: float = option(2e-4, "Adam's learning rate", low=0, high=1, changeable=True)
    discriminator_learning_rate: float | None = option(
        None, "default: the generators'", low=0, high=1, changeable=True
    )
    schedule: Literal["constant", "linear", "cosine"] = option(
        "constant", "of both learning rates; linear and cosine end at zero"
    )
    decay_from: float = option(
        0.5,
        "share of the training before the linear schedule falls",
        low=0,
        high=0.99,
        needs={"schedule": "linear"},
    )
    beta_1: float = option(
        0.5, "Adam's beta 1; 0.9 makes the players oscillate (DCGAN, section 4)", low=0, high=0.999
    )
    beta_2: float = option(0.999, "Adam's beta 2", low=0, high=0.99999)
    clip_norm: float | None = option(
        None, "scale gradients of a larger joint norm down to this", low=1e-06, changeable=True
    )
    checkpoint_minutes: float = option(
        10.0,
        "minutes between saves of the state in the middle of an epoch; each epoch ends with one",
        low=0,
        changeable=True,
    )
    budget_minutes: float | None = option(
        None,
        "end training, final samples and images.zip within these minutes",
        low=0.1,
        changeable=True,
    )
    submission: bool = option(
        True,
        "write images.zip after the last step, where the data are Kaggle's",
        changeable=True,
        needs=_TRANSLATION,
    )

    # Machine
    seed: int = option(
        0, "seeds weights, order of images, augmentation and dropout", low=0, high=2**31 - 1
    )
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16", "auto"] = option(
        "float32",
        "number format of the computations; auto: bfloat16 on a CPU made for it, else float32",
    )
    jit: Literal["auto", "on", "off"] = option(
        "auto", "compile with XLA; auto: on one GPU or TPU", changeable=True
    )
    strategy: Literal["auto", "one", "mirrored", "multiworker", "tpu"] = option(
        "auto",
        "what trains: one device, all GPUs (mirrored), several machines (multiworker) or a TPU; "
        "auto: a TPU or else all GPUs, where there are any",
        changeable=True,
    )
    gradient_accumulation: int = option(
        1,
        "parts into which a batch is divided to save memory; the step stays the same",
        low=1,
        changeable=True,
    )
    deterministic: bool = option(False, "bit-exact repetition, somewhat slower", changeable=True)

    # Reports
    profile: bool = option(
        False, "first profile a few steps for TensorBoard and print their cost", changeable=True
    )
    sample_every: int = option(5, "epochs between sample grids", low=1, changeable=True)
    sample_count: int = option(6, "pictures in a sample grid", low=1, high=64, changeable=True)
    evaluate_every: int | None = option(
        None,
        "epochs between scores (FID, KID) of a fixed set of pictures; default: no scores",
        low=1,
        changeable=True,
    )
    inception: str = option(
        "",
        "frozen Inception graph for the scores; default: fetched once, and kept",
        changeable=True,
        needs={"evaluate_every": True},
    )

    def __post_init__(self) -> None:
        for name, value in check_values(dataclasses.asdict(self)).items():
            # shells leave `~` as it is in --data=~/set
            home = name in PATHS and value.startswith("~")
            object.__setattr__(self, name, os.path.expanduser(value) if home else value)  # noqa: PTH111
        check_needs(self)
        check_combinations(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrainConfig":
        """Builds a config from plain values, as a run's `config.json` holds them.

        What others switch off has its default: earlier versions took it and ignored it.

        Raises:
            InputError: on a key that is no field, or a value that does not fit its field.
        """
        defaults = {field.name: field.default for field in dataclasses.fields(cls)}
        return cls(**without_ignored(cls, defaults | check_values(values)))

    @property
    def images_per_step(self) -> int:
        """Real images that a training step looks at: of both domains, or of B alone."""
        return self.batch_size * (1 if self.model == "dcgan" else 2)

    @property
    def whole_size(self) -> int:
        """Side of whole pictures in samples, validation and scores."""
        return self.picture_size or self.image_size

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return dataclasses.asdict(self)


def check_values(values: dict[str, Any]) -> dict[str, Any]:
    """`fields.check_fields` of some fields of a TrainConfig; a key that is no field is refused."""
    known = [field.name for field in dataclasses.fields(TrainConfig)]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}."
            raise InputError(f"unknown config key {key!r}; {hint}")
    return check_fields(TrainConfig, values)
