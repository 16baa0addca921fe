"""Videos: frames and sound that come out are those that went in."""

import dataclasses
import importlib.util
import itertools
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from cyclegan_tf.errors import Fault, InputError
from cyclegan_tf.io import video
from tests.pictures import flat, png

ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="needs: pip install imageio-ffmpeg")


def make_video(path, *options: str, seconds: float = 1.0, rate: int = 10, size: str = "64x48"):
    """A test picture that moves, and a tone; options come before the output's name."""
    picture = f"testsrc=duration={seconds}:rate={rate}:size={size}"
    tone = f"sine=frequency=440:duration={seconds}"
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone]
    command = [ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *inputs]
    subprocess.run([*command, "-pix_fmt", "yuv420p", *options, str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("video") / "clip.mp4")


def test_a_video_says_what_it_is(clip):
    assert video.is_video(clip)
    found = video.open_video(clip)
    assert dataclasses.astuple(found) == (clip, (64, 48), "10/1", 10, "aac", "1/1")
    assert found.seconds == 1


def test_frames_come_in_order_or_some_of_all(clip):
    opened = video.open_video(clip)
    frames = list(video.read_frames(opened))
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 10
    for one, two in itertools.pairwise(frames):
        assert np.abs(np.subtract(one, two, dtype=int)).max() > 20
    some = list(video.read_frames(opened, most=3))
    assert 2 <= len(some) <= 4
    assert all(any(np.array_equal(one, frame) for frame in frames) for one in some)


def test_what_is_written_keeps_frames_rate_and_sound(clip, tmp_path):
    opened = video.open_video(clip)
    frames = list(video.read_frames(opened))
    with video.writing(tmp_path / "out.mp4", opened, size=opened.size) as put:
        for frame in frames:
            put(frame)
    written = video.open_video(tmp_path / "out.mp4")
    assert dataclasses.replace(written, path=clip) == opened
    again = list(video.read_frames(written))
    assert len(again) == 10
    off = [np.abs(one.astype(int) - two).mean() for one, two in zip(frames, again, strict=True)]
    assert max(off) < 4  # of colours at half their size
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_turned_video_comes_upright(clip, tmp_path):
    turned = tmp_path / "turned.mp4"
    command = [ffmpeg.get_ffmpeg_exe(), "-v", "error", "-display_rotation", "90"]
    subprocess.run([*command, "-i", str(clip), "-c", "copy", str(turned)], check=True)
    opened = video.open_video(turned)
    assert opened.size == (48, 64)
    expected = [np.rot90(frame) for frame in video.read_frames(video.open_video(clip))]
    for one, two in zip(video.read_frames(opened), expected, strict=True):
        assert np.abs(one.astype(int) - two).mean() < 3


def test_odd_sides_and_other_sound_are_written(tmp_path):
    make_video(tmp_path / "odd.mkv", "-c:a", "pcm_s16le", "-c:v", "ffv1", size="33x31")
    opened = video.open_video(tmp_path / "odd.mkv")
    with video.writing(tmp_path / "out.mp4", opened, size=opened.size) as put:
        for frame in video.read_frames(opened):
            put(frame)
    written = video.open_video(tmp_path / "out.mp4")
    assert (written.size, written.sound) == ((34, 32), "aac")


def test_other_files_are_no_videos(tmp_path):
    (tmp_path / "x.png").write_bytes(png(flat(1)))
    (tmp_path / "x.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(500))
    assert not video.is_video(tmp_path / "x.png")
    assert not video.is_video(tmp_path)
    assert not video.is_video(tmp_path / "gone.mp4")
    assert video.is_video(tmp_path / "x.mp4")
    with pytest.raises(InputError, match=r"x\.mp4 cannot be read as a video \("):
        video.open_video(tmp_path / "x.mp4")


def test_a_video_that_cannot_be_written_leaves_nothing(clip, tmp_path):
    opened = video.open_video(clip)
    write = video.writing(
        tmp_path / "out.mp4", dataclasses.replace(opened, rate="0/1"), size=(64, 48)
    )
    with pytest.raises(Fault, match=r"out\.mp4 cannot be written: "), write as put:
        put(np.zeros((48, 64, 3), np.uint8))
    write = video.writing(tmp_path / "out.mp4", opened, size=(64, 48))
    with pytest.raises(KeyError), write as put:
        put(np.zeros((48, 64, 3), np.uint8))
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_without_ffmpeg_a_line_says_what_to_install(clip, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(video.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="is a video, which ffmpeg reads: pip install imageio-ff"):
        video.open_video(clip)


def test_pixels_that_are_not_square_stay_so(tmp_path):
    wide = video.open_video(make_video(tmp_path / "wide.mp4", "-vf", "setsar=4/3"))
    assert wide.pixel == "4/3"
    with video.writing(tmp_path / "painted.mp4", wide, size=wide.size) as put:
        for frame in video.read_frames(wide):
            put(frame)
    assert video.open_video(tmp_path / "painted.mp4").pixel == "4/3"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no colons in names")
def test_a_name_may_hold_a_colon(clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    timed = Path("2024-05-01T12:30:00.mp4")
    shutil.copy(clip, timed)
    assert len(list(video.read_frames(video.open_video(timed)))) == 10
