"""Shared fixtures: small pictures with known contents, and the real data where it is."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# what is compiled here runs a few times: that it compiles counts, not how fast it then is
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import keras
import pytest
import tensorflow as tf

# Two devices for what trains on several; all else runs on the first. TensorFlow takes this only
# before it has computed something.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(autouse=True)
def float32_policy():
    """No test sees the dtype policy that another one left, nor does a fixture of a module."""
    keras.config.set_dtype_policy("float32")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="module")
def uncompiled():
    """Runs functions as they are: of a few small steps, tracing would take nearly all the time."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """No test reads or writes the features that the user has cached."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CYCLEGAN_TF_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images that CYCLEGAN_TF_REAL_DATA names."""
    folder = os.environ.get("CYCLEGAN_TF_REAL_DATA")
    if not folder:
        pytest.skip("CYCLEGAN_TF_REAL_DATA is unset: no real images to read")
    path = Path(folder)
    if not (path / "gan-getting-started").is_dir():
        pytest.fail(f"CYCLEGAN_TF_REAL_DATA is {folder}, which has no gan-getting-started folder")
    return path
