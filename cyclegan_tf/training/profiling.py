"""Time and memory of a few steps, which are undone, and a trace of them for TensorBoard."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from cyclegan_tf.io.machine import peak_memory

_TIMED_SECONDS, _MOST_STEPS = 1.5, 10  # of steps that are timed


def profile(
    model: keras.Model, batches: tf.data.Dataset, folder: Path, images_per_step: int
) -> str:
    """Trains a few steps, traces them for TensorBoard, and undoes what they did to the model.

    Args:
        model: compiled; its state afterwards is that before.
        batches: training batches.
        folder: where the trace goes: `tensorboard --logdir FOLDER`, tab Profile.
        images_per_step: of both domains together.

    Returns:
        One line: time a step, images a second, peak memory.
    """
    steps = 5
    with undone(model):
        model.fit(batches, steps_per_epoch=2, verbose=0, shuffle=False)  # compiles
        tf.profiler.experimental.start(str(folder))
        began = time.perf_counter()
        model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False)
        seconds = (time.perf_counter() - began) / steps
        tf.profiler.experimental.stop()
    return (
        f"profile: {seconds:.2f} s a step, {images_per_step / seconds:.1f} images a second, peak "
        f"memory {_peak_gigabytes():.1f} GB; trace: tensorboard --logdir {folder}"
    )


@contextlib.contextmanager
def undone(model: keras.Model) -> Iterator[None]:
    """Gives a model the state back that it had before the body.

    Args:
        model: compiled; a training step changes its `state_variables` and metrics alone.
    """
    state = [tf.identity(v) for v in model.state_variables]
    yield
    for variable, value in zip(model.state_variables, state, strict=True):
        variable.assign(value)
    model.reset_metrics()


def step_seconds(
    model: keras.Model, batches: tf.data.Dataset, agreed: Callable[[float], float] = float
) -> float:
    """Seconds of a training step, once it is compiled: the median of a few.

    Args:
        model: compiled; it is trained.
        batches: training batches.
        agreed: gives all machines of a training the number of one: they step together.
    """
    timer = _StepTimer()
    options = {"verbose": 0, "shuffle": False, "callbacks": [timer]}
    model.fit(batches, steps_per_epoch=2, **options)  # the first step compiles
    more = int(agreed(min(_MOST_STEPS, _TIMED_SECONDS / max(timer.seconds[-1], 1e-3))))
    if more:
        model.fit(batches, steps_per_epoch=more, **options)
    return statistics.median(timer.seconds[1:])


def validation_seconds(model: keras.Model, batches: tf.data.Dataset, count: int) -> float:
    """Seconds of a validation, once it is compiled, by what one of its batches takes.

    Args:
        model: compiled.
        batches: of the validation.
        count: how many there are.
    """
    model.evaluate(batches, steps=1, verbose=0)  # compiles
    began = time.perf_counter()
    model.evaluate(batches, steps=1, verbose=0)
    return count * (time.perf_counter() - began)


class _StepTimer(keras.callbacks.Callback):
    """Notes how long each step takes, as the callback of the time budget measures it."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stops it."""
        self.seconds.append(time.perf_counter() - self._began)


def _peak_gigabytes() -> float:
    """Of the GPU where there is one, else of the process."""
    if tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e9
    return peak_memory() / 1e9
