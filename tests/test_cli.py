"""What every command line answers when the system or the user is at fault."""

import errno
import io
import subprocess
import sys

import pytest
import tensorflow as tf

from cyclegan_tf.cli import command, require_backend
from cyclegan_tf.errors import InputError


def raising(error: Exception):
    @command
    def main(argv=None) -> int:
        raise error

    return main


def test_input_error_is_one_line_and_exit_code_2(capsys):
    assert raising(InputError("first\nsecond\t third"))(None) == 2
    assert capsys.readouterr().err == "error: first second third\n"


def test_control_signs_and_broken_names_are_written_out(capsys):
    assert raising(InputError("a\x1b[2Jb \udcff é"))(None) == 2
    assert capsys.readouterr().err == "error: a\\x1b[2Jb \\udcff é\n"


def test_endless_message_is_cut_in_the_middle(capsys):
    assert raising(InputError("a" * 10**6 + " end."))(None) == 2
    error = capsys.readouterr().err
    assert len(error) == len("error: " + " ... " + "\n") + 1200
    assert error.endswith("a end.\n")


def test_path_that_the_system_refuses_is_named(capsys):
    fault = OSError(errno.ENAMETOOLONG, "File name too long", "long/path")
    assert raising(fault)(None) == 2
    expected = "error: long/path cannot be used (File name too long); check the path.\n"
    assert capsys.readouterr().err == expected


def test_machine_without_memory_is_one_line_and_exit_code_1(capsys):
    assert raising(MemoryError())(None) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: out of memory") and error.count("\n") == 1


def test_full_disk_that_tensorflow_met_is_one_line_and_exit_code_1(capsys):
    assert raising(tf.errors.ResourceExhaustedError(None, None, "x; No space left"))(None) == 1
    error = capsys.readouterr().err
    assert error == "error: disk or memory is full (x; No space left); free some of it.\n"


@pytest.mark.parametrize("fault", [OSError(errno.EIO, "I/O", "x"), KeyError("x"), OSError("x")])
def test_defects_and_faults_of_the_machine_still_raise(fault):
    with pytest.raises(type(fault)):
        raising(fault)(None)


def test_a_reader_who_has_seen_enough_ends_a_command_without_a_traceback():
    code = (
        "import sys; from cyclegan_tf.cli import command\n"
        "sys.exit(command(lambda argv: print('line\\n' * 100_000) or 0)())"
    )
    done = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert done.stdout.readline().rstrip() == b"line"
    done.stdout.close()
    with done.stderr:
        assert done.stderr.read() == b""
    assert done.wait() == 141


def test_names_of_no_utf8_can_be_printed(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)

    @command
    def main(argv=None) -> int:
        print("run: \udcff")
        return 0

    assert main(None) == 0
    stream.flush()
    assert stream.buffer.getvalue() == b"run: \\udcff\n"


@pytest.mark.parametrize("variable", [True, False])
def test_keras_of_another_library_is_refused_with_a_remedy(tmp_path, monkeypatch, variable):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    require_backend()
    if variable:
        monkeypatch.setenv("KERAS_BACKEND", "jax")
    else:
        (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    where = "KERAS_BACKEND" if variable else "keras.json"
    remedy = "set the environment variable KERAS_BACKEND to tensorflow$"
    with pytest.raises(InputError, match=rf"set up for jax \(.*{where}\), but .*; {remedy}"):
        require_backend()
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    require_backend()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"backend": null}'])
def test_settings_of_keras_that_cannot_be_read_are_passed_over(tmp_path, monkeypatch, text):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    (tmp_path / "keras.json").write_text(text)
    require_backend()
