import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.models.cyclegan import LOG_KEYS, CycleGan
from cyclegan_tf.models.networks.blocks import Style
from cyclegan_tf.models.networks.discriminators import patch_discriminator
from cyclegan_tf.models.networks.generators import unet_generator
from cyclegan_tf.models.optimizers import adam
from cyclegan_tf.models.player import Turn
from cyclegan_tf.models.stabilizers import Stabilizers
from tests.tiny_models import pixel_cyclegan


def pictures(seed: int, size: int = 8, count: int = 2) -> tf.Tensor:
    values = np.random.default_rng(seed).uniform(-1, 1, (count, size, size, 3))
    return tf.constant(values, tf.float32)


def variables_of(networks: list[keras.Model]) -> list[keras.Variable]:
    return [v for network in networks for v in network.trainable_variables]


def turns(model: CycleGan, a: tf.Tensor, b: tf.Tensor) -> tuple[Turn, Turn]:
    """What generators and discriminators minimize, without augmentation."""
    made = model.generators_turn((a, b), (None, None))
    return made, model.discriminators_turn((a, b), made.fakes, (None, None))


def softplus(x: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(x))


def test_losses_by_hand():
    # generators scale by 0.5 and 0.8, so a cycle scales by 0.4; discriminators by 0.3 and -0.2
    a, b = pictures(1), pictures(2)
    x, y = a.numpy(), b.numpy()
    losses = pixel_cyclegan().test_step((a, b))
    cycle = 0.6 * np.abs(x).mean() + 0.6 * np.abs(y).mean()
    same_b, same_a = 0.5 * np.abs(y).mean(), 0.2 * np.abs(x).mean()
    expected = {
        "cycle_loss": cycle,
        "identity_loss": same_a + same_b,
        "gen_ab_loss": softplus(0.2 * 0.5 * x).mean() + 10 * cycle + 5 * same_b,
        "gen_ba_loss": softplus(-0.3 * 0.8 * y).mean() + 10 * cycle + 5 * same_a,
        "disc_a_loss": (softplus(-0.3 * x).mean() + softplus(0.3 * 0.8 * y).mean()) / 2,
        "disc_b_loss": (softplus(0.2 * y).mean() + softplus(-0.2 * 0.5 * x).mean()) / 2,
        "disc_a_real_accuracy": (x > 0).mean(),
        "disc_a_fake_accuracy": (y <= 0).mean(),
        "disc_b_real_accuracy": (y < 0).mean(),
        "disc_b_fake_accuracy": (x >= 0).mean(),
    }
    assert set(losses) == set(LOG_KEYS)
    for key, value in expected.items():
        assert float(losses[key]) == pytest.approx(value, rel=1e-5), key


def test_step_reads_each_weight_of_the_generators_once_and_adds_up_their_gradients_late():
    style = Style(norm="group", dropout=0.0)
    generators = [unet_generator(16, style, depth=2, base_filters=8) for _ in range(2)]
    discriminators = [patch_discriminator(n_layers=1, base_filters=4) for _ in range(2)]
    model = CycleGan(*generators, *discriminators)
    model.compile(adam(1e-3, beta_1=0.5), adam(1e-3, beta_1=0.5))
    real = pictures(1, size=16, count=1)
    graph = tf.function(model.train_step).get_concrete_function((real, real)).graph
    shape = (4, 4, 8, 16)  # of two kernels in each generator: between maps of 8 x 8 and 4 x 4
    assert [v.shape for v in model.trainable_variables].count(shape) == 4
    operations = [op for op in graph.get_operations() if op.outputs]
    operations = [op for op in operations if op.outputs[0].shape == shape]
    assert sum(op.type == "ReadVariableOp" for op in operations) == 4
    filters = [op for op in operations if op.type == "Conv2DBackpropFilter"]
    assert len(filters) == 8
    late = [op for op in filters if op.control_inputs]
    assert len(late) == 4  # the way back of either cycle; identity and translation are the last


