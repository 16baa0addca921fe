"""What the machine is told before anything is built: precision, compilation, determinism."""

import keras
import tensorflow as tf


def set_up(*, precision: str, seed: int, deterministic: bool) -> None:
    """Sets the process-wide switches of Keras and TensorFlow.

    Args:
        precision: a Keras dtype policy, for example "mixed_bfloat16".
        seed: of whatever draws without a seed of its own.
        deterministic: bit-exact ops, somewhat slower.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(precision)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def compiles_with_xla(jit: str) -> bool:
    """Whether to compile: "on", "off", or "auto" (on a GPU or TPU; on a CPU XLA is slower)."""
    if jit == "auto":
        return has_accelerator()
    return jit == "on"


def has_accelerator() -> bool:
    """Whether TensorFlow sees a GPU or a TPU."""
    return bool(tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("TPU"))


def describe() -> str:
    """One line about what the run computes on."""
    gpus = tf.config.list_physical_devices("GPU")
    device = f"{len(gpus)} GPU(s)" if gpus else "CPU"
    return f"TensorFlow {tf.__version__}, Keras {keras.__version__}, {device}"
