import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.models.dcgan import LOG_KEYS, DcGan, interpolate, sample_latents
from cyclegan_tf.models.losses import CrossEntropy, Hinge, Wasserstein
from cyclegan_tf.models.networks.dcgan import (
    dcgan_discriminator,
    dcgan_generator,
    residual_discriminator,
    residual_generator,
)
from cyclegan_tf.models.optimizers import adam
from cyclegan_tf.models.stabilizers import Stabilizers
from tests.tiny_models import ScaleAndShift, pixel_network

LATENT_SIZE = 12  # a picture of 2 x 2 pixels


def pictures(count: int = 2, side: int = 2, seed: int = 0) -> tf.Tensor:
    values = np.random.default_rng(seed).uniform(-1, 1, (count, side, side, 3))
    return tf.constant(values, tf.float32)


def pixel_dcgan(
    adversarial=CrossEntropy(),  # noqa: B008
    stabilizers=Stabilizers(),  # noqa: B008
    **options,
) -> DcGan:
    """Makes pictures of half the latent; the logits are 0.3 of the pixels."""
    latent = keras.Input((LATENT_SIZE,))
    picture = keras.layers.Reshape((2, 2, 3))(latent)
    generator = keras.Model(latent, ScaleAndShift(0.5)(picture), name="generator")
    discriminator = pixel_network(0.3, "discriminator")
    model = DcGan(generator, discriminator, adversarial, stabilizers, latent_size=LATENT_SIZE)
    return compiled(model, **options)


def small_dcgan(
    stabilizers=Stabilizers(),  # noqa: B008
    *,
    generator=dcgan_generator,
    discriminator=dcgan_discriminator,
    **options,
) -> DcGan:
    """Two real networks of 32 px."""
    model = DcGan(
        generator(32, latent_size=4, base_filters=2, seed=1),
        discriminator(32, base_filters=2, seed=2),
        CrossEntropy(),
        stabilizers,
        latent_size=4,
    )
    return compiled(model, **options)


def compiled(model: DcGan, *, rate: float = 1e-3, **options) -> DcGan:
    options = {"run_eagerly": True, **options}
    model.compile(adam(rate, beta_1=0.5), adam(rate, beta_1=0.5), **options)
    return model


def fix_latents(monkeypatch, model: DcGan, seed: int = 7) -> np.ndarray:
    """From now on two latents that are known."""
    latents = sample_latents(2, model.latent_size, seed)
    monkeypatch.setattr(model, "draw_latents", lambda count: tf.constant(latents[:count]))
    return latents


def generator_loss(model: DcGan, draws) -> float:
    return float(model.generators_turn((), draws).minimize)


def softplus(x: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(x))


