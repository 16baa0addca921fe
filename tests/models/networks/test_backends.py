"""Networks, losses and what stabilizes them compute with JAX what they compute with TensorFlow."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from cyclegan_tf.models.losses import CrossEntropy, LeastSquares
from cyclegan_tf.models.networks.blocks import Style
from cyclegan_tf.models.networks.dcgan import dcgan_generator, residual_generator
from cyclegan_tf.models.networks.discriminators import patch_discriminator
from cyclegan_tf.models.networks.generators import resnet_generator, unet_generator
from cyclegan_tf.models.stabilizers import DiffAugment, gradient_penalty, r1_penalty

ROOT = Path(__file__).parents[3]
# Without a compiler in between, JAX answers in seconds; TensorFlow must not be there at all.
CHILD = """
import sys
sys.modules["tensorflow"] = None
from tests.models.networks.test_backends import compare
compare(sys.argv[1])
"""


def generators() -> dict[str, keras.Model]:
    """One of each kind, with every option in one of them."""
    small = {"base_filters": 4}
    return {
        "unet": unet_generator(32, Style(norm="group"), **small),
        "unet resize": unet_generator(
            32,
            Style(norm="pixel", upsampling="resize", global_skip=True, skip_blur=8, channels=1),
            depth=2,
            head_filters=4,
            **small,
        ),
        "resnet": resnet_generator(1, Style(), **small),
        "resnet groups": resnet_generator(
            1, Style(norm="group", norm_groups=2, dropout=0.5, upsampling="resize"), **small
        ),
        "dcgan": dcgan_generator(image_size=32, latent_size=8, **small),
        "dcgan residual": residual_generator(image_size=32, latent_size=8, **small),
    }


def computed(folder: Path) -> dict[str, np.ndarray]:
    """What they make of given numbers, with weights from the folder."""
    rng = np.random.default_rng(0)
    images = keras.ops.convert_to_tensor(rng.uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32))
    latents = keras.ops.convert_to_tensor(rng.normal(size=(2, 8)).astype(np.float32))
    draw = keras.ops.convert_to_tensor(rng.uniform(size=(2, 7)).astype(np.float32))
    found = {}
    for name, network in generators().items():
        network.load_weights(folder / f"{name}.weights.h5")
        found[name] = network(latents if name.startswith("dcgan") else images, training=False)
    judge = patch_discriminator(Style(), n_layers=1, base_filters=4)
    judge.load_weights(folder / "judge.weights.h5")
    random = keras.random.SeedGenerator(0)
    for mirrored in (False, True):
        augment = DiffAugment(color=True, geometry=True, mirrored=mirrored, random=random)
        found[f"augmented, {mirrored}"] = augment.apply(images, draw)
    found["bce"] = CrossEntropy().discriminator(judge(images), judge(-images))
    found["lsgan"] = LeastSquares().generator(judge(images))
    found["r1"] = r1_penalty(judge, images)
    found["penalty"] = gradient_penalty(judge, images, -images, draw[:, 0])
    return {name: keras.ops.convert_to_numpy(value) for name, value in found.items()}


def compare(folder: str) -> None:
    """In the other process: compares with what TensorFlow found."""
    assert keras.backend.backend() == "jax"
    with np.load(Path(folder, "found.npz")) as told:
        for name, value in computed(Path(folder)).items():
            np.testing.assert_allclose(value, told[name], atol=2e-4, err_msg=name)
            print(name)


@pytest.mark.skipif(
    importlib.util.find_spec("jax") is None,
    reason="jax is not installed: with 380 MB it is no requirement of the tests",
)
def test_jax_computes_what_tensorflow_does_in_a_process_without_it(tmp_path):
    judge = patch_discriminator(Style(), n_layers=1, base_filters=4)
    for name, network in {**generators(), "judge": judge}.items():
        network.save_weights(tmp_path / f"{name}.weights.h5")
    told = computed(tmp_path)
    np.savez(tmp_path / "found.npz", **told)
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    found = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        env=environment, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines() == list(told)
