"""Features of a network that was trained to name what pictures show, and learns no more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import KerasTensor, layers, ops

WEIGHTS = "efficientnet_lite2.npz"
_USUAL = 6.0  # mean absolute value of the features of photos


class Stage(NamedTuple):
    """Blocks of one width; the first of them halves the sides, if any does."""

    kernel: int
    stride: int
    expansion: int
    filters: int
    blocks: int


# Tan and Le 2019, table 1, at the width of Lite2; the three last are the ones that are read
STAGES = (
    Stage(kernel=3, stride=1, expansion=1, filters=16, blocks=1),
    Stage(kernel=3, stride=2, expansion=6, filters=24, blocks=3),
    Stage(kernel=5, stride=2, expansion=6, filters=48, blocks=3),
    Stage(kernel=3, stride=2, expansion=6, filters=88, blocks=1),
)


def frozen_features(name: str = "frozen_features") -> keras.Model:
    """The first eight blocks of EfficientNet-Lite2, with the weights it has from ImageNet.

    Batch norms are folded into the convolutions in front of them. All weights are frozen: gradients
    pass through to the picture.

    Args:
        name: of the model.

    Returns:
        Model from `(n, h, w, 3)` in [-1, 1] to three float32 arrays `(n, h / s, w / s, c)`, sides
        rounded up, with s, c of 4, 24; 8, 48; 16, 88.

    Reference: Tan and Le 2019, arXiv:1905.11946; the weights are ML Illustrated's conversion of
    Google's (Apache License 2.0).
    """
    x = inputs = keras.Input((None, None, 3), name="image")
    x = _convolution(x, 32, 3, strides=2, name="stem")
    maps, place = [], 0
    for stage in STAGES:
        for block in range(stage.blocks):
            x = _block(x, stage, strides=1 if block else stage.stride, name=f"block{place}")
            place += 1
        maps.append(x)
    model = keras.Model(inputs, maps[1:], name=name)
    with np.load(Path(__file__).parent / WEIGHTS) as weights:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights([weights[f"{layer.name}/{part}"] for part in ("kernel", "bias")])
    model.trainable = False
    return model


def _block(x: KerasTensor, stage: Stage, *, strides: int, name: str) -> KerasTensor:
    """An inverted residual block (Sandler et al. 2018, section 3.3)."""
    y, channels = x, x.shape[-1]
    if stage.expansion > 1:
        y = _convolution(y, stage.expansion * channels, 1, name=f"{name}_expand")
    y = layers.DepthwiseConv2D(
        stage.kernel, strides=strides, padding="same", dtype="float32", name=f"{name}_depthwise"
    )(y)
    y = layers.ReLU(6.0, dtype="float32")(y)
    y = _convolution(y, stage.filters, 1, activation=None, name=f"{name}_project")
    same = strides == 1 and channels == stage.filters
    return layers.Add(dtype="float32")([x, y]) if same else y


def _convolution(x: KerasTensor, filters: int, kernel: int, **options: Any) -> KerasTensor:
    options = {"activation": "relu6", **options}
    return layers.Conv2D(filters, kernel, padding="same", dtype="float32", **options)(x)


def scaled_features(x: KerasTensor) -> list[KerasTensor]:
    """`frozen_features` of an image, divided by what is usual: about 1 in the mean."""
    scale = layers.Rescaling(1.0 / _USUAL, dtype="float32")
    return [scale(features) for features in frozen_features()(x)]


def mixed_features(
    features: list[KerasTensor], seeds: Iterator[int], *, filters: int
) -> list[KerasTensor]:
    """Features of an image, mixed at random over channels and scales.

    Unmixed, a discriminator finds the few channels that tell most, and looks at no others. The
    weights of the mixture are drawn once and stay.

    Args:
        features: of `scaled_features`.
        seeds: of the weights of the mixture.
        filters: channels of each result.

    Returns:
        Three arrays `(n, h / s, w / s, filters)` of strides s of 4, 8, 16.

    Reference: Sauer et al. 2021, arXiv:2111.01007, section 3.2.
    """
    mixed: list[KerasTensor] = []
    for scale in reversed(features):  # from the coarse to the fine
        y = _frozen_mixture(scale, filters, 1, seeds)
        if mixed:
            coarse = layers.UpSampling2D(2, interpolation="nearest", dtype="float32")(mixed[0])
            y = layers.Add(dtype="float32")([y, _frozen_mixture(coarse, filters, 3, seeds)])
        mixed.insert(0, y)
    return mixed


def moments(features: KerasTensor) -> KerasTensor:
    """Means and standard deviations over all places of an image: `(n, h, w, c)` to `(n, 2 c)`.

    What an image shows where is lost; its palette and its handling stay, as in the Gram matrices
    of Gatys et al. 2016.
    """
    mean = ops.mean(features, axis=(1, 2))
    # the square root has no slope at 0, where a feature is the same everywhere
    deviation = ops.sqrt(ops.var(features, axis=(1, 2)) + 1e-4)
    return ops.concatenate([mean, deviation], axis=-1)


def _frozen_mixture(x: KerasTensor, filters: int, kernel: int, seeds: Iterator[int]) -> KerasTensor:
    layer = layers.Conv2D(
        filters,
        kernel,
        padding="same",
        use_bias=False,
        kernel_initializer=keras.initializers.HeNormal(seed=next(seeds)),
        dtype="float32",
    )
    layer.trainable = False
    return layer(x)
