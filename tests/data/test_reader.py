import errno
import importlib.util
import io
import os
import zipfile
from pathlib import Path

import pytest
import tensorflow as tf
from PIL import Image

from cyclegan_tf.data import reader
from cyclegan_tf.data.reader import open_source
from cyclegan_tf.data.tfrecord import write_records
from cyclegan_tf.errors import InputError
from tests.kinds import OTHERS, TAKEN, write_table
from tests.pictures import (
    encoded,
    flat,
    image_set,
    noise,
    png,
    write_files,
    write_folder,
    write_zip,
)

NAMES = ["a", "b", "c", "d", "e", "f", "g"]


def names(source) -> list[str]:
    return [name for _, name, _ in source.read()]


def twenty_kinds() -> dict[str, bytes]:
    return TAKEN | {name: data for name, (data, _) in OTHERS.items()}


@pytest.mark.parametrize("make", [write_files, write_zip])
def test_pictures_are_taken_by_content_and_all_else_is_told(tmp_path, capsys, make):
    source = open_source(make(tmp_path / "set.zip", twenty_kinds()))
    assert names(source) == NAMES
    assert len(source) == len(NAMES)
    assert source.left_out.total() == len(OTHERS)
    assert {kind.name for kind in source.left_out} == {kind for _, kind in OTHERS.values()}
    source.tell()
    said = capsys.readouterr().err
    words = "7 pictures; left out: 2 archive, 2 camera raw, 2 video, "
    assert said.startswith(f"note: {tmp_path}/set.zip: {words}")
    assert " of other kinds (" in said
    assert said.count("\n") == 1


def test_kinds_with_a_remedy_are_told_first(tmp_path, capsys):
    others = {f"{n}.a{n}": b"x" * 9 for n in range(15)} | {"clip": OTHERS["clip.mp4"][0]}
    open_source(write_files(tmp_path / "set", others | {"1.png": png(flat(1))})).tell()
    said = capsys.readouterr().err
    assert "left out: 1 video, 1 .a0, " in said
    assert "4 of other kinds (video: take pictures out of it" in said


def test_nothing_is_told_of_a_folder_of_pictures_alone(tmp_path, capsys):
    write_folder(tmp_path / "a", image_set(2))
    open_source(tmp_path / "a").tell()
    assert capsys.readouterr().err == ""


def test_folders_inside_are_read_and_told(tmp_path, capsys):
    for number, name in enumerate(("horses", "more/foals", ".cache", "__MACOSX")):
        write_folder(tmp_path / "a" / name, image_set(2, prefix=f"{number}-"))
    source = open_source(tmp_path / "a")
    assert names(source) == ["0-0", "0-1", "1-0", "1-1"]
    source.tell()
    assert capsys.readouterr().err == (
        f"note: {tmp_path}/a: 4 pictures; 2 of its folders looked into\n"
    )


@pytest.mark.parametrize("make", [write_files, write_zip])
def test_pictures_behind_the_first_of_a_file_are_told(tmp_path, capsys, make):
    first, *others = (Image.fromarray(noise(n)) for n in range(4))
    stacks = {
        f"{form}.{form[:3]}": encoded(first, form, save_all=True, append_images=others)
        for form in ("tiff", "gif")
    }
    one = {"one.tif": encoded(first, "TIFF"), "empty.gif": b""}
    open_source(make(tmp_path / "set.zip", stacks | one)).tell()
    assert capsys.readouterr().err == (
        f"note: {tmp_path}/set.zip: 4 pictures; 2 of them the first of several in a file\n"
    )


def test_zip_needs_no_suffix(tmp_path):
    write_zip(tmp_path / "archive", {"in/1.png": png(flat(1))})
    assert names(open_source(tmp_path / "archive")) == ["1"]


def test_folders_that_are_linked_in_a_circle_are_read_once(tmp_path):
    write_folder(tmp_path / "a" / "in", image_set(2))
    (tmp_path / "a" / "in" / "again").symlink_to(tmp_path / "a")
    assert names(open_source(tmp_path / "a")) == ["image0", "image1"]


def test_records_hide_no_pictures_beside_them(tmp_path):
    write_folder(tmp_path / "a", image_set(2, prefix="file"))
    write_records(tmp_path / "a" / "extra.tfrec", "x", [("record", png(flat(1)))])
    source = open_source(tmp_path / "a")
    assert names(source) == ["record", "file0", "file1"]
    assert source.records == [tmp_path / "a" / "extra.tfrec"]
    assert len(source) == 3


def test_records_are_seen_under_any_name_and_in_zips(tmp_path):
    write_records(tmp_path / "x.tfrec", "x", [("one", png(flat(1))), ("two", png(flat(2)))])
    data = (tmp_path / "x.tfrec").read_bytes()
    shards = {"x.tfrecord-00000-of-00002": data, "shard_1": data}
    for path in (
        write_files(tmp_path / "set", shards),
        write_zip(tmp_path / "set.zip", shards, compression=zipfile.ZIP_DEFLATED),
    ):
        source = open_source(path)
        assert names(source) == ["one", "two"] * 2
        assert len(source) == 4


