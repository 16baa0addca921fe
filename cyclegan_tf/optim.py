"""Optimizers."""

import keras


def adam(learning_rate: float, *, beta_1: float, loss_scaling: bool) -> keras.optimizers.Optimizer:
    """Adam, wrapped in dynamic loss scaling where float16 gradients would underflow.

    Args:
        learning_rate: step size.
        beta_1: decay of the first moment.
        loss_scaling: scale the loss; the training step calls `scale_loss` inside the tape.
    """
    optimizer = keras.optimizers.Adam(learning_rate, beta_1=beta_1)
    return keras.optimizers.LossScaleOptimizer(optimizer) if loss_scaling else optimizer