@pytest.mark.parametrize("parts", [1, 2])
def test_step_that_judges_the_fakes_once_is_the_step_that_judges_them_twice(parts, monkeypatch):
    real_a, real_b = pictures(1, size=16), pictures(2, size=16)
    found, kernels = [], []
    for once in (True, False):
        monkeypatch.setattr(Stabilizers, "same_fakes", once)
        generators = [unet_generator(16, depth=2, base_filters=4, seed=i) for i in (1, 2)]
        options = {"n_layers": 1, "base_filters": 4}
        judges = [patch_discriminator(**options, seed=i) for i in (3, 4)]
        model = CycleGan(*generators, *judges, stabilizers=Stabilizers(augment_color=True), seed=5)
        adams = [adam(0.01, beta_1=0.5) for _ in range(2)]
        model.compile(*adams, gradient_accumulation=parts)
        step = tf.function(model.train_step)
        graph = step.get_concrete_function((real_a, real_b)).graph
        for _ in range(3):
            logs = step((real_a, real_b))
        found.append(([v.numpy() for v in model.variables], {k: float(v) for k, v in logs.items()}))
        # the last kernel of a discriminator, 4 x 4 x 8 x 1, looks at fakes, real images, and fakes
        convolutions = [op for op in graph.get_operations() if op.type == "Conv2D"]
        kernels.append(sum(op.inputs[1].shape == (4, 4, 8, 1) for op in convolutions))
    (once, logs), (twice, same_logs) = found
    for x, y in zip(once, twice, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5)
    assert logs == pytest.approx(same_logs, rel=1e-4, abs=1e-6)
    assert kernels == ([4, 6] if parts == 1 else [0, 0])  # parts are functions of their own


def test_fakes_are_judged_once_only_where_both_sides_see_the_same():
    assert Stabilizers(augment_geometry=True, ema_decay=0.9).same_fakes
    for other in ({"pool_size": 5}, {"discriminator_steps": 2}, {"r1_weight": 1.0}):
        assert not Stabilizers(**other).same_fakes
    assert not Stabilizers(penalty_weight=1.0).same_fakes


def test_joint_gradient_equals_that_of_four_separate_losses():
    model = pixel_cyclegan()
    a, b = pictures(1), pictures(2)
    with tf.GradientTape(persistent=True) as tape:
        made, judged = turns(model, a, b)
        losses = made.losses | judged.losses
    joint = tape.gradient(made.minimize, variables_of(model.generators))
    separate = tape.gradient(losses["gen_ab_loss"], model.generator_ab.trainable_variables)
    separate += tape.gradient(losses["gen_ba_loss"], model.generator_ba.trainable_variables)
    np.testing.assert_allclose(joint, separate, rtol=1e-5, atol=1e-8)
    joint = tape.gradient(judged.minimize, variables_of(model.discriminators))
    separate = tape.gradient(losses["disc_a_loss"], model.discriminator_a.trainable_variables)
    separate += tape.gradient(losses["disc_b_loss"], model.discriminator_b.trainable_variables)
    np.testing.assert_allclose(joint, separate, rtol=1e-5, atol=1e-8)


def test_joint_optimizer_steps_like_one_for_each_network():
    a, b = pictures(1), pictures(2)
    model, reference = pixel_cyclegan(), pixel_cyclegan()
    model.train_step((a, b))
    networks = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")
    with tf.GradientTape(persistent=True) as tape:
        made, judged = turns(reference, a, b)
        losses = made.losses | judged.losses
    keys = ("gen_ab_loss", "gen_ba_loss", "disc_a_loss", "disc_b_loss")
    for name, key in zip(networks, keys, strict=True):
        variables = getattr(reference, name).trainable_variables
        optimizer = adam(1e-3, beta_1=0.5, loss_scaling=False)
        optimizer.apply(tape.gradient(losses[key], variables), variables)
        for ours, theirs in zip(getattr(model, name).trainable_variables, variables, strict=True):
            assert float(ours) == pytest.approx(float(theirs), rel=1e-5, abs=1e-7)


def test_discriminator_loss_does_not_reach_the_generators():
    model = pixel_cyclegan()
    a, b = pictures(1), pictures(2)
    with tf.GradientTape() as tape:
        _, judged = turns(model, a, b)
    assert tape.gradient(judged.losses["disc_b_loss"], variables_of(model.generators)) == [None] * 4


