"""What keeps both sides in balance: penalties on slopes, an image pool, DiffAugment."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import KerasTensor, layers, ops

from cyclegan_tf.models.losses import Saved

_Pool = tuple[KerasTensor, KerasTensor]  # (size, h, w, c), and how many of them are images


def r1_penalty(discriminator: keras.Model, real: KerasTensor) -> KerasTensor:
    """Half the mean squared norm of the gradient on real images.

    The discriminator's verdict on an image is the mean of its logits (of both heads together).

    Args:
        discriminator: model from `(n, h, w, 3)` to logits.
        real: `(n, h, w, 3)`.

    Returns:
        Scalar, 0 for a discriminator that does not look.

    Reference: Mescheder et al. 2018, arXiv:1801.04406, section 4.1.
    """
    return 0.5 * ops.mean(_squared_slope(discriminator, real))


def gradient_penalty(
    discriminator: keras.Model, real: KerasTensor, fake: KerasTensor, mix: KerasTensor
) -> KerasTensor:
    """Mean squared distance from 1 of the gradient's norm, between real and fake images.

    Args:
        discriminator: model from `(n, h, w, 3)` to logits.
        real: `(n, h, w, 3)`.
        fake: the same shape.
        mix: `(n,)` in [0, 1): how much of each real image the point in between has.

    Reference: Gulrajani et al. 2017, arXiv:1704.00028, section 4.
    """
    mix = mix[:, None, None, None]
    slope = ops.sqrt(_squared_slope(discriminator, mix * real + (1.0 - mix) * fake) + 1e-12)
    return ops.mean(ops.square(slope - 1.0))


def _squared_slope(discriminator: keras.Model, images: KerasTensor) -> KerasTensor:
    """`(n,)`: squared norm of the gradient of each image's mean logit."""

    def verdict(images: KerasTensor) -> KerasTensor:
        heads = keras.tree.flatten(discriminator(images, training=True))
        # some heads judge places, others the whole image
        return ops.sum(sum(ops.mean(logits, axis=range(1, logits.ndim)) for logits in heads))

    # float32 squares: those of float16 underflow
    slope = ops.cast(_gradient(verdict, images), "float32")
    return ops.sum(ops.square(slope), axis=[1, 2, 3])


