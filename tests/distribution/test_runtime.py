import keras
import pytest
import tensorflow as tf

from cyclegan_tf.distribution import runtime


@pytest.mark.skipif(runtime.has_accelerator(), reason="speaks of machines without a GPU or TPU")
@pytest.mark.parametrize(
    ("flags", "policy"),
    [
        ("flags : fpu sse avx2 amx_bf16 amx_tile", "mixed_bfloat16"),
        ("flags : fpu avx512_bf16", "mixed_bfloat16"),
        ("flags : fpu sse avx2 avx512f", "float32"),
    ],
)
def test_auto_precision_is_bfloat16_where_the_cpu_computes_in_it(tmp_path, flags, policy):
    (tmp_path / "cpuinfo").write_text(f"processor : 0\n{flags}\n")
    assert runtime.resolve_precision("auto", tmp_path / "cpuinfo") == policy


def test_auto_precision_is_float32_where_the_system_does_not_tell(tmp_path):
    assert runtime.resolve_precision("auto", tmp_path / "nothing") == "float32"


def test_named_precision_stands_for_itself(tmp_path):
    (tmp_path / "cpuinfo").write_text("flags : amx_bf16")
    assert runtime.resolve_precision("mixed_float16", tmp_path / "cpuinfo") == "mixed_float16"


def test_set_up_tells_keras_and_the_user():
    runtime.set_up(precision="mixed_bfloat16", seed=3, deterministic=False)
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    assert runtime.describe().endswith("mixed_bfloat16")
    first = tf.random.uniform([4]).numpy()
    runtime.set_up(precision="mixed_bfloat16", seed=3, deterministic=False)
    assert (tf.random.uniform([4]).numpy() == first).all()


@pytest.mark.skipif(runtime.has_accelerator(), reason="speaks of machines without a GPU or TPU")
@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16", "auto"])
def test_networks_of_half_precision_are_used_as_fast_as_the_machine_can(precision):
    with runtime.inference_precision(precision):
        assert keras.config.dtype_policy().name == runtime.resolve_precision("auto")
    assert keras.config.dtype_policy().name == "float32"


def test_networks_of_float32_stay_in_it_whatever_was_set_before():
    keras.config.set_dtype_policy("mixed_bfloat16")
    with pytest.raises(ZeroDivisionError), runtime.inference_precision("float32"):
        assert keras.config.dtype_policy().name == "float32"
        1 / 0  # noqa: B018
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
