"""Discriminators, as functions that build `keras.Model`s."""

import keras
from keras import layers

from cyclegan_tf.layers import Style, convolution, normalize, seed_stream


def patch_discriminator(
    style: Style = Style(norm="group"),  # noqa: B008 - frozen
    *,
    base_filters: int = 64,
    seed: int = 0,
    name: str = "discriminator",
) -> keras.Model:
    """The 70 x 70 PatchGAN: one logit for each overlapping patch, no sigmoid.

    Args:
        style: its norm.
        base_filters: filters of the first layer.
        seed: of the weights.
        name: of the model.

    Returns:
        Model from `(n, h, w, 3)` in [-1, 1] to `(n, h / 8 - 2, w / 8 - 2, 1)` float32 logits;
        sides at least 32.

    Reference: Isola et al. 2017, section 3.2.2; Zhu et al. 2017, section 4.
    """
    seeds = seed_stream(seed)
    bias = style.norm != "group"
    x = inputs = keras.Input((None, None, 3), name="image")
    for level in range(3):
        width = base_filters * 2**level
        x = convolution(x, width, 4, strides=2, seeds=seeds, use_bias=bias or level == 0)
        x = normalize(x, style, seeds) if level > 0 else x
        x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.ZeroPadding2D()(x)
    x = convolution(x, base_filters * 8, 4, seeds=seeds, padding="valid", use_bias=bias)
    x = layers.LeakyReLU(negative_slope=0.2)(normalize(x, style, seeds))
    x = layers.ZeroPadding2D()(x)
    x = convolution(x, 1, 4, seeds=seeds, padding="valid")
    outputs = layers.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
