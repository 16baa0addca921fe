"""Named starting points for a training run: each a function whose docstring says what it is for."""

import dataclasses
from collections.abc import Callable
from typing import Any

from cyclegan_tf.config.fields import without_ignored
from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.errors import InputError, suggestion


def demo() -> TrainConfig:
    """The synthetic set at 128 px: learns the painter's palette in minutes on two CPU cores.

    Command: `python -m cyclegan_tf.train`
    Takes five to ten minutes, images.zip included.
    """
    return TrainConfig(
        image_size=128,
        validation_fraction=0.15,
        base_filters=16,
        discriminator_filters=32,
        upsampling="resize",
        dropout=0.2,
        batch_size=2,
        epochs=8,
        learning_rate=4e-4,  # twice the usual rate: there are only 720 steps
        sample_every=2,
        sample_count=5,
    )


def cpu() -> TrainConfig:
    """Photos become paintings: strokes of 256 px pictures, in 40 minutes on two CPU cores.

    One direction: in the same time a CycleGan sees half as many paintings.

    Command: `python -m cyclegan_tf.train --data DIR --preset cpu`
    How it was found, and what it scores: `benchmarks/results/quality.md`.
    """
    return TrainConfig(
        model="cut",
        # crops of 128 px at the scale of the originals: reduced to it, they show no strokes
        image_size=128,
        crop_probability=1.0,
        crop_enlarge=2.0,
        picture_size=256,
        generator="painter",
        residual_blocks=3,
        base_filters=32,
        norm="pixel",  # dark and empty areas are not stretched, as they are by instance norm
        upsampling="bilinear",
        discriminator="projected",
        discriminator_layers=2,
        discriminator_filters=32,
        adversarial_loss="hinge",
        content_weight=1.0,
        identity_weight=0.0,
        colour_weight=1.0,
        ema_decay=0.998,
        batch_size=4,
        learning_rate=4e-4,
        beta_2=0.99,
        schedule="linear",
        precision="auto",
        epochs=1000,
        steps_per_epoch=100,  # a minute or two: samples and curves come often
        budget_minutes=40,
        sample_every=2,
    )


def kaggle() -> TrainConfig:
    """The competition at 256 px on one GPU, within its limit of five hours.

    The recipe of `cpu` with a network of the usual width, on whole pictures, whose strokes are
    as large as those of its crops. In this time a GPU shows each painting hundreds of times:
    DiffAugment keeps the discriminator from learning them by heart (its colours stay off, the
    palette is what is to be learned).

    Command: `python -m cyclegan_tf.train --data DIR --preset kaggle`
    """
    return dataclasses.replace(
        cpu(),
        image_size=256,
        crop_probability=0.0,
        crop_enlarge=1.3,
        picture_size=None,
        base_filters=64,
        discriminator_filters=64,
        diff_augment="mirrored",
        ema_decay=0.999,
        learning_rate=2e-4,
        budget_minutes=270,
        precision="mixed_float16",
        steps_per_epoch=250,
        sample_every=10,
    )


def notebook() -> TrainConfig:
    """The classic tutorial notebook: U-Net, cross-entropy, batch 4, at 256 px.

    Repaired: no norm at the 1 x 1 bottleneck, gamma around 1, every photo reached.

    Command: `python -m cyclegan_tf.train --data DIR --preset notebook`
    Meant for one GPU and some hours; a step of batch 4 takes 8 to 9 s on two CPU cores.
    """
    return TrainConfig(
        image_size=256,
        batch_size=4,
        epochs=200,
        learning_rate=2e-4,
        beta_1=0.5,
        cycle_weight=10.0,
        identity_weight=5.0,
        flip_left_right=0.0,
        sample_every=10,
    )


def paper() -> TrainConfig:
    """Zhu et al. 2017: ResNet-9, least squares, pool of 50, batch 1, 100 + 100 epochs.

    Command: `python -m cyclegan_tf.train --data DIR --preset paper`
    Meant for one GPU and a day or two; a step takes about 13 s on two CPU cores.
    """
    return TrainConfig(
        image_size=256,
        batch_size=1,
        epochs=200,
        crop_probability=1.0,
        crop_enlarge=286 / 256,  # loaded at 286 px, cropped to 256 (authors' code)
        generator="resnet",
        residual_blocks=9,
        norm="instance",
        adversarial_loss="lsgan",
        cycle_weight=10.0,
        identity_weight=5.0,
        pool_size=50,
        schedule="linear",
        decay_from=0.5,
    )


def two_objective() -> TrainConfig:
    """The two-objective discriminator for B with DiffAugment: few paintings, much training.

    Command: `python -m cyclegan_tf.train --data DIR --preset two-objective`
    Meant for one GPU, within the competition's five hours.
    """
    return dataclasses.replace(
        notebook(),
        flip_left_right=0.5,
        adversarial_loss="hinge",
        discriminator="two-objective",
        two_objective_weight=0.4,
        diff_augment="all",
        ema_decay=0.999,
        precision="mixed_float16",
        schedule="linear",
        budget_minutes=270,
    )


