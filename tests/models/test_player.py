"""A batch worked off in parts gives the step of the whole batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.errors import InputError
from cyclegan_tf.models.build import build_model
from cyclegan_tf.models.player import Turn, accumulate
from cyclegan_tf.models.stabilizers import Stabilizers
from tests.distribution.test_replicas import CYCLEGAN, DRAWING, SMALLEST, TINY, soften
from tests.tiny_models import pixel_cyclegan, pixel_network


def parts_of_pairs(parts: int):
    """Works on 4 images of 2 numbers and their 4 names; remembers what it was given."""
    given = []

    def work(states, images, names):
        given.append(names)
        losses = {"loss": tf.reduce_mean(images)}
        return [tf.reduce_sum(images)], Turn(losses["loss"], losses, fakes=(images + 1.0,))

    images = tf.reshape(tf.range(8.0), [4, 2])
    networks = [pixel_network(1.0, "network")]
    return given, accumulate(work, networks, parts, images, tf.range(4)), images


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_gradients_add_up_losses_average_and_images_keep_their_order(parts):
    given, found, whole = parts_of_pairs(parts)
    assert [x.numpy().tolist() for x in given] == np.arange(4).reshape(parts, -1).tolist()
    assert float(found.gradients[0]) == 28.0
    assert float(found.losses["loss"]) == 3.5
    np.testing.assert_array_equal(found.fakes[0], whole + 1.0)


def test_unequal_parts_are_refused():
    with pytest.raises(ValueError, match="Received: 4 images in 3 parts"):
        parts_of_pairs(3)


def weights(parts: int, **options) -> list[np.ndarray]:
    config = TrainConfig(**TINY | options, gradient_accumulation=parts)
    keras.config.set_dtype_policy(config.precision)
    model = build_model(config)
    soften(model, config.precision)
    rng = np.random.default_rng(0)
    step = tf.function(model.train_step) if options.get("pool_size") else model.train_step
    for _ in range(3):
        step(tuple(tf.constant(rng.uniform(-1, 1, (4, 32, 32, 3)), tf.float32) for _ in "ab"))
    return [v.numpy() for v in model.variables]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"adversarial_loss": "wgan-gp"}, id="gradient penalty"),
        pytest.param({"precision": "mixed_float16"}, id="float16"),
        pytest.param(DRAWING, id="dropout, noise, spectral norm"),
        pytest.param(DRAWING | {"pool_size": 3}, id="the same with a pool; as a graph"),
        pytest.param(
            {
                "pool_size": 3,
                "diff_augment": "all",
                "ema_decay": 0.5,
                "discriminator_steps": 2,
                "clip_norm": 0.1,
            },
            id="pool, DiffAugment, average, clipping; as a graph",
        ),
    ],
)
def test_parts_make_the_step_of_the_whole(options):
    whole, parts = (weights(n, **CYCLEGAN | SMALLEST["unet"] | options) for n in (1, 2))
    for x, y in zip(whole, parts, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5)


def test_parts_compile():
    pair = tuple(tf.random.stateless_uniform((4, 8, 8, 3), [0, seed]) for seed in (1, 2))
    results = []
    for parts, jit in ((1, False), (2, True)):
        model = pixel_cyclegan(Stabilizers(pool_size=2))
        for player in model.players:
            player.parts = parts
        losses = tf.function(model.train_step, jit_compile=jit)(pair)
        results.append([x.numpy() for x in [*losses.values(), *model.trainable_variables]])
    np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("parts", "batch", "remedy"),
    [
        (3, 4, "take 4, or a batch of 6"),
        (8, 4, "take 4, or a batch of 8"),
        (4, 6, "take 3, or a batch of 8"),
    ],
)
def test_parts_that_do_not_divide_the_batch_are_refused(parts, batch, remedy):
    with pytest.raises(InputError, match=f"{parts} does not divide --batch-size {batch}; {remedy}"):
        TrainConfig(gradient_accumulation=parts, batch_size=batch)


def test_batch_norms_refuse_parts():
    with pytest.raises(InputError, match=r"batch norms of --model dcgan .* lower --batch-size"):
        TrainConfig(model="dcgan", gradient_accumulation=2, batch_size=4)
