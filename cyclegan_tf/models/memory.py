"""Weights that are read once, however often their network is called."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import tensorflow as tf


@contextmanager
def read_once(networks: Sequence[keras.Model]) -> Iterator[None]:
    """Within it, all calls of the networks see one reading of their weights.

    A graph then casts each weight once to the type it computes in, and keeps one copy of it until
    the way back; of readings, TensorFlow cannot know that they are the same.

    Args:
        networks: built; what their calls assign, such as seeds, is assigned at the end.
    """
    weights = [weight for network in networks for weight in network.trainable_variables]
    others = [state for network in networks for state in network.non_trainable_variables]
    readings = [(weight, tf.convert_to_tensor(weight.value)) for weight in weights]
    with keras.StatelessScope(state_mapping=readings) as scope:
        yield
    for state in others:
        value = scope.get_current_value(state)
        if value is not None:
            state.assign(value)


def add_late(gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """Lets a graph compute the parts of a sum only when the last of them can be computed.

    Where a network has been passed through twice, the gradient of a weight is the sum of two.
    TensorFlow computes each at its first chance, and those of a whole network wait for the others;
    the maps from which the deep layers' are made are far smaller than the gradients themselves.

    Args:
        gradients: as a tape gives them.

    Returns:
        The same; outside of a graph nothing is done.
    """
    for gradient in gradients:
        if tf.is_symbolic_tensor(gradient) and gradient.op.type == "AddN":
            *early, last = map(_uncast, gradient.op.inputs)
            for part in early:
                if _only_waits(part):
                    part._add_control_inputs([x.op for x in last.inputs])
    return gradients


def _uncast(x: tf.Tensor) -> tf.Operation:
    """What has computed it, before it was cast."""
    return _uncast(x.op.inputs[0]) if x.op.type == "Cast" else x.op


def _only_waits(op: tf.Operation) -> bool:
    """Whether it makes much out of little, for one reader: then no circle can come about."""
    sizes = [x.shape.num_elements() for x in (*op.inputs, *op.outputs)]
    readers = [reader for x in op.outputs for reader in x.consumers()]
    return len(readers) == 1 and None not in sizes and sizes[-1] > sum(sizes[:-1])
