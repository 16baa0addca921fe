"""What replicas share, so that a step on several equals the step on one with the same global batch.

All functions are for a replica: for what runs under `fit`. Where there is one they do nothing.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import keras
import tensorflow as tf

Logs = dict[str, tf.Tensor]
PACKED = "packed"  # the name of the row


def count() -> int:
    """How many replicas train together."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def place() -> tf.Tensor | int:
    """Which of them this one is, from 0; batches are divided among them in this order."""
    if count() == 1:
        return 0
    return tf.distribute.get_replica_context().replica_id_in_sync_group


def shard(values: tf.Tensor) -> tf.Tensor:
    """This replica's `(n, ...)` of the `(replicas * n, ...)` drawn for the global batch.

    The states of random generators are the same on all replicas, so each draws for all and takes
    its part, in the order in which a batch is divided among them.
    """
    if count() == 1:
        return values
    parts = tf.reshape(values, [count(), -1, *values.shape[1:]])
    part = parts[place()]
    if values.shape[0] is not None:  # what follows is written for static shapes
        part = tf.ensure_shape(part, [values.shape[0] // count(), *values.shape[1:]])
    return part


def gather(values: tf.Tensor) -> tf.Tensor:
    """The `(n, ...)` of all replicas, joined to that of the global batch; without a gradient."""
    if count() == 1:
        return tf.stop_gradient(values)
    values = tf.stop_gradient(values)
    joined = tf.distribute.get_replica_context().all_gather(values, axis=0)
    return tf.ensure_shape(joined, [count() * values.shape[0], *values.shape[1:]])


def total(values: list[tf.Tensor]) -> list[tf.Tensor]:
    """Sums over all replicas, of gradients for example."""
    if count() == 1:
        return values
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def mean(
    values: list[tf.Tensor], images: int | tf.Tensor
) -> tuple[list[tf.Tensor], int | tf.Tensor]:
    """Means over the global batch, from scalars that are means over this replica's images.

    Args:
        values: scalars.
        images: how many this replica has; none, if the last batch of a pass is too small for all.

    Returns:
        The means, and the number of images of the global batch.
    """
    if count() == 1:
        return values, images
    weight = tf.cast(images, tf.float32)
    # the mean over no images is not a number, and must not count
    weighted = [tf.math.multiply_no_nan(value, weight) for value in values]
    *sums, weights = tf.unstack(total([tf.stack([*weighted, weight])])[0])
    return [value / weights for value in sums], weights


class RunningMean(keras.metrics.Mean):
    """The running mean of numbers that are the same on all replicas.

    Keras's own adds up what each replica has counted: in an epoch that goes on with more or fewer
    replicas than it began with, later steps would weigh more or less than earlier ones.
    """

    def add_variable(self, *args: Any, **options: Any) -> keras.Variable:
        """As in Keras; the count of the first replica is that of all."""
        return super().add_variable(*args, **{**options, "aggregation": "only_first_replica"})

    def result(self) -> tf.Tensor:
        """As in Keras, but of nothing it is not a number: 0 would look like a perfect loss."""
        return tf.where(self.count > 0, super().result(), math.nan)


def packed(logs: Logs) -> Logs:
    """Scalar logs, which are the same on all replicas, as Keras can handle them.

    On several machines Keras 3 averages each over its first axis, which a scalar has not
    (https://github.com/keras-team/keras/issues/20585), and sends messages for each. So they go
    as one row.
    """
    strategy = tf.distribute.get_strategy()
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return logs
    return {PACKED: tf.stack(list(logs.values()))[tf.newaxis]}


def unpacking(step: Callable[..., Logs], keys: Iterable[str]) -> Callable[..., Logs]:
    """The same step, but its packed logs have their names again."""

    def unpacked(iterator: Any) -> Logs:
        logs = step(iterator)
        if PACKED not in logs:
            return logs
        return dict(zip(keys, tf.unstack(logs[PACKED]), strict=True))

    return unpacked
