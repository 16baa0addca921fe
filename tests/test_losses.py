import math

import keras
import pytest

from cyclegan_tf.losses import CrossEntropy, mean_absolute_error

LOGITS = keras.ops.convert_to_tensor([[0.0, math.log(3)]])  # called real with 1/2 and 3/4


def test_cross_entropy_of_the_generator():
    assert float(CrossEntropy().generator(LOGITS)) == pytest.approx(
        -(math.log(1 / 2) + math.log(3 / 4)) / 2
    )


def test_cross_entropy_of_the_discriminator_is_half_the_sum():
    real = keras.ops.convert_to_tensor([[math.log(4)]])  # called real with 4/5
    expected = (-math.log(4 / 5) - (math.log(1 / 2) + math.log(1 / 4)) / 2) / 2
    assert float(CrossEntropy().discriminator(real, LOGITS)) == pytest.approx(expected)


def test_sure_discriminator_pays_nothing_when_right_and_the_logit_when_wrong():
    right, wrong = (keras.ops.convert_to_tensor([[x]]) for x in (50.0, -50.0))
    assert float(CrossEntropy().discriminator(right, wrong)) == pytest.approx(0, abs=1e-9)
    assert float(CrossEntropy().discriminator(wrong, right)) == pytest.approx(50)
    assert float(CrossEntropy().generator(wrong)) == pytest.approx(50)


def test_mean_absolute_error_by_hand():
    x = keras.ops.convert_to_tensor([[1.0, -1.0, 0.5, 0.0]])
    y = keras.ops.convert_to_tensor([[0.0, 1.0, 0.5, -1.0]])
    assert float(mean_absolute_error(x, y)) == 1.0


def test_half_precision_is_averaged_in_float32():
    many = keras.ops.full((1, 300, 300, 1), 0.001, dtype="float16")
    loss = mean_absolute_error(many, keras.ops.zeros_like(many))
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == pytest.approx(0.001, rel=1e-3)
