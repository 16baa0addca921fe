"""Which networks a TrainConfig names."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import keras

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.models.networks.blocks import Style
from cyclegan_tf.models.networks.dcgan import (
    dcgan_discriminator,
    dcgan_generator,
    projected_latent_discriminator,
    residual_discriminator,
    residual_generator,
)
from cyclegan_tf.models.networks.discriminators import Regularization, patch_discriminator
from cyclegan_tf.models.networks.generators import (
    painter_generator,
    resnet_generator,
    unet_depth,
    unet_generator,
)

GENERATORS: dict[str, Callable[[TrainConfig], Callable[..., keras.Model]]] = {
    "unet": lambda config: partial(
        unet_generator,
        config.image_size,
        depth=config.unet_depth,
        head_filters=config.head_filters,
    ),
    "resnet": lambda config: partial(resnet_generator, config.residual_blocks),
    "painter": lambda config: partial(
        painter_generator,
        config.image_size,
        depth=config.halvings,
        blocks=config.residual_blocks,
    ),
}
# of those of A and of B
HEADS = {
    "patch": ("one", "one"),
    "projected": ("projected", "projected"),
    "two-objective": ("one", "two"),
}
LATENT_GENERATORS = {
    "transpose": dcgan_generator,
    "residual": residual_generator,
}
LATENT_DISCRIMINATORS = {
    "strided": dcgan_discriminator,
    "projected": projected_latent_discriminator,
    "residual": residual_discriminator,
}

MARGIN = 16  # pixels of mirrored border around what a U-Net or a painter translates


def translation_networks(config: TrainConfig, seeds: Iterator[int]) -> list[keras.Model]:
    """The four networks of a CycleGan, or the two of a Cut.

    Args:
        config: of the run.
        seeds: one is taken for each network, in the order of the result.

    Returns:
        `generator_ab`, `generator_ba`, `discriminator_a`, `discriminator_b`; of a Cut the first and
        the last.
    """
    generator, style = _generator(config), _style(config)
    if style.norm == "pixel":  # what else is in the picture may well count for a discriminator
        style = replace(style, norm="group")
    discriminator_a, discriminator_b = (
        partial(
            patch_discriminator,
            style,
            _regularization(config),
            heads=heads,
            n_layers=config.discriminator_layers,
            base_filters=config.discriminator_filters,
        )
        for heads in HEADS[config.discriminator]
    )
    builders = {
        "generator_ab": generator,
        "generator_ba": generator,
        "discriminator_a": discriminator_a,
        "discriminator_b": discriminator_b,
    }
    if config.model == "cut":
        builders = {name: builders[name] for name in ("generator_ab", "discriminator_b")}
    return [build(seed=next(seeds), name=name) for name, build in builders.items()]


def translation_generator(config: TrainConfig, name: str) -> keras.Model:
    """One generator of a CycleGan, for weights that are trained."""
    return _generator(config)(name=name)


def _generator(config: TrainConfig) -> Callable[..., keras.Model]:
    """Builds generators, given their seed and name."""
    return partial(
        GENERATORS[config.generator](config),
        _style(config),
        base_filters=config.base_filters,
    )


def _style(config: TrainConfig) -> Style:
    _take_channels_last()
    return Style(
        norm=config.norm,
        norm_groups=config.norm_groups,
        upsampling=config.upsampling,
        global_skip=config.global_skip,
        skip_blur=config.skip_blur,
        dropout=config.dropout,
        channels=config.channels,
    )


def _regularization(config: TrainConfig) -> Regularization:
    return Regularization(
        noise_std=config.discriminator_noise,
        dropout=config.discriminator_dropout,
        spectral_norm=config.spectral_norm,
    )


def _take_channels_last() -> None:
    """Whatever keras.json says: the pixels are NHWC everywhere."""
    keras.config.set_image_data_format("channels_last")


def latent_pair(
    config: TrainConfig, seed: int, *, synchronized: bool = False
) -> tuple[keras.Model, keras.Model]:
    """Generator and discriminator of a DcGan.

    Args:
        config: of the run.
        seed: of both.
        synchronized: for several replicas: batch norms see the batches of all.
    """
    _take_channels_last()
    options = {"image_size": config.image_size, "seed": seed}
    generator = LATENT_GENERATORS[config.latent_generator](
        latent_size=config.latent_size,
        base_filters=config.base_filters,
        synchronized=synchronized,
        name="generator",
        **options,
    )
    discriminator = LATENT_DISCRIMINATORS[config.latent_discriminator](
        regularization=_regularization(config),
        base_filters=config.discriminator_filters,
        name="discriminator",
        **options,
    )
    return generator, discriminator


def stride(config: TrainConfig) -> int:
    """What a translating generator divides the sides of its input by."""
    if config.generator == "resnet":
        return 4
    return 2 ** (config.halvings or unet_depth(config.image_size))


def margin(config: TrainConfig) -> int:
    """Pixels of mirrored border that keep the zero padding out of sight; 0: none needed.

    It must be a multiple of what the network divides sides by. A deep one, which would want a
    border as wide as a quarter of the picture, goes without.
    """
    if config.model == "dcgan" or config.generator == "resnet":
        return 0
    border = max(MARGIN, stride(config), config.skip_blur)
    return border if 4 * border < config.whole_size else 0
