import json
import shutil
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.distribution.replicas import RunningMean
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.files import DiskFull
from cyclegan_tf.models.cyclegan import CycleGan
from cyclegan_tf.models.optimizers import adam
from cyclegan_tf.models.player import Player
from cyclegan_tf.models.stabilizers import Stabilizers
from cyclegan_tf.training.checkpoint import (
    CheckpointMetadata,
    TrainingDiverged,
    current_means,
    named_variables,
    read_metadata,
    restore_state,
    set_means,
    write_state,
)
from tests.tiny_models import metadata, pixel_cyclegan, pixel_network, state_of

METADATA = metadata(
    data={"A": "4 images"}, versions={"keras": "3"}, states={"Watch": {"best": float("inf")}}
)
BATCH = tuple(tf.constant(np.linspace(-1, 1, 2 * 48), tf.float32, (2, 4, 4, 3)) for _ in range(2))


def model_after(steps: int, *, loss_scaling: bool = False):
    """With everything that has a state: averages, pools, draws, two optimizers."""
    model = pixel_cyclegan(Stabilizers(pool_size=3, augment_color=True, ema_decay=0.9))
    for pool in (model.pool_a, model.pool_b):
        pool.build((2, 4, 4, 3))
    if loss_scaling:
        optimizers = (adam(1e-3, beta_1=0.5, loss_scaling=True) for _ in range(2))
        model.compile(*optimizers, run_eagerly=True)
    for _ in range(steps):
        model.train_step(BATCH)
    return model


@pytest.mark.parametrize("loss_scaling", [False, True])
def test_restored_model_takes_the_same_steps(tmp_path, loss_scaling):
    model = model_after(3, loss_scaling=loss_scaling)
    write_state(tmp_path / "state.npz", model, METADATA)
    other = model_after(0, loss_scaling=loss_scaling)
    state = restore_state(tmp_path / "state.npz", other)
    set_means(other, state.means)
    for each in (model, other):
        each.train_step(BATCH)
    assert state.metadata == METADATA == read_metadata(tmp_path / "state.npz")
    pairs = list(zip(state_of(model), state_of(other), strict=True))
    assert len(pairs) > 40
    assert all(one.tobytes() == two.tobytes() for one, two in pairs)
    assert [m.tolist() for m in current_means(model)] == [m.tolist() for m in current_means(other)]


def turned_model(steps: int):
    """The same model, but its networks stand in the opposite order."""
    model = model_after(0)
    model.generators, model.discriminators = model.generators[::-1], model.discriminators[::-1]
    model.averages = model.averages[::-1]
    model.players = (
        Player(model.generators, others=model.discriminators),
        Player(model.discriminators),
    )
    model.compile(adam(1e-3, beta_1=0.5), adam(1e-3, beta_1=0.5), run_eagerly=True)
    for _ in range(steps):
        model.train_step(BATCH)
    return model


def test_networks_in_another_order_get_what_belongs_to_them(tmp_path):
    model, turned = model_after(3), turned_model(1)
    write_state(tmp_path / "state.npz", model, METADATA)
    restore_state(tmp_path / "state.npz", turned)
    one, two = named_variables(model), named_variables(turned)
    assert list(one) != list(two)
    state = [name for name in one if not name.startswith("means/")]
    assert all(np.array_equal(one[name].numpy(), two[name].numpy()) for name in state)
    # a step finds the moments of a weight by its place, which is another one here
    for side, network in (("generator", "generator_ab"), ("discriminator", "discriminator_b")):
        optimizer = getattr(turned, f"{side}_optimizer")
        weight = getattr(turned, network).trainable_variables[1]
        moment = optimizer._momentums[optimizer._get_variable_index(weight)]
        assert two[f"{side}_optimizer/{network}/0001/momentums"] is moment


def test_every_number_is_named_after_its_owner_and_place():
    names = list(named_variables(model_after(0, loss_scaling=True)))
    assert names[:5] == [
        "total_steps", "step_number", "random", "generator_ab/0000", "generator_ab/0001",
    ]  # fmt: skip
    assert {
        "generator_ba_ema/0001", "discriminator_b/0000", "pool_a/0001", "generator_optimizer/0003",
        "discriminator_optimizer/discriminator_a/0001/velocities", "means/cycle_loss/0001",
    } <= set(names)  # fmt: skip
    assert not any(name.startswith("others") for name in names)


def test_networks_of_ones_own_have_the_names_of_their_places():
    networks = [pixel_network(0.5, "same") for _ in range(4)]
    model = CycleGan(*networks)
    model.extra = keras.Variable(0.0, name="of a user")
    model.compile(keras.optimizers.SGD(), keras.optimizers.SGD())
    names = list(named_variables(model))
    assert {"generator_ab/0000", "generator_ba/0000", "discriminator_b/0001"} <= set(names)
    assert {"others/0000", "generator_optimizer/0001"} <= set(names)
    means = [name for name in names if name.startswith("means/")]
    assert len(names) - len(means) == len(model.state_variables)


def write_numbered(path, model, metadata: dict) -> None:
    """A state as earlier versions wrote it: variables by number, the running means last."""
    means = [v for mean in model.means.values() for v in mean.variables]
    skipped = {id(v) for v in means}
    variables = [v for v in model.state_variables if id(v) not in skipped] + means
    described = [
        [v.path, list(v.shape), keras.backend.standardize_dtype(v.dtype)] for v in variables
    ]
    text = json.dumps({"facts": metadata, "variables": described}).encode()
    arrays = {f"variables/{number:05d}": v.numpy() for number, v in enumerate(variables)}
    np.savez(path, facts=np.frombuffer(text, np.uint8), **arrays)


