"""Gradient accumulation: a batch is worked off part by part, in the memory of one part."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

# Gradients and losses, which are summed, and what each image has become, `(n, ...)`.
Found = tuple[list[tf.Tensor], dict[str, tf.Tensor], tuple[tf.Tensor, ...]]


def in_parts(work: Callable[..., Found], parts: int, *batch: Any) -> Found:
    """Calls `work` with one equal part of the batch after the other.

    Args:
        work: returns gradients, losses and images of what it is given; the gradients are shares
            of that of the batch, the losses means over the part.
        parts: their number, which divides the batch.
        *batch: tensors `(n, ...)`, or nested ones; each part has the next `n / parts` rows.

    Returns:
        The sums of the gradients, the means of the losses, the images of the whole batch.

    Raises:
        ValueError: if the parts cannot be equal.
    """
    if parts == 1:
        return work(*batch)
    rows = tf.nest.flatten(batch)[0].shape[0]
    if rows % parts:
        raise ValueError(
            f"A batch must be a multiple of its parts. Received: {rows} images in {parts} parts"
        )
    batch = tf.nest.map_structure(
        lambda x: tf.reshape(x, [parts, rows // parts, *x.shape[1:]]), batch
    )
    # the first part stands before the loop: it tells what the loop carries
    gradients, losses, images = work(*_part(batch, 0))
    kept = tuple(_array(image, parts).write(0, image) for image in images)

    def next_part(i: tf.Tensor, sums: Any, kept: Any) -> tuple[tf.Tensor, Any, Any]:
        *found, images = work(*_part(batch, i))
        sums = tf.nest.map_structure(tf.add, sums, tuple(found))
        return i + 1, sums, tuple(a.write(i, x) for a, x in zip(kept, images, strict=True))

    # a loop, because an unrolled graph would run the parts at once, in the memory of all
    _, (gradients, losses), kept = tf.while_loop(
        lambda i, *_: i < parts,
        next_part,
        (tf.constant(1), (gradients, losses), kept),
        parallel_iterations=1,
        maximum_iterations=parts - 1,
    )
    losses = {key: loss / parts for key, loss in losses.items()}
    joined = [tf.reshape(array.stack(), [rows, *array.element_shape[1:]]) for array in kept]
    return gradients, losses, tuple(joined)


def _part(batch: Any, i: int | tf.Tensor) -> Any:
    return tf.nest.map_structure(lambda x: x[i], batch)


def _array(image: tf.Tensor, parts: int) -> tf.TensorArray:
    return tf.TensorArray(image.dtype, size=parts, element_shape=image.shape)
