import io
import stat
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.data.image import encode_jpeg, to_float
from cyclegan_tf.data.srgb import Levels
from cyclegan_tf.inference import submission
from cyclegan_tf.inference.submission import (
    check_submission,
    count_warning,
    entry_names,
    submission_seconds,
    write_submission,
    write_translations,
)
from cyclegan_tf.inference.translator import Translator
from tests.pictures import flat, image_set, png, write_files, write_zip
from tests.tiny_models import pixel_network


def batches(values: list[int], batch_size: int = 2) -> list[np.ndarray]:
    photos = to_float(np.stack([flat(value, 256) for value in values]))
    return [photos[i : i + batch_size] for i in range(0, len(photos), batch_size)]


def lighter(batch: np.ndarray) -> np.ndarray:
    return np.minimum(batch + 20 / 127.5, 1.0)


def test_every_photo_becomes_one_jpeg_in_order(tmp_path):
    path = tmp_path / "images.zip"
    assert write_translations(path, ["x", "y", "z"], batches([10, 100, 250]), lighter) == 3
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["x.jpg", "y.jpg", "z.jpg"]
        for entry, grey in zip(archive.namelist(), (30, 120, 255), strict=True):
            with Image.open(io.BytesIO(archive.read(entry))) as image:
                assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (256, 256))
                assert np.abs(np.asarray(image).astype(int) - grey).max() <= 1
    assert [p.name for p in tmp_path.iterdir()] == ["images.zip"]


def test_entries_are_regular_files_that_all_may_read(tmp_path):
    write_translations(tmp_path / "images.zip", ["x", "y"], batches([10, 20]), lighter)
    with zipfile.ZipFile(tmp_path / "images.zip") as archive:
        modes = {stat.filemode(entry.external_attr >> 16) for entry in archive.infolist()}
    assert modes == {"-rw-r--r--"}


def test_jpegs_have_quality_95_and_full_colour():
    with Image.open(io.BytesIO(encode_jpeg(flat(0, 16)))) as image:
        assert image.layer[1][1:3] == (1, 1)  # chroma is not subsampled
        assert max(image.quantization[0]) <= 13  # the largest luma step at quality 95 is 12


def test_failure_leaves_the_old_zip_alone(tmp_path):
    path = tmp_path / "images.zip"
    write_translations(path, ["x"], batches([10]), lighter)
    before = path.read_bytes()

    def failing(batch):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        write_translations(path, ["x"], batches([10]), failing)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["images.zip"]


