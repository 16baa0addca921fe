"""Generators and discriminators, as functions that build `keras.Model`s."""

import random
from collections.abc import Iterator

import keras
from keras import KerasTensor, layers

MAX_UNET_DEPTH = 8  # pix2pix halves 256 px down to 1 x 1 (Isola et al. 2017, section 6.1)


def unet_depth(image_size: int) -> int:
    """How often the U-Net halves an image of this side: as often as it divides by 2, at most 8."""
    depth = 0
    while depth < MAX_UNET_DEPTH and image_size % 2 ** (depth + 1) == 0:
        depth += 1
    return depth


def unet_generator(
    image_size: int,
    *,
    base_filters: int = 64,
    dropout: float = 0.5,
    seed: int = 0,
    name: str = "generator",
) -> keras.Model:
    """A U-Net with instance norm: an encoder down to the smallest map, a decoder, skips between.

    Args:
        image_size: side it is trained at; fixes the depth.
        base_filters: filters of the first level; the widest levels have eight times as many.
        dropout: rate in the three deepest up-sampling levels.
        seed: of weights and dropout.
        name: of the model.

    Returns:
        Model from `(n, h, w, 3)` in [-1, 1] to the same shape and range; h and w are any
        multiples of `2 ** unet_depth(image_size)`.

    Reference: Isola et al. 2017 (pix2pix), section 6.1.
    """
    depth = unet_depth(image_size)
    seeds = _seeds(seed)
    filters = [base_filters * min(2**level, 8) for level in range(depth)]
    x = inputs = keras.Input((None, None, 3), name="image")
    skips = []
    for level, width in enumerate(filters):
        # Instance norm of a 1 x 1 map is its own beta, whatever the image: a dead bottleneck.
        normed = 0 < level and image_size // 2 ** (level + 1) > 1
        x = _down(x, width, normed=normed, seeds=seeds)
        skips.append(x)
    for level, width in enumerate(reversed(filters[:-1])):
        x = _up(x, width, dropout=dropout if level < 3 else 0.0, seeds=seeds)
        x = layers.Concatenate()([x, skips[-2 - level]])
    x = layers.Conv2DTranspose(
        3, 4, strides=2, padding="same", kernel_initializer=_kernel(seeds), name="to_rgb"
    )(x)
    # float32 even under a mixed policy: 8-bit colours need more digits than bfloat16 has
    outputs = layers.Activation("tanh", dtype="float32", name="translation")(x)
    return keras.Model(inputs, outputs, name=name)


def patch_discriminator(
    *, base_filters: int = 64, seed: int = 0, name: str = "discriminator"
) -> keras.Model:
    """The 70 x 70 PatchGAN: one logit for each overlapping patch, no sigmoid.

    Args:
        base_filters: filters of the first layer.
        seed: of the weights.
        name: of the model.

    Returns:
        Model from `(n, h, w, 3)` in [-1, 1] to `(n, h / 8 - 2, w / 8 - 2, 1)` float32 logits;
        sides at least 32.

    Reference: Isola et al. 2017, section 3.2.2; Zhu et al. 2017, section 4.
    """
    seeds = _seeds(seed)
    x = inputs = keras.Input((None, None, 3), name="image")
    for level in range(3):
        x = _down(x, base_filters * 2**level, normed=level > 0, seeds=seeds, slope=0.2)
    x = layers.ZeroPadding2D()(x)
    x = layers.Conv2D(base_filters * 8, 4, use_bias=False, kernel_initializer=_kernel(seeds))(x)
    x = _instance_norm(x, seeds)
    x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.ZeroPadding2D()(x)
    x = layers.Conv2D(1, 4, kernel_initializer=_kernel(seeds), name="to_logits")(x)
    outputs = layers.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def _down(
    x: KerasTensor, filters: int, *, normed: bool, seeds: Iterator[int], slope: float = 0.3
) -> KerasTensor:
    """Strided convolution, instance norm, LeakyReLU: half the side."""
    x = layers.Conv2D(
        filters,
        4,
        strides=2,
        padding="same",
        use_bias=not normed,
        kernel_initializer=_kernel(seeds),
    )(x)
    if normed:
        x = _instance_norm(x, seeds)
    return layers.LeakyReLU(negative_slope=slope)(x)


def _up(x: KerasTensor, filters: int, *, dropout: float, seeds: Iterator[int]) -> KerasTensor:
    """Transposed convolution, instance norm, dropout, ReLU: twice the side."""
    x = layers.Conv2DTranspose(
        filters,
        4,
        strides=2,
        padding="same",
        use_bias=False,
        kernel_initializer=_kernel(seeds),
    )(x)
    x = _instance_norm(x, seeds)
    if dropout:
        x = layers.Dropout(dropout, seed=next(seeds))(x)
    return layers.ReLU()(x)


def _instance_norm(x: KerasTensor, seeds: Iterator[int]) -> KerasTensor:
    # gamma around 1: drawn around 0, as tutorials do, every layer would start nearly dead
    gamma = keras.initializers.RandomNormal(1.0, 0.02, seed=next(seeds))
    return layers.GroupNormalization(groups=-1, epsilon=1e-5, gamma_initializer=gamma)(x)


def _kernel(seeds: Iterator[int]) -> keras.initializers.Initializer:
    # a new instance a layer: Keras 3 gives layers that share one the same values
    return keras.initializers.RandomNormal(0.0, 0.02, seed=next(seeds))


def _seeds(seed: int) -> Iterator[int]:
    """An endless stream of seeds, one for each random part of a network."""
    source = random.Random(seed)
    while True:
        yield source.getrandbits(31)
