"""Generators of image translation, as functions that build `keras.Model`s."""

from collections.abc import Iterator

import keras
from keras import KerasTensor, layers, ops

from cyclegan_tf.models.networks.blocks import Style, convolution, enlarge, normalize, seed_stream
from cyclegan_tf.models.networks.layers import (
    Dropout,
    LeakyReLU,
    ReflectionPadding2D,
    SkipConnection,
    SmoothUpSampling2D,
)

_TOUCHES = 12  # filters of the painter at full size: each costs as much as 16 at a quarter
MAX_UNET_DEPTH = 8  # pix2pix halves 256 px down to 1 x 1 (Isola et al. 2017, section 6.1)


def unet_depth(image_size: int) -> int:
    """How often the U-Net halves an image of this side: as often as it divides by 2, at most 8."""
    depth = 0
    while depth < MAX_UNET_DEPTH and image_size % 2 ** (depth + 1) == 0:
        depth += 1
    return depth


def unet_generator(
    image_size: int,
    style: Style = Style(norm="group"),  # noqa: B008 - frozen
    *,
    depth: int | None = None,
    base_filters: int = 64,
    head_filters: int = 0,
    seed: int = 0,
    name: str = "generator",
) -> keras.Model:
    """A U-Net: an encoder down to the smallest map, a decoder, skips between them.

    Args:
        image_size: side it is trained at.
        style: norm, up-sampling, global skip, dropout in the three deepest up-sampling levels.
        depth: how often it halves the image; by default `unet_depth(image_size)`, as pix2pix.
        base_filters: filters of the first level; the widest levels have eight times as many.
        head_filters: of a last stage at full size, which sees the image again; 0: as in pix2pix.
        seed: of weights and dropout.
        name: of the model.

    Returns:
        Model from `(n, h, w, 3)` in [-1, 1] to the same shape and range; h and w are any
        multiples of `2 ** depth`.

    Reference: Isola et al. 2017 (pix2pix), section 6.1.
    """
    depth = depth or unet_depth(image_size)
    seeds = seed_stream(seed)
    filters = [base_filters * min(2**level, 8) for level in range(depth)]
    inputs = keras.Input((None, None, 3), name="image")
    seen = _seen(inputs, style)
    *skips, x = _encoded(seen, filters, style, seeds, image_size=image_size)
    for level, width in enumerate(reversed(filters[:-1])):
        x = enlarge(x, width, 4, style.upsampling, seeds=seeds, use_bias=style.norm != "group")
        x = normalize(x, style, seeds)
        x = _dropped_out(x, 0.5 if style.dropout is None else style.dropout, level, seeds)
        x = SkipConnection()([x, skips[-1 - level]])
    if not head_filters:
        x = enlarge(x, style.channels, 4, style.upsampling, seeds=seeds, zeros=style.global_skip)
        return keras.Model(inputs, _picture(x, seen, style), name=name)
    x = enlarge(x, head_filters, 4, style.upsampling, seeds=seeds, use_bias=style.norm != "group")
    x = SkipConnection()([normalize(x, style, seeds), seen])
    x = convolution(x, style.channels, 5, seeds=seeds, zeros=style.global_skip)
    return keras.Model(inputs, _picture(x, seen, style), name=name)


def _encoded(
    x: KerasTensor, filters: list[int], style: Style, seeds: Iterator[int], *, image_size: int
) -> list[KerasTensor]:
    """The maps of all levels of a U-Net's encoder, the largest first."""
    maps = []
    for level, width in enumerate(filters):
        # Instance norm of a 1 x 1 map is a constant, whatever the image: a dead bottleneck.
        normed = level > 0 and image_size // 2 ** (level + 1) > 1
        bias = not (normed and style.norm == "group")
        x = convolution(x, width, 4, strides=2, seeds=seeds, use_bias=bias)
        x = normalize(x, style, seeds) if normed else x
        x = LeakyReLU(negative_slope=0.3)(x)
        maps.append(x)
    return maps


def _dropped_out(x: KerasTensor, rate: float, level: int, seeds: Iterator[int]) -> KerasTensor:
    return Dropout(rate, seed=next(seeds))(x) if rate and level < 3 else x


