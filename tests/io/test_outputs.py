import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from cyclegan_tf.errors import InputError
from cyclegan_tf.io.outputs import FreeNames, is_file_name, is_single, open_destination, same_file


def fill(path) -> None:
    with open_destination(path) as put:
        put("a.png", b"one")
        put("b.png", b"two")


def test_folder_holds_the_pictures_by_name(tmp_path):
    fill(tmp_path / "new" / "paintings")
    written = {path.name: path.read_bytes() for path in (tmp_path / "new/paintings").iterdir()}
    assert written == {"a.png": b"one", "b.png": b"two"}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["paintings"]


def test_zip_holds_the_pictures_readable_by_all(tmp_path):
    fill(tmp_path / "new.ZIP")
    with zipfile.ZipFile(tmp_path / "new.ZIP") as archive:
        assert [(i.filename, archive.read(i)) for i in archive.infolist()] == [
            ("a.png", b"one"), ("b.png", b"two"),
        ]  # fmt: skip
        assert {stat.filemode(i.external_attr >> 16) for i in archive.infolist()} == {"-rw-r--r--"}


def test_bucket_is_no_destination():
    for name in ("folder", "x.zip", "x.png"):
        with pytest.raises(InputError, match=r"gs:/bucket/.* is the address of a bucket"):
            open_destination(Path("gs://bucket") / name)


def test_file_has_the_name_that_was_asked_for(tmp_path):
    with open_destination(tmp_path / "x.JPG") as put:
        put("other.png", b"one")
    assert (tmp_path / "x.JPG").read_bytes() == b"one"


@pytest.mark.parametrize("name", ["folder", "x.zip", "x.png"])
def test_failure_leaves_nothing(tmp_path, name):
    with pytest.raises(KeyError), open_destination(tmp_path / name) as put:
        put("a.png", b"one")
        raise KeyError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["folder", "x.zip", "x.png", "loop"])
def test_what_is_there_is_not_written_over(tmp_path, name):
    path = tmp_path / name
    path.symlink_to(path) if name == "loop" else path.write_bytes(b"mine")
    with pytest.raises(InputError, match=f"{name} exists and is not written over"):
        fill(path)
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["file/folder", "file/x.zip", "file/x.png"])
def test_place_that_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=rf"{name} cannot be written \(.*\); choose another"):
        fill(tmp_path / name)


@pytest.mark.parametrize("name", ["folder", "x.zip", "x.png"])
def test_fault_of_another_place_is_not_told_as_one_of_this(tmp_path, name):
    with pytest.raises(FileNotFoundError) as raised, open_destination(tmp_path / name):
        (tmp_path / "input.jpg").read_bytes()
    assert raised.value.filename == str(tmp_path / "input.jpg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["folder", "x.zip", "x.png"])
def test_place_that_goes_while_it_is_filled_is_named(tmp_path, name):
    path = tmp_path / "deep" / name
    with (
        pytest.raises(
            InputError, match=rf"{name} cannot be written \(No such file.*choose another"
        ),
        open_destination(path) as put,
    ):
        put("a.png", b"one")
        shutil.rmtree(path.parent)
        put("b.png", b"two")


def test_suffix_tells_a_picture_from_a_folder():
    names = ("x.jpg", "x.JPEG", "x.png", "x.webp", "x.bmp", "x.zip", "x", "v1.2", ".png")
    assert [is_single(Path(name)) for name in names] == [True] * 5 + [False] * 4


@pytest.mark.parametrize("name", ["x.gif", "x.TIFF", "x.pdf"])
def test_kinds_of_images_that_are_not_written_are_refused(name):
    with pytest.raises(InputError, match=r"suffix that is not written; expected one of \.jpg"):
        is_single(Path(name))


@pytest.mark.parametrize("name", ["a b", "č", "1", "x" * 200, "a.b", ".hidden"])
def test_names_that_serve(name):
    assert is_file_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "..", ". .", "a/b", "a\\b", "C:x", "a\nb", "\x1b[2J", "x" * 201, "nul", "Com1", "\udce4"],
)
def test_names_that_some_system_would_not_take(name):
    assert not is_file_name(name)


def test_names_that_are_one_file_somewhere_are_the_same():
    assert same_file("TWIN.jpg") == same_file("twin.JPG")
    assert same_file("\u00e9") == same_file("e\u0301")
    assert same_file("a") != same_file("b")


def test_taken_names_get_numbers_in_order():
    names = FreeNames()
    taken = [names.take(*n) for n in [("1", ".jpg"), ("1", ".jpg"), ("1", ".png"), ("1", ".jpg")]]
    assert taken == ["1.jpg", "1-2.jpg", "1.png", "1-3.jpg"]
    assert names.changed == 2


def test_numbered_name_is_not_given_twice():
    names = FreeNames()
    assert [names.take(n, ".png") for n in ("a-2", "a", "A", "a-2")] == [
        "a-2.png", "a.png", "A-3.png", "a-2-2.png",
    ]  # fmt: skip


def test_what_is_no_file_name_becomes_the_pictures_number():
    names = FreeNames()
    assert [names.take(n, ".png") for n in ("x", "a\nb", "", "4", "a/..")] == [
        "x.png", "2.png", "3.png", "4.png", "5.png",
    ]  # fmt: skip
    assert names.changed == 3


def test_of_a_path_the_last_part_is_the_name():
    names = FreeNames()
    assert [names.take(n, ".png") for n in ("/data/a/1", "../1", "C:\\b\\2", "2")] == [
        "1.png", "1-2.png", "2.png", "2-2.png",
    ]  # fmt: skip
    assert names.changed == 4


def test_many_doubles_are_named_quickly():
    names = FreeNames()
    taken = [names.take("same", ".jpg") for _ in range(20_000)]
    assert len(set(taken)) == 20_000
    assert taken[-1] == "same-20000.jpg"
