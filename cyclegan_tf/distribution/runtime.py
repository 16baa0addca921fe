"""What is set on a machine before anything is built: precision, compilation, determinism."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

from cyclegan_tf.errors import InputError
from cyclegan_tf.io.machine import available_cores


def set_up(*, precision: str, seed: int, deterministic: bool) -> None:
    """Sets the process-wide switches of Keras and TensorFlow.

    Args:
        precision: a Keras dtype policy, for example "mixed_bfloat16", or "auto".
        seed: of whatever draws without a seed of its own.
        deterministic: bit-exact ops, somewhat slower.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        # refused once the GPU is in use, as in a notebook that has computed something before
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)
    if available_cores() == 2 and not has_accelerator():
        # The ways A to B and B to A do not wait for each other: a core for each is faster than two
        # for every operation. Refused once TensorFlow has computed something.
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(2)
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(resolve_precision(precision))
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def parallel_parts() -> int:
    """How many operations run at once with a core each: 2 where `set_up` has said so, else 1."""
    threading = tf.config.threading
    if threading.get_intra_op_parallelism_threads() != 1:
        return 1
    return max(1, threading.get_inter_op_parallelism_threads())


def resolve_precision(precision: str, cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The dtype policy that "auto" stands for on this machine; other names stand for themselves.

    On a CPU that multiplies in bfloat16 (AMX or AVX-512 BF16, as Linux tells) that is twice as
    fast as float32; on one that does not, it would be many times slower.
    """
    if precision != "auto":
        return precision
    try:
        features = cpuinfo.read_text()
    except OSError:  # no Linux
        features = ""
    fast = "amx_bf16" in features or "avx512_bf16" in features
    return "mixed_bfloat16" if fast and not has_accelerator() else "float32"


@contextlib.contextmanager
def inference_precision(precision: str) -> Iterator[None]:
    """What is built in the body computes as it was trained, or in float32 if that would be slow.

    A network trained in half the digits on a GPU or a newer CPU may be used on any machine.

    Args:
        precision: of the run that trained it.
    """
    if precision != "float32" and not has_accelerator():
        precision = "auto"
    with keep_precision():
        keras.config.set_dtype_policy(resolve_precision(precision))
        yield


@contextlib.contextmanager
def keep_precision() -> Iterator[None]:
    """Gives Keras the dtype policy back after the body: what a caller builds then is the caller's.

    Without it a training in half the digits would make the scores that follow it differ.
    """
    before = keras.config.dtype_policy()
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def compiles_with_xla(jit: str) -> bool:
    """Whether to ask for XLA: "on", "off", or "auto" (on one GPU; on a CPU XLA is slower).

    On a TPU there is nothing to ask: its strategy compiles every step.

    Raises:
        InputError: if it is "on" for several replicas that are no TPU.
    """
    strategy = tf.distribute.get_strategy()
    if isinstance(strategy, tf.distribute.TPUStrategy):
        return False
    replicas = strategy.num_replicas_in_sync
    if jit == "on" and replicas > 1:
        raise InputError(
            f"--jit on with {replicas} replicas is beyond TensorFlow, which compiles for one "
            "device at a time; take --jit auto, or --strategy one."
        )
    if jit == "auto":
        return replicas == 1 and has_accelerator()
    return jit == "on"


def has_accelerator() -> bool:
    """Whether TensorFlow sees a GPU or a TPU."""
    return bool(tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("TPU"))


def describe() -> str:
    """One line about what the run computes on."""
    gpus = tf.config.list_physical_devices("GPU")
    device = f"{len(gpus)} GPU(s)" if gpus else "CPU"
    precision = keras.config.dtype_policy().name
    return f"TensorFlow {tf.__version__}, Keras {keras.__version__}, {device}, {precision}"


def accelerators() -> str:
    """What the GPUs of this machine are called; empty without any."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return ", ".join(str(detail.get("device_name", "GPU")) for detail in details)
