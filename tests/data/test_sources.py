import zipfile

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.data.dataset import ImageSet
from cyclegan_tf.data.image import encode_jpeg, to_uint8
from cyclegan_tf.data.sources import (
    PictureFiles,
    ResizedPictures,
    SquarePictures,
    load_pictures,
)
from cyclegan_tf.data.srgb import Levels
from cyclegan_tf.data.tfrecord import write_records
from cyclegan_tf.errors import InputError
from tests.pictures import encoded, flat, image_set, noise, png, write_files, write_zip
from tests.profiles import rgb_profile


def greys(pictures: PictureFiles) -> list[int]:
    return [int(picture[0, 0, 0]) for picture in pictures]


THREE = {"b.png": png(flat(2)), "c.PNG": png(flat(3)), "a.png": png(flat(1))}


def test_folder_is_read_by_name_as_often_as_wanted(tmp_path):
    pictures = load_pictures(write_files(tmp_path / "set", THREE))
    assert (len(pictures), pictures.names, pictures.size) == (3, ("a", "b", "c"), (32, 32))
    assert greys(pictures) == [1, 2, 3] == greys(pictures)
    first = next(iter(pictures))
    assert (first.shape, first.dtype) == ((32, 32, 3), np.uint8)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_and_folder_of_the_same_jpegs_are_one_set(tmp_path, compression):
    files = {f"{name}.jpg": encode_jpeg(noise(name)) for name in (3, 10, 2, 1)}
    folder = load_pictures(write_files(tmp_path / "set", files))
    zipped = load_pictures(write_zip(tmp_path / "set.ZIP", files, compression=compression))
    assert folder.names == zipped.names == ("1", "10", "2", "3")
    assert folder.digest == zipped.digest
    for one, other in zip(folder, zipped, strict=True):
        np.testing.assert_array_equal(one, other)


def test_pixels_are_those_that_pillow_decodes(tmp_path):
    jpeg = encode_jpeg(noise(1))
    (picture,) = load_pictures(write_files(tmp_path / "set", {"a.jpg": jpeg}))
    with Image.open(tmp_path / "set/a.jpg") as image:
        np.testing.assert_array_equal(picture, np.asarray(image))


def test_what_is_no_picture_in_a_zip_is_passed_over(tmp_path):
    junk = b"Mac OS X"
    entries = {
        "images/": b"", "__MACOSX/images/._a.png": junk, "__MACOSX/a.png": junk,
        "images/._a.png": junk, ".cache/a.png": junk, "readme.txt": junk,
    }  # fmt: skip
    nested = {f"images/{name}": data for name, data in THREE.items()}
    pictures = load_pictures(write_zip(tmp_path / "set.zip", entries | nested))
    assert greys(pictures) == [1, 2, 3]


def test_dot_files_in_a_folder_are_passed_over(tmp_path):
    folder = write_files(tmp_path / "set", THREE | {"._a.png": b"Mac OS X"})
    assert greys(load_pictures(folder)) == [1, 2, 3]


def test_records_are_read_from_a_folder_and_from_one_file(tmp_path):
    records = tmp_path / "monet_tfrec"
    records.mkdir()
    write_records(records / "a.tfrec", "monet", [("x", png(flat(5))), (".y", png(flat(4)))])
    write_records(records / "b.tfrec", "monet", [("z", png(flat(6)))])
    assert greys(load_pictures(records)) == [5, 4, 6]
    shard = load_pictures(records / "a.tfrec")
    assert (greys(shard), shard.names) == ([5, 4], ("x", ".y"))


