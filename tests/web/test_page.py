"""The page in a browser: photos become paintings, faults sentences, and nobody else is asked."""

import io
import json
import os
import socket
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.data.image import encode_jpeg
from cyclegan_tf.inference.loading import load_generator
from tests.browser import chromium
from tests.pictures import noise, png
from tests.test_export import GOLDEN

pytest.importorskip("gradio", reason="needs: pip install -r requirements-app.txt")
# Gradio leaves sockets and event loops to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
RUN = GOLDEN / "cyclegan"
HOSTS = {"127.0.0.1", "localhost", "::1"}
MISCHIEF = "../../<img src=x onerror=window.harmed=1><b>'\"&.png"


@pytest.fixture(scope="module")
def asked():
    """The hosts that this process connects to, or asks the name of, while the module runs."""
    found = set()
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connect_noted(self, address):
        if isinstance(address, tuple):  # a path on this machine is none
            found.add(str(address[0]))
        return connect(self, address)

    def look_up_noted(host, *arguments, **options):
        found.add(host.decode() if isinstance(host, bytes) else str(host))
        return look_up(host, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_noted)
        patch.setattr(socket, "getaddrinfo", look_up_noted)
        yield found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def address(asked):
    from cyclegan_tf.web.page import serving
    from cyclegan_tf.web.studio import Studio

    port = free_port()
    with serving(Studio({"monet": RUN, "again": RUN}), port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


class Visitor:
    """A tab with the page, and all that it has asked for."""

    def __init__(self, browser, address):
        self.requests, self.faults = [], []
        self.page = browser.new_context().new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: self.faults.append(dialog.message))
        self.page.goto(address)

    def bring(self, **files: bytes):
        """Drops files, by their names."""
        given = [
            {"name": name, "mimeType": "image/png", "buffer": data} for name, data in files.items()
        ]
        self.page.set_input_files("#photos input[type=file]", given)
        rows = self.page.locator("#photos tr.file")
        rows.nth(len(files) - 1).wait_for()

    def paint(self, words: str) -> str:
        """Presses the button; what is told once these words are in it."""
        self.press()
        return self.told(words)

    def press(self):
        self.page.click("#paint")

    def told(self, words: str) -> str:
        says = "words => document.querySelector('#told textarea').value.includes(words)"
        self.page.wait_for_function(says, arg=words)
        return self.page.input_value("#told textarea")

    def downloads(self) -> dict[str, bytes]:
        links = self.page.locator("#files a[download]")
        links.first.wait_for()
        found = {}
        for link in links.all():
            name, url = link.get_attribute("download"), link.get_attribute("href")
            found[name] = self.page.request.get(url).body()
        return found


@pytest.fixture
def visitor(browser, address):
    found = Visitor(browser, address)
    yield found
    assert found.faults == []
    foreign = {url for url in found.requests if urlsplit(url).hostname not in HOSTS}
    assert {url for url in foreign if not url.startswith(("data:", "blob:"))} == set()
    found.page.context.close()


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def test_a_photo_becomes_a_painting_under_a_slider(visitor):
    visitor.bring(**{"photo.png": png(noise(0))})
    assert visitor.paint("painting") == "1 painting."
    ((name, data),) = visitor.downloads().items()
    assert name == "photo.png"
    expected = np.asarray(load_generator(RUN).translate(noise(0)))
    np.testing.assert_array_equal(pixels(data), expected)
    shown = visitor.page.locator("#slider img").all()
    assert len(shown) == 2
    before, after = (pixels(visitor.page.request.get(i.get_attribute("src")).body()) for i in shown)
    assert np.abs(before.astype(int) - noise(0)).mean() < 8
    assert np.abs(after.astype(int) - expected).mean() < 8
    assert np.abs(expected.astype(int) - noise(0)).mean() > 30  # they are two


def test_example_and_choices_reach_the_painter(visitor):
    visitor.page.get_by_text("Take the example photo").click()
    visitor.page.locator("#photos tr.file").wait_for()
    visitor.page.get_by_label("Keep the colours of the photo").check()
    visitor.page.locator("#direction").get_by_text("B to A").click()
    visitor.page.locator("#model input").click()
    visitor.page.get_by_role("option", name="again").click()
    visitor.page.locator("#direction").get_by_text("B to A").click()
    assert visitor.paint("painting") == "1 painting."
    ((name, data),) = visitor.downloads().items()
    assert (name, pixels(data).shape) == ("landscape.jpg", (640, 640, 3))


