"""Bilinear up-sampling for pictures of any size. Keras only."""

import keras
import numpy as np
from keras import KerasTensor, layers, ops


@keras.saving.register_keras_serializable("cyclegan_tf")
class SmoothUpSampling2D(layers.UpSampling2D):
    """Bilinear up-sampling that can also be traced for pictures of any size.

    Args:
        factor: how many times the sides of the input those of the output are.
    """

    def __init__(self, factor: int, **options: object) -> None:
        super().__init__(factor, interpolation="bilinear", **options)
        self.factor = factor

    def call(self, x: KerasTensor) -> KerasTensor:
        """Maps `(n, h, w, c)` to `(n, factor h, factor w, c)`."""
        if None not in x.shape[1:3]:
            return super().call(x)  # faster; but Keras compares sides, which it must know for that
        return _between(_between(x, self.factor, axis=1), self.factor, axis=2)

    def get_config(self) -> dict[str, object]:
        """What rebuilds the layer."""
        config = super().get_config()
        return {"factor": self.factor} | {
            key: value for key, value in config.items() if key not in ("size", "interpolation")
        }


def _between(x: KerasTensor, factor: int, *, axis: int) -> KerasTensor:
    """Straight lines between the values along an axis, each in the middle of `factor` new ones."""

    def part(start: int | None, stop: int | None) -> KerasTensor:
        return x[(slice(None),) * axis + (slice(start, stop),)]

    def weights(values: np.ndarray) -> KerasTensor:
        return ops.reshape(ops.cast(values, x.dtype), (factor, *[1] * (3 - axis)))

    offsets = (np.arange(factor) + 0.5) / factor - 0.5  # of the new values from the old one
    before, behind = np.maximum(-offsets, 0), np.maximum(offsets, 0)
    terms = (
        (ops.concatenate([part(0, 1), part(None, -1)], axis=axis), before),
        (x, 1 - before - behind),
        (ops.concatenate([part(1, None), part(-1, None)], axis=axis), behind),
    )
    values = sum(ops.expand_dims(term, axis + 1) * weights(w) for term, w in terms)
    shape = list(ops.shape(x))
    shape[axis] = shape[axis] * factor
    return ops.reshape(values, (-1, *shape[1:]))
