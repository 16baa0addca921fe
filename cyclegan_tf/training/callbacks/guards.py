"""What watches over a training run: numbers that are none, a lopsided game."""

import math
from typing import Any

import keras
import tensorflow as tf

from cyclegan_tf.training.checkpoint import TrainingDiverged

Logs = dict[str, Any]


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops the run at the first NaN or infinity in any log or weight; before what saves these.

    Under loss scaling (float16) a loss may be none: the optimizer then leaves the step out and
    halves its scale, and the log is of the other steps. There the run stops only if it does not
    recover: at a weight that is none; at an epoch, or a validation, without one finite step; or
    when the scale is as far below 1 as it began above, where it cannot be what overflows.

    Keras's own guard reads only `loss`, which a GAN does not log.

    Raises:
        TrainingDiverged: naming the log, the step and the remedies.
    """

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Checks the running means, which stay NaN once they are, or else the loss scales."""
        optimizers = (self.model.generator_optimizer, self.model.discriminator_optimizer)
        scaled = [o for o in optimizers if isinstance(o, keras.optimizers.LossScaleOptimizer)]
        for optimizer in scaled:
            scale = float(keras.ops.convert_to_numpy(optimizer.dynamic_scale))
            if scale * optimizer.initial_scale < 1:
                name = "the loss scale, with which float16 still overflows,"
                raise TrainingDiverged.of(name, self.model.steps_done, scale)
        if not scaled:
            self._check(logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Checks all logs, and what is about to be saved: the last update is in no loss yet."""
        self._check(logs or {})
        networks = (*self.model.generators, *self.model.averages, *self.model.discriminators)
        for network in networks:
            # several networks may have layers of one name
            self._check({w.path: tf.reduce_sum(tf.abs(w)) for w in network.weights})

    def _check(self, logs: Logs) -> None:
        for key, value in logs.items():
            if not math.isfinite(value):
                raise TrainingDiverged.of(key, self.model.steps_done, float(value))


class DiscriminatorWatch(keras.callbacks.Callback):
    """Warns when a discriminator has been right about nearly everything for several epochs.

    Args:
        limit: share of patches judged rightly, real and fake, that counts as won.
        patience: epochs in a row before the warning.
    """

    state_key = "DiscriminatorWatch"

    def __init__(self, *, limit: float = 0.98, patience: int = 3) -> None:
        super().__init__()
        self.limit = limit
        self.patience = patience
        self.won: dict[str, int] = {}  # the first epoch of each streak that lasts

    def get_state(self) -> dict[str, Any]:
        """Which discriminators win, and since when."""
        return {"won": self.won}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on counting."""
        self.won = state["won"]

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Counts the epochs that each discriminator has won, and says so once."""
        logs = logs or {}
        suffix = "_real_accuracy"
        for key in [key.removesuffix(suffix) for key in logs if key.endswith(suffix)]:
            worse = min(logs[f"{key}{suffix}"], logs[f"{key}_fake_accuracy"])
            if worse < self.limit:
                self.won.pop(key, None)
            elif epoch - self.won.setdefault(key, epoch) + 1 == self.patience:
                print(
                    f"\nwarning: {key} has judged at least {self.limit:.0%} of all patches rightly "
                    f"for {self.patience} epochs; its generator learns little from it. Try "
                    "--diff-augment all, --discriminator-noise 0.05, a lower "
                    "--discriminator-learning-rate or --r1-weight 1."
                )
