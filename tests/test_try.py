"""The page that paints in the browser alone: the same pixels as Python."""

import functools
import http.server
import importlib.util
import shutil
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import keras
import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.inference.loading import load_generator
from tests.browser import chromium
from tests.pictures import encoded, png
from tests.test_export import GOLDEN

PAGE = Path(__file__).parents[1] / "docs/try"
RUN = GOLDEN / "cyclegan"


def prepare_module():
    spec = importlib.util.spec_from_file_location("prepare", PAGE / "prepare.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_onnx(path: Path, run: Path) -> Path:
    """A generator as `export` writes it: named, and with notes of what it asks for."""
    onnx = pytest.importorskip("onnx", reason="needs: pip install onnx tf2onnx")
    pytest.importorskip("tf2onnx", reason="needs: pip install onnx tf2onnx")
    translator = load_generator(run)
    generator = translator._generator._generator
    image = keras.Input((None, None, 3), name="image")
    named = keras.Model(image, generator(image))
    named(np.zeros((1, 256, 256, 3), np.float32))  # Keras exports none that was never called
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *arguments, **options: None)  # of NumPy's old names
        named.export(path, format="onnx", verbose=False)
    model = onnx.load(path)
    frame = translator._frame
    notes = {"multiple_of_sides": frame.multiple, "margin": frame.margin, "name": "tiny"}
    onnx.helper.set_model_props(model, {name: str(value) for name, value in notes.items()})
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page with all that it needs, as the script puts it together."""
    if not shutil.which("npm"):
        pytest.skip("needs npm, which fetches onnxruntime-web: install Node.js")
    prepare = prepare_module()
    folder = tmp_path_factory.mktemp("try")
    onnx = write_onnx(folder / "tiny.onnx", RUN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["prepare.py", f"--onnx={onnx}", f"--output={folder / 'page'}"])
        try:
            assert prepare.main() == 0
        except subprocess.CalledProcessError:
            pytest.skip("npm cannot fetch onnxruntime-web here")
    return folder / "page"


@pytest.fixture(scope="module")
def address(folder):
    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    handler = functools.partial(Silent, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser, address):
    """The page, ready to paint; it must have asked nobody else, and made no mistake."""
    page, asked, faults = browser.new_context().new_page(), set(), []
    page.set_default_timeout(60_000)
    page.on("request", lambda request: asked.add(urlsplit(request.url)))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.goto(address)
    told(page, "is ready")
    yield page
    assert faults == []
    assert {url.hostname for url in asked if url.scheme.startswith("http")} == {"127.0.0.1"}
    page.context.close()


def told(page, words: str) -> str:
    page.wait_for_function(
        "words => document.getElementById('told').textContent.includes(words)", arg=words
    )
    return page.inner_text("#told")


def bring(page, name: str, data: bytes) -> str:
    file = {"name": name, "mimeType": "image/png", "buffer": data}
    page.evaluate("document.getElementById('told').textContent = ''")
    page.set_input_files("#photo", [file])
    return told(page, ".\n" if "large" in name else "were painted")


def downloaded(page) -> np.ndarray:
    with page.expect_download() as download:
        page.click("#download")
    with Image.open(download.value.path()) as image:
        return np.asarray(image.convert("RGB"))


def photo(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    waves = [np.sin(rows / 9), np.sin(columns / 14), np.sin((rows + columns) / 23)]
    return (np.stack(waves, -1) * 100 + 128).astype(np.uint8)


@pytest.mark.parametrize("size", [(256, 256), (480, 640), (33, 21)])
def test_the_browser_paints_the_pixels_that_python_paints(page, size):
    said = bring(page, "photo.png", png(photo(*size)))
    assert said.startswith(f"{size[1]} x {size[0]} pixels were painted in ")
    expected = load_generator(RUN, canvas="full").translate(photo(*size))
    painted = downloaded(page)
    assert np.abs(painted.astype(int) - np.asarray(expected)).max() <= 1
    assert np.abs(painted.astype(int) - photo(*size)).mean() > 10


def test_large_photos_are_reduced_and_that_is_said(page):
    said = bring(page, "large.png", png(photo(900, 1200)))
    assert "853 x 640 pixels were painted" in said
    assert "The photo of 1200 x 900 pixels was reduced to 853 x 640" in said
    assert downloaded(page).shape == (640, 853, 3)
    page.select_option("#side", "256")
    assert "was reduced to 341 x 256" in told(page, "341 x 256 pixels were painted")


def test_what_is_no_picture_gets_a_sentence_and_the_page_lives_on(page):
    page.set_input_files(
        "#photo", [{"name": "<b>.jpg", "mimeType": "image/jpeg", "buffer": b"words"}]
    )
    told(page, "This file is no picture that the browser can read.")
    turned = Image.Exif()
    turned[0x0112] = 6
    data = encoded(Image.fromarray(photo(40, 20)), "JPEG", exif=turned.tobytes())
    assert bring(page, "turned.jpg", data).startswith("40 x 20 pixels")  # upright
    page.set_input_files(
        "#network", [{"name": "x.onnx", "mimeType": "text/plain", "buffer": b"\x08\x01words"}]
    )
    told(page, "That did not work: ")
    assert bring(page, "again.png", png(photo(64, 64))).startswith("64 x 64 pixels")


def test_page_cannot_send_anything_elsewhere():
    text = (PAGE / "index.html").read_text()
    (policy,) = [part.split('content="')[1].split('"')[0] for part in text.split("<meta")
                 if "Content-Security-Policy" in part]  # fmt: skip
    sources = {word for rule in policy.split(";") for word in rule.split()[1:]}
    assert sources == {
        "'none'", "'self'", "'wasm-unsafe-eval'", "'unsafe-inline'", "blob:", "data:",
    }  # fmt: skip
    assert "//" not in text.replace("<!doctype", "").replace("</", "")


def test_script_says_what_it_lacks(tmp_path, monkeypatch, capsys):
    prepare = prepare_module()
    monkeypatch.setattr("sys.argv", ["prepare.py", f"--onnx={tmp_path}/gone.onnx"])
    with pytest.raises(SystemExit):
        prepare.main()
    assert "gone.onnx does not exist; write it with" in capsys.readouterr().err
    (tmp_path / "x.onnx").write_bytes(b"")
    monkeypatch.setattr("sys.argv", ["prepare.py", f"--onnx={tmp_path}/x.onnx"])
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(SystemExit):
        prepare.main()
    assert "npm is not installed" in capsys.readouterr().err