def test_folder_without_pictures_says_what_lies_there(tmp_path):
    jxl = OTHERS["new.jxl"][0]
    write_files(tmp_path / "a", {"1.jxl": jxl, "2.jxl": jxl, "x.txt": b"x"})
    words = r"a holds no images \(found: 2 JPEG XL, 1 \.txt \(JPEG XL: convert it to PNG or"
    with pytest.raises(InputError, match=words):
        open_source(tmp_path / "a")


def test_wrong_paths_are_told_apart(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "a.tar.gz").write_bytes(OTHERS["more.tar.gz"][0])
    (tmp_path / "empty").mkdir()
    for name, words in (
        ("nowhere", "does not exist; expected a folder of images"),
        ("nowhere.zip", "does not exist"),
        ("a.txt", "is a file of another kind"),
        ("a.tar.gz", r"is a file of another kind \(archive: unpack it\); expected a folder"),
        ("empty", "holds no images"),
    ):
        with pytest.raises(InputError, match=f"{name} {words}"):
            open_source(tmp_path / name)


def test_single_image_is_read_where_that_is_asked_for(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"whatever")
    source = open_source(tmp_path / "a.bin", single=True)
    expected = [(str(tmp_path / "a.bin"), "a", b"whatever")]
    assert [list(source.read()), list(source.read())] == [expected] * 2
    (tmp_path / "a.bin").unlink()
    with pytest.raises(InputError, match=r"a\.bin cannot be read \(No such file"):
        list(source.read())


def test_folder_that_the_disk_does_not_give_is_named(tmp_path, monkeypatch):
    write_folder(tmp_path / "set", image_set(1))

    def fail(folder):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(folder))

    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(InputError, match=r"set cannot be read \(Input/output error\); check it"):
        open_source(tmp_path / "set")


def test_entry_that_unpacks_to_too_much_is_not_unpacked(tmp_path, monkeypatch):
    source = open_source(write_zip(tmp_path / "set.zip", {"1.png": bytes(2000)}))
    monkeypatch.setattr(reader, "MOST_BYTES", 1999)
    with pytest.raises(InputError, match=r"entry 1\.png has 2,000 bytes, which are too many"):
        list(source.read())


def test_folder_of_a_bucket_is_copied_once(capsys):
    for name in ("one.png", "in/two.png"):
        tf.io.gfile.makedirs(os.path.dirname(f"ram://bucket/set/{name}"))  # noqa: PTH120
        with tf.io.gfile.GFile(f"ram://bucket/set/{name}", "wb") as file:
            file.write(png(flat(1)))
    for address in ("ram://bucket/set", "ram://bucket/set/"):
        assert names(open_source(Path(address))) == ["two", "one"]


def test_bucket_that_tensorflow_does_not_reach_is_named():
    with pytest.raises(InputError, match=r"nosuch://bucket/set cannot be read by TensorFlow"):
        open_source(Path("nosuch://bucket/set"))


def test_parquet_without_pyarrow_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    write_files(tmp_path / "set", {"0.parquet": b"PAR1" + bytes(300) + b"PAR1"})
    with pytest.raises(InputError, match=r"1 Parquet \(Parquet: pip install pyarrow"):
        open_source(tmp_path / "set")


def test_parquet_of_hugging_face_is_read(tmp_path):
    images = [{"bytes": png(flat(n)), "path": f"in/{n}.jpg"} for n in range(3)]
    path = write_table(tmp_path / "set/train-0.parquet", image=images, label=[0, 1, 2])
    assert names(open_source(path)) == ["0", "1", "2"]
    zipped = write_zip(tmp_path / "x.zip", {"train-0.parquet": path.read_bytes()})
    assert [data for _, _, data in open_source(zipped).read()] == [i["bytes"] for i in images]
    assert len(open_source(tmp_path / "set")) == 3


def test_parquet_of_bytes_is_read_by_its_column(tmp_path):
    path = write_table(tmp_path / "0.parquet", one=[b"x"], two=[png(flat(1))], key=["a"])
    source = open_source(path, features={"image": "two", "name": "key"})
    assert list(source.read()) == [(f"{path}: row 0 (a)", "a", png(flat(1)))]
    with pytest.raises(InputError, match=r"no column three \(columns of images: one, two\)"):
        list(open_source(path, features={"image": "three"}).read())


def test_damaged_parquet_is_named(tmp_path):
    pytest.importorskip("pyarrow")
    write_files(tmp_path / "set", {"0.parquet": b"PAR1" + bytes(300) + b"PAR1"})
    with pytest.raises(InputError, match=r"0\.parquet cannot be read as a Parquet file"):
        list(open_source(tmp_path / "set").read())


def test_wrong_checksum_of_records_in_a_zip_is_named(tmp_path):
    write_records(tmp_path / "x.tfrec", "x", [("one", b"0123456789")])
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.write(tmp_path / "x.tfrec", "x.tfrec")
    (tmp_path / "x.zip").write_bytes(content.getvalue().replace(b"0123456789", b"0123456780", 1))
    with pytest.raises(InputError, match=r"entry x\.tfrec cannot be read \(Bad CRC-32"):
        list(open_source(tmp_path / "x.zip").read())
