"""Models of two numbers, and what tests say of a state."""

import keras
import numpy as np

from cyclegan_tf.models.adversarial import AdversarialModel
from cyclegan_tf.models.cyclegan import CycleGan, Objective
from cyclegan_tf.models.optimizers import adam
from cyclegan_tf.models.stabilizers import Stabilizers
from cyclegan_tf.training.checkpoint import CheckpointMetadata


def metadata(**changes) -> CheckpointMetadata:
    """Of a state in the second of five epochs of two steps."""
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
        "states": {},
    }
    return CheckpointMetadata(**some | changes)


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
