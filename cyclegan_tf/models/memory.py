"""What saves memory without changing a number: weights read once, gradients added up late."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


def read_once(networks: Sequence[keras.Model], states: Sequence[tf.Tensor]) -> keras.StatelessScope:
    """A scope in which all calls of the networks see one reading of their weights.

    A graph then casts each weight once to the type it computes in, and keeps one copy of it until
    the way back; of readings, TensorFlow cannot know that they are the same.

    Args:
        networks: built; all that are called within it: what others assign would be lost.
        states: values of their `non_trainable_variables`, seeds for example, to begin with.

    Returns:
        The scope; `get_current_value` gives the reading of a weight, and what a state has become,
        which is for the caller to assign.

    Raises:
        ValueError: if there is no network.
    """
    if not networks:
        raise ValueError(
            "Without networks a scope would lose what layers assign; name all that are called "
            "within it. Received: networks=[]"
        )
    trainable = [v for network in networks for v in network.trainable_variables]
    others = [v for network in networks for v in network.non_trainable_variables]
    readings = [(v, tf.convert_to_tensor(v.value)) for v in trainable]
    return keras.StatelessScope(state_mapping=[*readings, *zip(others, states, strict=True)])


def require_kept(scope: keras.StatelessScope, networks: Sequence[keras.Model]) -> None:
    """Raises `ValueError` if something was assigned in the scope that none of the networks owns."""
    lost = len(scope.state_mapping) - len({id(v) for n in networks for v in n.variables})
    if lost:
        raise ValueError(
            f"{lost} variables were assigned by layers of other networks, and would be lost; name "
            f"all networks that are called. Received: {', '.join(n.name for n in networks)}"
        )


def after(done: list[tf.Tensor], values: Any) -> Any:
    """The values, nested as they are; a graph does not begin with them before the others are there.

    It would compute with them at its first chance, in the memory of both.
    """
    with tf.control_dependencies(done):
        return tf.nest.map_structure(tf.identity, values)


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