def values_of(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def moved(before: list[np.ndarray], variables: list[keras.Variable]) -> list[bool]:
    after = values_of(variables)
    return [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]


def test_losses_by_hand(monkeypatch):
    model = pixel_dcgan()
    fake_logits = 0.3 * 0.5 * fix_latents(monkeypatch, model)
    real_logits = 0.3 * pictures().numpy()
    losses = {key: float(value) for key, value in model.test_step(pictures()).items()}
    assert losses == pytest.approx(
        {
            "gen_loss": softplus(-fake_logits).mean(),
            "disc_loss": (softplus(-real_logits).mean() + softplus(fake_logits).mean()) / 2,
            "disc_real_accuracy": (real_logits > 0).mean(),
            "disc_fake_accuracy": (fake_logits <= 0).mean(),
        },
        rel=1e-5,
    )
    assert tuple(losses) == LOG_KEYS


def test_validation_is_the_mean_over_the_images_not_over_the_batches():
    images = tf.concat([tf.ones([8, 2, 2, 3]), -tf.ones([1, 2, 2, 3])], 0)
    data = tf.data.Dataset.from_tensor_slices(images).batch(8)
    logs = pixel_dcgan().evaluate(data, verbose=0, return_dict=True)
    assert float(logs["disc_real_accuracy"]) == pytest.approx(8 / 9)  # all but the black one


def test_wasserstein_losses_by_hand(monkeypatch):
    model = pixel_dcgan(Wasserstein())
    fake_logits = 0.3 * 0.5 * fix_latents(monkeypatch, model)
    losses = model.test_step(pictures())
    assert float(losses["gen_loss"]) == pytest.approx(-fake_logits.mean(), rel=1e-5)
    difference = fake_logits.mean() - 0.3 * pictures().numpy().mean()
    assert float(losses["disc_loss"]) == pytest.approx(difference, rel=1e-5)


def test_first_generator_step_by_hand(monkeypatch):
    model = pixel_dcgan(Wasserstein(), rate=0.01)
    fix_latents(monkeypatch, model)
    model.train_step(pictures())
    # minus the mean logit falls with the shift at rate 0.3; Adam's first step is the rate
    scale, shift = model.players[0].variables
    assert float(shift) == pytest.approx(0.01, rel=1e-3)
    assert abs(float(scale) - 0.5) == pytest.approx(0.01, rel=1e-3)


def test_gradient_penalty_of_a_linear_discriminator_by_hand(monkeypatch):
    model = pixel_dcgan(Wasserstein(), Stabilizers(penalty_weight=10.0))
    # the mean logit has the slope 0.3 / 12 at each of 12 pixels: the norm is 0.3 / sqrt(12)
    penalty = 10 * (0.3 / np.sqrt(12) - 1) ** 2
    fix_latents(monkeypatch, model)
    plain = float(model.test_step(pictures())["disc_loss"])
    model.reset_metrics()
    monkeypatch.setattr(model.players[0], "apply", lambda gradients: None)
    trained = float(model.train_step(pictures())["disc_loss"])
    assert trained - plain == pytest.approx(penalty, rel=1e-5)


def test_r1_penalty_of_a_linear_discriminator_by_hand(monkeypatch):
    model = pixel_dcgan(Wasserstein(), Stabilizers(r1_weight=10.0))
    fix_latents(monkeypatch, model)
    plain = float(model.test_step(pictures())["disc_loss"])
    model.reset_metrics()
    trained = float(model.train_step(pictures())["disc_loss"])
    assert trained - plain == pytest.approx(10 * 0.5 * 0.3**2 / 12, rel=1e-3)


def test_discriminator_loss_does_not_reach_the_generator():
    model = small_dcgan()
    real = (pictures(side=32),)
    with tf.GradientTape() as tape:
        draws = model.draw(2)
        made = model.generators_turn(real, draws)
        judged = model.discriminators_turn(real, made.fakes, draws)
    generator, discriminator = (player.variables for player in model.players)
    gradients = tape.gradient(judged.minimize, generator + discriminator)
    count = len(generator)
    assert all(g is None for g in gradients[:count])
    assert all(g is not None for g in gradients[count:])


def test_generator_learns_to_please_a_frozen_discriminator(monkeypatch):
    model = small_dcgan(rate=0.01)
    fix_latents(monkeypatch, model)
    monkeypatch.setattr(model.players[1], "apply", lambda gradients: None)
    before = values_of(model.players[1].variables)
    start = generator_loss(model, model.draw(2))
    for _ in range(5):
        model.train_step(pictures(side=32))
    end = generator_loss(model, model.draw(2))
    assert end < start
    assert not any(moved(before, model.players[1].variables))


def test_generator_is_judged_through_dropout_while_training_only(monkeypatch):
    model = small_dcgan()
    fix_latents(monkeypatch, model)
    for training in (True, False):
        draws = model.draw(2, training=training)
        one, other = (generator_loss(model, draws) for _ in range(2))
        assert (one != other) == training


def test_discriminator_learns_to_tell_real_from_fake(monkeypatch):
    model = pixel_dcgan(Hinge(), rate=0.05)
    fix_latents(monkeypatch, model)
    monkeypatch.setattr(model.players[0], "apply", lambda gradients: None)
    real = tf.ones((2, 2, 2, 3))
    start = float(model.test_step(real)["disc_loss"])
    for _ in range(10):
        model.train_step(real)
    model.reset_metrics()
    assert float(model.test_step(real)["disc_loss"]) < start


@pytest.mark.parametrize("steps", [1, 3])
def test_discriminator_takes_the_steps_asked_for(steps):
    model = pixel_dcgan(stabilizers=Stabilizers(discriminator_steps=steps))
    model.train_step(pictures())
    assert int(model.discriminator_optimizer.iterations) == steps
    assert int(model.generator_optimizer.iterations) == 1
    assert int(model.step_number) == 1


def test_testing_changes_no_weight():
    model = small_dcgan(generator=residual_generator, discriminator=residual_discriminator)
    variables = model.generator.variables + model.discriminator.variables
    before = values_of(variables)
    model.test_step(pictures(side=32))
    assert not any(moved(before, variables))


def test_average_moves_behind_the_generator():
    model = small_dcgan(Stabilizers(ema_decay=0.9))
    (average,) = model.averages
    start = values_of(model.generator.variables)
    model.train_step(pictures(side=32))
    # at step 0 the decay is (1 + 0) / (10 + 0)
    for old, new, mean in zip(start, model.generator.variables, average.variables, strict=True):
        if new.trainable:
            np.testing.assert_allclose(mean, 0.1 * old + 0.9 * new.numpy(), rtol=1e-4, atol=1e-6)
            assert np.abs(new.numpy() - old).max() > 1e-4


def test_average_has_the_statistics_of_the_batch_norms():
    model = small_dcgan(Stabilizers(ema_decay=0.9))
    for _ in range(30):
        model.train_step(pictures(side=32))
    pairs = zip(model.generator.variables, model.averages[0].variables, strict=True)
    variances = [(new, mean) for new, mean in pairs if new.name == "moving_variance"]
    assert len(variances) == 2
    for new, mean in variances:
        # both start at 1 and fall to less than 0.8
        assert new.numpy().max() < 0.8
        np.testing.assert_allclose(mean, new, atol=0.1)


def test_discriminator_sees_pooled_fakes(monkeypatch):
    model = pixel_dcgan(stabilizers=Stabilizers(pool_size=4))
    model.train_step(pictures())
    assert int(model.pool.count) == 2
    monkeypatch.setattr(model, "pool", lambda fake: tf.ones_like(fake))
    seen = []
    monkeypatch.setattr(model, "discriminators_turn", lambda *a: seen.append(a) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.train_step(pictures())
    _, (fake,), *_ = seen[0]
    np.testing.assert_array_equal(fake, np.ones((2, 2, 2, 3)))


def test_real_and_fake_are_augmented_by_one_draw(monkeypatch):
    model = small_dcgan(Stabilizers(augment_color=True, augment_geometry=True))
    draws = []
    apply = model.diff_augment.apply
    monkeypatch.setattr(
        model.diff_augment, "apply", lambda x, draw: draws.append(draw) or apply(x, draw)
    )
    model.train_step(pictures(side=32))
    assert len(draws) == 3  # the generator's fakes, the real images, the discriminator's fakes
    np.testing.assert_array_equal(draws[0], draws[1])
    np.testing.assert_array_equal(draws[0], draws[2])


def test_latents_are_new_in_every_step_and_standard_normal():
    model = pixel_dcgan()
    one, other = model.draw_latents(2000).numpy(), model.draw_latents(2000).numpy()
    assert one.shape == (2000, LATENT_SIZE)
    assert one.mean() == pytest.approx(0, abs=0.03)
    assert one.std() == pytest.approx(1, abs=0.03)
    assert np.abs(one - other).mean() > 1


def test_two_models_of_one_seed_train_alike():
    runs = []
    for _ in range(2):
        model = small_dcgan(
            Stabilizers(pool_size=2, augment_color=True, r1_weight=0.1),
            generator=residual_generator,
            discriminator=residual_discriminator,
        )
        for step in range(2):
            logs = model.train_step(pictures(side=32, seed=step))
        runs.append([float(value) for value in logs.values()])
    assert runs[0] == pytest.approx(runs[1], rel=1e-6)


def test_fit_takes_arrays_and_datasets_of_images():
    model = pixel_dcgan()
    images = pictures(4)
    history = model.fit(images.numpy(), batch_size=2, epochs=1, verbose=0).history
    assert set(history) == set(LOG_KEYS)
    model.fit(tf.data.Dataset.from_tensor_slices(images).batch(2), shuffle=False, verbose=0)
    model.fit(tf.data.Dataset.from_tensor_slices((images,)).batch(2), shuffle=False, verbose=0)
    assert int(model.step_number) == 6


def test_pairs_of_images_are_refused():
    with pytest.raises(ValueError, match="a batch of 2 parts"):
        pixel_dcgan().train_step((pictures(), pictures()))


def test_generator_of_another_latent_size_is_refused():
    generator = dcgan_generator(32, latent_size=4, base_filters=2)
    with pytest.raises(ValueError, match=r"\(None, 5\).*Received: input shape \(None, 4\)"):
        DcGan(generator, pixel_network(1.0, "discriminator"), latent_size=5)


def test_graph_trains_with_everything_turned_on():
    stabilizers = Stabilizers(
        pool_size=3,
        augment_color=True,
        augment_geometry=True,
        ema_decay=0.9,
        discriminator_steps=2,
        r1_weight=0.1,
        penalty_weight=0.1,
    )
    model = small_dcgan(stabilizers, run_eagerly=False)
    images = tf.data.Dataset.from_tensors(pictures(side=32)).repeat(2)
    history = model.fit(images, shuffle=False, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert int(model.discriminator_optimizer.iterations) == 4


def test_xla_trains_against_the_residual_discriminator():
    model = small_dcgan(discriminator=residual_discriminator, jit_compile=True, run_eagerly=False)
    images = tf.data.Dataset.from_tensors(pictures(side=32)).repeat(2)
    history = model.fit(images, shuffle=False, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())


def test_calling_it_makes_pictures():
    model = pixel_dcgan()
    latents = sample_latents(3, LATENT_SIZE, seed=1)
    np.testing.assert_allclose(model(latents), 0.5 * latents.reshape(3, 2, 2, 3), rtol=1e-6)


def test_sampled_latents_depend_on_the_seed_alone():
    one = sample_latents(1000, 16, seed=5)
    np.testing.assert_array_equal(one, sample_latents(1000, 16, seed=5))
    assert (one.shape, one.dtype) == ((1000, 16), np.float32)
    assert one.std() == pytest.approx(1, abs=0.03)
    assert np.abs(one - sample_latents(1000, 16, seed=6)).mean() > 1


def test_a_quarter_circle_is_walked_in_equal_angles():
    arc = interpolate([2.0, 0.0], [0.0, 2.0], 3)
    np.testing.assert_allclose(arc, [[2, 0], [np.sqrt(2), np.sqrt(2)], [0, 2]], atol=1e-6)


def test_interpolation_goes_evenly_from_end_to_end():
    start, end = sample_latents(2, 64, seed=1)
    arc = interpolate(start, end, 5)
    assert arc.shape == (5, 64)
    np.testing.assert_allclose(arc[[0, -1]], [start, end], atol=1e-6)
    norms = np.linalg.norm(arc, axis=1)
    np.testing.assert_allclose(norms, np.linspace(norms[0], norms[-1], 5), rtol=1e-6)
    units = arc / norms[:, None]
    steps = np.arccos((units[1:] * units[:-1]).sum(axis=1))
    np.testing.assert_allclose(steps, steps[0], rtol=1e-4)


def test_interpolation_between_equal_latents_stays_there():
    np.testing.assert_allclose(interpolate([3.0, 4.0], [3.0, 4.0], 4), [[3, 4]] * 4, rtol=1e-6)


@pytest.mark.parametrize(
    ("start", "end", "count", "message"),
    [
        ([1.0, 0.0], [0.0, 1.0], 1, "count=1"),
        ([1.0, 0.0], [0.0, 0.0], 3, "norms"),
        ([1.0, 0.0], [1.0, 0.0, 0.0], 3, r"\(2,\) and \(3,\)"),
        ([1.0, 2.0], [-1.0, -2.0], 3, "opposite latents"),
    ],
)
def test_arcs_that_are_not_defined_are_refused(start, end, count, message):
    with pytest.raises(ValueError, match=message):
        interpolate(start, end, count)


def test_validation_takes_a_smaller_last_batch_in_graph_mode():
    model = small_dcgan(run_eagerly=False)
    pictures = np.zeros((3, 32, 32, 3), np.float32)
    data = tf.data.Dataset.from_tensor_slices(pictures).batch(2)
    assert np.isfinite(model.evaluate(data, verbose=0, return_dict=True)["gen_loss"])