def test_players_move_against_each_other():
    # D_B calls larger values more fake; G_AB must lower what it paints, D_B must tell better
    model = pixel_cyclegan(cycle_weight=0.0, identity_weight=0.0)
    a, b = tf.ones((1, 4, 4, 3)), -tf.ones((1, 4, 4, 3))
    moving = variables_of(model.generators) + variables_of(model.discriminators)
    before = {v.path: float(v) for v in moving}
    model.train_step((a, b))
    change = {v.path: float(v) - before[v.path] for v in moving}
    assert change["generator_ab_affine/scale"] < 0
    assert change["discriminator_b_affine/scale"] < 0  # real -1, fake 0.5: a falling logit


def test_cycle_weight_pulls_the_cycle_together():
    model = pixel_cyclegan(cycle_weight=10.0, identity_weight=0.0)
    a, b = pictures(1), pictures(2)
    first = float(model.test_step((a, b))["cycle_loss"])
    for _ in range(20):
        model.train_step((a, b))
    model.reset_metrics()
    assert float(model.test_step((a, b))["cycle_loss"]) < first


def test_identity_weight_zero_logs_zero_and_saves_the_work():
    losses = pixel_cyclegan(identity_weight=0.0).test_step((pictures(1), pictures(2)))
    assert float(losses["identity_loss"]) == 0.0


def test_calling_it_translates_a_into_b():
    model = pixel_cyclegan()
    np.testing.assert_allclose(model(pictures(1)), 0.5 * pictures(1).numpy())


def small_cyclegan(
    seed: int = 0, *, loss_scaling: bool = False, stabilizers: Stabilizers | None = None, **options
) -> CycleGan:
    model = CycleGan(
        unet_generator(32, base_filters=2, seed=seed, name="generator_ab"),
        unet_generator(32, base_filters=2, seed=seed + 1, name="generator_ba"),
        patch_discriminator(base_filters=2, seed=seed + 2, name="discriminator_a"),
        patch_discriminator(base_filters=2, seed=seed + 3, name="discriminator_b"),
        **({"stabilizers": stabilizers} if stabilizers else {}),
    )
    optimizers = [adam(1e-3, beta_1=0.5, loss_scaling=loss_scaling) for _ in range(2)]
    model.compile(*optimizers, **options)
    return model


def batches(count: int = 2) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(
        (pictures(1, 32, 2 * count), pictures(2, 32, 2 * count))
    ).batch(2, drop_remainder=True)


def test_it_trains_and_validates_under_fit():
    model = small_cyclegan()
    before = [v.numpy().copy() for v in model.trainable_variables]
    history = model.fit(batches(), validation_data=batches(), epochs=2, verbose=0, shuffle=False)
    assert set(history.history) == set(LOG_KEYS) | {f"val_{key}" for key in LOG_KEYS}
    assert history.history["cycle_loss"][1] < history.history["cycle_loss"][0]
    moved = [
        not np.array_equal(x, v) for x, v in zip(before, model.trainable_variables, strict=True)
    ]
    assert all(moved)


def test_eager_and_graph_steps_agree():
    results = []
    for eager in (True, False):
        model = small_cyclegan(run_eagerly=eager)
        for network in (model.generator_ab, model.generator_ba):
            for layer in network.layers:
                if isinstance(layer, keras.layers.Dropout):
                    layer.rate = 0.0
        model.fit(batches(), verbose=0, shuffle=False)
        results.append(model.get_weights())
    for x, y in zip(*results, strict=True):
        np.testing.assert_allclose(x, y, atol=2e-4)


def test_mixed_float16_scales_the_loss_of_both_players():
    keras.config.set_dtype_policy("mixed_float16")
    model = small_cyclegan(loss_scaling=True, run_eagerly=True)
    history = model.fit(batches(), epochs=6, verbose=0, shuffle=False)
    assert np.isfinite(history.history["gen_ab_loss"]).all()
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert float(optimizer.scale_loss(tf.constant(1.0))) > 1
        # the scale starts too high: its first steps overflow, are left out and halve it
        assert 1 <= int(optimizer.inner_optimizer.iterations) <= 12
