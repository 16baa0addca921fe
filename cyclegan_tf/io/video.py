"""Videos, where ffmpeg is installed: frames come out, and go in beside the old sound."""

import contextlib
import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cyclegan_tf.errors import Fault, InputError
from cyclegan_tf.io.files import atomic_file, require_file
from cyclegan_tf.io.formats import HEAD, VIDEO, identify

_QUIET = ("-nostdin", "-v", "error", "-y")
_RAW = ("-f", "rawvideo", "-pix_fmt", "rgb24")
_SOUND = ("-map", "0:v:0", "-map", "1:a:0")
# H.264 wants even sides, and hardly loses a brush stroke at this quality. Where nothing is said,
# players take large pictures for BT.709, and small ones for another.
_WRITTEN = (
    "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709,setsar={pixel}",
    "-c:v", "libx264", "-crf", "16", "-pix_fmt", "yuv420p",
    "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
    "-movflags", "+faststart",
)  # fmt: skip

Put = Callable[[np.ndarray], object]


@dataclass(frozen=True)
class Video:
    """What a video file says of itself.

    Attributes:
        path: of the file.
        size: width and height of a frame in pixels, upright.
        rate: frames a second, as ffmpeg takes it: "30000/1001".
        count: of frames, at this rate.
        sound: codec of its first track of sound; empty without one.
        pixel: width of a pixel over its height: "4/3" where a narrow picture is shown wide.
    """

    path: Path
    size: tuple[int, int]
    rate: str
    count: int
    sound: str
    pixel: str

    @property
    def seconds(self) -> float:
        """How long the frames take."""
        return float(self.count / Fraction(self.rate))


def is_video(path: Path) -> bool:
    """Whether a path leads to a file that begins as videos do."""
    try:
        require_file(path)  # a pipe would be waited for
        with path.open("rb") as file:
            return identify(file.read(HEAD)) is VIDEO
    except OSError:
        return False


def open_video(path: Path) -> Video:
    """Reads what a video says of itself, and all its frames once, which takes a moment.

    Raises:
        InputError: if it cannot be read, or nothing is installed that reads it.
    """
    program = _ffmpeg(path)
    given = [program, "-nostdin", "-i", _named(path), "-map", "0:v:0"]
    # a format whose first line has upright size and rate
    first = ("-frames:v", "1", "-pix_fmt", "yuv444p", "-f", "yuv4mpegpipe", "-")
    shown = subprocess.run([*given, *first], capture_output=True)
    told = re.match(rb"YUV4MPEG2 W(\d+) H(\d+) F(\d+):(\d+) .*?A(\d+):(\d+) ", shown.stdout)
    if not told:
        raise InputError(f"{path} cannot be read as a video ({_last_line(shown.stderr)}).")
    width, height, top, bottom, wide, high = map(int, told.groups())
    rate = f"{top}/{bottom}"
    passed = [*given, "-r", rate, "-f", "null", "-progress", "pipe:1", "-"]
    progress = subprocess.run(passed, capture_output=True).stdout
    counts = re.findall(rb"^frame=(\d+)", progress, re.MULTILINE)
    sound = re.search(rb"Stream #0:\S+ Audio: (\w+)", shown.stderr)
    codec = sound[1].decode() if sound else ""
    pixel = f"{wide}/{high}" if wide and high else "1/1"
    return Video(path, (width, height), rate, int(counts[-1]), codec, pixel)


def read_frames(video: Video, *, most: int | None = None) -> Iterator[np.ndarray]:
    """Yields the frames, `(h, w, 3)` uint8, in order and at even distances.

    Args:
        video: whose.
        most: about as many, from all of it; by default all.

    Raises:
        InputError: if the video cannot be read.
    """
    rate = ("-r", video.rate)
    if most is not None and video.count > most:
        rate = ("-vf", f"fps={most / video.seconds:.6f}")
    width, height = video.size
    command = [_ffmpeg(video.path), *_QUIET, "-i", _named(video.path), "-map", "0:v:0", *rate]
    with tempfile.TemporaryFile() as said:
        pipes = {"stdout": subprocess.PIPE, "stderr": said}
        with subprocess.Popen([*command, *_RAW, "-"], **pipes) as process:
            try:
                while len(frame := process.stdout.read(3 * width * height)) == 3 * width * height:
                    yield np.frombuffer(frame, np.uint8).reshape(height, width, 3)
            except GeneratorExit:
                process.kill()
                raise
        if process.returncode:
            raise InputError(f"{video.path} cannot be read as a video ({_said(said)}).")


@contextlib.contextmanager
def writing(path: Path, video: Video, *, size: tuple[int, int]) -> Iterator[Put]:
    """Gives a function that takes frames, `(h, w, 3)` uint8, and writes them into `path`.

    It gets the rate and the sound of another video, and is complete or not there.

    Args:
        path: NAME.mp4, which must be free.
        video: whose sound it gets.
        size: width and height of the frames.

    Raises:
        OSError: if the folder cannot be written.
        Fault: if ffmpeg ends too early.
    """
    with atomic_file(path) as partial, tempfile.TemporaryFile() as said:
        written = [part.format(pixel=video.pixel) for part in _WRITTEN]
        command = [_ffmpeg(video.path), *_QUIET, *_input(video, size), *written, _named(partial)]
        with subprocess.Popen(
            [part for part in command if part != "-nostdin"], stdin=subprocess.PIPE, stderr=said
        ) as process:
            try:
                with contextlib.suppress(BrokenPipeError):  # told below
                    yield lambda frame: _put(process.stdin, frame)
                    process.stdin.close()
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise Fault(f"{path} cannot be written: {_said(said)}.")


def _put(pipe: BinaryIO, frame: np.ndarray) -> None:
    try:
        pipe.write(np.ascontiguousarray(frame))
    except OSError as error:  # Windows calls a broken pipe an invalid argument
        raise BrokenPipeError(*error.args) from error


def _input(video: Video, size: tuple[int, int]) -> Sequence[str]:
    """Frames from a pipe, and the sound of the other video: as it is, where all players know it."""
    frames = (*_RAW, "-s", "{}x{}".format(*size), "-r", video.rate, "-i", "-")
    if not video.sound:
        return frames
    codec = "copy" if video.sound == "aac" else "aac"
    return (*frames, "-i", _named(video.path), *_SOUND, "-c:a", codec)


def _named(path: Path) -> str:
    """A path as ffmpeg takes it: before a colon it looks for a protocol."""
    return f"file:{path}"


def _ffmpeg(path: Path) -> str:
    """The program, of the package imageio-ffmpeg or of the system."""
    if importlib.util.find_spec("imageio_ffmpeg"):
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    if found := shutil.which("ffmpeg"):
        return found
    raise InputError(
        f"{path} is a video, which ffmpeg reads: pip install imageio-ffmpeg; or give the folder of "
        "its frames with --clip."
    )


def _said(file: BinaryIO) -> str:
    file.seek(0)
    return _last_line(file.read())


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "ffmpeg has ended"
