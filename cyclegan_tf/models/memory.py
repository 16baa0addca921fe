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
