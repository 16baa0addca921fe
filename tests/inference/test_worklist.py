import zipfile
from functools import partial

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.data.image import encode_jpeg, load_upright
from cyclegan_tf.data.reader import open_source
from cyclegan_tf.data.tfrecord import write_records
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.worklist import survey
from tests.pictures import encoded, flat, noise, png, write_files, write_zip


def same_size(height: int, width: int) -> tuple[int, int]:
    return height, width


def look(paths, **options):
    return survey([open_source(path, single=True) for path in paths], same_size, **options)


def test_files_folders_zips_and_records_are_one_list(tmp_path):
    (tmp_path / "holiday.jpeg").write_bytes(encode_jpeg(noise(0)))
    folder = write_files(tmp_path / "set", {"b.png": png(flat(2)), "a.JPG": encode_jpeg(noise(1))})
    zipped = write_zip(tmp_path / "set.zip", {"deep/c.gif": encoded(Image.new("L", (4, 4)), "GIF")})
    write_records(
        tmp_path / "x.tfrec", "photo", [("d", encode_jpeg(noise(2))), ("e", png(flat(3)))]
    )
    paths = [tmp_path / "holiday.jpeg", folder, zipped, tmp_path / "x.tfrec"]
    work = look(paths)
    assert work.names == ("holiday.jpg", "a.jpg", "b.png", "c.png", "d.jpg", "e.png")
    assert (len(work), work.skipped, work.renamed) == (6, (), 0)
    rows = list(work)
    assert [name for name, _, _ in rows] == list(work.names)
    assert rows[0][2] == encode_jpeg(noise(0))
    assert rows[3][1] == f"{zipped}: entry deep/c.gif"
    assert list(work) == rows  # as often as wanted


def test_same_names_from_several_places_get_numbers(tmp_path):
    one, two = (write_files(tmp_path / n, {"1.png": png(flat(1))}) for n in ("one", "two"))
    work = look([one, two, one])
    assert (work.names, work.renamed) == (("1.png", "1-2.png", "1-3.png"), 2)


def test_evil_names_of_a_zip_lead_nowhere(tmp_path):
    names = ("../../evil.png", "/etc/x.png", "a/../../b.png", "C:\\x.png", "c\n.png", "..png")
    path = write_zip(tmp_path / "bad.zip", {name: png(flat(1)) for name in names})
    work = look([path])
    # sorted by path; what has a part that starts with a dot is passed over, as everywhere
    assert (work.names, work.renamed) == (("x.png", "x-2.png", "3.png"), 2)


def test_format_of_all_can_be_chosen(tmp_path):
    folder = write_files(tmp_path / "set", {"a.png": png(flat(1)), "b.jpg": encode_jpeg(noise(1))})
    assert look([folder], suffix=".png").names == ("a.png", "b.png")


def test_picture_that_is_none_is_named_before_the_work(tmp_path):
    folder = write_files(tmp_path / "set", {"a.png": png(flat(1)), "b.png": b"no image"})
    with pytest.raises(InputError, match=r"set/b\.png is no image: .*with --skip-bad-images"):
        look([folder])


def test_picture_that_is_none_can_be_left_out(tmp_path):
    files = {"a.png": png(flat(1)), "b.png": b"no image", "c.png": png(flat(2))}
    work = look([write_files(tmp_path / "set", files)], skip_bad=True)
    assert (work.names, len(work)) == (("a.png", None, "c.png"), 2)
    ((origin, reason),) = work.skipped
    assert origin == f"{tmp_path}/set/b.png"
    assert reason.startswith("no readable image")
    assert [name for name, _, _ in work] == ["a.png", "c.png"]


def test_nothing_but_bad_pictures_is_refused(tmp_path):
    good = write_files(tmp_path / "good", {"a.png": png(flat(1))})
    bad = write_files(tmp_path / "bad", {"a.png": b""})
    with pytest.raises(InputError, match="bad holds no readable image"):
        look([good, bad], skip_bad=True)


def test_places_without_pictures_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(InputError, match="empty holds no images"):
        look([tmp_path / "empty"])
    with pytest.raises(InputError, match=r"empty\.zip holds no images"):
        look([tmp_path / "empty.zip"])
    with pytest.raises(InputError, match="gone does not exist; expected an image, a folder"):
        look([tmp_path / "gone"])


@pytest.mark.parametrize(("suffix", "most"), [(".jpg", 65_500), (".webp", 16_383)])
def test_translation_too_large_for_its_format_is_refused(tmp_path, suffix, most):
    (tmp_path / "x.png").write_bytes(png(flat(1)))

    def huge(side: int, height: int, width: int) -> tuple[int, int]:
        return height, side

    sources = [open_source(tmp_path / "x.png", single=True)]
    survey(sources, partial(huge, most), suffix=suffix)
    with pytest.raises(InputError, match=rf"of {most + 1} x 32 pixels.*at most {most:,} a side"):
        survey(sources, partial(huge, most + 1), suffix=suffix)
    survey(sources, partial(huge, most + 1), suffix=".png")


def test_files_that_go_under_the_work_are_named(tmp_path):
    folder = write_files(tmp_path / "set", {"a.png": png(flat(1)), "b.png": png(flat(2))})
    work = look([folder])
    (folder / "c.png").write_bytes(png(flat(3)))
    assert [name for name, _, _ in work] == ["a.png", "b.png"]
    (folder / "a.png").unlink()
    with pytest.raises(InputError, match=r"a\.png cannot be read \(No such file"):
        list(work)


def test_records_that_change_under_the_work_are_noticed(tmp_path):
    write_records(tmp_path / "x.tfrec", "x", [("a", png(flat(1))), ("b", png(flat(2)))])
    work = look([tmp_path / "x.tfrec"])
    write_records(tmp_path / "x.tfrec", "x", [("a", png(flat(1)))])
    with pytest.raises(InputError, match="changed while it was read"):
        list(work)


def test_pictures_are_decoded_one_after_the_other(tmp_path):
    shapes = []

    def load(data: bytes) -> np.ndarray:
        shapes.append(1)
        return load_upright(data)

    files = {f"{n}.png": png(np.full((n + 1, 2, 3), n, np.uint8)) for n in range(9)}
    assert len(look([write_files(tmp_path / "set", files)], load=load)) == 9
    assert len(shapes) == 9
