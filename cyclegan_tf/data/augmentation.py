"""Per-image jitter, fixed by the sample number, and DiffAugment for batches in the step."""

from dataclasses import dataclass

import keras
import tensorflow as tf


@dataclass(frozen=True)
class Jitter:
    """Strengths of the training augmentation; 0 turns each off.

    Attributes:
        flip_left_right: probability of a left-right flip.
        flip_up_down: probability of an up-down flip.
        crop_probability: probability of enlarging and cropping.
        crop_enlarge: factor by which the image is enlarged before the crop, at least 1.
        noise_std: standard deviation of Gaussian noise on images in [-1, 1].
    """

    flip_left_right: float = 0.0
    flip_up_down: float = 0.0
    crop_probability: float = 0.0
    crop_enlarge: float = 1.0
    noise_std: float = 0.0


def enlarge_and_crop(
    image: tf.Tensor, seed: tf.Tensor, *, probability: float, enlarge: float
) -> tf.Tensor:
    """Cuts out the random square that "enlarge by a factor, then crop to size" would show.

    The resize that follows anyway does the enlarging; cutting first saves a resize and keeps the
    detail of images larger than the training size.

    Args:
        image: `(s, s, 3)`, any type.
        seed: `(2,)` integer.
        probability: of cropping at all.
        enlarge: factor, at least 1.

    Returns:
        `(s', s', 3)` with `s' = round(s / enlarge)`, or the image itself.
    """
    if not probability or enlarge == 1.0:
        return image
    coin, place = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    side = tf.shape(image)[0]
    cut = tf.maximum(1, tf.cast(tf.round(tf.cast(side, tf.float32) / enlarge), tf.int32))
    corner = tf.random.stateless_uniform([2], place, maxval=side - cut + 1, dtype=tf.int32)
    crop = image[corner[0] : corner[0] + cut, corner[1] : corner[1] + cut]
    return tf.cond(_happens(coin, probability), lambda: crop, lambda: image)


def flip(image: tf.Tensor, seed: tf.Tensor, *, left_right: float, up_down: float) -> tf.Tensor:
    """Mirrors an `(h, w, 3)` image along each axis with the given probabilities."""
    horizontal, vertical = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    if left_right:
        mirrored = tf.reverse(image, [1])
        image = tf.where(_happens(horizontal, left_right), mirrored, image)
    if up_down:
        mirrored = tf.reverse(image, [0])
        image = tf.where(_happens(vertical, up_down), mirrored, image)
    return image


def add_noise(image: tf.Tensor, seed: tf.Tensor, *, std: float) -> tf.Tensor:
    """Adds Gaussian noise to a float image in [-1, 1] and clips it back to that range."""
    if not std:
        return image
    noise = tf.random.stateless_normal(tf.shape(image), seed, stddev=std, dtype=image.dtype)
    return tf.clip_by_value(image + noise, -1.0, 1.0)


def _happens(seed: tf.Tensor, probability: float) -> tf.Tensor:
    return tf.random.stateless_uniform([], seed) < probability


class DiffAugment:
    """Differentiable augmentation of what the discriminator sees, real and fake alike.

    The discriminator then cannot memorize a few hundred images, and the generator does not learn
    the augmentation, since its gradients pass through it. One draw serves a whole step.

    Args:
        color: shift brightness, scale saturation and contrast.
        geometry: move by up to an eighth of the side, and blank out a square of half the side.
        random: of the draws; kept by the model, which saves and restores its state.

    Reference: Zhao et al. 2020, arXiv:2006.10738, section 3.2.
    """

    def __init__(self, *, color: bool, geometry: bool, random: keras.random.SeedGenerator) -> None:
        self.color = color
        self.geometry = geometry
        self.random = random

    def draw(self, count: int) -> tf.Tensor:
        """Numbers in [0, 1) that decide on one batch: `(count, 7)`."""
        return tf.transpose(keras.random.uniform((7, count), seed=self.random))

    def apply(self, images: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
        """Augments `(n, h, w, 3)` in [-1, 1] as drawn; colours may leave the range."""
        brightness, saturation, contrast, *places = tf.unstack(draw, axis=1)
        if self.color:
            images = images + _for_each_image(brightness - 0.5)
            images = _scaled_about(images, [-1], 2 * saturation)
            images = _scaled_about(images, [1, 2, 3], contrast + 0.5)
        if self.geometry:
            images = _moved(images, places[0], places[1])
            images = _cut_out(images, places[2], places[3])
        return images


def _for_each_image(values: tf.Tensor) -> tf.Tensor:
    return values[:, None, None, None]


def _scaled_about(images: tf.Tensor, axes: list[int], factor: tf.Tensor) -> tf.Tensor:
    """Scales the distance from the mean over the axes."""
    mean = tf.reduce_mean(images, axes, keepdims=True)
    return mean + (images - mean) * _for_each_image(factor)


def _moved(images: tf.Tensor, down: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Moves each image by up to an eighth of its side; what comes in is 0 (grey)."""
    for axis, share in ((1, down), (2, right)):
        side = images.shape[axis]
        reach = side // 8
        offset = tf.cast(tf.floor(share * (2 * reach + 1)), tf.int32) - reach
        source = tf.range(side)[None] - offset[:, None]  # (n, side)
        inside = tf.cast((source >= 0) & (source < side), images.dtype)
        images = tf.gather(images, tf.clip_by_value(source, 0, side - 1), axis=axis, batch_dims=1)
        images *= tf.reshape(inside, [-1, side, 1, 1] if axis == 1 else [-1, 1, side, 1])
    return images


def _cut_out(images: tf.Tensor, down: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Blanks out a square of half the side, centred anywhere in each image."""
    inside = []
    for axis, share in ((1, down), (2, right)):
        side = images.shape[axis]
        centre = tf.floor(share * side)
        distance = tf.abs(tf.range(side, dtype=tf.float32)[None] + 0.5 - centre[:, None])
        inside.append(tf.cast(distance < side / 4, images.dtype))  # (n, side)
    hole = inside[0][:, :, None, None] * inside[1][:, None, :, None]
    return images * (1.0 - hole)