def test_several_photos_come_in_one_zip_and_a_broken_one_gets_a_sentence(visitor):
    photos = {"a.png": png(noise(0)), "words.jpg": b"words", "b.png": png(noise(1))}
    visitor.bring(**photos)
    told = visitor.paint("2 paintings.").splitlines()
    assert told == [
        "words.jpg is no picture: no readable image (text: 'words').", "2 paintings.",
    ]  # fmt: skip
    found = visitor.downloads()
    assert set(found) == {"paintings.zip", "a.png", "b.png"}
    with zipfile.ZipFile(io.BytesIO(found["paintings.zip"])) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            name: found[name] for name in ("a.png", "b.png")
        }
    first = visitor.page.locator("#slider img").first.get_attribute("src")
    visitor.page.get_by_label("Thumbnail 2 of 2").click()
    visitor.page.wait_for_function(
        "was => document.querySelector('#slider img').getAttribute('src') != was", arg=first
    )
    visitor.bring(**{"c.png": png(noise(2))})  # the page lives on
    assert visitor.paint("3 paintings.").splitlines() == [told[0], "3 paintings."]


def test_two_people_paint_at_once(visitor, browser, address):
    other = Visitor(browser, address)
    for number, one in enumerate((visitor, other)):
        one.bring(**{f"{number}.png": png(noise(number))})
    for one in (visitor, other):
        one.press()
    for number, one in enumerate((visitor, other)):
        assert one.told("painting") == "1 painting."
        ((name, data),) = one.downloads().items()
        assert name == f"{number}.png"
        expected = load_generator(RUN).translate(noise(number))
        np.testing.assert_array_equal(pixels(data), np.asarray(expected))
    other.page.context.close()


def test_a_picture_of_a_camera_is_painted(visitor):
    rows, columns = np.mgrid[:3000, :4000].astype(np.uint8)
    photo = np.stack([rows, columns, rows ^ columns], -1)
    visitor.bring(**{"camera.jpg": encode_jpeg(photo, quality=60)})
    assert visitor.paint("painting") == "1 painting."
    assert pixels(visitor.downloads()["camera.jpg"]).shape == (3000, 4000, 3)
    src = visitor.page.locator("#slider img").first.get_attribute("src")
    assert pixels(visitor.page.request.get(src).body()).shape == (1200, 1600, 3)


def test_mischief_in_a_name_does_nothing(visitor):
    visitor.bring(**{MISCHIEF: png(noise(0)), f"2{MISCHIEF}": b"words"})
    assert "is no picture" in visitor.paint("1 painting.")
    (name,) = visitor.downloads()
    assert not set(name) & set("<>/\\")
    visitor.page.wait_for_timeout(300)
    assert visitor.page.evaluate("window.harmed") is None
    assert visitor.page.locator("img[onerror]").count() == 0


def test_paths_in_uploads_stay_in_the_folder_of_the_page(address):
    border = "border"
    head = f'--{border}\r\nContent-Disposition: form-data; name="files"; filename="../../x.png"'
    body = f"{head}\r\n\r\n".encode() + png(noise(0)) + f"\r\n--{border}--\r\n".encode()
    request = urllib.request.Request(
        f"{address}/gradio_api/upload",
        data=body,
        headers={"Content-Type": f"multipart/form-data; boundary={border}"},
    )
    with urllib.request.urlopen(request) as answer:
        (place,) = json.load(answer)
    folder = Path(os.environ["GRADIO_TEMP_DIR"]).resolve()
    assert Path(place).resolve().is_relative_to(folder)
    outside = f"{address}/gradio_api/file={Path(__file__).resolve()}"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(outside)


def test_files_above_the_limit_are_refused(address):
    from cyclegan_tf.web.studio import MOST_BYTES

    with socket.create_connection(("127.0.0.1", urlsplit(address).port)) as line:
        line.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: %d\r\n\r\n" % (MOST_BYTES + 10**6)
        )
        head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="x.png"\r\n\r\n'
        line.sendall(head)
        answer = b""
        try:
            for _ in range(MOST_BYTES // 10**6 + 1):
                line.sendall(bytes(10**6))
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = line.recv(1000)
    assert b" 413 " in answer.splitlines()[0]


def test_nobody_else_was_asked(asked, address):
    assert asked <= {*HOSTS, "None", ""}
    assert "127.0.0.1" in asked