def dcgan_notebook() -> TrainConfig:
    """The classic DCGAN recipe, to compare with: rates of ten to one, soft labels, noise.

    Command: `python -m cyclegan_tf.train --data DIR --preset dcgan-notebook`
    Meant for one GPU and an hour or two; with `--image-size 64` for two CPU cores.
    Its soft labels, drawn from [0.9, 1] and [0, 0.1], stand for their means.
    """
    return TrainConfig(
        model="dcgan",
        image_size=256,
        batch_size=4,
        epochs=500,
        expand=True,
        crop_enlarge=1.3,
        noise_std=0.05,
        latent_generator="transpose",
        latent_discriminator="strided",
        latent_size=128,
        base_filters=32,
        discriminator_filters=64,
        discriminator_dropout=0.3,
        discriminator_noise=0.05,
        adversarial_loss="soft-bce",
        learning_rate=1e-3,
        discriminator_learning_rate=1e-4,
        beta_1=0.5,
        beta_2=0.9,
        sample_every=10,
        sample_count=16,
    )


def dcgan() -> TrainConfig:
    """A DCGAN that learns to paint: equal rates, DiffAugment, moving average, larger batches.

    Command: `python -m cyclegan_tf.train --data DIR --preset dcgan`
    Meant for two CPU cores, 40 minutes at 64 px; what it does in 15: `benchmarks/results/dcgan.md`.
    """
    return TrainConfig(
        model="dcgan",
        image_size=64,
        batch_size=16,
        epochs=2000,
        steps_per_epoch=100,
        budget_minutes=40,
        latent_generator="transpose",  # residual blocks were slower and less varied on a CPU
        latent_discriminator="strided",
        base_filters=32,
        discriminator_filters=48,
        adversarial_loss="bce",
        diff_augment="geometry",
        ema_decay=0.99,
        learning_rate=2e-4,
        beta_1=0.5,
        beta_2=0.99,
        sample_every=5,
        sample_count=16,
    )


_WEAK_CYCLE = 2.0  # of a painting recipe: the usual 10 holds the photo's texture

PRESETS: dict[str, Callable[[], TrainConfig]] = {
    "demo": demo,
    "cpu": cpu,
    "kaggle": kaggle,
    "notebook": notebook,
    "paper": paper,
    "two-objective": two_objective,
    "dcgan": dcgan,
    "dcgan-notebook": dcgan_notebook,
}
# What `train --presets` says of each: what it is for, the hardware that it is meant for, the time.
SUMMARIES: dict[str, tuple[str, str, str]] = {
    "demo": ("the synthetic set at 128 px", "2 CPU cores", "5 to 10 minutes"),
    "cpu": ("photos become paintings, one way", "2 CPU cores", "40 minutes"),
    "kaggle": ("the same on whole pictures, for the competition", "1 GPU", "4.5 hours"),
    "notebook": ("the classic tutorial: U-Net, cross-entropy", "1 GPU", "some hours"),
    "paper": ("Zhu et al. 2017: ResNet-9, least squares", "1 GPU", "1 to 2 days"),
    "two-objective": ("few paintings: a discriminator of two objectives", "1 GPU", "4.5 hours"),
    "dcgan": ("new pictures like those of B, at 64 px", "2 CPU cores", "40 minutes"),
    "dcgan-notebook": ("the classic DCGAN, to compare with", "1 GPU", "1 to 2 hours"),
}


def preset_config(name: str, **changes: Any) -> TrainConfig:
    """The named preset with some fields changed.

    What the preset itself says of a part that a change takes away has its default again: with
    `generator="resnet"` the depth of its U-Net. A preset that translates in one direction becomes a
    CycleGan by `model="cyclegan"`.

    Raises:
        InputError: if there is no such preset, or a change does not fit.

    Example:
        >>> import cyclegan_tf as cg
        >>> config = cg.preset_config("paper", epochs=20)
        >>> config.generator, config.pool_size, config.epochs
        ('resnet', 50, 20)
    """
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}; {suggestion(name, PRESETS)}")
    values = PRESETS[name]().to_dict()
    if values["model"] == "cut" and changes.get("model") == "cyclegan":
        values["cycle_weight"] = _WEAK_CYCLE
    values |= changes
    return TrainConfig(**without_ignored(TrainConfig, values, keep=changes))


def default_preset(model: str, *, synthetic: bool, accelerator: bool) -> str:
    """The preset where none is named.

    Args:
        model: "cyclegan", "cut" or "dcgan".
        synthetic: whether the images are those of the synthetic set.
        accelerator: whether a GPU or a TPU trains.
    """
    if model == "dcgan":
        return "dcgan"
    if synthetic:
        return "demo"
    return "kaggle" if accelerator else "cpu"
