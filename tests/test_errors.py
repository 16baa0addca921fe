from types import SimpleNamespace

import pytest
import tensorflow as tf

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.errors import InputError, first_line, shell_words
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.training.faults import explain
from tests.tiny_models import pixel_network


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError("one\ntwo"), "one"),
        (OSError(), "OSError"),
        (ValueError(" \n"), "ValueError"),
        (ValueError("\n  two \n"), "two"),
        (
            RuntimeError("Graph execution error:\n\nDetected at node x\nNode: 'x'\nno rows"),
            "no rows",
        ),
    ],
)
def test_first_line_says_something(error, line):
    assert first_line(error) == line


def test_weights_that_fail_without_a_word_are_refused_all_the_same(tmp_path, monkeypatch):
    run, network = RunFolder.create(tmp_path, TrainConfig()), pixel_network(0.5, "generator_ab")
    run.save_weights(network)

    def fail(path):
        raise OSError

    monkeypatch.setattr(network, "load_weights", fail)
    with pytest.raises(InputError, match=r"weights of generator_ab \(OSError\); restore it"):
        run.load_weights(network)


def test_full_disk_that_is_told_after_an_empty_line_is_explained():
    error = tf.errors.ResourceExhaustedError(None, None, "\n/tmp: No space left on device")
    line = explain(error, TrainConfig())
    assert line == "the disk is full (/tmp: No space left on device); free some space."


@pytest.mark.parametrize(
    ("system", "word", "expected"),
    [
        ("posix", "my run", "'my run'"),
        ("nt", "my run", '"my run"'),
        ("nt", "runs\\demo-1", "runs\\demo-1"),
    ],
)
def test_words_are_quoted_as_the_shell_of_the_system_takes_them(
    monkeypatch, system, word, expected
):
    monkeypatch.setattr("cyclegan_tf.errors.os", SimpleNamespace(name=system))
    assert shell_words("--run", word) == f"--run {expected}"
