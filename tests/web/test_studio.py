"""The studio: files become files, or a sentence."""

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.data.image import encode_jpeg
from cyclegan_tf.errors import Fault, InputError
from cyclegan_tf.inference.loading import export_generator, load_generator
from cyclegan_tf.io.outputs import FreeNames
from cyclegan_tf.web import studio as module
from cyclegan_tf.web.studio import Studio, Wish
from tests.pictures import noise, png
from tests.test_export import GOLDEN

RUN = GOLDEN / "cyclegan"


@pytest.fixture(scope="module")
def studio():
    return Studio({"monet": RUN})


def paint(studio, folder, data, name="in.png", *, names=None, **wish):
    (folder / "in").mkdir(exist_ok=True)
    photo = folder / "in" / name
    photo.write_bytes(data)
    (folder / "out").mkdir(exist_ok=True)
    wish = Wish(**{"model": "monet", "direction": "ab"} | wish)
    return studio.paint(photo, wish, folder=folder / "out", names=names or FreeNames())


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_a_file_is_painted_as_translate_paints_it(studio, tmp_path, direction):
    painting = paint(studio, tmp_path, png(noise(0)), direction=direction)
    expected = load_generator(RUN, direction).translate(noise(0))
    np.testing.assert_array_equal(pixels(painting.file), np.asarray(expected))
    assert painting.file == tmp_path / "out/in.png"
    off = np.abs(pixels(painting.after).astype(int) - np.asarray(expected))
    assert off.mean() < 8  # a JPEG of noise


def test_wishes_reach_the_painter(studio, tmp_path):
    photo = np.tile(np.arange(0, 240, 3, dtype=np.uint8)[:, None, None], (1, 80, 3))
    data = png(photo)
    same = paint(studio, tmp_path, data, strength=0.0)
    np.testing.assert_array_equal(pixels(same.file), photo)
    grey = pixels(paint(studio, tmp_path, data, keep_colours=True).file)
    assert np.ptp(grey.astype(int), axis=2).max() <= 1  # the colours of a grey photo
    found = [pixels(paint(studio, tmp_path, data, canvas=side).file) for side in (16, "full")]
    assert np.abs(np.subtract(*found, dtype=np.int16)).mean() > 1


def test_a_jpeg_stays_one_and_names_that_are_taken_or_none_get_another(studio, tmp_path):
    names, jpeg = FreeNames(), encode_jpeg(noise(0))
    files = [
        paint(studio, tmp_path, jpeg, name, names=names).file.name
        for name in ("a.jpg", "a.jpeg", "b.png", "<b>.jpg", "con.jpg")
    ]
    assert files == ["a.jpg", "a-2.jpg", "b.jpg", "4.jpg", "5.jpg"]
    with Image.open(tmp_path / "out/b.jpg") as image:
        assert image.format == "JPEG"


def test_screens_are_shown_reduced_and_files_keep_their_size(studio, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SCREEN", 40)
    painting = paint(studio, tmp_path, png(noise(0, 80)[:60]))
    assert [pixels(path).shape for path in painting] == [(60, 80, 3), (30, 40, 3), (30, 40, 3)]


REFUSED = {
    "no picture": (b"words", {}, "in.png is no picture: no readable image (text: 'words')"),
    "empty": (b"", {}, "in.png is no picture"),
    "half": (png(noise(0))[:900], {}, "in.png is no picture"),
    "model": (png(noise(0)), {"model": "manet"}, "no model called 'manet' goes ab; choose"),
    "direction": (png(noise(0)), {"direction": "up"}, "no model called 'monet' goes up"),
    "canvas": (png(noise(0)), {"canvas": 9}, "--canvas is 9; expected a value from 16"),
    "strength": (png(noise(0)), {"strength": 2.0}, "--strength is 2.0; expected"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_painted_gets_a_sentence(studio, tmp_path, name):
    data, wish, words = REFUSED[name]
    with pytest.raises(InputError) as error:
        paint(studio, tmp_path, data, **wish)
    assert words in str(error.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_large_files_and_pictures_are_refused(studio, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_PIXELS", 1023)
    with pytest.raises(InputError, match="32 x 32 pixels are too many; at most 1,023"):
        paint(studio, tmp_path, png(noise(0)))
    monkeypatch.setattr(module, "MOST_BYTES", 99)
    with pytest.raises(InputError, match=r"in\.png cannot be read \([\d,]+ bytes are too many"):
        paint(studio, tmp_path, png(noise(0)))


def test_pictures_beyond_the_limit_of_commands_are_taken(studio, tmp_path, monkeypatch):
    monkeypatch.setattr("cyclegan_tf.data.image.MAX_PIXELS", 1023)
    assert pixels(paint(studio, tmp_path, png(noise(0))).file).shape == (32, 32, 3)


def test_lack_of_memory_is_told_and_the_next_one_is_painted(studio, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("cyclegan_tf.inference.translator.Translator.translate", full)
        with pytest.raises(Fault, match=r"in\.png does not fit into the memory of this machine"):
            paint(studio, tmp_path, png(noise(0)))
    assert paint(studio, tmp_path, png(noise(0))).file.exists()


def test_a_model_says_which_ways_it_goes(tmp_path):
    export_generator(RUN, tmp_path / "back.npz", "ba")
    found = Studio({"monet": RUN, "back": tmp_path / "back.npz"})
    assert found.directions == {"monet": ("ab", "ba"), "back": ("ba",)}
    with pytest.raises(InputError, match="no model called 'back' goes ab"):
        paint(found, tmp_path, png(noise(0)), model="back")
    with pytest.raises(InputError, match="gone holds no run"):
        Studio({"gone": tmp_path / "gone"})
    with pytest.raises(InputError, match="no model to paint with"):
        Studio({})


def test_few_generators_are_kept(monkeypatch):
    loaded = []
    monkeypatch.setattr(module, "load_generator", lambda *a, **options: loaded.append(options))
    found = Studio({"monet": RUN})
    for side in (16, 16, 17, 18, 19, 16, 19):
        found.translator("monet", "ab", side)
    assert [options["canvas"] for options in loaded] == [16, 17, 18, 19, 16]
