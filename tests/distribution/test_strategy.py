import pytest
import tensorflow as tf

from cyclegan_tf.distribution import runtime, strategy
from cyclegan_tf.distribution.strategy import (
    TPU_VARIABLES,
    check_batch,
    choose_strategy,
    has_nvidia,
    has_tpu,
)
from cyclegan_tf.errors import InputError

CPU_ONLY = pytest.mark.skipif(
    runtime.has_accelerator(), reason="speaks of machines without a GPU or TPU"
)


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch):
    for name in TPU_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(strategy, "has_nvidia", lambda: False)


@CPU_ONLY
@pytest.mark.parametrize("name", ["auto", "one"])
def test_a_machine_without_a_gpu_trains_on_its_cpu(name):
    choice = choose_strategy(name, batch_size=1)
    assert choice.replicas == 1
    assert choice.reason == "strategy: the CPU (no GPU, no TPU)"


@CPU_ONLY
def test_a_gpu_without_cuda_libraries_gets_the_install_line(monkeypatch):
    monkeypatch.setattr(strategy, "has_nvidia", lambda: True)
    reason = choose_strategy("auto", batch_size=1).reason
    assert reason.startswith("strategy: the CPU, because TensorFlow finds no CUDA libraries")
    assert reason.endswith('run `pip install "tensorflow[and-cuda]<2.22"`')


def test_an_nvidia_gpu_is_told_by_its_device_file_unless_it_is_hidden(tmp_path):
    (tmp_path / "nvidiactl").touch()
    assert not has_nvidia(tmp_path, {})
    (tmp_path / "nvidia0").touch()
    assert has_nvidia(tmp_path, {})
    assert has_nvidia(tmp_path, {"CUDA_VISIBLE_DEVICES": "0,1"})
    assert not has_nvidia(tmp_path, {"CUDA_VISIBLE_DEVICES": "-1"})
    assert not has_nvidia(tmp_path, {"CUDA_VISIBLE_DEVICES": ""})


@CPU_ONLY
def test_mirrored_takes_all_logical_cpus():
    choice = choose_strategy("mirrored", batch_size=4)
    assert choice.replicas == 2
    assert choice.reason == "strategy: mirrored on 2 logical CPUs"
    assert choice.strategy.extended.worker_devices == (
        "/job:localhost/replica:0/task:0/device:CPU:0",
        "/job:localhost/replica:0/task:0/device:CPU:1",
    )


@CPU_ONLY
def test_mirrored_on_one_device_is_refused(monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [])
    with pytest.raises(InputError, match="needs several GPUs, this machine has 0; take --str"):
        choose_strategy("mirrored", batch_size=4)


@CPU_ONLY
def test_tpu_without_a_tpu_is_refused():
    with pytest.raises(InputError, match="this machine has no TPU; take --strategy auto"):
        choose_strategy("tpu", batch_size=8)


@CPU_ONLY
def test_a_tpu_that_tensorflow_cannot_drive_gets_the_install_line(monkeypatch):
    monkeypatch.setenv("TPU_ACCELERATOR_TYPE", "v5litepod-8")
    with pytest.raises(InputError, match="run `pip install tensorflow-tpu`"):
        choose_strategy("tpu", batch_size=8)
    choice = choose_strategy("auto", batch_size=1)
    assert choice.replicas == 1
    assert "the CPU" in choice.reason
    assert "`pip install tensorflow-tpu`" in choice.reason


def test_device_files_and_variables_tell_of_a_tpu(tmp_path):
    assert not has_tpu(tmp_path, {})
    assert has_tpu(tmp_path, {"TPU_NAME": "local"})
    (tmp_path / "accel").mkdir()  # other accelerators of Linux
    assert not has_tpu(tmp_path, {})
    (tmp_path / "accel0").touch()
    assert has_tpu(tmp_path, {})


@pytest.mark.parametrize(
    ("batch_size", "replicas", "sizes"),
    [(5, 2, "4 or 6"), (1, 2, "2"), (3, 8, "8"), (21, 8, "16 or 24")],
)
def test_a_batch_that_replicas_cannot_share_is_refused_with_the_nearest(
    batch_size, replicas, sizes
):
    check_batch(replicas * batch_size, replicas)
    with pytest.raises(InputError, match=f"{batch_size} cannot .* {replicas} rep.* take {sizes},"):
        check_batch(batch_size, replicas)


def test_a_strategy_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(InputError, match="choose one of: auto, one, mirrored, tpu"):
        choose_strategy("two", batch_size=2)


@CPU_ONLY
def test_xla_is_for_one_replica():
    with choose_strategy("mirrored", batch_size=2).strategy.scope():
        assert not runtime.compiles_with_xla("auto")
        assert not runtime.compiles_with_xla("off")
        with pytest.raises(InputError, match=r"--jit on with 2 replicas .* take --jit auto"):
            runtime.compiles_with_xla("on")
    assert runtime.compiles_with_xla("on")
    assert not runtime.compiles_with_xla("auto")
