import hashlib
import io
import socket
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from cyclegan_tf.errors import InputError
from cyclegan_tf.metrics.inception_download import (
    ARCHIVE_URL,
    GRAPH_NAME,
    GRAPH_SHA256,
    cache_folder,
    default_inception,
)


def test_cache_folder_is_named_by_the_environment(monkeypatch):
    monkeypatch.setenv("CYCLEGAN_TF_CACHE", "/some/where")
    assert cache_folder() == Path("/some/where")
    monkeypatch.setenv("CYCLEGAN_TF_CACHE", "")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder() == Path("/home/someone/.cache/cyclegan_tf")


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as files:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            files.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


class Server:
    """What a local HTTP server answers: `status`, `body`, and a `length` that may be a lie."""

    def __init__(self, body: bytes) -> None:
        self.status, self.body, self.length, self.requests = 200, body, None, 0
        self.url = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server(archive(**{"LICENSE": b"x", f"./{GRAPH_NAME}": b"the graph"}))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            state.requests += 1
            self.send_response(state.status)
            self.send_header("Content-Length", str(state.length or len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.url = f"http://127.0.0.1:{http.server_port}/inception.tgz"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        http.shutdown()
        thread.join()


def stored_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fetch(server: Server, cache: Path) -> Path:
    """Fetches a graph whose hash is known to be that of the server's."""
    known = sha256(b"the graph")
    return default_inception(url=server.url, cache=cache, graph_sha256=known)


def test_graph_is_fetched_once(server, tmp_path, capsys):
    first = fetch(server, tmp_path)
    assert first.read_bytes() == b"the graph"
    assert capsys.readouterr().out == ""  # kept free for results
    assert fetch(server, tmp_path) == first
    assert server.requests == 1
    assert stored_files(tmp_path) == [GRAPH_NAME]


def test_first_download_is_checked_too(server, tmp_path):
    found = sha256(b"the graph")
    with pytest.raises(
        InputError, match=rf"{server.url}: .*{found}; expected {GRAPH_SHA256}.*--inception"
    ):
        default_inception(url=server.url, cache=tmp_path)
    assert stored_files(tmp_path) == []


def test_graph_comes_over_https():
    assert ARCHIVE_URL.startswith("https://download.tensorflow.org/")


def test_missing_archive_is_one_line_with_the_manual_steps(server, tmp_path):
    server.status = 404
    with pytest.raises(InputError, match=r"cannot be fetched \(404 -- Not Found\).*--inception"):
        default_inception(url=server.url, cache=tmp_path)
    assert stored_files(tmp_path) == []


def test_cut_connection_leaves_nothing(server, tmp_path):
    server.length = len(server.body) + 1
    with pytest.raises(InputError, match=r"cannot be fetched \(.*got only \d+ out of \d+ bytes\)"):
        default_inception(url=server.url, cache=tmp_path)
    assert stored_files(tmp_path) == []


def test_without_internet_the_manual_steps_are_told(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/inception.tgz"
        with pytest.raises(InputError, match=f"Connection refused.*Kaggle.*{GRAPH_NAME}.*--incep"):
            default_inception(url=url, cache=tmp_path)
    assert stored_files(tmp_path) == []


@pytest.mark.parametrize(
    "body",
    [b"<html>log in first</html>", archive(LICENSE=b"x"), archive(x=b"y" * 9999)[:60]],
    ids=["a page", "another archive", "half an archive"],
)
def test_what_is_no_archive_with_the_graph_is_refused(server, tmp_path, body):
    server.body = body
    with pytest.raises(InputError, match=f"is no archive with {GRAPH_NAME} .*--inception"):
        default_inception(url=server.url, cache=tmp_path)
    assert stored_files(tmp_path) == []


def test_archive_that_ends_early_is_refused(server, tmp_path):
    random = np.random.default_rng(0).bytes(9999)
    server.body = archive(**{GRAPH_NAME: random})[:5000]  # as the server's own file is
    with pytest.raises(InputError, match=f"is no archive with {GRAPH_NAME}"):
        default_inception(url=server.url, cache=tmp_path)
    assert stored_files(tmp_path) == []


def test_graph_that_changed_on_disk_is_refused(server, tmp_path):
    graph = fetch(server, tmp_path)
    graph.write_bytes(b"another graph")
    with pytest.raises(InputError, match=f"{GRAPH_NAME} has SHA-256 .*Delete {graph.parent} and"):
        fetch(server, tmp_path)
    assert server.requests == 1


def test_cache_that_cannot_be_written_is_refused_with_a_way_out(server, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match=r"cannot be used .*set CYCLEGAN_TF_CACHE.*--inception"):
        fetch(server, tmp_path / "file")
    assert server.requests == 0
