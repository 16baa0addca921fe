"""Optimizers, learning-rate schedules, and the moving average of weights."""

import math

import keras
import tensorflow as tf
from keras import KerasTensor, ops

from cyclegan_tf.models.internals import (
    SummedGradients,
    adam_slots,
    sums_can_be_replaced,
    trained_by,
)


@keras.saving.register_keras_serializable("cyclegan_tf")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Constant up to the knee, then a straight line to zero at the last step.

    Args:
        initial: rate up to the knee.
        total_steps: steps of the training; a variable, so that a time budget can re-plan it.
        knee: share of the training before the rate falls; one half in Zhu et al. 2017, section 4.
        updates: of the optimizer in each step of the training.
    """

    def __init__(
        self,
        initial: float,
        total_steps: keras.Variable | int,
        *,
        knee: float = 0.5,
        updates: int = 1,
    ) -> None:
        self.initial = initial
        self.total_steps = total_steps
        self.knee = knee
        self.updates = updates

    def __call__(self, step: KerasTensor) -> KerasTensor:
        """The rate of an update, counted from 0."""
        left = 1.0 - progress(step // self.updates, self.total_steps)
        return self.initial * ops.minimum(1.0, left / (1.0 - self.knee))

    def get_config(self) -> dict[str, float]:
        """What the schedule was made with."""
        total = int(ops.convert_to_numpy(self.total_steps))
        knee, updates = self.knee, self.updates
        return {"initial": self.initial, "total_steps": total, "knee": knee, "updates": updates}


@keras.saving.register_keras_serializable("cyclegan_tf")
class CosineDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Half a cosine from the initial rate to zero (Loshchilov and Hutter 2017).

    Args:
        initial: rate of the first step.
        total_steps: steps of the training, as a variable.
        updates: of the optimizer in each step of the training.
    """

    def __init__(
        self, initial: float, total_steps: keras.Variable | int, *, updates: int = 1
    ) -> None:
        self.initial = initial
        self.total_steps = total_steps
        self.updates = updates

    def __call__(self, step: KerasTensor) -> KerasTensor:
        """The rate of an update, counted from 0."""
        done = progress(step // self.updates, self.total_steps)
        return self.initial * 0.5 * (1.0 + ops.cos(math.pi * done))

    def get_config(self) -> dict[str, float]:
        """What the schedule was made with."""
        total = int(ops.convert_to_numpy(self.total_steps))
        return {"initial": self.initial, "total_steps": total, "updates": self.updates}


def progress(step: KerasTensor, total_steps: keras.Variable | int) -> KerasTensor:
    """Share of the training that is done: 0 at the first step, 1 from the last on."""
    total = ops.maximum(1.0, ops.cast(total_steps, "float32"))
    return ops.clip(ops.cast(step, "float32") / total, 0.0, 1.0)


@keras.saving.register_keras_serializable("cyclegan_tf")
class Adam(SummedGradients, keras.optimizers.Adam):
    """Adam that takes gradients which are already summed over the replicas, in one pass.

    Keras would sum them itself, but only after it has clipped each replica's own, and after it
    has looked for the overflow of float16 in those of the first replica.

    Reference: Kingma and Ba 2015, arXiv:1412.6980, the form at the end of section 2.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Moves a variable and its two moments, as Keras does, by TensorFlow's own kernel.

        Written out, the formulas go over the weights a dozen times, and for the hundred million
        of two large U-Nets that is a tenth of a step on a CPU.
        """
        slots, kind = adam_slots(self, variable), variable.dtype
        if slots is None:
            super().update_step(gradient, variable, learning_rate)
            return
        step = ops.cast(self.iterations + 1, kind)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=slots.momentum.value.handle,
            v=slots.velocity.value.handle,
            beta1_power=ops.power(ops.cast(self.beta_1, kind), step),
            beta2_power=ops.power(ops.cast(self.beta_2, kind), step),
            lr=ops.cast(learning_rate, kind),
            beta1=ops.cast(self.beta_1, kind),
            beta2=ops.cast(self.beta_2, kind),
            epsilon=ops.cast(self.epsilon, kind),
            grad=ops.cast(gradient, kind),
        )


def takes_totals(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether the optimizer leaves the sum over replicas to the training step.

    Others clip the gradients of each replica by themselves, and then sum.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return isinstance(inner, SummedGradients) and sums_can_be_replaced()


def moments(optimizer: keras.optimizers.Optimizer) -> dict[int, tuple[str, keras.Variable]]:
    """What an optimizer remembers of each weight.

    Returns:
        By the id of the variable that holds it: what it is, such as "momentums", and the weight.
        Nothing of an optimizer that does not keep lists of them, as those of Keras do.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    weights = trained_by(optimizer)
    own = {id(variable) for variable in optimizer.variables}
    return {
        id(moment): (name.strip("_"), weight)
        for name, kept in vars(optimizer).items()
        if isinstance(kept, list) and len(kept) == len(weights)
        for moment, weight in zip(kept, weights, strict=True)
        if id(moment) in own
    }


def adam(
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
    *,
    beta_1: float,
    beta_2: float = 0.999,
    clip_norm: float | None = None,
    loss_scaling: bool = False,
) -> keras.optimizers.Optimizer:
    """Adam, wrapped in dynamic loss scaling where float16 gradients would underflow.

    Args:
        learning_rate: step size, or its schedule.
        beta_1: decay of the first moment.
        beta_2: decay of the second moment.
        clip_norm: gradients of a larger joint norm are scaled down to it.
        loss_scaling: scale the loss; the training step calls `scale_loss` inside the tape.
    """
    optimizer = Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, global_clipnorm=clip_norm)
    return keras.optimizers.LossScaleOptimizer(optimizer) if loss_scaling else optimizer


def current_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """The learning rate of the next update; on several replicas `float` does not know it."""
    return float(ops.convert_to_numpy(optimizer.learning_rate))


def update_average(
    average: keras.Model, network: keras.Model, *, decay: float, step: KerasTensor
) -> None:
    """Moves the weights of `average` towards those of `network`: an exponential moving average.

    Args:
        average: a copy of the network, never trained itself.
        network: what is being trained.
        decay: share of the old average that stays; less in the beginning, `(1 + t) / (10 + t)`,
            so that the first weights, which are noise, are soon forgotten.
        step: updates done so far.
    """
    t = ops.cast(step, "float32")
    keep = ops.minimum(decay, (1.0 + t) / (10.0 + t))
    for old, new in zip(average.variables, network.variables, strict=True):
        if keras.backend.is_float_dtype(new.dtype):  # the statistics of batch norms too
            old.assign(old + (1.0 - keep) * (new - old))
