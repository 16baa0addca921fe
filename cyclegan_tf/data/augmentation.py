"""Per-image jitter, fixed by the sample number, and DiffAugment for batches in the step."""

from dataclasses import dataclass

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
