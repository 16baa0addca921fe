"""Translator: compiled translation of image batches by a trained generator."""

import keras
import numpy as np
import tensorflow as tf

from cyclegan_tf.layers import ReflectionPadding2D


class Translator:
    """Runs a generator on batches of one fixed size, so that it is traced once per image size.

    Args:
        generator: model from `(n, h, w, 3)` in [-1, 1] to the same.
        batch_size: images computed at once; smaller batches are filled up and cut off again.
        margin: pixels by which an image is continued, mirrored, on each side, and cut again
            afterwards. Convolutions that pad with zeros see a dark frame there, and draw one.
        chains: equal parts of a batch that are computed side by side; as many as operations run
            at once, where each has a core of its own.
        jit_compile: use XLA.

    Raises:
        ValueError: if the parts cannot be equal.
    """

    def __init__(
        self,
        generator: keras.Model,
        *,
        batch_size: int = 16,
        margin: int = 0,
        chains: int = 1,
        jit_compile: bool = False,
    ) -> None:
        if batch_size % chains:
            raise ValueError(
                f"batch_size must be a multiple of chains. Received: {batch_size} and {chains}"
            )
        self.batch_size = batch_size
        mirror = ReflectionPadding2D(margin, dtype="float32")

        def translate(images: tf.Tensor) -> tf.Tensor:
            if not margin:
                return generator(images, training=False)
            translated = generator(mirror(images), training=False)
            return translated[:, margin:-margin, margin:-margin]

        def run(images: tf.Tensor) -> tf.Tensor:
            return tf.concat([translate(part) for part in tf.split(images, chains)], 0)

        self._run = tf.function(run, jit_compile=jit_compile)

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
