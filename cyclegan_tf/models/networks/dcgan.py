"""Generators of images from random vectors, and discriminators of whole images."""

from collections.abc import Iterator

import keras
from keras import KerasTensor, layers

from cyclegan_tf.models.networks.blocks import Style, convolution, enlarge, seed_stream
from cyclegan_tf.models.networks.discriminators import Regularization, feature_heads
from cyclegan_tf.models.networks.layers import Dropout, GaussianNoise, LeakyReLU, MinibatchDeviation

SMALLEST_SIDE = 32


def dcgan_generator(
    image_size: int,
    *,
    latent_size: int = 128,
    base_filters: int = 32,
    synchronized: bool = False,
    seed: int = 0,
    name: str = "generator",
) -> keras.Model:
    """The DCGAN generator: a dense layer makes an 8 x 8 map, transposed convolutions enlarge it.

    Args:
        image_size: side of the images, a power of two from 32 on.
        latent_size: length of the latents, and channels of the 8 x 8 map.
        base_filters: filters of maps of 128 px and more; 64, 32 and 16 px have two, four and
            eight times as many.
        synchronized: normalize by the statistics of the batches of all replicas.
        seed: of the weights.
        name: of the model.

    Returns:
        Model from `(n, latent_size)`, standard normal, to `(n, image_size, image_size, 3)`
        float32 in [-1, 1].

    Raises:
        ValueError: if the side is not such a power of two.

    Reference: Radford et al. 2016, arXiv:1511.06434, section 3.
    """
    _check_side(image_size)
    seeds = seed_stream(seed)
    inputs = keras.Input((latent_size,), name="latent")
    x = _dense(inputs, 8 * 8 * latent_size, seeds, use_bias=False)
    x = _normalized_leaky(x, synchronized)
    x = layers.Reshape((8, 8, latent_size))(x)
    side = 16
    while side < image_size:
        width = base_filters * max(128 // side, 1)
        x = enlarge(x, width, 4, "transpose", seeds=seeds, use_bias=False)
        x = _normalized_leaky(x, synchronized)
        side *= 2
    x = enlarge(x, 3, 4, "transpose", seeds=seeds, use_bias=False)
    return keras.Model(inputs, _picture(x), name=name)


def dcgan_discriminator(
    image_size: int,
    regularization: Regularization = Regularization(noise_std=0.05, dropout=0.3),  # noqa: B008
    *,
    base_filters: int = 64,
    seed: int = 0,
    name: str = "discriminator",
) -> keras.Model:
    """Three strided convolutions, then a dense layer that weighs every place of the image.

    Args:
        image_size: side of the images, a power of two from 32 on.
        regularization: noise, and dropout behind each convolution.
        base_filters: filters of the first layer; doubled by the second and by the third.
        seed: of weights, noise and dropout.
        name: of the model.

    Returns:
        Model from `(n, image_size, image_size, 3)` in [-1, 1] to `(n, 1, 1, 1)` float32 logits.

    Raises:
        ValueError: if the side is not such a power of two, or spectral norm is asked for.

    Reference: Radford et al. 2016, arXiv:1511.06434, section 3.
    """
    _check_side(image_size)
    if regularization.spectral_norm:
        raise ValueError(
            "The strided discriminator has no spectral norm; the residual one has. "
            f"Received: regularization={regularization}"
        )
    seeds = seed_stream(seed)
    inputs = keras.Input((image_size, image_size, 3), name="image")
    x = _noisy(inputs, regularization.noise_std, seeds)
    for level in range(3):
        x = convolution(x, base_filters * 2**level, 4, strides=2, seeds=seeds)
        x = LeakyReLU(negative_slope=0.2)(x)
        x = _dropped_out(x, regularization.dropout, seeds)
    x = _dense(layers.Flatten()(x), 1, seeds)
    # the shape of one patch: losses and penalties average over axes 1 to 3
    return keras.Model(inputs, _float32_logits(layers.Reshape((1, 1, 1))(x)), name=name)


def residual_generator(
    image_size: int,
    *,
    latent_size: int = 128,
    base_filters: int = 32,
    synchronized: bool = False,
    seed: int = 0,
    name: str = "generator",
) -> keras.Model:
    """A dense layer makes a 4 x 4 map, residual blocks enlarge it; no transposed convolutions.

    Args:
        image_size: side of the images, a power of two from 32 on.
        latent_size: length of the latents.
        base_filters: filters of the last block; each block before it has twice those of the
            next one, at most eight times as many.
        synchronized: normalize by the statistics of the batches of all replicas.
        seed: of the weights.
        name: of the model.

    Returns:
        Model from `(n, latent_size)`, standard normal, to `(n, image_size, image_size, 3)`
        float32 in [-1, 1].

    Raises:
        ValueError: if the side is not such a power of two.

    Reference: Gulrajani et al. 2017, arXiv:1704.00028, appendix; Miyato et al. 2018,
    arXiv:1802.05957, appendix B.4.
    """
    _check_side(image_size)
    seeds = seed_stream(seed)
    widths = _widths(image_size, base_filters)[::-1]
    inputs = keras.Input((latent_size,), name="latent")
    x = layers.Reshape((4, 4, widths[0]))(_dense(inputs, 4 * 4 * widths[0], seeds))
    for width in widths:
        x = _enlarging_block(x, width, seeds, synchronized=synchronized)
    x = layers.ReLU()(layers.BatchNormalization(synchronized=synchronized)(x))
    x = convolution(x, 3, 3, seeds=seeds)
    return keras.Model(inputs, _picture(x), name=name)


def residual_discriminator(
    image_size: int,
    regularization: Regularization = Regularization(spectral_norm=True),  # noqa: B008 - frozen
    *,
    base_filters: int = 32,
    minibatch_deviation: bool = True,
    seed: int = 0,
    name: str = "discriminator",
) -> keras.Model:
    """Residual blocks with average pooling down to 4 x 4, then one convolution over all of it.

    Args:
        image_size: side of the images, a power of two from 32 on.
        regularization: noise, dropout behind each block, spectral norm.
        base_filters: filters of the first block; each further block has twice as many, at most
            eight times as many.
        minibatch_deviation: show the last layer how much the images of the batch differ.
        seed: of weights, noise and dropout.
        name: of the model.

    Returns:
        Model from `(n, image_size, image_size, 3)` in [-1, 1] to `(n, 1, 1, 1)` float32 logits.

    Raises:
        ValueError: if the side is not such a power of two.

    Reference: Gulrajani et al. 2017, arXiv:1704.00028, appendix; Miyato et al. 2018,
    arXiv:1802.05957, appendix B.4; Karras et al. 2018, arXiv:1710.10196, section 3.
    """
    _check_side(image_size)
    seeds = seed_stream(seed)
    inputs = keras.Input((image_size, image_size, 3), name="image")
    x, spectral_norm = _noisy(inputs, regularization.noise_std, seeds), regularization.spectral_norm
    for level, width in enumerate(_widths(image_size, base_filters)):
        x = _shrinking_block(x, width, seeds, first=level == 0, spectral_norm=spectral_norm)
        x = _dropped_out(x, regularization.dropout, seeds)
    x = layers.ReLU()(x)
    x = MinibatchDeviation()(x) if minibatch_deviation else x
    x = convolution(x, 1, 4, seeds=seeds, padding="valid", spectral_norm=spectral_norm)
    return keras.Model(inputs, _float32_logits(x), name=name)


def projected_latent_discriminator(
    image_size: int,
    regularization: Regularization = Regularization(),  # noqa: B008 - frozen
    *,
    base_filters: int = 64,
    seed: int = 0,
    name: str = "discriminator",
) -> keras.Model:
    """Small networks on frozen features of the image; to be trained with `losses.EachHead`.

    Args:
        image_size: side of the images, a power of two from 32 on.
        regularization: noise on what it sees.
        base_filters: filters of the hidden layer of each of them.
        seed: of weights and noise, and of the mixture of the features.
        name: of the model.

    Returns:
        Model from `(n, image_size, image_size, 3)` in [-1, 1] to the float32 logits of
        `feature_heads`.

    Raises:
        ValueError: if the side is not such a power of two.

    Reference: Sauer et al. 2021 (Projected GANs), arXiv:2111.01007.
    """
    _check_side(image_size)
    seeds = seed_stream(seed)
    inputs = keras.Input((image_size, image_size, 3), name="image")
    x = _noisy(inputs, regularization.noise_std, seeds)
    heads = feature_heads(x, Style(norm="none"), seeds, filters=base_filters)
    return keras.Model(inputs, heads, name=name)


def _check_side(image_size: int) -> None:
    if image_size < SMALLEST_SIDE or image_size & (image_size - 1):
        raise ValueError(
            "Images of a latent model have a side that is a power of two, at least "
            f"{SMALLEST_SIDE}: choose 64, 128 or 256. Received: image_size={image_size}"
        )


def _widths(image_size: int, base_filters: int) -> list[int]:
    """Filters of the blocks between the full side and 4 px, the largest map first."""
    blocks = (image_size // 4).bit_length() - 1
    return [base_filters * min(2**level, 8) for level in range(blocks)]


def _enlarging_block(
    x: KerasTensor, width: int, seeds: Iterator[int], *, synchronized: bool
) -> KerasTensor:
    """(n, h, w, c) to (n, 2 h, 2 w, width)."""
    # a 1 x 1 convolution and the resize commute: first the cheaper one
    skip = layers.UpSampling2D(2)(convolution(x, width, 1, seeds=seeds))
    x = layers.ReLU()(layers.BatchNormalization(synchronized=synchronized)(x))
    x = enlarge(x, width, 3, "resize", seeds=seeds, use_bias=False)
    x = layers.ReLU()(layers.BatchNormalization(synchronized=synchronized)(x))
    x = convolution(x, width, 3, seeds=seeds)
    return layers.Add()([x, skip])


def _shrinking_block(
    x: KerasTensor, width: int, seeds: Iterator[int], *, first: bool, spectral_norm: bool
) -> KerasTensor:
    """(n, h, w, c) to (n, h / 2, w / 2, width)."""
    skip = layers.AveragePooling2D(2)(x)
    skip = convolution(skip, width, 1, seeds=seeds, spectral_norm=spectral_norm)
    # a ReLU on the image itself would hide its dark half
    x = x if first else layers.ReLU()(x)
    x = convolution(x, width, 3, seeds=seeds, spectral_norm=spectral_norm)
    x = convolution(layers.ReLU()(x), width, 3, seeds=seeds, spectral_norm=spectral_norm)
    return layers.Add()([layers.AveragePooling2D(2)(x), skip])


def _dense(
    x: KerasTensor, units: int, seeds: Iterator[int], *, use_bias: bool = True
) -> KerasTensor:
    kernel = keras.initializers.RandomNormal(0.0, 0.02, seed=next(seeds))
    return layers.Dense(units, use_bias=use_bias, kernel_initializer=kernel)(x)


def _normalized_leaky(x: KerasTensor, synchronized: bool) -> KerasTensor:
    x = layers.BatchNormalization(synchronized=synchronized)(x)
    return LeakyReLU(negative_slope=0.2)(x)


def _noisy(x: KerasTensor, std: float, seeds: Iterator[int]) -> KerasTensor:
    return GaussianNoise(std, seed=next(seeds))(x) if std else x


def _dropped_out(x: KerasTensor, rate: float, seeds: Iterator[int]) -> KerasTensor:
    return Dropout(rate, seed=next(seeds))(x) if rate else x


def _picture(x: KerasTensor) -> KerasTensor:
    return layers.Activation("tanh", dtype="float32", name="picture")(x)


def _float32_logits(x: KerasTensor) -> KerasTensor:
    return layers.Activation("linear", dtype="float32", name="logits")(x)
