"""Time and memory of a few steps, and a trace of them for TensorBoard."""

import time
from pathlib import Path

import keras
import tensorflow as tf

from cyclegan_tf.io.machine import peak_memory


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
    state = [tf.identity(v) for v in model.state_variables]
    steps = 5
    model.fit(batches, steps_per_epoch=2, verbose=0, shuffle=False)  # compiles
    tf.profiler.experimental.start(str(folder))
    began = time.perf_counter()
    model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False)
    seconds = (time.perf_counter() - began) / steps
    tf.profiler.experimental.stop()
    for variable, value in zip(model.state_variables, state, strict=True):
        variable.assign(value)
    return (
        f"profile: {seconds:.2f} s a step, {images_per_step / seconds:.1f} images a second, peak "
        f"memory {_peak_gigabytes():.1f} GB; trace: tensorboard --logdir {folder}"
    )


def _peak_gigabytes() -> float:
    """Of the GPU where there is one, else of the process."""
    if tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e9
    return peak_memory() / 1e9
