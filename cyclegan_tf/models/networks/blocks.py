"""The parts from which all networks are put together."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
from keras import KerasTensor, layers

from cyclegan_tf.models.networks.layers import (
    GroupNormalization,
    SmoothUpSampling2D,
    SpectralConv2D,
)


@dataclass(frozen=True)
class Style:
    """What the generators have in common.

    Attributes:
        norm: "instance" (without scale and offset, as in the CycleGAN paper), "group" (with
            both), "pixel" (over the channels of each pixel, with both: a pixel's value then does
            not hang on what else is in the picture), or "none".
        norm_groups: groups of "group"; None makes each channel a group.
        upsampling: "transpose" (transposed convolutions), "resize" (nearest neighbour, then a
            convolution: no checkerboards, Odena et al. 2016), or "bilinear" (straight lines
            between the pixels, then a convolution: no lattice of squares either).
        global_skip: the network predicts a change that is added to its input; it starts at
            zero, so that training starts from the identity.
        skip_blur: side of the squares whose means the global skip passes on, with straight lines
            between them: colours stay in place, detail must be drawn anew. 1: the input itself.
        dropout: rate, as the generator says where; None: 0.5 in a U-Net, and none in a ResNet.
        channels: 1 for grey images, which still come and go as three channels that are the same.
    """

    norm: str = "instance"
    norm_groups: int | None = None
    upsampling: str = "transpose"
    global_skip: bool = False
    skip_blur: int = 1
    dropout: float | None = None
    channels: int = 3


def seed_stream(seed: int) -> Iterator[int]:
    """An endless stream of seeds, one for each random part of a network."""
    source = random.Random(seed)
    while True:
        yield source.getrandbits(31)


def convolution(
    x: KerasTensor,
    filters: int,
    kernel_size: int,
    *,
    seeds: Iterator[int],
    zeros: bool = False,
    spectral_norm: bool = False,
    **options: Any,
) -> KerasTensor:
    """A convolution whose kernel starts as N(0, 0.02) (Zhu et al. 2017, section 7.1), or at 0.

    Args:
        x: `(n, h, w, c)`.
        filters: channels of the result.
        kernel_size: pixels a side.
        seeds: one is taken for the kernel, unless it starts at 0, and one for the spectral norm.
        zeros: start the kernel at 0.
        spectral_norm: divide the kernel by its largest singular value.
        **options: of `Conv2D`; the padding is "same" where none is given.
    """
    options = {"padding": "same", "kernel_initializer": _kernel(seeds, zeros=zeros), **options}
    if spectral_norm:
        return SpectralConv2D(filters, kernel_size, seed=next(seeds), **options)(x)
    return layers.Conv2D(filters, kernel_size, **options)(x)


def enlarge(
    x: KerasTensor,
    filters: int,
    kernel_size: int,
    upsampling: str,
    *,
    seeds: Iterator[int],
    use_bias: bool = True,
    zeros: bool = False,
) -> KerasTensor:
    """Twice the side: transposed convolution, or a larger picture and a 3 x 3 convolution."""
    if upsampling != "transpose":
        x = layers.UpSampling2D(2)(x) if upsampling == "resize" else SmoothUpSampling2D(2)(x)
        return convolution(x, filters, 3, seeds=seeds, use_bias=use_bias, zeros=zeros)
    return layers.Conv2DTranspose(
        filters,
        kernel_size,
        strides=2,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=_kernel(seeds, zeros=zeros),
    )(x)


def normalize(x: KerasTensor, style: Style, seeds: Iterator[int]) -> KerasTensor:
    """Instance or group norm, or nothing."""
    if style.norm == "none":
        return x
    if style.norm == "pixel":
        return layers.LayerNormalization(epsilon=1e-3)(x)
    if style.norm == "instance":
        return GroupNormalization(groups=-1, epsilon=1e-5, center=False, scale=False)(x)
    # gamma around 1: drawn around 0, as tutorials do, every layer would start nearly dead
    gamma = keras.initializers.RandomNormal(1.0, 0.02, seed=next(seeds))
    groups = style.norm_groups or -1
    return GroupNormalization(groups=groups, epsilon=1e-5, gamma_initializer=gamma)(x)


def _kernel(seeds: Iterator[int], *, zeros: bool = False) -> keras.initializers.Initializer:
    if zeros:
        return keras.initializers.Zeros()
    # a new instance a layer: Keras 3 gives layers that share one the same values
    return keras.initializers.RandomNormal(0.0, 0.02, seed=next(seeds))
