"""The command that shows the page: what it refuses, and that it ends."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from importlib import metadata
from pathlib import Path

import pytest

from cyclegan_tf import app
from cyclegan_tf.inference import shipped
from cyclegan_tf.inference.loading import export_generator
from tests.test_export import GOLDEN
from tests.web.test_page import free_port

RUN = GOLDEN / "cyclegan"


def test_page_is_served_until_ctrl_c_and_leaves_nothing(tmp_path):
    pytest.importorskip("gradio", reason="needs: pip install -r requirements-app.txt")
    port = free_port()
    # a job of the background has its Ctrl-C switched off, and its children with it
    start = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('cyclegan_tf.app', run_name='__main__')"
    )
    argv = [sys.executable, "-c", start, f"--run={RUN}", f"--port={port}"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    own = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(argv, cwd=Path(app.__file__).parents[1], env=own, **pipes) as process:
        try:
            line = process.stdout.readline()
            assert line == f"http://127.0.0.1:{port} is the page; Ctrl-C ends it.\n"
            with urllib.request.urlopen(f"http://127.0.0.1:{port}") as answer:
                page = answer.read()
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, error) == (0, "")
    assert b"cyclegan_tf" in page
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_port_that_is_taken_is_told(capsys):
    pytest.importorskip("gradio", reason="needs: pip install -r requirements-app.txt")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert app.main(["--run", str(RUN), "--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: port {port} is taken (")
    assert error.endswith("; choose another with --port.\n")


def test_models_have_the_names_of_their_files(tmp_path, monkeypatch):
    def named(*argv):
        return app._models(app._parser().parse_args(argv))

    export_generator(RUN, tmp_path / "tiny_ab.npz")
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path)
    assert named() == {"tiny": "tiny"}
    assert named("--run", "a/x", "b/x", "--weights", "y.npz") == {
        "x": Path("a/x"), "b/x": Path("b/x"), "y": "y.npz",
    }  # fmt: skip


FAULTS = {
    "missing run": (["--run=gone"], "gone holds no run"),
    "DcGan": ([f"--run={GOLDEN}/dcgan"], "expected one of --model cyclegan"),
    "weights": (["--weights=mine"], "no shipped weights are called 'mine'"),
    "port": (["--port=0", f"--run={RUN}"], "--port is 0; expected a value from 1 to 65,535."),
    "share": (["--share", f"--run={RUN}"], "there is no --share; see"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_end_in_one_line(name, capsys):
    pytest.importorskip("gradio", reason="needs: pip install -r requirements-app.txt")
    argv, words = FAULTS[name]
    assert app.main(argv) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_without_any_weights_it_says_what_to_name(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path)
    assert app.main([]) == 2
    assert "there are: none. Name one of these" in capsys.readouterr().err


@pytest.mark.parametrize("version", [None, "5.50.0", "6.15.1", "7.0.0"])
def test_without_a_gradio_that_fits_one_line_says_what_to_install(version, monkeypatch, capsys):
    def found(name):
        if version is None:
            raise metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(metadata, "version", found)
    assert app.main(["--run", str(RUN)]) == 2
    assert capsys.readouterr().err == (
        "error: the page needs Gradio 6.16 or newer, below 7 (installed: "
        f"{version or 'none'}); pip install 'gradio>=6.16,<7'.\n"
    )