def test_missing_image_is_found_out(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        write_translations(tmp_path / "images.zip", ["x", "y"], batches([10]), lighter)
    assert not (tmp_path / "images.zip").exists()


def test_wrong_size_is_found_out(tmp_path):
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("1.jpg", encode_jpeg(flat(0, 128)))
    with pytest.raises(ValueError, match="expected an RGB JPEG of 256 px"):
        check_submission(tmp_path / "images.zip", 1)
    with pytest.raises(ValueError, match="holds 1 images; expected 2"):
        check_submission(tmp_path / "images.zip", 2)


@pytest.mark.parametrize(
    ("names", "entries"),
    [
        (["a b", "č"], ["a b.jpg", "č.jpg"]),
        (["a", "a"], ["1.jpg", "2.jpg"]),
        (["../a", "b"], ["1.jpg", "2.jpg"]),
        (["", "b"], ["1.jpg", "2.jpg"]),
        (["..", "b"], ["1.jpg", "2.jpg"]),
        (["not \udce4 utf-8", "b"], ["1.jpg", "2.jpg"]),
        (["/etc/x", "b"], ["1.jpg", "2.jpg"]),
        (["twin", "TWIN"], ["1.jpg", "2.jpg"]),  # one file, where case is no difference
        (["\u00e9", "e\u0301"], ["1.jpg", "2.jpg"]),  # the same letter, written in two ways
        (["x" * 201, "b"], ["1.jpg", "2.jpg"]),
        (["nul", "b"], ["1.jpg", "2.jpg"]),
    ],
)
def test_names_come_from_the_data_or_are_numbers(names, entries):
    assert entry_names(names) == entries


@pytest.mark.parametrize(
    ("count", "warns"), [(6999, True), (7000, False), (10_000, False), (10_001, True)]
)
def test_competitions_limits(count, warns):
    warning = count_warning(count)
    assert bool(warning) == warns
    assert not warns or f"{count:,} images" in warning


def greys(path) -> dict[str, int]:
    """The grey of each picture of a zip, by its name."""
    with zipfile.ZipFile(path) as archive:
        pixels = {
            e: np.asarray(Image.open(io.BytesIO(archive.read(e)))) for e in archive.namelist()
        }
    return {name: round(float(picture.mean())) for name, picture in pixels.items()}


@pytest.fixture
def half():
    """Halves the distance to the middle grey: 0 becomes 64, 255 becomes 191."""
    return pixel_network(0.5, "half")


def test_folder_zip_data_set_and_arrays_are_translated_by_a_model_of_ones_own(half, tmp_path):
    pictures = {"light": flat(255, 300), "dark": flat(0, 40)}
    files = {f"{name}.png": png(picture) for name, picture in pictures.items()}
    photos = [
        write_files(tmp_path / "folder", files),
        str(write_zip(tmp_path / "photos.zip", files)),
        (list(pictures), list(pictures.values())),
        (list(pictures), [tmp_path / "folder" / name for name in files]),
    ]
    for some in photos:
        assert write_submission(tmp_path / "images.zip", some, half) == 2
        assert greys(tmp_path / "images.zip") == {"dark.jpg": 64, "light.jpg": 191}
        check_submission(tmp_path / "images.zip", 2)


def test_of_a_data_set_all_photos_are_translated(half, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    for folder, grey in {"trainA": 0, "testA": 255, "trainB": 100}.items():
        write_files(tmp_path / "data" / folder, {f"{folder}.png": png(flat(grey))})
    assert write_submission(tmp_path / "x.zip", str(tmp_path / "data"), Translator(half)) == 2
    assert greys(tmp_path / "x.zip") == {"trainA.jpg": 64, "testA.jpg": 191}
    told = "warning: images.zip holds 2 images; the competition asks for 7,000 to 10,000.\n"
    assert capsys.readouterr().err.endswith(told)


def test_deep_and_grey_pictures_are_read_as_the_translator_reads_them(half, tmp_path):
    deep = Image.fromarray(np.full((16, 16), 4095, np.uint16))
    deep.save(tmp_path / "deep.png")
    grey = Translator(half, levels=Levels(span=(0.0, 4095.0), grey=True))
    for photos in (tmp_path, (["deep"], [tmp_path / "deep.png"])):
        write_submission(tmp_path / "x.zip", photos, grey)
        assert greys(tmp_path / "x.zip") == {"deep.jpg": 191}


def test_names_without_pictures_are_found_out(half, tmp_path):
    with pytest.raises(ValueError, match="zip"):
        write_submission(tmp_path / "x.zip", (["a", "b"], [flat(0)]), half)
    assert not (tmp_path / "x.zip").exists()


@pytest.mark.parametrize(("seconds", "timed"), [(0.5, 4), (3.0, 2)])
def test_submission_is_timed_by_more_than_one_batch_without_the_one_that_compiles(
    monkeypatch, seconds, timed
):
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(submission, "time", clock)
    calls = []

    def translate(batch: np.ndarray) -> np.ndarray:
        calls.append(len(batch))
        clock.now += 60.0 if len(calls) == 1 else seconds
        return np.asarray(batch)

    translate.batch_size = 2
    found = submission_seconds(image_set(9), translate)
    assert len(calls) == 1 + timed
    # five batches of at most two, and reading nine images back
    assert found == pytest.approx(5 * seconds, abs=0.01)
