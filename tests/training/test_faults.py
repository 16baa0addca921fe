import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.training.faults import explain


@pytest.fixture(scope="module")  # TensorFlow waits ten seconds for memory to come free
def exhausted() -> tf.errors.ResourceExhaustedError:
    """What TensorFlow raises when it is asked for more memory than any machine has."""
    with pytest.raises(tf.errors.ResourceExhaustedError) as raised:
        tf.zeros([2**22, 2**22, 2**8], tf.int8) + tf.constant(1, tf.int8)
    return raised.value


def test_out_of_memory_names_sizes_and_the_flags_to_lower(exhausted):
    text = explain(exhausted, TrainConfig(batch_size=4, image_size=256, base_filters=64))
    assert text == (
        "out of memory: training on a batch of 4 images of 256 px with 64 base filters in float32 "
        "does not fit this device; lower one or several, the mildest first: --batch-size 2, "
        "--gradient-accumulation 2, --precision mixed_float16, --image-size 128, "
        "--base-filters 32."
    )


def test_only_what_can_still_be_lowered_is_named(exhausted):
    config = TrainConfig(
        batch_size=6, gradient_accumulation=3, precision="mixed_float16", image_size=32
    )
    text = explain(exhausted, config)
    assert text.endswith("first: --batch-size 3, --gradient-accumulation 6, --base-filters 32.")
    single = explain(exhausted, TrainConfig(batch_size=1, image_size=32))
    assert "an image of 32 px" in single
    assert "--gradient-accumulation" not in single


def test_batch_norms_are_not_advised_to_work_in_parts(exhausted):
    text = explain(exhausted, TrainConfig(model="dcgan", batch_size=16, image_size=64))
    assert "--batch-size 8" in text
    assert "--gradient-accumulation" not in text


def test_numpy_and_python_run_out_of_memory_too():
    with pytest.raises(MemoryError) as raised:
        np.zeros([2**40, 2**20], np.uint8)
    assert explain(raised.value, TrainConfig()).startswith("out of memory: training on")


def test_other_errors_are_left_to_their_traceback():
    assert explain(tf.errors.InvalidArgumentError(None, None, "shape"), TrainConfig()) is None
    assert explain(RuntimeError("CUDA"), TrainConfig()) is None
