"""Discriminators of image patches, as functions that build `keras.Model`s."""

from collections.abc import Iterator
from dataclasses import dataclass

import keras
from keras import KerasTensor, layers

from cyclegan_tf.models.networks.blocks import Style, convolution, normalize, seed_stream
from cyclegan_tf.models.networks.frozen import mixed_features
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
    n_layers: int = 3,
    base_filters: int = 64,
    seed: int = 0,
    name: str = "discriminator",
) -> keras.Model:
    """PatchGAN: one logit for each overlapping patch, no sigmoid.

    Args:
        style: its norm.
        regularization: noise, dropout, spectral norm.
        n_layers: strided convolutions, 1 to 4: patches of 16, 34, 70 and 142 pixels.
        base_filters: filters of the first layer.
        seed: of weights, noise and dropout.
        name: of the model.

    Returns:
        Model from `(n, h, w, 3)` in [-1, 1] to `(n, h / 2**n_layers - 2, ..., 1)` float32 logits;
        sides at least `3 * 2**n_layers`.

    Reference: Isola et al. 2017, section 3.2.2; Zhu et al. 2017, section 4.
    """
    inputs = keras.Input((None, None, 3), name="image")
    seeds = seed_stream(seed)
    trunk = _trunk(inputs, style, regularization, n_layers, base_filters, seeds)
    logits = _head(trunk, regularization, seeds, "logits")
    return keras.Model(inputs, logits, name=name)


def two_objective_discriminator(
    style: Style = Style(norm="group"),  # noqa: B008 - frozen
    regularization: Regularization = Regularization(),
    *,
    n_layers: int = 3,
    base_filters: int = 64,
    seed: int = 0,
    name: str = "discriminator",
) -> keras.Model:
    """A PatchGAN whose trunk carries two heads, to be trained with `losses.TwoObjective`.

    Args:
        style: its norm.
        regularization: noise, dropout, spectral norm.
        n_layers: strided convolutions, 1 to 4.
        base_filters: filters of the first layer.
        seed: of weights, noise and dropout.
        name: of the model.

    Returns:
        Model from `(n, h, w, 3)` in [-1, 1] to two arrays of logits shaped as those of
        `patch_discriminator`: for the hinge loss, and for cross-entropy on flipped labels.
    """
    inputs = keras.Input((None, None, 3), name="image")
    seeds = seed_stream(seed)
    trunk = _trunk(inputs, style, regularization, n_layers, base_filters, seeds)
    heads = [_head(trunk, regularization, seeds, key) for key in ("hinge", "flipped")]
    return keras.Model(inputs, heads, name=name)


def projected_discriminator(
    style: Style = Style(norm="group"),  # noqa: B008 - frozen
    regularization: Regularization = Regularization(),
    *,
    n_layers: int = 3,
    base_filters: int = 64,
    seed: int = 0,
    name: str = "discriminator",
) -> keras.Model:
    """A PatchGAN, and beside it three small networks on frozen features of the image.

    What the features know of textures and things need not be learned from a few hundred paintings.
    To be trained with `losses.EachHead`.

    Args:
        style: the norm of all of them.
        regularization: of the PatchGAN; the three have spectral norm, as in the paper.
        n_layers: strided convolutions of the PatchGAN, 1 to 4.
        base_filters: filters of its first layer, and of the three.
        seed: of weights, noise and dropout, and of the mixture of the features.
        name: of the model.

    Returns:
        Model from `(n, h, w, 3)` in [-1, 1] to four arrays of float32 logits: those of
        `patch_discriminator`, and `(n, h / s, w / s, 1)` for s of 4, 8 and 16.

    Reference: Sauer et al. 2021 (Projected GANs), arXiv:2111.01007, sections 3.1 and 3.2.
    """
    inputs = keras.Input((None, None, 3), name="image")
    seeds = seed_stream(seed)
    trunk = _trunk(inputs, style, regularization, n_layers, base_filters, seeds)
    heads = [_head(trunk, regularization, seeds, "logits")]
    heads += feature_heads(inputs, style, seeds, filters=base_filters)
    return keras.Model(inputs, heads, name=name)


def feature_heads(
    image: KerasTensor, style: Style, seeds: Iterator[int], *, filters: int
) -> list[KerasTensor]:
    """Logits of three small networks on the frozen features of an image.

    Args:
        image: `(n, h, w, 3)` in [-1, 1].
        style: their norm.
        seeds: of the mixture of the features, and of the weights.
        filters: of their one hidden layer.

    Returns:
        Three float32 arrays `(n, h / s, w / s, 1)`, for s of 4, 8 and 16.

    Reference: Sauer et al. 2021, arXiv:2111.01007, section 3.2.
    """
    heads = []
    for x in mixed_features(image, seeds, filters=filters):
        x = convolution(x, filters, 3, seeds=seeds, spectral_norm=True)
        x = LeakyReLU(negative_slope=0.2)(normalize(x, style, seeds))
        x = convolution(x, 1, 3, seeds=seeds, spectral_norm=True)
        heads.append(layers.Activation("linear", dtype="float32")(x))
    return heads


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
