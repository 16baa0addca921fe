"""Shared fixtures: small pictures with known contents, and the real data where it is."""

import io
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# what is compiled here runs a few times: that it compiles counts, not how fast it then is
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cyclegan_tf.data.dataset import ImageSet
from cyclegan_tf.models.adversarial import AdversarialModel, Stabilizers
from cyclegan_tf.models.cyclegan import CycleGan, Objective
from cyclegan_tf.models.optimizers import adam
from cyclegan_tf.training.checkpoint import Facts

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


def png(pixels: np.ndarray) -> bytes:
    return encoded(Image.fromarray(pixels), "PNG")


def encoded(image: Image.Image, image_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def flat(value: int, size: int = 32) -> np.ndarray:
    """A picture of one grey."""
    return np.full((size, size, 3), value, np.uint8)


def noise(seed: int, size: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def image_set(count: int, *, size: int = 32, prefix: str = "image") -> ImageSet:
    """Pictures of one grey each: the first pixel tells which one it is."""
    names = tuple(f"{prefix}{i}" for i in range(count))
    return ImageSet(names, tuple(png(flat(i, size)) for i in range(count)))


def facts(**changes) -> Facts:
    """Facts of a state in the second of five epochs of two steps."""
    some = {
        "step": 3,
        "epoch": 1,
        "epoch_steps": 1,
        "steps_per_epoch": 2,
        "epochs": 5,
        "trained": False,
        "seconds": 1.5,
        "data": {},
        "versions": {},
        "memories": {},
    }
    return Facts(**some | changes)


def state_of(model: AdversarialModel) -> list[np.ndarray]:
    """The values of all that a step depends on."""
    return [keras.ops.convert_to_numpy(v) for v in model.state_variables]


def pixel_network(scale: float, name: str) -> keras.Model:
    """A network of two numbers, `scale * x + 0`, whose gradients can be worked out by hand."""
    inputs = keras.Input((None, None, 3))
    outputs = ScaleAndShift(scale, name=f"{name}_affine")(inputs)
    return keras.Model(inputs, outputs, name=name)


@keras.saving.register_keras_serializable("tests")
class ScaleAndShift(keras.layers.Layer):
    def __init__(self, scale: float, **options) -> None:
        super().__init__(**options)
        self.initial_scale = scale

    def get_config(self) -> dict:
        return {**super().get_config(), "scale": self.initial_scale}

    def build(self, input_shape) -> None:
        constant = keras.initializers.Constant(self.initial_scale)
        self.scale = self.add_weight(shape=(), initializer=constant, name="scale")
        self.shift = self.add_weight(shape=(), initializer="zeros", name="shift")

    def call(self, x):
        return x * self.scale + self.shift


def pixel_cyclegan(stabilizers: Stabilizers | None = None, **objective) -> CycleGan:
    """A CycleGan of four two-number networks; keywords are fields of its objective."""
    model = CycleGan(
        pixel_network(0.5, "generator_ab"),
        pixel_network(0.8, "generator_ba"),
        pixel_network(0.3, "discriminator_a"),
        pixel_network(-0.2, "discriminator_b"),
        Objective(**objective),
        stabilizers or Stabilizers(),
    )
    model.compile(adam(1e-3, beta_1=0.5), adam(1e-3, beta_1=0.5), run_eagerly=True)
    return model
