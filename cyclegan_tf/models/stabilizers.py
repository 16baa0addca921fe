"""Penalties on the slope of a discriminator: second-order gradients, hence TensorFlow."""

import keras
import tensorflow as tf


def r1_penalty(discriminator: keras.Model, real: tf.Tensor) -> tf.Tensor:
    """Half the mean squared norm of the gradient on real images.

    The discriminator's verdict on an image is the mean of its logits (of both heads together).

    Args:
        discriminator: model from `(n, h, w, 3)` to logits.
        real: `(n, h, w, 3)`.

    Returns:
        Scalar, 0 for a discriminator that does not look.

    Reference: Mescheder et al. 2018, arXiv:1801.04406, section 4.1.
    """
    return 0.5 * tf.reduce_mean(_squared_slope(discriminator, real))


def gradient_penalty(
    discriminator: keras.Model, real: tf.Tensor, fake: tf.Tensor, mix: tf.Tensor
) -> tf.Tensor:
    """Mean squared distance from 1 of the gradient's norm, between real and fake images.

    Args:
        discriminator: model from `(n, h, w, 3)` to logits.
        real: `(n, h, w, 3)`.
        fake: the same shape.
        mix: `(n,)` in [0, 1): how much of each real image the point in between has.

    Reference: Gulrajani et al. 2017, arXiv:1704.00028, section 4.
    """
    mix = mix[:, None, None, None]
    slope = tf.sqrt(_squared_slope(discriminator, mix * real + (1.0 - mix) * fake) + 1e-12)
    return tf.reduce_mean(tf.square(slope - 1.0))


def _squared_slope(discriminator: keras.Model, images: tf.Tensor) -> tf.Tensor:
    """`(n,)`: squared norm of the gradient of each image's mean logit."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        heads = tf.nest.flatten(discriminator(images, training=True))
        verdicts = [tf.reduce_mean(logits, [1, 2, 3]) for logits in heads]
        verdict = tf.add_n(verdicts)
    # float32 squares: those of float16 underflow
    slope = tf.cast(tape.gradient(verdict, images), tf.float32)
    return tf.reduce_sum(tf.square(slope), [1, 2, 3])
