"""What saves memory without changing a number: weights read once, gradients added up late."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from cyclegan_tf.models.internals import compute_after


class States:
    """What networks hold besides their weights: seeds, singular vectors, running statistics.

    Args:
        networks: built; all that are called within `read_once`.
        values: of their `non_trainable_variables`; by default those that they have now.

    Attributes:
        values: what the states are by now; the variables keep what they had until `assign`.

    Raises:
        ValueError: if there is no network.
    """

    def __init__(
        self, networks: Sequence[keras.Model], values: Sequence[tf.Tensor] | None = None
    ) -> None:
        if not networks:
            raise ValueError(
                "Without networks a scope would lose what layers assign; name all that are called "
                "within it. Received: networks=[]"
            )
        self._networks = networks
        self._variables = [v for network in networks for v in network.non_trainable_variables]
        now = [v.value for v in self._variables] if values is None else values
        self.values = [tf.convert_to_tensor(value) for value in now]

    @contextmanager
    def read_once(self, networks: Sequence[keras.Model] = ()) -> Iterator[None]:
        """Within it, all calls of the networks see one reading of their weights.

        A graph then casts each weight once to the type it computes in, and keeps one copy of it
        until the way back; of readings, TensorFlow cannot know that they are the same.

        Args:
            networks: those that are called, if not all.

        Raises:
            ValueError: if something was assigned that none of the networks owns.
        """
        called = networks or self._networks
        weights = [v for network in called for v in network.trainable_variables]
        readings = [(v, tf.convert_to_tensor(v.value)) for v in weights]
        states = zip(self._variables, self.values, strict=True)
        with keras.StatelessScope(state_mapping=[*readings, *states]) as scope:
            yield
        known = {id(v) for v in (*weights, *self._variables)}
        if lost := set(scope.state_mapping) - known:
            raise ValueError(
                f"{len(lost)} variables were assigned by layers of other networks, and would be "
                "lost; name all networks that are called. Received: "
                f"{', '.join(network.name for network in self._networks)}"
            )
        self.values = [scope.get_current_value(v) for v in self._variables]

    def changes(self, before: Sequence[tf.Tensor]) -> dict[int, tf.Tensor]:
        """The values that are others than before, by their place."""
        pairs = enumerate(zip(self.values, before, strict=True))
        return {place: now for place, (now, then) in pairs if now is not then}

    def assign(self, changes: dict[int, tf.Tensor]) -> None:
        """Gives the variables the values that have changed."""
        for place, value in changes.items():
            self._variables[place].assign(value)


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
                    compute_after(part, [x.op for x in last.inputs])
    return gradients


def _uncast(x: tf.Tensor) -> tf.Operation:
    """What has computed it, before it was cast."""
    return _uncast(x.op.inputs[0]) if x.op.type == "Cast" else x.op


def _only_waits(op: tf.Operation) -> bool:
    """Whether it makes much out of little, for one reader: then no circle can come about."""
    sizes = [x.shape.num_elements() for x in (*op.inputs, *op.outputs)]
    readers = [reader for x in op.outputs for reader in x.consumers()]
    return len(readers) == 1 and None not in sizes and sizes[-1] > sum(sizes[:-1])
