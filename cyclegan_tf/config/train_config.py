"""TrainConfig: everything a training run can be told, as one flat frozen record.

Needs the standard library only, so that `--help` answers without loading TensorFlow.
"""

import dataclasses
import os
from dataclasses import dataclass
from typing import Any, Literal

from cyclegan_tf.config.constraints import check_combinations
from cyclegan_tf.config.fields import check_fields, check_needs, option, without_ignored
from cyclegan_tf.errors import InputError, suggestion

TRANSLATING = ("cyclegan", "cut")  # the models that make a picture of a picture
# What options of only one kind of model need.
_CYCLEGAN, _CUT, _DCGAN = ({"model": name} for name in ("cyclegan", "cut", "dcgan"))
_TRANSLATION = {"model": TRANSLATING}
PATHS = ("data", "a", "b", "inception")  # fields that say where files are
_PAINTER_DEPTH = 4  # how often a painter halves an image where no depth is given


@dataclass(frozen=True)
class TrainConfig:
    """A training run: data, augmentation, networks, objective, optimization, machine, reports.

    Raises:
        InputError: on a value of the wrong type, out of its range, at odds with another one, or
            one that others switch off.

    Example:
        >>> import cyclegan_tf as cg
        >>> cg.TrainConfig(image_size=128, batch_size=4).images_per_step
        8
        >>> cg.TrainConfig(image_size=100)
        Traceback (most recent call last):
            ...
        cyclegan_tf.errors.InputError: --image-size 100 does not fit ...; take a multiple of 32, ...
    """

    model: Literal["cyclegan", "cut", "dcgan"] = option(
        "cyclegan",
        "cyclegan translates A into B and back; cut translates A into B only, with half the "
        "networks; dcgan invents new pictures that look like those of B",
    )

    # Data
    data: str = option(
        "",
        "the data set: a folder, a zip or a gs:// address that holds Kaggle's TFRecords, Kaggle's "
        "JPEGs, or trainA/ and trainB/",
        metavar="PATH",
        unset="the competition's data on Kaggle, elsewhere a synthetic set that is drawn for you",
        changeable=True,
    )
    a: str = option(
        "",
        "instead of --data: a folder or zip with the pictures of domain A, which are translated",
        metavar="PATH",
        changeable=True,
    )
    b: str = option(
        "",
        "together with --a: a folder or zip with the pictures of domain B, which show what the "
        "translations should look like",
        metavar="PATH",
        changeable=True,
    )
    swap: bool = option(
        False, "exchange the domains, so that B is translated into A", needs=_TRANSLATION
    )
    features: str = option(
        "",
        "the features of TFRecords that hold the image and its name, for example "
        "image=image_raw,name=filename",
        metavar="NAMES",
        unset="found automatically",
        changeable=True,
    )
    channels: int = option(
        3,
        "3 trains on colour pictures; 1 turns everything grey and trains generators of one channel",
        metavar="1|3",
        low=1,
        high=3,
        needs=_TRANSLATION,
    )
    range: tuple[float, float] | None = option(
        None,
        "the values that stand for black and for white in files with more than 8 bits per channel, "
        "for example 0 4095 for 12 bits stored in 16",
        unset="as the file says",
    )
    image_size: int = option(
        256, "side of the square training images", metavar="PIXELS", low=32, high=4096
    )
    picture_size: int | None = option(
        None,
        "side of the whole pictures that samples, validation and scores show",
        metavar="PIXELS",
        unset="the image size",
        low=32,
        high=4096,
        changeable=True,
        needs=_TRANSLATION,
    )
    validation_fraction: float = option(
        0.0,
        "share of each domain that is held out for validation, chosen by a hash of the file "
        "names; if a domain has a test folder, that folder is held out instead, whatever the share",
        metavar="SHARE",
        low=0,
        high=0.9,
    )
    skip_bad_images: bool = option(
        False, "name the files that are not images and leave them out, instead of stopping"
    )
    cache: Literal["auto", "encoded", "decoded"] = option(
        "auto",
        "how images are kept in memory: encoded, as the files hold them; decoded, as pixels, "
        "which are read faster and take ten times as much memory; auto decodes them if they fit "
        "easily",
        changeable=True,
    )

    # Augmentation
    flip_left_right: float = option(
        0.5,
        "how often an image is mirrored left to right",
        metavar="PROBABILITY",
        low=0,
        high=1,
        needs={"expand": False},
    )
    flip_up_down: float = option(
        0.0,
        "how often an image is turned upside down",
        metavar="PROBABILITY",
        low=0,
        high=1,
        needs={"expand": False},
    )
    crop_probability: float = option(
        0.0,
        "how often an image is enlarged and then cropped at random",
        metavar="PROBABILITY",
        low=0,
        high=1,
        needs={"expand": False},
    )
    crop_enlarge: float = option(
        1.3,
        "how much an image is enlarged before it is cropped",
        metavar="FACTOR",
        low=1,
        high=4,
        needs=({"crop_probability": True}, {"expand": True}),
    )
    noise_std: float = option(
        0.0,
        "standard deviation of the Gaussian noise that is added to images, whose values go from "
        "-1 to 1",
        metavar="DEVIATION",
        low=0,
        high=1,
    )
    expand: bool = option(
        False,
        "show each image in five versions: as it is, mirrored, upside down, cropped and noisy",
        needs=_DCGAN,
    )

    # Networks
    generator: Literal["unet", "resnet", "painter"] = option(
        "unet",
        "architecture of the generators; painter is a U-Net without its finest skip connection, "
        "so that it has to draw fine detail itself",
        needs=_TRANSLATION,
    )
    base_filters: int = option(
        64,
        "filters of the generators' first layer; all other layers scale with it",
        metavar="FILTERS",
        low=1,
        high=1024,
    )
    unet_depth: int | None = option(
        None,
        "how many times the U-Net or the painter halves an image",
        metavar="TIMES",
        unset="as often as its size allows; a painter 4 times",
        low=2,
        high=8,
        needs=_TRANSLATION | {"generator": ("unet", "painter")},
    )
    head_filters: int = option(
        0,
        "filters of a last stage that works at full size and sees the input again; 0 leaves it out",
        metavar="FILTERS",
        low=0,
        high=1024,
        needs=_TRANSLATION | {"generator": "unet"},
    )
    residual_blocks: int = option(
        9,
        "number of residual blocks; the paper uses 9 for 256 px and 6 for 128 px, a painter needs "
        "3",
        metavar="BLOCKS",
        low=0,
        high=64,
        needs=_TRANSLATION | {"generator": ("resnet", "painter")},
    )
    dropout: float | None = option(
        None,
        "dropout rate in the three deepest levels of the U-Net, or in the residual blocks of the "
        "ResNet and the painter",
        metavar="SHARE",
        unset="0.5 for the U-Net, otherwise 0",
        low=0,
        high=0.95,
        needs=_TRANSLATION,
    )
    norm: Literal["group", "instance", "pixel", "none"] = option(
        "group",
        "group normalizes groups of channels, with a learned scale and offset; instance each "
        "channel, without these, as in the paper; pixel each pixel over its channels, whatever "
        "else the picture shows (in the generators; the discriminators then use group)",
        needs=_TRANSLATION,
    )
    norm_groups: int | None = option(
        None,
        "number of groups for --norm group",
        metavar="GROUPS",
        unset="one per channel",
        low=1,
        needs=_TRANSLATION | {"norm": "group"},
    )
    upsampling: Literal["transpose", "resize", "bilinear"] = option(
        "transpose",
        "how the generators enlarge: by transposed convolutions, or by resizing (to the nearest "
        "pixel, or bilinear) and a convolution",
        needs=_TRANSLATION,
    )
    global_skip: bool = option(
        False,
        "let the generators predict a change to their input that starts at zero, which preserves "
        "the content",
        needs=_TRANSLATION,
    )
    skip_blur: int = option(
        1,
        "what the global skip passes on: 1 is the image itself; a larger number is the mean over "
        "squares of this side, so that colours stay and detail is drawn anew",
        metavar="PIXELS",
        low=1,
        high=64,
        needs=_TRANSLATION | {"global_skip": True},
    )
    discriminator: Literal["patch", "projected", "two-objective"] = option(
        "patch",
        "architecture of the discriminators: patch judges overlapping patches; projected also "
        "judges features of a fixed image classifier; two-objective gives the discriminator of B a "
        "second output, which learns the opposite labels",
        needs=_TRANSLATION,
    )
    discriminator_filters: int = option(
        64,
        "filters of the discriminators' first layer; all other layers scale with it",
        metavar="FILTERS",
        low=1,
        high=1024,
    )
    discriminator_layers: int = option(
        3,
        "strided layers of the discriminators: 1, 2, 3 and 4 judge patches of 16, 34, 70 and "
        "142 px",
        metavar="LAYERS",
        low=1,
        high=4,
        needs=_TRANSLATION,
    )
    discriminator_noise: float = option(
        0.0,
        "standard deviation of the Gaussian noise that is added to what the discriminators see",
        metavar="DEVIATION",
        low=0,
        high=1,
    )
    discriminator_dropout: float = option(
        0.0,
        "dropout rate after the layers of the discriminators",
        metavar="SHARE",
        low=0,
        high=0.95,
        needs=(_TRANSLATION, {"latent_discriminator": ("strided", "residual")}),
    )
    spectral_norm: bool = option(
        False,
        "divide the kernels of the discriminators by their largest singular value",
        needs=({"latent_discriminator": "residual"}, _TRANSLATION),
    )
    latent_generator: Literal["transpose", "residual"] = option(
        "residual",
        "the generator of a DCGAN: transposed convolutions as in 2016, or residual blocks that "
        "resize",
        needs=_DCGAN,
    )
    latent_discriminator: Literal["strided", "residual", "projected"] = option(
        "strided",
        "the discriminator of a DCGAN: strided convolutions as in 2016, residual blocks, or small "
        "networks on features of a fixed image classifier",
        needs=_DCGAN,
    )
    latent_size: int = option(
        128,
        "how many random numbers a DCGAN makes a picture from",
        metavar="NUMBERS",
        low=1,
        high=65_536,
        needs=_DCGAN,
    )

    # Objective
    adversarial_loss: Literal["bce", "soft-bce", "lsgan", "hinge", "wgan-gp"] = option(
        "bce",
        "the adversarial objective: bce is cross-entropy, soft-bce the same with soft labels, "
        "lsgan least squares, hinge asks for a margin of 1, wgan-gp is the Wasserstein distance "
        "with a gradient penalty",
    )
    label_smoothing: float = option(
        0.0,
        "how far the label of real images is lowered below 1",
        metavar="AMOUNT",
        low=0,
        high=0.5,
        needs={"adversarial_loss": ("bce", "lsgan")},
    )
    two_objective_weight: float = option(
        0.4,
        "weight of the second output in the generator's loss",
        metavar="WEIGHT",
        low=0,
        needs=_TRANSLATION | {"discriminator": "two-objective"},
    )
    cycle_weight: float = option(
        10.0,
        "weight of the cycle loss: translated there and back, a picture should be itself again "
        "(Zhu et al. 2017, section 3.3)",
        metavar="WEIGHT",
        low=0,
        needs=_CYCLEGAN,
    )
    cycle_weight_end: float | None = option(
        None,
        "final value of the cycle weight, which moves there in a straight line",
        metavar="WEIGHT",
        unset="constant",
        low=0,
        needs=_CYCLEGAN,
    )
    content_weight: float = option(
        1.0,
        "weight of the contrastive loss, which keeps every object where it is (Park et al. 2020)",
        metavar="WEIGHT",
        low=0,
        needs=_CUT,
    )
    identity_weight: float = option(
        5.0,
        "weight of the identity loss: a generator should not change what already belongs to its "
        "target domain (Zhu et al. 2017, section 5.2); 0 turns it off",
        metavar="WEIGHT",
        low=0,
        needs=_TRANSLATION,
    )
    identity_weight_end: float | None = option(
        None,
        "final value of the identity weight, which moves there in a straight line",
        metavar="WEIGHT",
        unset="constant",
        low=0,
        needs=_TRANSLATION,
    )
    colour_weight: float = option(
        0.0,
        "weight of the distance between a picture and its translation, both averaged over squares "
        "of 16 px, which keeps colours in place",
        metavar="WEIGHT",
        low=0,
        needs=_TRANSLATION,
    )
    r1_weight: float = option(
        0.0, "weight of the R1 penalty (Mescheder et al. 2018)", metavar="WEIGHT", low=0
    )
    gradient_penalty: float | None = option(
        None,
        "weight of the gradient penalty (Gulrajani et al. 2017)",
        metavar="WEIGHT",
        unset="10 for wgan-gp, otherwise 0",
        low=0,
    )

    # Stabilizers
    pool_size: int = option(
        0,
        "how many earlier translations are kept to be shown to the discriminators again; the "
        "paper keeps 50",
        metavar="IMAGES",
        low=0,
        high=10_000,
    )
    diff_augment: Literal["off", "geometry", "mirrored", "all"] = option(
        "off",
        "augment what the discriminators see, real or not (DiffAugment, Zhao et al. 2020): "
        "geometry: shifts and cut-outs; mirrored: the same, but the gap of the shift shows the "
        "mirrored picture instead of grey; all: geometry and colours",
    )
    ema_decay: float = option(
        0.0,
        "decay of a moving average of the generators' weights, which samples and results are then "
        "made with; 0.999 is usual, 0 turns it off",
        metavar="DECAY",
        low=0,
        high=0.99999,
    )
    submit: Literal["ema", "last", "best"] = option(
        "ema",
        "which weights make samples and images.zip: ema, the moving average if there is one; "
        "last, the plain weights; best, those of the epoch with the lowest FID (needs "
        "--evaluate-every)",
        changeable=True,
    )
    discriminator_steps: int = option(
        1,
        "discriminator updates after each generator update",
        metavar="UPDATES",
        low=1,
        high=100,
    )

    # Optimization
    batch_size: int = option(
        1, "images of each domain in a training step", metavar="IMAGES", low=1, high=65_536
    )
    epochs: int = option(
        100, "how many epochs to train", metavar="EPOCHS", low=1, high=10**9, changeable=True
    )
    steps_per_epoch: int | None = option(
        None,
        "training steps in an epoch",
        metavar="STEPS",
        unset="one pass over the larger domain",
        low=1,
        high=10**9,
    )
    learning_rate: float = option(
        2e-4, "learning rate of Adam", metavar="RATE", low=0, high=1, changeable=True
    )
    discriminator_learning_rate: float | None = option(
        None,
        "learning rate of the discriminators",
        metavar="RATE",
        unset="that of the generators",
        low=0,
        high=1,
        changeable=True,
    )
    schedule: Literal["constant", "linear", "cosine"] = option(
        "constant", "how both learning rates develop; linear and cosine end at zero"
    )
    decay_from: float = option(
        0.5,
        "share of the training after which the linear schedule begins to fall",
        metavar="SHARE",
        low=0,
        high=0.99,
        needs={"schedule": "linear"},
    )
    beta_1: float = option(
        0.5,
        "beta 1 of Adam; 0.9 makes the two players oscillate (DCGAN, section 4)",
        metavar="BETA",
        low=0,
        high=0.999,
    )
    beta_2: float = option(0.999, "beta 2 of Adam", metavar="BETA", low=0, high=0.99999)
    clip_norm: float | None = option(
        None,
        "scale gradients down when their joint norm is larger than this",
        metavar="NORM",
        unset="never",
        low=1e-06,
        changeable=True,
    )
    checkpoint_minutes: float = option(
        10.0,
        "minutes between two saves of the training state within an epoch; it is saved after every "
        "epoch as well",
        metavar="MINUTES",
        low=0,
        changeable=True,
    )
    budget_minutes: float | None = option(
        None,
        "finish everything within this time: training, final samples and images.zip",
        metavar="MINUTES",
        unset="no limit",
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
        0,
        "fixes the first weights, the order of the images, augmentation and dropout",
        metavar="NUMBER",
        low=0,
        high=2**31 - 1,
    )
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16", "auto"] = option(
        "float32",
        "number format of the computation; auto takes bfloat16 on a CPU that is built for it, and "
        "otherwise float32",
    )
    jit: Literal["auto", "on", "off"] = option(
        "auto", "compile with XLA; auto does so on one GPU (a TPU always does)", changeable=True
    )
    strategy: Literal["auto", "one", "mirrored", "multiworker", "tpu"] = option(
        "auto",
        "where to train: on one device, on all GPUs (mirrored), on several machines (multiworker) "
        "or on a TPU; auto takes a TPU, or else all GPUs, or else the CPU",
        changeable=True,
    )
    gradient_accumulation: int = option(
        1,
        "split each batch into this many parts to save memory; the result of a step stays the same",
        metavar="PARTS",
        low=1,
        changeable=True,
    )
    deterministic: bool = option(
        False,
        "make runs with the same seed equal in every bit, on a GPU and after --resume, too; "
        "somewhat slower",
        changeable=True,
    )

    # Reports
    profile: bool = option(
        False,
        "before training, profile a few steps for TensorBoard and print what they cost",
        changeable=True,
    )
    sample_every: int = option(
        5, "epochs between two grids of samples", metavar="EPOCHS", low=1, changeable=True
    )
    sample_count: int = option(
        6, "pictures in a grid of samples", metavar="PICTURES", low=1, high=64, changeable=True
    )
    evaluate_every: int | None = option(
        None,
        "epochs between two scores (FID and KID) of a fixed set of pictures",
        metavar="EPOCHS",
        unset="no scores",
        low=1,
        changeable=True,
    )
    inception: str = option(
        "",
        "file of the frozen Inception graph that the scores are computed with",
        metavar="FILE",
        unset="downloaded once and kept",
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
    def halvings(self) -> int | None:
        """How often a U-Net or a painter halves an image; None: as often as a U-Net can."""
        return self.unet_depth or (_PAINTER_DEPTH if self.generator == "painter" else None)

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
            raise InputError(f"unknown config key {key!r}; {suggestion(key, known)}")
    return check_fields(TrainConfig, values)