def _gradient(function: Callable[[KerasTensor], KerasTensor], x: KerasTensor) -> KerasTensor:
    """The gradient of a scalar: Keras has no operation for it, each library has its own."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(function)(x)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return tape.gradient(value, x)


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
        number = batch.shape[0]
        shape = ops.shape(batch)[:1]
        # integers, which XLA draws alike; its uniform numbers are others
        coins = keras.random.randint(shape, 0, 2, seed=self.random) == 1
        places = keras.random.randint(shape, 0, self.size, seed=self.random)
        pool = ops.convert_to_tensor(self.images), ops.convert_to_tensor(self.count)
        if number is None:
            returned, pool = self._exchange_all(pool, batch, places, coins)
        else:
            one_by_one = []
            for i in range(number):
                shown, pool = self._exchange(pool, batch[i], places[i], coins[i])
                one_by_one.append(shown)
            returned = ops.stack(one_by_one)
        self.images.assign(pool[0])
        self.count.assign(pool[1])
        return returned

    def _exchange(
        self, pool: _Pool, image: KerasTensor, place: KerasTensor, coin: KerasTensor
    ) -> tuple[KerasTensor, _Pool]:
        """What is returned for an image, and the pool after it."""
        images, count = pool
        # what overflowed in float16 would stay for many steps
        sound = ops.all(ops.isfinite(image))
        filling = ops.logical_and(sound, count < self.size)
        place = ops.where(filling, count, place)
        older = ops.take(images, place, axis=0)
        swapped = ops.logical_and(ops.logical_and(sound, count >= self.size), coin)
        kept = ops.where(ops.logical_or(filling, swapped), image, older)
        # not slice_update, which TensorFlow compiles with XLA even in an eager step
        images = ops.scatter_update(images, ops.reshape(place, (1, 1)), kept[None])
        shown = ops.where(swapped, older, image)
        return shown, (images, count + ops.cast(filling, "int32"))

    def _exchange_all(
        self, pool: _Pool, batch: KerasTensor, places: KerasTensor, coins: KerasTensor
    ) -> tuple[KerasTensor, _Pool]:
        """The same for a batch whose size the graph does not know: one image after the other."""
        import tensorflow as tf  # a loop of Keras's operations gathers no results

        number = tf.shape(batch)[0]
        returned = tf.TensorArray(batch.dtype, size=number, element_shape=batch.shape[1:])

        def one(i: KerasTensor, pool: _Pool, returned: Any) -> tuple[Any, ...]:
            shown, pool = self._exchange(pool, batch[i], places[i], coins[i])
            return i + 1, pool, returned.write(i, shown)

        _, pool, returned = tf.while_loop(lambda i, *_: i < number, one, (0, pool, returned))
        return tf.ensure_shape(returned.stack(), batch.shape), pool

    def get_config(self) -> dict[str, object]:
        """What rebuilds the layer."""
        return {**super().get_config(), "size": self.size, "seed": self.seed}


def image_pool(size: int, *, seed: int) -> layers.Layer:
    """An `ImagePool` of that size; with 0, a layer that returns the images as they come."""
    return ImagePool(size, seed=seed) if size else layers.Identity(dtype="float32")


@keras.saving.register_keras_serializable("cyclegan_tf")
@dataclass(frozen=True)
class Stabilizers(Saved):
    """What keeps the two sides in balance; 0 and False turn each off.

    Attributes:
        pool_size: fakes remembered for the discriminators (Shrivastava et al. 2017).
        augment_color: DiffAugment's colours (Zhao et al. 2020).
        augment_geometry: DiffAugment's translation and cutout.
        mirrored: what its translation moves in is the mirrored picture instead of grey.
        ema_decay: of the moving average of the generators' weights.
        discriminator_steps: updates of the discriminators, on the same images, after each of the
            generators.
        r1_weight: of the R1 penalty on real images.
        penalty_weight: of the gradient penalty between real and fake images.
    """

    pool_size: int = 0
    augment_color: bool = False
    augment_geometry: bool = False
    mirrored: bool = False
    ema_decay: float = 0.0
    discriminator_steps: int = 1
    r1_weight: float = 0.0
    penalty_weight: float = 0.0

    @property
    def same_fakes(self) -> bool:
        """Whether one look of the discriminators at the fakes serves both sides."""
        others = (self.pool_size, self.r1_weight, self.penalty_weight)
        return self.discriminator_steps == 1 and not any(others)


class DiffAugment:
    """Differentiable augmentation of what the discriminator sees, real and fake alike.

    The discriminator then cannot memorize a few hundred images, and the generator does not learn
    the augmentation, since its gradients pass through it. One draw serves a whole step.

    Args:
        color: shift brightness, scale saturation and contrast.
        geometry: move by up to an eighth of the side, and blank out a square of half the side.
        mirrored: what moves in is the mirrored picture instead of grey, which generators may learn
            to draw.
        random: of the draws; kept by the model, which saves and restores its state.

    Reference: Zhao et al. 2020, arXiv:2006.10738, section 3.2.
    """

    def __init__(
        self,
        *,
        color: bool,
        geometry: bool,
        mirrored: bool = False,
        random: keras.random.SeedGenerator,
    ) -> None:
        self.color = color
        self.geometry = geometry
        self.mirrored = mirrored
        self.random = random

    def draw(self, count: int | KerasTensor) -> KerasTensor:
        """Numbers in [0, 1) that decide on one batch: `(count, 7)`."""
        return ops.transpose(keras.random.uniform((7, count), seed=self.random))

    def apply(self, images: KerasTensor, draw: KerasTensor) -> KerasTensor:
        """Augments `(n, h, w, 3)` in [-1, 1] as drawn; colours may leave the range."""
        brightness, saturation, contrast, *places = ops.unstack(draw, axis=1)
        if self.color:
            images = images + _for_each_image(brightness - 0.5)
            images = _scaled_about(images, [-1], 2 * saturation)
            images = _scaled_about(images, [1, 2, 3], contrast + 0.5)
        if self.geometry:
            images = _moved(images, places[0], places[1], mirrored=self.mirrored)
            images = _cut_out(images, places[2], places[3])
        return images


def _for_each_image(values: KerasTensor) -> KerasTensor:
    return values[:, None, None, None]


def _scaled_about(images: KerasTensor, axes: list[int], factor: KerasTensor) -> KerasTensor:
    """Scales the distance from the mean over the axes."""
    mean = ops.mean(images, axis=axes, keepdims=True)
    return mean + (images - mean) * _for_each_image(factor)


def _moved(
    images: KerasTensor, down: KerasTensor, right: KerasTensor, *, mirrored: bool = False
) -> KerasTensor:
    """Moves each image by up to an eighth of its side; what comes in is 0 (grey) or its mirror."""
    for axis, share in ((1, down), (2, right)):
        side = _side(images, axis)
        reach = side // 8
        places = ops.cast(2 * reach + 1, "float32")
        offset = ops.cast(ops.floor(share * places), "int32") - reach
        source = ops.arange(side, dtype="int32")[None] - offset[:, None]  # (n, side)
        inside = ops.cast(ops.logical_and(source >= 0, source < side), images.dtype)
        if mirrored:
            source = side - 1 - ops.abs(side - 1 - ops.abs(source))
        images = _gathered(images, ops.clip(source, 0, side - 1), axis=axis)
        if mirrored:
            continue
        images *= ops.reshape(inside, [-1, side, 1, 1] if axis == 1 else [-1, 1, side, 1])
    return images


def _gathered(images: KerasTensor, places: KerasTensor, *, axis: int) -> KerasTensor:
    """Rows (axis 1) or columns (axis 2) of each image, from places `(n, side)` of its own."""
    if axis == 2:
        turned = ops.transpose(images, (0, 2, 1, 3))
        return ops.transpose(_gathered(turned, places, axis=1), (0, 2, 1, 3))
    n, side, *row = ops.shape(images)
    first = ops.arange(n, dtype="int32")[:, None] * side  # of all rows of all images
    return ops.take(ops.reshape(images, (n * side, *row)), first + places, axis=0)


def _cut_out(images: KerasTensor, down: KerasTensor, right: KerasTensor) -> KerasTensor:
    """Blanks out a square of half the side, centred anywhere in each image."""
    inside = []
    for axis, share in ((1, down), (2, right)):
        side = ops.cast(_side(images, axis), "float32")
        centre = ops.floor(share * side)
        distance = ops.abs(ops.arange(side, dtype="float32")[None] + 0.5 - centre[:, None])
        inside.append(ops.cast(distance < side / 4, images.dtype))  # (n, side)
    hole = inside[0][:, :, None, None] * inside[1][:, None, :, None]
    return images * (1.0 - hole)


def _side(images: KerasTensor, axis: int) -> int | KerasTensor:
    """Pixels along an axis: a number where the graph knows it."""
    return ops.shape(images)[axis]