def test_every_kind_of_image_becomes_rgb_as_it_is_stored(tmp_path):
    tall = np.zeros((4, 2, 3), np.uint8)
    tall[0] = (200, 30, 40)
    turn = Image.Exif()
    turn[0x0112] = 6
    files = {
        "a.png": png(tall),
        "b.png": encoded(Image.fromarray(tall), "PNG", exif=turn),
        "c.png": encoded(Image.fromarray(tall), "PNG", icc_profile=rgb_profile()),
        "d.gif": encoded(Image.fromarray(tall), "GIF"),
        "e.bmp": encoded(Image.fromarray(tall), "BMP"),
        "f.webp": encoded(Image.fromarray(tall), "WEBP", lossless=True),
    }
    pictures = load_pictures(write_files(tmp_path / "set", files))
    assert pictures.size == (2, 4)
    for picture in pictures:
        np.testing.assert_array_equal(picture, tall)


def test_digest_tells_contents_and_order_but_not_names():
    def digest(*values: int, name: str = "x") -> str:
        entries = [(name, name, png(flat(value))) for value in values]
        return PictureFiles("set", lambda: entries).digest

    assert digest(1, 2) == digest(1, 2, name="y")
    assert len({digest(1, 2), digest(2, 1), digest(1), digest(1, 2, 2)}) == 4


def test_range_says_which_values_are_black_and_white(tmp_path):
    deep = {"a.png": png(np.full((4, 4), 1000, np.uint16))}
    folder = write_files(tmp_path / "set", deep)
    plain, ranged = load_pictures(folder), load_pictures(folder, levels=Levels((0, 2000)))
    assert (greys(plain), greys(ranged)) == ([4], [128])
    assert plain.digest != ranged.digest  # features of the one are not taken for the other's


def test_corrupt_entry_of_a_zip_is_named(tmp_path):
    broken = THREE | {"b.png": THREE["b.png"][:60]}
    with pytest.raises(InputError, match=r"set\.zip: entry b\.png is no image: .*Replace it"):
        load_pictures(write_zip(tmp_path / "set.zip", broken))


def test_entry_whose_bytes_changed_is_named(tmp_path):
    path = write_zip(tmp_path / "set.zip", THREE | {"a.png": b"0123456789" * 9})
    path.write_bytes(path.read_bytes().replace(b"0123456789", b"0123456780", 1))
    with pytest.raises(InputError, match=r"set\.zip: entry a\.png cannot be read \(Bad CRC-32"):
        load_pictures(path)


def test_locked_entry_is_named(tmp_path):
    path = write_zip(tmp_path / "set.zip", THREE)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the first entry of the directory: encrypted
    data[data.index(b"PK\x03\x04") + 6] |= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"entry b\.png cannot be read \(.*encrypted"):
        load_pictures(path)


@pytest.mark.parametrize("content", [b"", b"no zip", "cut"])
def test_broken_zip_is_one_line(tmp_path, content):
    path = write_zip(tmp_path / "set.zip", THREE)
    path.write_bytes(path.read_bytes()[:150] if content == "cut" else content)
    with pytest.raises(InputError, match=r"set\.zip cannot be read as a zip \(.*fetch it again"):
        load_pictures(path)


def test_zip_without_pictures_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"set\.zip holds no images"):
        load_pictures(write_zip(tmp_path / "set.zip", {"readme.txt": b"x"}))


def test_corrupt_file_of_a_folder_is_named(tmp_path):
    folder = write_files(tmp_path / "set", THREE | {"d.jpg": b"<html>"})
    with pytest.raises(InputError, match=r"set/d\.jpg is no image: .*Replace it"):
        load_pictures(folder)


def test_mixed_sizes_are_refused_with_both_sizes(tmp_path):
    folder = write_files(tmp_path / "set", THREE | {"d.png": png(flat(1, 16)[:8])})
    with pytest.raises(InputError, match=r"a is 32 x 32, d is 16 x 8 pixels; expected one size"):
        load_pictures(folder)


def test_wrong_paths_are_told_apart(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"nowhere does not exist; expected a folder of images"):
        load_pictures(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"nowhere\.zip does not exist"):
        load_pictures(tmp_path / "nowhere.zip")
    with pytest.raises(InputError, match=r"a\.txt is a file of another kind"):
        load_pictures(tmp_path / "a.txt")
    with pytest.raises(InputError, match="empty holds no images"):
        load_pictures(tmp_path / "empty")


