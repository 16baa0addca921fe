"""What we take from inside TensorFlow and Keras, and what happens when it is gone.

None of it is part of their public interfaces, so any release may drop it. Each use stands here,
with a way on without it that gives the same numbers, more slowly or in more memory. The tests say
when one has gone.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf


def compute_after(operation: tf.Operation, others: Sequence[tf.Operation]) -> None:
    """Lets an operation of a graph wait for others; without the hook it starts when it can.

    `tf.control_dependencies` serves only operations that are still to be made.
    """
    wait = getattr(operation, "_add_control_inputs", None)
    if wait is not None:
        wait(list(others))


def call_not_inlined(work: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a graph of its own, which TensorFlow does not copy into its callers.

    Where the attribute is not known any more, the graph is copied, and its calls run in the memory
    of all of them.
    """
    try:
        return tf.function(work, autograph=False, experimental_attributes={"_noinline": True})
    except ValueError:
        return tf.function(work, autograph=False)


class AdamSlots(NamedTuple):
    """Adam's two moments of one weight."""

    momentum: keras.Variable
    velocity: keras.Variable


def adam_slots(optimizer: keras.optimizers.Adam, variable: keras.Variable) -> AdamSlots | None:
    """The moments of a weight, or None where Keras keeps them in another way."""
    try:
        place = optimizer._get_variable_index(variable)
        return AdamSlots(optimizer._momentums[place], optimizer._velocities[place])
    except AttributeError:
        return None


def trained_by(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """The weights an optimizer moves, in the order of its moments; none where it does not say."""
    return list(getattr(optimizer, "_trainable_variables", ()))


def schedule_of(
    optimizer: keras.optimizers.Optimizer,
) -> keras.optimizers.schedules.LearningRateSchedule | None:
    """The schedule of the learning rate, or None where there is none or Keras does not say."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    rate = getattr(optimizer, "_learning_rate", None)
    return rate if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule) else None


class SummedGradients(keras.optimizers.Optimizer):
    """Mixin of an optimizer whose gradients are summed over the replicas before it gets them."""

    def _all_reduce_sum_gradients(self, grads_and_vars: Iterable[Any]) -> list[Any]:
        """Keras calls this in place of its own sum."""
        return list(grads_and_vars)


def sums_can_be_replaced() -> bool:
    """Whether Keras still calls what `SummedGradients` puts in place of its own sum."""
    return hasattr(keras.optimizers.Optimizer, "_all_reduce_sum_gradients")


class NothingToBuild(keras.Model):
    """Mixin of a model whose networks are built; without the hook, Keras looks at one batch more.

    It does so by calling the model with a batch, which fails on several machines.
    """

    def _maybe_symbolic_build(self, *args: Any, **options: Any) -> None:
        """Keras calls this before the first step of `fit` and `evaluate`."""
