import os

import pytest

from cyclegan_tf.io.inputs import read_file, require_file


def test_file_is_read_and_measured(tmp_path):
    (tmp_path / "x").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("x")
    assert require_file(tmp_path / "link") == 5
    assert read_file(tmp_path / "link", most=5) == b"12345"


def test_too_large_a_file_is_not_read(tmp_path):
    with (tmp_path / "x").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(OSError) as error:
        read_file(tmp_path / "x")
    assert (
        error.value.strerror == "1,099,511,627,776 bytes are too many, at most 268,435,456 are read"
    )


def test_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x")
    with pytest.raises(OSError) as error:
        read_file(tmp_path / "x")
    assert error.value.strerror == "it is no file but a pipe, a socket or a device"


def test_folder_and_missing_file_have_the_systems_words(tmp_path):
    for path, words in (
        (tmp_path, "Is a directory"),
        (tmp_path / "x", "No such file or directory"),
    ):
        with pytest.raises(OSError) as error:
            require_file(path)
        assert error.value.strerror == words
