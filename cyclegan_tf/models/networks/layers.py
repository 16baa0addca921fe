"""Layers that Keras does not have, and the parts from which all networks are put together."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import keras
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
        from cyclegan_tf.models.networks import ops as kernels

        if isinstance(x, KerasTensor) or not kernels.norms_images(x):
            return super().call(x)
        channels = (self.groups,)
        scale = ops.convert_to_tensor(self.gamma) if self.scale else ops.ones(channels)
        offset = ops.convert_to_tensor(self.beta) if self.center else ops.zeros(channels)
        x = ops.cast(x, self.compute_dtype)
        return kernels.instance_norm(x, scale, offset, epsilon=self.epsilon)


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
        from cyclegan_tf.models.networks import ops as kernels

        return kernels.leaky_relu(x, self.negative_slope)


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
        from cyclegan_tf.models.networks import ops as kernels

        return kernels.relu_beside(x, skip)


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


@keras.saving.register_keras_serializable("cyclegan_tf")
class ImagePool(layers.Layer):
    """Remembers generated images, so that the discriminator also sees older ones.

    It fills up first; then, half the time, an image is swapped for a random older one, which is
    returned in its place. Images that are not finite pass by. All state stands in weights: it is
    saved with the model and compiles.

    Args:
        size: images remembered, at least 1; 50 in the papers.
        seed: of the draws.

    Reference: Shrivastava et al. 2017, section 2.3; Zhu et al. 2017, section 4.
    """

    def __init__(self, size: int = 50, *, seed: int = 0, **options: object) -> None:
        super().__init__(**{"trainable": False, "dtype": "float32"} | options)
        self.size = size
        self.seed = seed
        self.random = keras.random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes room for `size` images of the shape of the first batch."""
        shape = (self.size, *input_shape[1:])
        self.images = self.add_weight(shape=shape, initializer="zeros", name="images")
        self.count = self.add_weight(shape=(), initializer="zeros", dtype="int32", name="count")

    def call(self, batch: KerasTensor) -> KerasTensor:
        """Maps `(n, h, w, c)` to the same shape: each image itself or an older one."""
        shape = (batch.shape[0],)
        # integers, which XLA draws alike; its uniform numbers are others
        coins = keras.random.randint(shape, 0, 2, seed=self.random) == 1
        places = keras.random.randint(shape, 0, self.size, seed=self.random)
        images, count = ops.convert_to_tensor(self.images), ops.convert_to_tensor(self.count)
        returned = []
        for i in range(batch.shape[0]):
            # what overflowed in float16 would stay for many steps
            sound = ops.all(ops.isfinite(batch[i]))
            filling = ops.logical_and(sound, count < self.size)
            place = ops.where(filling, count, places[i])
            older = ops.take(images, place, axis=0)
            swapped = ops.logical_and(ops.logical_and(sound, count >= self.size), coins[i])
            returned.append(ops.where(swapped, older, batch[i]))
            kept = ops.where(ops.logical_or(filling, swapped), batch[i], older)
            # not slice_update, which TensorFlow compiles with XLA even in an eager step
            images = ops.scatter_update(images, ops.reshape(place, (1, 1)), kept[None])
            count = count + ops.cast(filling, "int32")
        self.images.assign(images)
        self.count.assign(count)
        return ops.stack(returned)

    def get_config(self) -> dict[str, object]:
        """What rebuilds the layer."""
        return {**super().get_config(), "size": self.size, "seed": self.seed}


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
        skip_blur: side of the squares whose means the global skip passes on, with straight lines
            between them: colours stay in place, detail must be drawn anew. 1: the input itself.
    """

    norm: str = "instance"
    norm_groups: int | None = None
    upsampling: str = "transpose"
    global_skip: bool = False
    skip_blur: int = 1


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
    spectral_norm: bool = False,
) -> KerasTensor:
    """A convolution whose kernel starts as N(0, 0.02) (Zhu et al. 2017, section 7.1), or at 0."""
    options = {
        "strides": strides,
        "padding": padding,
        "use_bias": use_bias,
        "kernel_initializer": _kernel(seeds, zeros=zeros),
    }
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
        return GroupNormalization(groups=-1, epsilon=1e-5, center=False, scale=False)(x)
    # gamma around 1: drawn around 0, as tutorials do, every layer would start nearly dead
    gamma = keras.initializers.RandomNormal(1.0, 0.02, seed=next(seeds))
    groups = style.norm_groups or -1
    return GroupNormalization(groups=groups, epsilon=1e-5, gamma_initializer=gamma)(x)


def _unit(vector: KerasTensor) -> KerasTensor:
    return vector / (ops.norm(vector) + 1e-12)


def _kernel(seeds: Iterator[int], *, zeros: bool = False) -> keras.initializers.Initializer:
    if zeros:
        return keras.initializers.Zeros()
    # a new instance a layer: Keras 3 gives layers that share one the same values
    return keras.initializers.RandomNormal(0.0, 0.02, seed=next(seeds))
