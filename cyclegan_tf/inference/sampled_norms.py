"""Norms whose statistics come from a sample of a picture, so that all its tiles have one tone.

An instance norm makes a tile full of sky as lively as one full of trees: neighbours would differ,
and noise in the sky would become texture. The whole picture at once would not fit into memory.
"""

import keras
from keras import KerasTensor, layers, ops

_BORDER = 8  # this part of an image's sides, on each side, does not count


def with_sampled_norms(generator: keras.Model) -> tuple[keras.Model, keras.Model] | None:
    """Two networks that share all weights with a generator.

    Args:
        generator: with group or instance norms, or without.

    Returns:
        The first normalizes each batch as one picture and remembers its statistics; the second
        uses those that the first saw last, whatever it is shown. None if there are no norms.
    """
    norms = [layer for layer in generator.layers if isinstance(layer, layers.GroupNormalization)]
    if not norms:
        return None
    sampling = {norm.name: SamplingNorm(norm, dtype=norm.dtype_policy) for norm in norms}
    sampler = keras.models.clone_model(
        generator, clone_function=lambda layer: sampling.get(layer.name, layer)
    )
    fixed = {
        name: FixedNorm(layer, dtype=layer.dtype_policy, name=f"fixed_{name}")
        for name, layer in sampling.items()
    }
    steady = keras.models.clone_model(
        generator, clone_function=lambda layer: fixed.get(layer.name, layer)
    )
    return sampler, steady


class SamplingNorm(layers.Layer):
    """A group norm that takes all images of a batch for parts of one.

    Args:
        norm: whose groups, scale and offset it has; built.

    Attributes:
        scale, offset: `(channels,)` float32: what the last batch was multiplied by, and what was
            added.
    """

    def __init__(self, norm: layers.GroupNormalization, **options: object) -> None:
        super().__init__(trainable=False, **options)
        self.norm = norm

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes room for the statistics."""
        options = {"shape": (input_shape[-1],), "trainable": False, "autocast": False}
        self.scale = self.add_weight(initializer="ones", name="scale", **options)
        self.offset = self.add_weight(initializer="zeros", name="offset", **options)

    def call(self, x: KerasTensor) -> KerasTensor:
        """Maps `(n, h, w, c)` to the same shape, and remembers how."""
        mean, variance = ops.moments(ops.cast(_inner(x), "float32"), axes=(0, 1, 2))
        means = ops.reshape(mean, (self.norm.groups, -1))
        mean = ops.mean(means, axis=1, keepdims=True)
        variance = ops.reshape(variance, means.shape) + ops.square(means - mean)
        variance = ops.mean(variance, axis=1, keepdims=True)
        # (groups, 1), for each channel of a group the same
        inverse = ops.broadcast_to(ops.rsqrt(variance + self.norm.epsilon), means.shape)
        scale = ops.reshape(inverse, (-1,))
        mean = ops.reshape(ops.broadcast_to(mean, means.shape), (-1,))
        scale = scale * ops.cast(self.norm.gamma, "float32") if self.norm.scale else scale
        offset = -mean * scale
        offset = offset + ops.cast(self.norm.beta, "float32") if self.norm.center else offset
        self.scale.assign(scale)
        self.offset.assign(offset)
        return _affine(x, scale, offset)


class FixedNorm(layers.Layer):
    """A norm that does with its input what a `SamplingNorm` last did with its own.

    Args:
        sampling: that one.
    """

    def __init__(self, sampling: SamplingNorm, **options: object) -> None:
        super().__init__(trainable=False, **options)
        self.sampling = sampling

    def call(self, x: KerasTensor) -> KerasTensor:
        """Maps `(n, h, w, c)` to the same shape."""
        return _affine(x, self.sampling.scale, self.sampling.offset)


def _inner(x: KerasTensor) -> KerasTensor:
    """Without the borders: a whole picture has few of them, a sample has many."""
    _, height, width, _ = ops.shape(x)
    rows, columns = height // _BORDER, width // _BORDER
    return x[:, rows : height - rows, columns : width - columns]


def _affine(x: KerasTensor, scale: KerasTensor, offset: KerasTensor) -> KerasTensor:
    """Computed in float32, as Keras does it."""
    wide = ops.cast(x, "float32")
    return ops.cast(wide * ops.cast(scale, "float32") + ops.cast(offset, "float32"), x.dtype)
