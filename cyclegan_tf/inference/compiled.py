"""Compiled translation of image batches by a trained generator, of one size or of any."""

from collections.abc import Callable
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from keras import KerasTensor, layers, ops

from cyclegan_tf.models.networks.layers import ReflectionPadding2D

Network = Callable[[np.ndarray], np.ndarray]

_BORDER = 8  # this part of an image's sides, on each side, does not count


class CompiledGenerator:
    """Runs a generator on batches of one fixed size, so that it is traced once per image size.

    Args:
        generator: model from `(n, h, w, 3)` in [-1, 1] to the same.
        batch_size: images computed at once; smaller batches are filled up and cut off again.
        margin: pixels by which an image is continued, mirrored, on each side, and cut again
            afterwards. Convolutions that pad with zeros see a dark frame there, and draw one.
        parallel_parts: equal parts of a batch that are computed side by side; as many as
            operations run at once, where each has a core of its own.
        jit_compile: use XLA.
        traced: make a graph of it, which takes seconds and then is faster.

    Raises:
        ValueError: if the parts cannot be equal.
    """

    def __init__(
        self,
        generator: keras.Model,
        *,
        batch_size: int = 16,
        margin: int = 0,
        parallel_parts: int = 1,
        jit_compile: bool = False,
        traced: bool = True,
    ) -> None:
        if batch_size % parallel_parts:
            raise ValueError(
                f"batch_size must be a multiple of parallel_parts. "
                f"Received: {batch_size} and {parallel_parts}"
            )
        self.batch_size = batch_size
        mirror = ReflectionPadding2D(margin, dtype="float32")

        def translate(images: tf.Tensor) -> tf.Tensor:
            if not margin:
                return generator(images, training=False)
            translated = generator(mirror(images), training=False)
            return translated[:, margin:-margin, margin:-margin]

        def run(images: tf.Tensor) -> tf.Tensor:
            return tf.concat([translate(part) for part in tf.split(images, parallel_parts)], 0)

        self._run = tf.function(run, jit_compile=jit_compile) if traced else run

    def __call__(self, images: np.ndarray | tf.Tensor) -> np.ndarray:
        """Translates any number of images.

        Args:
            images: `(n, h, w, 3)` float32 in [-1, 1].

        Returns:
            The same shape and range.
        """
        batches = [
            self._batch(tf.convert_to_tensor(images[start : start + self.batch_size]))
            for start in range(0, len(images), self.batch_size)
        ]
        return np.concatenate(batches)

    def _batch(self, images: tf.Tensor) -> np.ndarray:
        count = len(images)
        filling = tf.zeros((self.batch_size - count, *images.shape[1:]), images.dtype)
        return self._run(tf.concat([images, filling], 0)).numpy()[:count]


class AnySizeGenerator:
    """Runs a generator on batches of any shape that fits it; it is traced once for all of them.

    Args:
        generator: model from `(n, h, w, 3)` in [-1, 1] to the same; one whose sides are fixed
            takes these alone.
        jit_compile: use XLA, which compiles anew for each shape.
    """

    def __init__(self, generator: keras.Model, *, jit_compile: bool = False) -> None:
        self._generator = generator
        self._compile = partial(
            tf.function,
            input_signature=[tf.TensorSpec((None, *_sides(generator), 3), tf.float32)],
            jit_compile=jit_compile,
        )
        self._run = self._compiled(generator)
        self._sampled: tuple[Network, Network] | None = None

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Translates `(n, h, w, 3)` float32 in [-1, 1] to the same."""
        return self._run(images)

    def with_tone_of(self, sample: np.ndarray) -> Network:
        """The generator with the statistics of this sample in all its norms, until the next one.

        Args:
            sample: `(n, h, w, 3)` float32 in [-1, 1], parts of one picture.

        Returns:
            A function as this object.
        """
        if self._sampled is None:
            networks = with_sampled_norms(self._generator)
            if networks is None:
                return self
            self._sampled = tuple(map(self._compiled, networks))
        measure, run = self._sampled
        measure(sample)
        return run

    def _compiled(self, network: keras.Model) -> Network:
        run = self._compile(lambda images: network(images, training=False))
        return lambda images: run(images).numpy()


def fixed_side(generator: keras.Model) -> int | None:
    """The one side of the squares that a model takes, or None if it takes any size.

    Raises:
        ValueError: if it takes rectangles alone.
    """
    height, width = _sides(generator)
    if height != width:
        raise ValueError(
            "Expected a generator of squares, Input((side, side, 3)), or of any size, "
            f"Input((None, None, 3)). Received: Input(({height}, {width}, 3))"
        )
    return height


def _sides(generator: keras.Model) -> tuple[int | None, int | None]:
    """Height and width that a model takes; None where it takes any, or does not say."""
    shape = getattr(generator, "input_shape", None)  # a subclassed model has none
    return (None, None) if shape is None else tuple(shape[1:3])


def with_sampled_norms(generator: keras.Model) -> tuple[keras.Model, keras.Model] | None:
    """Two networks that share all weights with a generator.

    Args:
        generator: with group or instance norms, or without.

    Returns:
        The first normalizes each batch as one picture and remembers its statistics; the second
        uses those that the first saw last, whatever it is shown. None if there are no norms, or
        if the model is no graph of layers that could be rebuilt.
    """
    if not hasattr(generator, "input_shape"):
        return None
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