def test_file_that_goes_bad_after_the_check_is_still_named(tmp_path):
    folder = write_files(tmp_path / "set", THREE)
    pictures = load_pictures(folder)
    (folder / "b.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"set/b\.png is no image"):
        greys(pictures)


@pytest.mark.parametrize("size", [16, 24, 32])
def test_resized_files_have_the_pixels_of_a_run_that_reads_them(tmp_path, size):
    files = {f"{seed}.jpg": encode_jpeg(noise(seed)[:24]) for seed in range(3)}
    resized = ResizedPictures(load_pictures(write_files(tmp_path / "set", files)), size)
    squares = SquarePictures("set", ImageSet(tuple(files), tuple(files.values())), size)
    assert len(resized) == 3
    for one, other in zip(resized, squares, strict=True):
        assert (one.shape, one.dtype) == ((size, size, 3), np.uint8)
        np.testing.assert_array_equal(one, other)


def test_files_that_are_resized_may_have_different_sizes(tmp_path):
    folder = write_files(tmp_path / "set", THREE | {"d.png": png(flat(4, 16)[:8])})
    pictures = ResizedPictures(load_pictures(folder, mixed_sizes=True), 8)
    assert [picture.shape for picture in pictures] == [(8, 8, 3)] * 4
    assert greys(pictures) == [1, 2, 3, 4]


def test_digest_of_resized_files_tells_files_and_size(tmp_path):
    one, two = (write_files(tmp_path / name, THREE) for name in ("one", "two"))
    (two / "d.png").write_bytes(png(flat(4)))
    sets = [
        ResizedPictures(load_pictures(path), size) for path, size in ((one, 8), (one, 16), (two, 8))
    ]
    assert len({pictures.digest for pictures in sets}) == 3
    assert sets[0].digest == ResizedPictures(load_pictures(one), 8).digest


def test_large_references_are_reduced_as_in_training(tmp_path):
    folder = write_files(tmp_path / "set", {"1.png": png(noise(1, 64)), "2.png": png(noise(2, 16))})
    shapes = [p.shape for p in load_pictures(folder, mixed_sizes=True, shrink_above=32)]
    assert shapes == [(32, 32, 3), (16, 16, 3)]


def squares(*values: int, size: int = 16, title: str = "set") -> SquarePictures:
    return SquarePictures(title, image_set(9).take(values), size)


def test_square_pictures_come_in_order_in_every_pass_and_in_batches():
    pictures = squares(3, 1, 4)
    for _ in range(2):
        found = list(pictures)
        assert [(p.shape, p.dtype, int(p[0, 0, 0])) for p in found] == [
            ((16, 16, 3), np.uint8, value) for value in (3, 1, 4)
        ]
    drawn = list(pictures.batches(2))
    assert [batch.shape for batch in drawn] == [(2, 16, 16, 3), (1, 16, 16, 3)]
    assert [int(picture[0, 0, 0]) for batch in drawn for picture in to_uint8(batch)] == [3, 1, 4]
    assert len(pictures) == 3


def test_square_pictures_are_the_middle_of_wide_ones():
    wide = np.zeros((8, 16, 3), np.uint8)
    wide[:, 4:12] = 200
    domain = ImageSet(("wide",), (png(wide),))
    (picture,) = SquarePictures("set", domain, 8)
    np.testing.assert_array_equal(picture, 200)


def test_digest_of_square_pictures_tells_contents_order_and_size_but_no_names():
    assert squares(1, 2).digest == squares(1, 2, title="other").digest
    different = (squares(1, 2), squares(2, 1), squares(1), squares(1, 2, size=32))
    assert len({pictures.digest for pictures in different}) == 4
