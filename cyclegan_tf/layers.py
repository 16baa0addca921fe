"""Layers that Keras does not have, and the parts from which all networks are put together."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import keras
from keras import KerasTensor, layers, ops


class ReflectionPadding2D(layers.Layer):
    """Pads an image with its own mirror image, the border itself not repeated.

    Zero padding would show the network a dark frame, and the network answers with one.

    Args:
        padding: pixels on each side; smaller than the image.

    Reference: Johnson et al. 2016, supplementary material; Zhu et al. 2017, section 7.2.
    """

    def __init__(self, padding: int = 1, **options: object) -> None:
        super().__init__(**options)
        self.padding = padding

    def call(self, x: KerasTensor) -> KerasTensor:
        """Maps `(n, h, w, c)` to `(n, h + 2 p, w + 2 p, c)`."""
        # slices and concatenation, because TPUs have refused the reflecting pad of TensorFlow
        p = self.padding
        x = ops.concatenate([x[:, p:0:-1], x, x[:, -2 : -2 - p : -1]], axis=1)
        return ops.concatenate([x[:, :, p:0:-1], x, x[:, :, -2 : -2 - p : -1]], axis=2)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Both sides grow by twice the padding."""
        n, h, w, c = input_shape
        grow = 2 * self.padding
        return n, h and h + grow, w and w + grow, c

    def get_config(self) -> dict[str, object]:
        """What rebuilds the layer."""
        return {**super().get_config(), "padding": self.padding}


@dataclass(frozen=True)
class Style:
    """What the generators have in common.

    Attributes:
        norm: "instance" (without scale and offset, as in the CycleGAN paper), "group" (with
            both), or "none".
        norm_groups: groups of "group"; None makes each channel a group.
        upsampling: "transpose" (transposed convolutions), or "resize" (nearest neighbour, then
            a convolution: no checkerboards, Odena et al. 2016).
        global_skip: the network predicts a change that is added to its input; it starts at
            zero, so that training starts from the identity.
    """

    norm: str = "instance"
    norm_groups: int | None = None
    upsampling: str = "transpose"
    global_skip: bool = False


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
    strides: int = 1,
    padding: str = "same",
    use_bias: bool = True,
    zeros: bool = False,
) -> KerasTensor:
    """A convolution whose kernel starts as N(0, 0.02) (Zhu et al. 2017, section 7.1), or at 0."""
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer=_kernel(seeds, zeros=zeros),
    )(x)


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
    """Twice the side: transposed convolution, or nearest neighbour and a 3 x 3 convolution."""
    if upsampling == "resize":
        x = layers.UpSampling2D(2, interpolation="nearest")(x)
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
    if style.norm == "instance":
        return layers.GroupNormalization(groups=-1, epsilon=1e-5, center=False, scale=False)(x)
    # gamma around 1: drawn around 0, as tutorials do, every layer would start nearly dead
    gamma = keras.initializers.RandomNormal(1.0, 0.02, seed=next(seeds))
    groups = style.norm_groups or -1
    return layers.GroupNormalization(groups=groups, epsilon=1e-5, gamma_initializer=gamma)(x)


def _kernel(seeds: Iterator[int], *, zeros: bool = False) -> keras.initializers.Initializer:
    if zeros:
        return keras.initializers.Zeros()
    # a new instance a layer: Keras 3 gives layers that share one the same values
    return keras.initializers.RandomNormal(0.0, 0.02, seed=next(seeds))
