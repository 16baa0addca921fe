"""What an error of the training says about the machine, for the user."""

import tensorflow as tf

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.errors import first_line


def explain(error: BaseException, config: TrainConfig) -> str | None:
    """One line about an error of the training: what happened and which flags to change.

    Args:
        error: what was raised.
        config: of the run.

    Returns:
        None for an error that says nothing about the machine: a defect.
    """
    if isinstance(error, tf.errors.ResourceExhaustedError) and "No space left" in error.message:
        return f"the disk is full ({first_line(error)}); free some space."
    if isinstance(error, tf.errors.ResourceExhaustedError | MemoryError):
        return _out_of_memory(config)
    return None


def _out_of_memory(config: TrainConfig) -> str:
    smaller = [
        f"--batch-size {config.batch_size // 2}" if config.batch_size > 1 else "",
        _more_parts(config),
        "--precision mixed_float16" if config.precision == "float32" else "",
        f"--image-size {config.image_size // 2}" if config.image_size >= 64 else "",
        f"--base-filters {config.base_filters // 2}" if config.base_filters > 1 else "",
    ]
    count = config.batch_size
    batch = "an image" if count == 1 else f"a batch of {count} images"
    advice = ", ".join(filter(None, smaller))
    return (
        f"out of memory: training on {batch} of {config.image_size} px with "
        f"{config.base_filters} base filters in {config.precision} does not fit this device; "
        f"lower one or several, the mildest first: {advice or 'take a larger device'}."
    )


def _more_parts(config: TrainConfig) -> str:
    """The next larger number of parts that divides the batch."""
    if config.model == "dcgan":
        return ""
    parts = range(config.gradient_accumulation + 1, config.batch_size + 1)
    fitting = next((n for n in parts if config.batch_size % n == 0), None)
    return f"--gradient-accumulation {fitting}" if fitting else ""
