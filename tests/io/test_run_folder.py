import json

import numpy as np
import pytest

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.run_folder import RunFolder, next_free_run
from tests.tiny_models import pixel_network


def test_run_keeps_its_config_and_the_versions(tmp_path):
    config = TrainConfig(image_size=64, seed=5)
    run = RunFolder.create(tmp_path / "deep" / "run", config)
    assert run.config() == config
    versions = json.loads(run.config_file.read_text())["versions"]
    assert set(versions) == {"cyclegan_tf", "tensorflow", "keras", "precision"}


def test_second_run_in_one_folder_is_refused(tmp_path):
    RunFolder.create(tmp_path, TrainConfig())
    with pytest.raises(InputError, match="already holds a run"):
        RunFolder.create(tmp_path, TrainConfig())


def test_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(InputError, match=r"cannot be written.*Choose another with --run"):
        RunFolder.create(tmp_path / "x" / "run", TrainConfig())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "holds no run"),
        ("{", "is no JSON"),
        ("[]", "is no JSON object"),
        ('{"batch_siez": 1}', "did you mean batch_size?"),
        ('{"batch_size": "1"}', "--batch-size is '1'; expected int"),
    ],
)
def test_damaged_config_is_refused(tmp_path, text, words):
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=words):
        RunFolder(tmp_path).config()


def test_metrics_are_read_back_in_order(tmp_path):
    run = RunFolder.create(tmp_path, TrainConfig())
    for epoch in (1, 2):
        run.append_metrics({"epoch": epoch, "cycle_loss": 0.5})
    assert [row["epoch"] for row in run.metrics()] == [1, 2]


def test_bad_lines_of_the_metrics_are_told_and_left_out(tmp_path, capsys):
    run = RunFolder.create(tmp_path, TrainConfig())
    lines = ['{"epoch": 1}', '{"epo', '{"epoch": 3}', "[]", '{"epoch": "5"}', '{"epoch": 6}', '{"e']
    run.metrics_file.write_text("\n".join(lines))
    run.reopen(TrainConfig(), epochs=9)
    warnings = capsys.readouterr().err.splitlines()
    assert [warning.split(",")[0] for warning in warnings] == [
        f"warning: {run.metrics_file}: line {number} holds no epoch" for number in (2, 4, 5, 7)
    ]
    assert [row["epoch"] for row in run.metrics()] == [1, 3, 6]
    assert capsys.readouterr().err == ""  # they are gone


def test_weights_are_replaced_whole(tmp_path):
    run = RunFolder.create(tmp_path, TrainConfig())
    network = pixel_network(0.25, "generator_ab")
    run.save_weights(network)
    run.save_weights(network)
    assert [path.name for path in run.weights.iterdir()] == ["generator_ab.weights.h5"]
    other = pixel_network(0.0, "generator_ab")
    other.load_weights(run.weights_file(network))
    np.testing.assert_array_equal(other.get_weights(), network.get_weights())


def test_best_weights_stand_beside_the_last_ones(tmp_path):
    run = RunFolder.create(tmp_path, TrainConfig())
    run.save_weights(pixel_network(0.25, "generator_ab"))
    run.save_weights(pixel_network(0.75, "generator_ab"), best=True)
    names = {"best_generator_ab.weights.h5", "generator_ab.weights.h5"}
    assert {path.name for path in run.weights.iterdir()} == names
    network = pixel_network(0.0, "generator_ab")
    for best, scale in ((True, 0.75), (False, 0.25)):
        run.load_weights(network, best=best)
        assert float(network.get_weights()[0]) == scale


def test_missing_best_weights_are_named(tmp_path):
    run, network = RunFolder.create(tmp_path, TrainConfig()), pixel_network(0.25, "generator_ab")
    run.save_weights(network)
    with pytest.raises(InputError, match=r"best_generator_ab\.weights\.h5 does not exist"):
        run.load_weights(network, best=True)


def test_runs_are_numbered(tmp_path):
    assert next_free_run(tmp_path, "demo").name == "demo-1"
    (tmp_path / "demo-1").mkdir()
    assert next_free_run(tmp_path, "demo").name == "demo-2"


def test_data_is_looked_for_beside_the_run(tmp_path, monkeypatch, capsys):
    config = TrainConfig(a="sets/a", b=str(tmp_path / "sets" / "b"))
    run = RunFolder.create(tmp_path / "runs" / "one", config)
    (tmp_path / "sets" / "a").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    assert run.located(config) == config
    assert capsys.readouterr().err == ""
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = run.located(config)
    assert (found.a, found.b) == (str(tmp_path / "sets" / "a"), config.b)
    assert f"relative to where it was started; going on with --a {tmp_path}/sets/a\n" in (
        capsys.readouterr().err
    )
    (tmp_path / "sets" / "a").rmdir()
    assert run.located(config) == config
