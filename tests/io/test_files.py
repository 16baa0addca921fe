import errno
import os
import shutil
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from cyclegan_tf.errors import InputError
from cyclegan_tf.io import files
from cyclegan_tf.io.files import (
    DiskFull,
    append_line,
    atomic_file,
    atomic_folder,
    is_taken,
    read_file,
    require_file,
    require_local,
    user_path,
    write_text,
)


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_new_file_takes_the_place_of_the_old_one_only_when_complete(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "old")
    with atomic_file(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
        assert partial.suffix == ".txt"
    assert path.read_text() == "new"
    assert names(path.parent) == ["file.txt"]


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as partial:
        partial.write_text("half")
        1 / 0  # noqa: B018
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_file_too_large_for_the_disk_is_refused_before_a_byte_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3_000_000))
    written = []
    with (
        pytest.raises(DiskFull, match=r"full: .*file.npz needs 8\.0 MB more, 3\.0 MB are free"),
        atomic_file(tmp_path / "file.npz", size=8_000_000) as partial,
    ):
        written.append(partial)
    assert not written


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_disk_that_fills_up_while_writing_keeps_the_old_file(tmp_path, monkeypatch, code):
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def full(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(DiskFull, match=r"needs 0\.0 MB more.*what it held before is kept"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]
    with pytest.raises(DiskFull):
        append_line(path, "more")


def test_other_faults_of_the_disk_are_passed_on(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        write_text(tmp_path / "file" / "below", "text")


def test_lines_are_added_at_the_end(tmp_path):
    for line in ("a", "b"):
        append_line(tmp_path / "deep" / "log", line)
    assert (tmp_path / "deep" / "log").read_text() == "a\nb\n"


def test_folder_is_there_only_when_it_is_full(tmp_path):
    with atomic_folder(tmp_path / "deep" / "folder") as partial:
        (partial / "a").write_text("one")
        assert not (tmp_path / "deep" / "folder").exists()
    assert names(tmp_path / "deep") == ["folder"]
    assert (tmp_path / "deep" / "folder" / "a").read_text() == "one"


def test_folder_that_could_not_be_filled_is_not_there(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "folder") as partial:
        (partial / "a").write_text("one")
        1 / 0  # noqa: B018
    assert names(tmp_path) == []


def test_disk_that_fills_up_under_a_folder_is_told(tmp_path):
    with (
        pytest.raises(DiskFull, match=r"folder needs 2\.0 MB more"),
        atomic_folder(tmp_path / "folder") as partial,
    ):
        (partial / "a").write_bytes(bytes(2_000_000))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


def test_what_others_call_partial_is_not_touched(tmp_path):
    theirs = [f"partial.{os.getpid()}.mine", "mine.partial", "partial.mine"]
    for name in theirs:
        (tmp_path / name).mkdir()
        (tmp_path / name / "work").write_text("a year of it")
    for write in (atomic_file, atomic_folder):
        with pytest.raises(ZeroDivisionError), write(tmp_path / "mine"):
            1 / 0  # noqa: B018
    with atomic_folder(tmp_path / "mine") as partial:
        (partial / "a").write_text("one")
    assert names(tmp_path) == sorted([*theirs, "mine"])
    assert all((tmp_path / name / "work").read_text() == "a year of it" for name in theirs)


def test_files_and_folders_have_the_rights_that_the_user_gives_all_others(tmp_path):
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "file").touch()
    with atomic_folder(tmp_path / "made") as partial:
        write_text(partial / "file", "text")
    for name in ("", "file"):
        modes = [(tmp_path / folder / name).stat().st_mode for folder in ("plain", "made")]
        assert modes[0] == modes[1]


def test_file_is_read_and_measured(tmp_path):
    (tmp_path / "x").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("x")
    assert require_file(tmp_path / "link") == 5
    assert read_file(tmp_path / "link", most=5) == b"12345"


def test_too_large_a_file_is_not_read(tmp_path):
    with (tmp_path / "x").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(OSError) as error:
        read_file(tmp_path / "x")
    assert (
        error.value.strerror == "1,099,511,627,776 bytes are too many, at most 268,435,456 are read"
    )


def test_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x")
    with pytest.raises(OSError) as error:
        read_file(tmp_path / "x")
    assert error.value.strerror == "it is no file but a pipe, a socket or a device"


def test_folder_and_missing_file_have_the_systems_words(tmp_path):
    for path, words in (
        (tmp_path, "Is a directory"),
        (tmp_path / "x", "No such file or directory"),
    ):
        with pytest.raises(OSError) as error:
            require_file(path)
        assert error.value.strerror == words


@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL, errno.EACCES, errno.ENOTSUP])
def test_share_that_refuses_to_flush_folders_costs_no_finished_work(tmp_path, monkeypatch, code):
    flush = os.fsync

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        flush(descriptor)

    monkeypatch.setattr(files.os, "fsync", refuse)
    write_text(tmp_path / "x", "text")
    with atomic_folder(tmp_path / "folder") as partial:
        (partial / "a").write_text("one")
    assert (tmp_path / "x").read_text() == "text"
    assert (tmp_path / "folder" / "a").read_text() == "one"


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
def test_share_that_flushes_nothing_costs_no_finished_work(tmp_path, monkeypatch, code):
    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, "fsync", refuse)
    write_text(tmp_path / "x", "text\n")
    append_line(tmp_path / "x", "more")
    assert (tmp_path / "x").read_text() == "text\nmore\n"


def test_disk_that_loses_a_file_is_told(tmp_path, monkeypatch):
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(files.os, "fsync", fail)
    for write in (write_text, append_line):
        with pytest.raises(OSError, match="Input/output error"):
            write(tmp_path / "x", "text")


def test_empty_folder_is_filled(tmp_path):
    (tmp_path / "out").mkdir()
    with atomic_folder(tmp_path / "out") as partial:
        (partial / "a").write_text("one")
    assert names(tmp_path / "out") == ["a"]
    assert names(tmp_path) == ["out"]


def test_all_but_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "to_empty").symlink_to("empty")
    taken = [name for name in names(tmp_path) if is_taken(tmp_path / name)]
    assert taken == ["file", "link", "to_empty"]
    assert is_taken(tmp_path)
    assert is_taken(tmp_path / "empty" / "..")
    assert not is_taken(tmp_path / "nowhere")


def test_address_of_a_bucket_is_no_place_to_write_to():
    for address in ("gs://bucket/run", "s3:/bucket/run"):
        with pytest.raises(InputError, match="bucket/run is the address of a bucket"):
            require_local(Path(address))
    require_local(Path("C:/run"))
    require_local(Path("runs/gs"))


def test_home_is_found_in_every_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_path("~/runs") == tmp_path / "runs"
    assert user_path("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")
    assert user_path("a/~b") == Path("a/~b")
