"""Videos and frames of clips from the command line, by networks that change nothing, or all."""

import importlib.util
import itertools

import numpy as np
import pytest

from cyclegan_tf import translate
from cyclegan_tf.io import video
from tests.io.test_video import make_video
from tests.pictures import flat, png, write_files
from tests.test_translate import opened, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run") / "unet")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    pytest.importorskip("imageio_ffmpeg", reason="needs: pip install imageio-ffmpeg")
    return make_video(tmp_path_factory.mktemp("video") / "clip.mp4", seconds=5)


def call(run, *arguments, output) -> int:
    return translate.main(["--run", str(run), *map(str, arguments), "--output", str(output)])


def test_five_seconds_keep_frames_size_and_sound(run, clip, tmp_path, capsys):
    assert call(run, clip, output=tmp_path / "x.mp4") == 0
    said = f"{tmp_path}/x.mp4: 50 frames in 5.0 seconds, with its sound\n"
    assert capsys.readouterr().out == said
    before, after = video.open_video(clip), video.open_video(tmp_path / "x.mp4")
    assert (after.size, after.rate, after.count) == ((64, 48), "10/1", 50)
    assert (before.sound, after.sound) == ("aac", "aac")
    pairs = zip(video.read_frames(before), video.read_frames(after), strict=True)
    off = [np.abs(one.astype(int) - two).mean() for one, two in pairs]  # nothing was changed
    assert len(off) == 50
    assert max(off) < 3


def test_original_and_painting_are_shown_side_by_side(run, tmp_path):
    pytest.importorskip("imageio_ffmpeg", reason="needs: pip install imageio-ffmpeg")
    make_video(tmp_path / "clip.mp4", "-an", seconds=0.3)
    arguments = (tmp_path / "clip.mp4", "--compare", "--direction=ba", "--longest=32")
    assert call(run, *arguments, output=tmp_path / "x.mp4") == 0
    written = video.open_video(tmp_path / "x.mp4")
    assert (written.size, written.count, written.sound) == ((32 + 4 + 32, 24), 3, "")
    frame = next(video.read_frames(written)).astype(int)
    left, right = frame[:, :32], frame[:, -32:]
    assert np.abs(right - np.minimum(left + 51, 255)).mean() < 9  # 0.4 of [-1, 1]


def test_frames_of_a_folder_keep_their_names_and_are_painted_alike(tmp_path):
    lively = write_run(tmp_path / "run", lively=True, norm="instance")
    rng = np.random.default_rng(0)
    still = rng.integers(60, 120, (64, 64, 3), dtype=np.uint8)
    frames = {f"{i:03d}.png": still.copy() for i in range(4)}
    for number, frame in enumerate(frames.values()):
        frame[:, 48:] = 60 * number  # something comes into view
    write_files(tmp_path / "in", {name: png(frame) for name, frame in frames.items()})
    moved = {}
    for flag in ("--clip", "--longest=64"):
        assert call(lively, tmp_path / "in", flag, output=tmp_path / flag[2:6]) == 0
        found = [opened(path) for path in sorted((tmp_path / flag[2:6]).iterdir())]
        assert [path.name for path in sorted((tmp_path / flag[2:6]).iterdir())] == list(frames)
        steps = [
            np.abs(np.subtract(*pair, dtype=int))[:, :24].mean()
            for pair in itertools.pairwise(found)
        ]
        moved[flag] = max(steps)
    assert moved["--clip"] < 0.3 * moved["--longest=64"]


FAULTS = {
    "folder": (["clip.mp4", "--output=out"], "clip.mp4 is a video, which becomes one by itself"),
    "picture": (["clip.mp4", "--output=x.png"], "clip.mp4 is a video"),
    "two": (["clip.mp4", "in.png", "--output=x.mp4"], "give no other input"),
    "none": (["in.png", "--output=x.mp4"], "x.mp4 is the name of a video, and in.png is none"),
    "taken": (["clip.mp4", "--output=clip.mp4"], "clip.mp4 exists"),
    "taken folder": (["clip.mp4", "--output=empty.mp4"], "empty.mp4 exists"),
    "format": (["clip.mp4", "--output=x.mp4", "--format=png"], "--format png is for pictures"),
    "damaged": (["clip.mp4", "--output=x.mp4"], "clip.mp4 cannot be read as a video ("),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_end_in_one_line_and_leave_nothing(name, run, tmp_path, monkeypatch, capsys):
    if name == "damaged":
        pytest.importorskip("imageio_ffmpeg", reason="needs: pip install imageio-ffmpeg")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.png").write_bytes(png(flat(1)))
    (tmp_path / "empty.mp4").mkdir()
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(500))
    argv, words = FAULTS[name]
    assert translate.main(["--run", str(run), *argv]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.mp4", "empty.mp4", "in.png"]


def test_without_ffmpeg_one_line_says_what_to_install(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(500))
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if "imageio" in name else found(name)
    )
    monkeypatch.setattr(video.shutil, "which", lambda name: None)
    assert call(run, tmp_path / "clip.mp4", output=tmp_path / "x.mp4") == 2
    error = capsys.readouterr().err
    assert "clip.mp4 is a video, which ffmpeg reads: pip install imageio-ffmpeg; or" in error
    assert error.count("\n") == 1
