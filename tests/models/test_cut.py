import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.models.cut import LOG_KEYS, Cut, OneSidedObjective
from cyclegan_tf.models.losses import contrastive_distance
from cyclegan_tf.models.optimizers import adam
from tests.tiny_models import pixel_network


def pictures(seed: int, size: int = 8, count: int = 2) -> tf.Tensor:
    values = np.random.default_rng(seed).uniform(-1, 1, (count, size, size, 3))
    return tf.constant(values, tf.float32)


def features() -> keras.Model:
    """The picture itself at three scales."""
    inputs = keras.Input((8, 8, 3))
    scales = [keras.layers.AveragePooling2D(side)(inputs) for side in (1, 2, 4)]
    return keras.Model(inputs, scales)


def pixel_cut(**objective) -> Cut:
    """Scales by 0.5; the discriminator by -0.2."""
    model = Cut(
        pixel_network(0.5, "generator_ab"),
        pixel_network(-0.2, "discriminator_b"),
        features(),
        OneSidedObjective(**objective),
    )
    model.compile(adam(0.01, beta_1=0.5), adam(0.01, beta_1=0.5), run_eagerly=True)
    return model


def softplus(x: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(x))


def test_losses_by_hand():
    a, b = pictures(1), pictures(2)
    x, y = a.numpy(), b.numpy()
    model = pixel_cut(content_weight=3.0, identity_weight=2.0, colour_weight=0.5)
    losses = model.test_step((a, b))
    content = float(contrastive_distance(model.features(a)[1:], model.features(0.5 * a)[1:]))
    identity = 0.5 * np.abs(y).mean()
    colour = 0.5 * np.abs(x.mean((1, 2))).mean()  # one square of 8 px
    fooled = softplus(0.2 * 0.5 * x).mean()
    expected = {
        "gen_ab_loss": fooled + 3 * content + 2 * identity + 0.5 * colour,
        "content_loss": content,
        "identity_loss": identity,
        "disc_b_loss": (softplus(0.2 * y).mean() + softplus(-0.2 * 0.5 * x).mean()) / 2,
        "disc_b_real_accuracy": (y < 0).mean(),
        "disc_b_fake_accuracy": (x >= 0).mean(),
    }
    assert set(losses) == set(LOG_KEYS)
    for key, value in expected.items():
        assert float(losses[key]) == pytest.approx(value, rel=1e-5), key


def test_places_that_are_found_cost_nothing_and_a_blind_guess_one():
    # four places with orthogonal features: each one's cosine with the others is -1/3
    one = np.eye(4, dtype=np.float32).reshape(1, 2, 2, 4)
    found = contrastive_distance([one], [one], temperature=0.07)
    wrong = np.exp(-4 / 3 / 0.07)  # against the right place
    assert float(found) == pytest.approx(np.log1p(3 * wrong) / np.log(4), abs=1e-6)
    flat = np.ones_like(one)
    assert float(contrastive_distance([one], [flat])) == pytest.approx(1.0, abs=1e-4)


def test_what_all_places_share_does_not_count():
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 8)).astype(np.float32)
    style = np.random.default_rng(1).normal(size=8).astype(np.float32)
    same = float(contrastive_distance([x], [x]))
    assert float(contrastive_distance([x], [3 * x + style])) == pytest.approx(same, abs=1e-4)
    turned = x[:, ::-1]
    assert float(contrastive_distance([x], [turned])) > same + 1


def test_step_moves_one_generator_and_one_discriminator():
    model = pixel_cut(identity_weight=1.0)
    before = [v.numpy() for v in model.trainable_variables]
    logs = model.train_step((pictures(1), pictures(2)))
    after = [v.numpy() for v in model.trainable_variables]
    assert len(after) == 4
    assert all(x != y for x, y in zip(before, after, strict=True))
    assert set(logs) == set(LOG_KEYS)
    assert len(model.generators) == len(model.discriminators) == 1
