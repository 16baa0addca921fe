"""What the training draws from: a domain's images in memory, encoded or as pixels."""

import tensorflow as tf

from cyclegan_tf.data import image as images
from cyclegan_tf.data.dataset import ImageSet


class Store:
    """Gives the centred square of each image of a set; the same pixels either way.

    Args:
        domain: the images.
        decoded: keep them as pixels, instead of decoding an image each time it is shown.
    """

    def __init__(self, domain: ImageSet, *, decoded: bool) -> None:
        # tensors, not Python lists: the bytes stay outside of the graph's definition
        self._content = domain.pixels if decoded else tf.constant(domain.encoded)
        self._decoded = decoded
        self._sides = tf.constant([min(size) for size in domain.sizes])
        self._square = all(width == height for width, height in domain.sizes)
        sides = {min(size) for size in domain.sizes}
        self._side = sides.pop() if len(sides) == 1 else None

    def __len__(self) -> int:
        return len(self._content)

    def __call__(self, place: tf.Tensor) -> tf.Tensor:
        """The square at a place, a scalar integer.

        Returns:
            `(s, s, 3)` uint8; s is known when the graph is made if all are of one size.
        """
        content = self._content[place]
        if self._decoded:
            side = self._sides[place]
            square = tf.reshape(tf.io.decode_raw(content, tf.uint8), [side, side, 3])
        else:
            square = images.decode(content)
            square = square if self._square else images.center_square(square)
        return tf.ensure_shape(square, [self._side, self._side, 3])