def painter_generator(
    image_size: int,
    style: Style = Style(norm="pixel", upsampling="bilinear"),  # noqa: B008 - frozen
    *,
    depth: int = 4,
    blocks: int = 3,
    base_filters: int = 64,
    seed: int = 0,
    name: str = "generator",
) -> keras.Model:
    """A U-Net that has to draw: no detail of full or half size passes by it.

    A network that is handed every pixel of a photo learns to sharpen and to tint it, which pleases
    a discriminator sooner than strokes do. This one gets skips from a quarter of the side down.

    Args:
        image_size: side it is trained at.
        style: norm, up-sampling, global skip.
        depth: how often it halves the image, at least 2.
        blocks: residual blocks at the smallest size.
        base_filters: filters of the first level; the widest levels have eight times as many.
        seed: of weights and dropout.
        name: of the model.

    Returns:
        Model from `(n, h, w, 3)` in [-1, 1] to the same shape and range; h and w are any
        multiples of `2 ** depth`, at least twice it.
    """
    seeds = seed_stream(seed)
    filters = [base_filters * min(2**level, 8) for level in range(depth)]
    inputs = keras.Input((None, None, 3), name="image")
    seen = _seen(inputs, style)
    *maps, x = _encoded(seen, filters, style, seeds, image_size=image_size)
    for _ in range(blocks):
        x = _residual_block(x, filters[-1], style, seeds)
    for level in reversed(range(depth - 1)):
        x = enlarge(x, filters[level], 4, style.upsampling, seeds=seeds)
        x = normalize(x, style, seeds)
        x = SkipConnection()([x, maps[level]]) if level else LeakyReLU(negative_slope=0.2)(x)
    x = enlarge(x, _TOUCHES, 4, style.upsampling, seeds=seeds)
    x = LeakyReLU(negative_slope=0.2)(x)
    x = convolution(x, style.channels, 5, seeds=seeds, zeros=style.global_skip)
    return keras.Model(inputs, _picture(x, seen, style), name=name)


def resnet_generator(
    blocks: int = 9,
    style: Style = Style(),  # noqa: B008 - frozen
    *,
    base_filters: int = 64,
    seed: int = 0,
    name: str = "generator",
) -> keras.Model:
    """Two strided convolutions, residual blocks at a quarter of the side, two enlargements.

    Args:
        blocks: residual blocks: 9 at 256 px, 6 at 128 (Zhu et al. 2017, section 7.2).
        style: norm, up-sampling, global skip, dropout inside the blocks.
        base_filters: filters at full size; the blocks have four times as many.
        seed: of weights and dropout.
        name: of the model.

    Returns:
        Model from `(n, h, w, 3)` in [-1, 1] to the same shape and range; h and w are any
        multiples of 4, at least 16.

    Reference: Johnson et al. 2016; Zhu et al. 2017, section 7.2.
    """
    seeds = seed_stream(seed)
    inputs = keras.Input((None, None, 3), name="image")
    x = seen = _seen(inputs, style)
    x = convolution(ReflectionPadding2D(3)(x), base_filters, 7, seeds=seeds, padding="valid")
    x = layers.ReLU()(normalize(x, style, seeds))
    for width in (2 * base_filters, 4 * base_filters):
        x = convolution(x, width, 3, strides=2, seeds=seeds)
        x = layers.ReLU()(normalize(x, style, seeds))
    for _ in range(blocks):
        x = _residual_block(x, 4 * base_filters, style, seeds)
    for width in (2 * base_filters, base_filters):
        x = enlarge(x, width, 3, style.upsampling, seeds=seeds)
        x = layers.ReLU()(normalize(x, style, seeds))
    x = ReflectionPadding2D(3)(x)
    x = convolution(x, style.channels, 7, seeds=seeds, padding="valid", zeros=style.global_skip)
    return keras.Model(inputs, _picture(x, seen, style), name=name)


def _residual_block(
    x: KerasTensor, filters: int, style: Style, seeds: Iterator[int]
) -> KerasTensor:
    y = convolution(ReflectionPadding2D()(x), filters, 3, seeds=seeds, padding="valid")
    y = layers.ReLU()(normalize(y, style, seeds))
    if style.dropout:
        y = Dropout(style.dropout, seed=next(seeds))(y)
    y = convolution(ReflectionPadding2D()(y), filters, 3, seeds=seeds, padding="valid")
    return layers.Add()([x, normalize(y, style, seeds)])


def _seen(inputs: KerasTensor, style: Style) -> KerasTensor:
    """What a generator sees of an image: all of it, or one channel of a grey one."""
    return ops.mean(inputs, axis=-1, keepdims=True) if style.channels == 1 else inputs


def _picture(x: KerasTensor, seen: KerasTensor, style: Style) -> KerasTensor:
    """Three channels in [-1, 1], float32 even under a mixed policy: bfloat16 has too few digits."""
    if style.global_skip:
        changed = layers.Add(dtype="float32")([_blurred(seen, style.skip_blur), x])
        picture = ops.clip(changed, -1.0, 1.0)
    else:
        picture = layers.Activation("tanh", dtype="float32", name="translation")(x)
    return ops.repeat(picture, 3, axis=-1) if style.channels == 1 else picture


def _blurred(x: KerasTensor, side: int) -> KerasTensor:
    """Means of squares, with straight lines between them."""
    if side == 1:
        return x
    means = layers.AveragePooling2D(side, dtype="float32")(x)
    return SmoothUpSampling2D(side, dtype="float32")(means)
