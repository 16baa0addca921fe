"""Gradient accumulation: a batch is worked off part by part, in the memory of one part."""

from collections.abc import Callable
from functools import partial
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
    if not tf.executing_eagerly():
        # Traced once, called for each part; inlined, the parts took the memory of all. No
        # tf.while_loop: TensorFlow 2.21 fails in its second turn, on temporary variables that its
        # memory optimizer puts in.
        work = tf.function(work, autograph=False, experimental_attributes={"_noinline": True})
    sums, kept = None, []
    for i in range(parts):
        done = [] if sums is None else tf.nest.flatten(sums)
        # a graph would run the parts at once, in the memory of all
        with tf.control_dependencies(done):
            part = tf.nest.map_structure(partial(_part, parts=parts, i=i), batch)
            gradients, losses, images = work(*part)
        found = list(gradients), losses
        sums = found if sums is None else tf.nest.map_structure(tf.add, sums, found)
        kept.append(images)
    gradients, losses = sums
    losses = {key: loss / parts for key, loss in losses.items()}
    return gradients, losses, tuple(tf.concat(images, 0) for images in zip(*kept, strict=True))


def _part(x: tf.Tensor, *, parts: int, i: int) -> tf.Tensor:
    rows = x.shape[0] // parts
    # a copy even of the first row, or it would not wait for the part before
    return tf.identity(x[i * rows : (i + 1) * rows])
