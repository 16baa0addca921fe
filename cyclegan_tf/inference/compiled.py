"""Compiled translation of image batches by a trained generator, of one size or of any."""

from collections.abc import Callable
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from cyclegan_tf.inference.sampled_norms import with_sampled_norms
from cyclegan_tf.models.networks.layers import ReflectionPadding2D

Network = Callable[[np.ndarray], np.ndarray]


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


class AnySize:
    """Runs a generator on batches of any shape that fits it; it is traced once for all of them.

    Args:
        generator: model from `(n, h, w, 3)` in [-1, 1] to the same.
        jit_compile: use XLA, which compiles anew for each shape.
    """

    def __init__(self, generator: keras.Model, *, jit_compile: bool = False) -> None:
        self._generator = generator
        self._compile = partial(
            tf.function,
            input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)],
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
