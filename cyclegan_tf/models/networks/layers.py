"""Layers that Keras does not have, or not as this package needs them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import keras
import numpy as np
from keras import KerasTensor, layers, ops


@keras.saving.register_keras_serializable("cyclegan_tf")
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


@keras.saving.register_keras_serializable("cyclegan_tf")
class GroupNormalization(layers.GroupNormalization):
    """Keras's own; with a channel a group (instance norm) by a faster kernel where there is one.

    Args:
        **options: of `keras.layers.GroupNormalization`.

    Reference: Wu and He 2018, arXiv:1803.08494; Ulyanov et al. 2016, arXiv:1607.08022.
    """

    def call(self, x: KerasTensor) -> KerasTensor:
        """Maps `(n, h, w, c)` to the same shape, normalized over each group of each image."""
        if self.groups != x.shape[-1] or keras.backend.backend() != "tensorflow":
            return super().call(x)
        from cyclegan_tf.models.networks.ops import instance_norm, norms_images

        if isinstance(x, KerasTensor) or not norms_images(x):
            return super().call(x)
        channels = (self.groups,)
        scale = ops.convert_to_tensor(self.gamma) if self.scale else ops.ones(channels)
        offset = ops.convert_to_tensor(self.beta) if self.center else ops.zeros(channels)
        x = ops.cast(x, self.compute_dtype)
        return instance_norm(x, scale, offset, epsilon=self.epsilon)


@keras.saving.register_keras_serializable("cyclegan_tf")
class LeakyReLU(layers.LeakyReLU):
    """Keras's own; while training, TensorFlow need not remember what went in.

    Args:
        **options: of `keras.layers.LeakyReLU`.
    """

    def call(self, x: KerasTensor) -> KerasTensor:
        """Maps any shape to the same: `x`, or where that is negative, `negative_slope * x`."""
        if keras.backend.backend() != "tensorflow" or isinstance(x, KerasTensor):
            return super().call(x)
        from cyclegan_tf.models.networks.ops import leaky_relu

        return leaky_relu(x, self.negative_slope)


@keras.saving.register_keras_serializable("cyclegan_tf")
class SkipConnection(layers.Layer):
    """The ReLU of a decoder's maps, and beside them the encoder's, as channels.

    One layer, because TensorFlow would remember the result of each of the two.

    Reference: Isola et al. 2017, section 3.2.1.
    """

    def call(self, maps: tuple[KerasTensor, KerasTensor]) -> KerasTensor:
        """Maps `(n, h, w, c)` and `(n, h, w, d)` to `(n, h, w, c + d)`."""
        x, skip = maps
        if keras.backend.backend() != "tensorflow" or isinstance(x, KerasTensor):
            return ops.concatenate([ops.relu(x), skip], axis=-1)
        from cyclegan_tf.models.networks.ops import relu_beside

        return relu_beside(x, skip)


@dataclass(frozen=True)
class Share:
    """Which rows of the global batch a call sees, where replicas or parts divide it.

    Attributes:
        images: rows of one share; a call may see several batches at once, each of that many.
        count: equal shares in all.
        place: which of them this is.
    """

    images: int
    count: int
    place: KerasTensor | int


_SHARE: ContextVar[Share | None] = ContextVar("share", default=None)


@contextmanager
def sharing_draws(share: Share) -> Iterator[None]:
    """Within it, layers draw for the global batch and take the rows of this share.

    So a step on several devices, or in parts, draws what the step on one does.
    """
    token = _SHARE.set(share if share.count > 1 else None)
    try:
        yield
    finally:
        _SHARE.reset(token)


def _rows(x: KerasTensor, draw: Callable[[tuple[int, ...]], KerasTensor]) -> KerasTensor:
    """This share's rows, shaped as `x`, of what is drawn for the global batch."""
    share = _SHARE.get()
    batches, rest = x.shape[0] // share.images, x.shape[1:]
    whole = draw((batches * share.count * share.images, *rest))
    parts = ops.reshape(whole, (batches, share.count, share.images, *rest))
    return ops.reshape(ops.take(parts, share.place, axis=1), x.shape)


@keras.saving.register_keras_serializable("cyclegan_tf")
class Dropout(layers.Dropout):
    """Keras's own; on several replicas, or in parts, the mask is that of the global batch.

    Args:
        *arguments: of `keras.layers.Dropout`.
        **options: of the same.
    """

    def call(self, x: KerasTensor, training: bool = False) -> KerasTensor:
        """Maps any shape to the same: while training, drops numbers and enlarges the others."""
        if not training or not self.rate or not _SHARE.get():
            return super().call(x, training=training)
        return x * _rows(
            x,
            lambda shape: keras.random.dropout(
                ops.ones(shape, x.dtype), self.rate, seed=self.seed_generator
            ),
        )


@keras.saving.register_keras_serializable("cyclegan_tf")
class GaussianNoise(layers.GaussianNoise):
    """Keras's own; on several replicas, or in parts, the noise is that of the global batch.

    Args:
        *arguments: of `keras.layers.GaussianNoise`.
        **options: of the same.
    """

    def call(self, x: KerasTensor, training: bool = False) -> KerasTensor:
        """Maps any shape to the same: while training, adds noise."""
        if not training or not self.stddev or not _SHARE.get():
            return super().call(x, training=training)
        return x + _rows(
            x,
            lambda shape: keras.random.normal(
                shape, stddev=self.stddev, dtype=self.compute_dtype, seed=self.seed_generator
            ),
        )


