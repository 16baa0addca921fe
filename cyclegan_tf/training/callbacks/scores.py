"""Scores during the training: FID and KID of fixed pictures, and the best weights by them."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.metrics.fid import feature_frechet_distance
from cyclegan_tf.metrics.kid import kernel_distance

Logs = dict[str, Any]
_SUBSETS = 20  # of the kernel distance: a hundred would take longer than they tell


class EpochScores(keras.callbacks.Callback):
    """Scores the same pictures every N epochs and after the last, and keeps the best generators.

    Adds `fid` and `kid` to the logs of these epochs. Put it before what reads the logs.

    Args:
        run: where the weights go, as `weights/best_NAME.weights.h5`.
        generators: whose weights are kept when the FID is the lowest so far.
        features_now: `(n, d)` features of the pictures that the generators make now.
        reference: `(m, d)` features of real pictures.
        every: epochs between scores.
        label: what the distance is called.
    """

    state_key = "Evaluation"

    def __init__(
        self,
        run: RunFolder,
        generators: list[keras.Model],
        features_now: Callable[[], np.ndarray],
        reference: np.ndarray,
        *,
        every: int,
        label: str = "FID",
    ) -> None:
        super().__init__()
        self.run = run
        self.generators = generators
        self.features_now = features_now
        self.reference = reference
        self.every = every
        self.label = label
        self.first, self.best, self.best_epoch = math.nan, math.inf, 0

    def get_state(self) -> dict[str, Any]:
        """The scores that count."""
        return {"first": self.first, "best": self.best, "best_epoch": self.best_epoch}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes them up again: the best weights stay until there are better ones."""
        self.first, self.best = state["first"], state["best"]
        self.best_epoch = state["best_epoch"]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Scores what the untrained network does; also tells the time budget what a score costs."""
        if self.model.steps_done == 0:
            self.first, _ = self._scores()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Scores, if it is time."""
        last = self.model.stop_training or epoch + 1 == self.params["epochs"]
        if (epoch + 1) % self.every and not last:
            return
        fid, kid = self._scores()
        if logs is not None:
            logs["fid"], logs["kid"] = fid, kid
        if fid < self.best:
            self.best, self.best_epoch = fid, epoch + 1
            for network in self.generators:
                self.run.save_weights(network, best=True)

    def summary(self) -> str:
        """One line for the user."""
        return (
            f"{self.label}: {self.first:.3f} before the first step, at best {self.best:.3f} after "
            f"epoch {self.best_epoch} (of fixed pictures against {len(self.reference)} real ones)"
        )

    def _scores(self) -> tuple[float, float]:
        features = self.features_now()
        kid, _ = kernel_distance(features, self.reference, subsets=_SUBSETS)
        return feature_frechet_distance(features, self.reference), kid
