"""Discriminators of image patches, as functions that build `keras.Model`s."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import keras
from keras import KerasTensor, layers

from cyclegan_tf.models.networks.blocks import Style, convolution, normalize, seed_stream
from cyclegan_tf.models.networks.frozen import mixed_features, moments, scaled_features
from cyclegan_tf.models.networks.layers import Dropout, GaussianNoise, LeakyReLU


@dataclass(frozen=True)
class Regularization:
    """What keeps a discriminator from winning too early; 0 and False turn each off.

    Attributes:
        noise_std: standard deviation of Gaussian noise on its input, while training.
        dropout: rate behind each of its blocks.
        spectral_norm: divide each kernel by its largest singular value (Miyato et al. 2018).
    """

    noise_std: float = 0.0
    dropout: float = 0.0
    spectral_norm: bool = False


def patch_side(n_layers: int) -> int:
    """Pixels a side of the patch that one logit of a PatchGAN judges.

    Args:
        n_layers: its strided convolutions.
    """
    # two convolutions of 4 x 4 see 7; each strided one below them doubles that and adds 2
    return 9 * 2**n_layers - 2


def patch_discriminator(
    style: Style = Style(norm="group"),  # noqa: B008 - frozen
    regularization: Regularization = Regularization(),
    *,
    heads: Literal["one", "two", "projected"] = "one",
    n_layers: int = 3,
    base_filters: int = 64,
    seed: int = 0,
    name: str = "discriminator",
) -> keras.Model:
    """PatchGAN: one logit for each overlapping patch, no sigmoid.

    Args:
        style: its norm.
        regularization: noise, dropout, spectral norm.
        heads: "two" on one trunk, for `losses.TwoObjective`: the hinge loss, and cross-entropy on
            flipped labels; "projected": beside its own, those of `feature_heads`, which know of
            textures and things what a few hundred paintings cannot teach, for `losses.EachHead`.
        n_layers: strided convolutions, 1 to 4: patches of 16, 34, 70 and 142 pixels.
        base_filters: filters of the first layer; `feature_heads` have twice as many.
        seed: of weights, noise and dropout.
        name: of the model.

    Returns:
        Model from `(n, h, w, 3)` in [-1, 1] to `(n, h / 2**n_layers - 2, ..., 1)` float32 logits,
        or a list of arrays of them; sides at least `3 * 2**n_layers`.

    Reference: Isola et al. 2017, section 3.2.2; Zhu et al. 2017, section 4; Sauer et al. 2021
    (Projected GANs), arXiv:2111.01007, section 3.
    """
    inputs = keras.Input((None, None, 3), name="image")
    seeds = seed_stream(seed)
    trunk = _trunk(inputs, style, regularization, n_layers, base_filters, seeds)
    names = {"one": ["logits"], "two": ["hinge", "flipped"], "projected": ["logits"]}[heads]
    logits = [_head(trunk, regularization, seeds, key) for key in names]
    if heads == "projected":
        logits += feature_heads(inputs, style, seeds, filters=2 * base_filters)
    return keras.Model(inputs, logits[0] if heads == "one" else logits, name=name)


def feature_heads(
    image: KerasTensor, style: Style, seeds: Iterator[int], *, filters: int
) -> list[KerasTensor]:
    """Logits of six small networks on the frozen features of an image.

    Three judge each place, three the image as a whole by the moments of its features: whether a
    few hundred pixels are paint is hard to say, of a whole image any classifier knows.

    Args:
        image: `(n, h, w, 3)` in [-1, 1].
        style: the norm of those that judge places.
        seeds: of the mixture of the features, and of the weights.
        filters: of their one hidden layer.

    Returns:
        Three float32 arrays `(n, h / s, w / s, 1)`, for s of 4, 8 and 16, and three `(n, 1)`.

    Reference: Sauer et al. 2021, arXiv:2111.01007, section 3.2.
    """
    features = scaled_features(image)
    heads = []
    for x in mixed_features(features, seeds, filters=filters):
        x = convolution(x, filters, 3, seeds=seeds, spectral_norm=True)
        x = LeakyReLU(negative_slope=0.2)(normalize(x, style, seeds))
        x = convolution(x, 1, 3, seeds=seeds, spectral_norm=True)
        heads.append(layers.Activation("linear", dtype="float32")(x))
    for scale in features:
        x = _dense(3.0 * moments(scale), filters, seeds)
        x = LeakyReLU(negative_slope=0.2, dtype="float32")(x)
        heads.append(_dense(x, 1, seeds))
    return heads


def _dense(x: KerasTensor, units: int, seeds: Iterator[int]) -> KerasTensor:
    kernel = keras.initializers.HeNormal(seed=next(seeds))
    return layers.Dense(units, kernel_initializer=kernel, dtype="float32")(x)


def _trunk(
    x: KerasTensor,
    style: Style,
    regularization: Regularization,
    n_layers: int,
    base_filters: int,
    seeds: Iterator[int],
) -> KerasTensor:
    """All but the last convolution."""
    if regularization.noise_std:
        x = GaussianNoise(regularization.noise_std, seed=next(seeds))(x)
    spectral = regularization.spectral_norm
    bias = style.norm != "group"
    for level in range(n_layers + 1):
        width = base_filters * min(2**level, 8)
        if level < n_layers:
            options = {"strides": 2, "padding": "same"}
        else:
            x = layers.ZeroPadding2D()(x)
            options = {"padding": "valid"}
        x = convolution(
            x, width, 4, seeds=seeds, use_bias=bias or level == 0, spectral_norm=spectral, **options
        )
        x = normalize(x, style, seeds) if level > 0 else x
        x = LeakyReLU(negative_slope=0.2)(x)
        if regularization.dropout:
            x = Dropout(regularization.dropout, seed=next(seeds))(x)
    return layers.ZeroPadding2D()(x)


def _head(
    trunk: KerasTensor, regularization: Regularization, seeds: Iterator[int], name: str
) -> KerasTensor:
    """(n, h', w', 1): one float32 logit a patch."""
    spectral = regularization.spectral_norm
    x = convolution(trunk, 1, 4, seeds=seeds, padding="valid", spectral_norm=spectral)
    return layers.Activation("linear", dtype="float32", name=name)(x)