@pytest.mark.parametrize("loss_scaling", [False, True])
def test_numbered_state_of_an_earlier_version_is_restored(tmp_path, loss_scaling):
    path, model = tmp_path / "state.npz", model_after(3, loss_scaling=loss_scaling)
    old = vars(METADATA) | {"memories": {"EpochLog": {"steps": 2}}}
    del old["states"]
    write_numbered(path, model, old)
    other = model_after(1, loss_scaling=loss_scaling)
    state = restore_state(path, other)
    set_means(other, state.means)
    assert state.metadata.states == {"EpochLog": {"steps": 2}}
    pairs = list(zip(state_of(model), state_of(other), strict=True))
    assert all(one.tobytes() == two.tobytes() for one, two in pairs)
    with pytest.raises(
        InputError,
        match=f"it holds {69 if loss_scaling else 61} variables, this one has 55",
    ):
        restore_state(path, pixel_cyclegan(Stabilizers(ema_decay=0.9)))


def test_metadata_may_lack_what_is_new_and_hold_what_is_not_known():
    read = CheckpointMetadata.from_dict({"step": 7, "colour": "blue", "memories": {"Watch": {}}})
    assert read == CheckpointMetadata(step=7, states={"Watch": {}})
    assert (read.epoch, read.trained, read.data) == (0, False, {})


def test_log_may_have_other_keys_than_it_had(tmp_path):
    model = model_after(1)
    write_state(tmp_path / "state.npz", model, METADATA)
    other = model_after(1)
    other.means = {"new_loss": RunningMean(name="new_loss"), **other.means}
    del other.means["cycle_loss"]
    means = restore_state(tmp_path / "state.npz", other).means
    assert means[:2] == [0.0, 0.0]
    assert [float(m) for m in means[2:4]] == [
        float(v) for v in model.means["gen_ab_loss"].variables
    ]
    assert len(means) == len(current_means(other))


def test_given_means_are_written_in_place_of_the_present_ones(tmp_path):
    model = model_after(1)
    means = [np.full_like(mean, 7.0) for mean in current_means(model)]
    write_state(tmp_path / "state.npz", model, METADATA, means)
    read = restore_state(tmp_path / "state.npz", model).means
    assert {float(mean) for mean in read} == {7.0}


def test_state_with_a_number_that_is_none_is_refused_and_the_old_one_kept(tmp_path):
    path, model = tmp_path / "state.npz", model_after(1)
    write_state(path, model, METADATA)
    model.generator_ab.trainable_variables[0].assign(np.nan)
    with pytest.raises(TrainingDiverged, match=r"generator_ab_affine/scale became nan at step 3"):
        write_state(path, model, METADATA)
    assert read_metadata(path).step == 3
    assert [p.name for p in tmp_path.iterdir()] == ["state.npz"]


def test_full_disk_is_told_with_what_is_needed(tmp_path, monkeypatch):
    model = model_after(0)
    free = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(DiskFull, match=r"state.npz needs 0\.0 MB more"):
        write_state(tmp_path / "state.npz", model, METADATA)


def cut(path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def flip(path, words: bytes, beyond: int) -> None:
    data = bytearray(path.read_bytes())
    data[data.rindex(words) + beyond] ^= 255
    path.write_bytes(data)


def with_metadata(path, metadata: object) -> None:
    with zipfile.ZipFile(path, "w") as archive, archive.open("facts.npy", "w") as file:
        np.lib.format.write_array(file, np.frombuffer(json.dumps(metadata).encode(), np.uint8))


@pytest.mark.parametrize(
    "damage",
    [
        *(lambda path, s=s: cut(path, s) for s in (0.0, 0.01, 0.5, 0.99)),
        lambda path: flip(path, b"generator_ab_affine", 3),
        lambda path: flip(path, b"NUMPY", 123),  # behind the header of the last array
        lambda path: path.write_bytes(b"no archive"),
        lambda path: with_metadata(path, []),
        lambda path: with_metadata(path, {}),
        lambda path: with_metadata(path, {"facts": {"step": 1}, "variables": []}),
        lambda path: with_metadata(path, {"facts": vars(METADATA), "variables": 3}),
    ],
)
def test_damaged_state_is_refused_and_the_model_left_alone(tmp_path, damage):
    path, model = tmp_path / "state.npz", model_after(1)
    write_state(path, model, METADATA)
    damage(path)
    other = model_after(0)
    before = state_of(other)
    with pytest.raises(InputError, match=r"state.npz is .*(restore it|config.json)"):
        restore_state(path, other)
    assert all(np.array_equal(*pair) for pair in zip(before, state_of(other), strict=True))


def test_state_of_another_architecture_is_refused_by_name(tmp_path):
    path = tmp_path / "state.npz"
    write_state(path, model_after(0), METADATA)
    with pytest.raises(
        InputError,
        match=r"another model: generator_ab_ema/0000 \(generator_ab_affine/scale\) is \[\], "
        "float32 there and missing here",
    ):
        restore_state(path, pixel_cyclegan())
    larger = pixel_cyclegan(Stabilizers(pool_size=5, augment_color=True, ema_decay=0.9))
    for pool in (larger.pool_a, larger.pool_b):
        pool.build((2, 4, 4, 3))
    with pytest.raises(
        InputError, match=r"pool_a/0000 \(.*images\) is \[3, 4, 4, 3\], float32 there and \[5"
    ):
        restore_state(path, larger)
