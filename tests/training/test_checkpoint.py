import json
import shutil
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.errors import InputError
from cyclegan_tf.io.files import DiskFull
from cyclegan_tf.models.optimizers import adam
from cyclegan_tf.models.stabilizers import Stabilizers
from cyclegan_tf.training.checkpoint import (
    TrainingDiverged,
    current_means,
    read_facts,
    restore_state,
    set_means,
    write_state,
)
from tests.tiny_models import facts, pixel_cyclegan, state_of

FACTS = facts(
    data={"A": "4 images"}, versions={"keras": "3"}, memories={"Watch": {"best": float("inf")}}
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
    write_state(tmp_path / "state.npz", model, FACTS)
    other = model_after(0, loss_scaling=loss_scaling)
    state = restore_state(tmp_path / "state.npz", other)
    set_means(other, state.means)
    for each in (model, other):
        each.train_step(BATCH)
    assert state.facts == FACTS == read_facts(tmp_path / "state.npz")
    pairs = list(zip(state_of(model), state_of(other), strict=True))
    assert len(pairs) > 40
    assert all(one.tobytes() == two.tobytes() for one, two in pairs)
    assert [m.tolist() for m in current_means(model)] == [m.tolist() for m in current_means(other)]


def test_given_means_are_written_in_place_of_the_present_ones(tmp_path):
    model = model_after(1)
    means = [np.full_like(mean, 7.0) for mean in current_means(model)]
    write_state(tmp_path / "state.npz", model, FACTS, means)
    read = restore_state(tmp_path / "state.npz", model).means
    assert {float(mean) for mean in read} == {7.0}


def test_state_with_a_number_that_is_none_is_refused_and_the_old_one_kept(tmp_path):
    path, model = tmp_path / "state.npz", model_after(1)
    write_state(path, model, FACTS)
    model.generator_ab.trainable_variables[0].assign(np.nan)
    with pytest.raises(TrainingDiverged, match=r"generator_ab_affine/scale became nan at step 3"):
        write_state(path, model, FACTS)
    assert read_facts(path).step == 3
    assert [p.name for p in tmp_path.iterdir()] == ["state.npz"]


def test_full_disk_is_told_with_what_is_needed(tmp_path, monkeypatch):
    model = model_after(0)
    free = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(DiskFull, match=r"state.npz needs 0\.0 MB more"):
        write_state(tmp_path / "state.npz", model, FACTS)


def cut(path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def flip(path, words: bytes, beyond: int) -> None:
    data = bytearray(path.read_bytes())
    data[data.rindex(words) + beyond] ^= 255
    path.write_bytes(data)


def with_facts(path, facts: object) -> None:
    with zipfile.ZipFile(path, "w") as archive, archive.open("facts.npy", "w") as file:
        np.lib.format.write_array(file, np.frombuffer(json.dumps(facts).encode(), np.uint8))


@pytest.mark.parametrize(
    "damage",
    [
        *(lambda path, s=s: cut(path, s) for s in (0.0, 0.01, 0.5, 0.99)),
        lambda path: flip(path, b"generator_ab_affine", 3),
        lambda path: flip(path, b"NUMPY", 123),  # behind the header of the last array
        lambda path: path.write_bytes(b"no archive"),
        lambda path: with_facts(path, []),
        lambda path: with_facts(path, {}),
        lambda path: with_facts(path, {"facts": {"step": 1}, "variables": []}),
        lambda path: with_facts(path, {"facts": vars(FACTS), "variables": 3}),
    ],
)
def test_damaged_state_is_refused_and_the_model_left_alone(tmp_path, damage):
    path, model = tmp_path / "state.npz", model_after(1)
    write_state(path, model, FACTS)
    damage(path)
    other = model_after(0)
    before = state_of(other)
    with pytest.raises(InputError, match=r"state.npz is .*(restore it|config.json)"):
        restore_state(path, other)
    assert all(np.array_equal(*pair) for pair in zip(before, state_of(other), strict=True))


def test_state_of_another_architecture_is_refused_by_name(tmp_path):
    path = tmp_path / "state.npz"
    write_state(path, model_after(0), FACTS)
    with pytest.raises(
        InputError, match=r"another model: generator_ab_affine/scale is .*'float32'\] there"
    ):
        restore_state(path, pixel_cyclegan())
    larger = pixel_cyclegan(Stabilizers(pool_size=5, augment_color=True, ema_decay=0.9))
    for pool in (larger.pool_a, larger.pool_b):
        pool.build((2, 4, 4, 3))
    with pytest.raises(InputError, match=r"images is \[\[3, 4, 4, 3\], 'float32'\] there"):
        restore_state(path, larger)
