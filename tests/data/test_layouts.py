import errno
import os
from pathlib import Path

import pytest

from cyclegan_tf.data.layouts import count_encoded, find_layout, read_encoded
from cyclegan_tf.errors import InputError
from tests.pictures import image_set, write_folder, write_kaggle


def test_records_win_over_folders(tmp_path):
    write_kaggle(tmp_path, image_set(5), image_set(3))
    write_folder(tmp_path / "photo_jpg", image_set(1))
    write_folder(tmp_path / "monet_jpg", image_set(1))
    assert find_layout(tmp_path)[0].name == "photo_tfrec"


def test_files_that_are_no_images_by_name_are_passed_over(tmp_path):
    write_folder(tmp_path / "a", image_set(2))
    (tmp_path / "a" / "README.txt").write_text("hello")
    (tmp_path / "a" / ".DS_Store").write_text("x")
    assert [name for _, name, _ in read_encoded(tmp_path / "a")] == ["image0", "image1"]


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere does not exist"):
        find_layout(tmp_path / "nowhere")
    with pytest.raises(InputError, match="nowhere does not exist"):
        list(read_encoded(tmp_path / "nowhere"))


def test_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "x.zip").touch()
    with pytest.raises(InputError, match=r"x\.zip is a file; expected a folder"):
        find_layout(tmp_path / "x.zip")


def test_empty_and_unknown_layouts_list_what_is_known(tmp_path):
    with pytest.raises(InputError, match=r"found: nothing.*photo_tfrec/ and monet_tfrec/"):
        find_layout(tmp_path)
    (tmp_path / "monet_jpg").mkdir()
    with pytest.raises(InputError, match=r"found: monet_jpg.*--a DIR --b DIR"):
        find_layout(tmp_path)


def test_folder_without_images_is_refused(tmp_path):
    (tmp_path / "trainA").mkdir()
    with pytest.raises(InputError, match="trainA holds no images"):
        list(read_encoded(tmp_path / "trainA"))


def test_folder_that_the_disk_does_not_give_is_named(tmp_path, monkeypatch):
    write_folder(tmp_path / "set", image_set(1))

    def fail(folder):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "iterdir", fail)
    with pytest.raises(InputError, match=r"set cannot be read \(Input/output error\); check it"):
        list(read_encoded(tmp_path / "set"))


def test_what_macos_leaves_beside_pictures_is_passed_over(tmp_path):
    write_kaggle(tmp_path / "records", image_set(5), image_set(3))
    for name in ("photo_jpg", "monet_jpg"):
        write_folder(tmp_path / "jpegs" / name, image_set(3))
        (tmp_path / "jpegs" / name / "._image0.jpg").write_bytes(b"Mac OS X")
        (tmp_path / "jpegs" / name / "__MACOSX").mkdir()
    (tmp_path / "records" / "photo_tfrec" / "._photo00.tfrec").write_bytes(b"Mac OS X")
    for layout, count in (("records", 5), ("jpegs", 3)):
        folder, _, _ = find_layout(tmp_path / layout)
        names = [name for _, name, _ in read_encoded(folder)]
        assert names == [f"image{number}" for number in range(count)]
        assert count_encoded(folder) == count