@keras.saving.register_keras_serializable("cyclegan_tf")
class SpectralConv2D(layers.Conv2D):
    """A convolution whose kernel, as a matrix, is divided by its largest singular value.

    A power iteration in every training call follows the singular vector (Miyato et al. 2018,
    algorithm 1). The gradient flows through the division, which Keras's own wrapper leaves out.

    Args:
        seed: of the first guess of the singular vector.
        **options: of `keras.layers.Conv2D`.
    """

    def __init__(self, *arguments: object, seed: int = 0, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Adds the singular vector to the weights of the convolution."""
        super().build(input_shape)
        self.singular_vector = self.add_weight(
            shape=(1, self.filters),
            initializer=keras.initializers.RandomNormal(seed=self.seed),
            trainable=False,
            autocast=False,
            name="singular_vector",
        )

    def call(self, x: KerasTensor, training: bool = False) -> KerasTensor:
        """Convolves with the normalized kernel."""
        kernel = ops.cast(self.kernel, "float32")
        matrix = ops.reshape(kernel, (-1, self.filters))
        fixed = ops.stop_gradient(matrix)  # the singular vectors count as constants
        right = ops.convert_to_tensor(self.singular_vector)
        left = _unit(ops.matmul(right, ops.transpose(fixed)))
        right = _unit(ops.matmul(left, fixed))
        if training:
            self.singular_vector.assign(right)
        norm = ops.sum(ops.matmul(left, matrix) * right)
        outputs = self.convolution_op(x, ops.cast(kernel / norm, x.dtype))
        return outputs + ops.cast(self.bias, outputs.dtype) if self.use_bias else outputs

    def get_config(self) -> dict[str, object]:
        """What rebuilds the layer."""
        return {**super().get_config(), "seed": self.seed}


def _unit(vector: KerasTensor) -> KerasTensor:
    return vector / (ops.norm(vector) + 1e-12)


@keras.saving.register_keras_serializable("cyclegan_tf")
class MinibatchDeviation(layers.Layer):
    """Appends a channel that says how much the images of the batch differ.

    Its one value is the standard deviation over the batch, averaged over places and channels.
    A generator that always makes the same picture is found out by a batch alone.

    Reference: Karras et al. 2018, arXiv:1710.10196, section 3.
    """

    def call(self, x: KerasTensor) -> KerasTensor:
        """Maps `(n, h, w, c)` to `(n, h, w, c + 1)`."""
        # 1e-8, which keeps the gradient finite for equal images, is 0 in float16
        x32 = ops.cast(x, "float32")
        centred = x32 - _mean_over_batch(x32)
        variance = _mean_over_batch(ops.square(centred))
        deviation = ops.mean(ops.sqrt(variance + 1e-8))
        channel = ops.cast(deviation, x.dtype) * ops.ones_like(x[..., :1])
        return ops.concatenate([x, channel], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """One channel more."""
        return *input_shape[:-1], input_shape[-1] + 1


def _mean_over_batch(x: KerasTensor) -> KerasTensor:
    """Mean over the images of all replicas; only TensorFlow trains with several."""
    synchronized = keras.backend.backend() == "tensorflow"
    return ops.moments(x, axes=[0], keepdims=True, synchronized=synchronized)[0]


@keras.saving.register_keras_serializable("cyclegan_tf")
class SmoothUpSampling2D(layers.UpSampling2D):
    """Bilinear up-sampling that can also be traced for pictures of any size.

    Args:
        factor: how many times the sides of the input those of the output are.
    """

    def __init__(self, factor: int, **options: object) -> None:
        super().__init__(factor, interpolation="bilinear", **options)
        self.factor = factor

    def call(self, x: KerasTensor) -> KerasTensor:
        """Maps `(n, h, w, c)` to `(n, factor h, factor w, c)`."""
        # faster; but Keras compares sides, which it must know for that, and what TensorFlow calls
        # the gradient in half precision XLA refuses
        if None not in x.shape[1:3] and self.compute_dtype == "float32":
            return super().call(x)
        return _between(_between(x, self.factor, axis=1), self.factor, axis=2)

    def get_config(self) -> dict[str, object]:
        """What rebuilds the layer."""
        config = super().get_config()
        return {"factor": self.factor} | {
            key: value for key, value in config.items() if key not in ("size", "interpolation")
        }


def _between(x: KerasTensor, factor: int, *, axis: int) -> KerasTensor:
    """Straight lines between the values along an axis, each in the middle of `factor` new ones."""

    def part(start: int | None, stop: int | None) -> KerasTensor:
        return x[(slice(None),) * axis + (slice(start, stop),)]

    def weights(values: np.ndarray) -> KerasTensor:
        return ops.reshape(ops.cast(values, x.dtype), (factor, *[1] * (3 - axis)))

    offsets = (np.arange(factor) + 0.5) / factor - 0.5  # of the new values from the old one
    before, behind = np.maximum(-offsets, 0), np.maximum(offsets, 0)
    terms = (
        (ops.concatenate([part(0, 1), part(None, -1)], axis=axis), before),
        (x, 1 - before - behind),
        (ops.concatenate([part(1, None), part(-1, None)], axis=axis), behind),
    )
    values = sum(ops.expand_dims(term, axis + 1) * weights(w) for term, w in terms)
    shape = list(ops.shape(x))
    shape[axis] = shape[axis] * factor
    return ops.reshape(values, (-1, *shape[1:]))
