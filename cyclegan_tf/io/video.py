"""Videos, where imageio-ffmpeg is installed: frames come out, and go in beside the old sound."""

import contextlib
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cyclegan_tf.errors import Fault, InputError, first_line
from cyclegan_tf.io.files import atomic_file, require_file
from cyclegan_tf.io.formats import HEAD, VIDEO, identify

_QUALITY = 7  # of 1 to 10; H.264 hardly loses a brush stroke
_COPIED = ("aac", "mp3", "ac3", "alac")  # sound that the file takes as it is
# Where nothing is said, players take large pictures for BT.709. H.264 wants even sides.
_COLOURS = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709",
            "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
            "-movflags", "+faststart"]  # fmt: skip

Put = Callable[[np.ndarray], object]


class Video(NamedTuple):
    """What a video file says of itself.

    Attributes:
        path: of the file.
        size: width and height of a frame in pixels, upright.
        rate: frames a second.
        seconds: how long it takes.
        sound: codec of its first track of sound; empty without one.
    """

    path: Path
    size: tuple[int, int]
    rate: float
    seconds: float
    sound: str

    def __len__(self) -> int:
        return max(1, round(self.seconds * self.rate))


def is_video(path: Path) -> bool:
    """Whether a path leads to a file that begins as videos do."""
    try:
        require_file(path)  # a pipe would be waited for
        with path.open("rb") as file:
            return identify(file.read(HEAD)) is VIDEO
    except OSError:
        return False


def open_video(path: Path) -> Video:
    """Reads what a video says of itself.

    Raises:
        InputError: if it cannot be read, or nothing is installed that reads it.
    """
    if importlib.util.find_spec("imageio_ffmpeg") is None:
        raise InputError(
            f"{path} is a video, which imageio-ffmpeg reads: pip install imageio-ffmpeg; or take "
            "its frames out, as with ffmpeg -i FILE frames/%05d.png, and give their folder."
        )
    import imageio_ffmpeg

    with _reading(path):
        _, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))
        frames = imageio_ffmpeg.read_frames(str(path))
        with contextlib.closing(frames):
            said = next(frames)
    if not said["fps"] or not seconds:
        raise InputError(f"{path} holds no moving pictures; expected a video.")
    return Video(path, said["size"], said["fps"], seconds, said.get("audio_codec", ""))


def read_frames(video: Video, *, most: int | None = None) -> Iterator[np.ndarray]:
    """Yields the frames, `(h, w, 3)` uint8, in order and at even distances.

    Args:
        video: whose.
        most: about as many, from all of it; by default all.

    Raises:
        InputError: if the video is damaged.
    """
    import imageio_ffmpeg

    rate = video.rate if most is None else min(video.rate, most / video.seconds)
    width, height = video.size
    with _reading(video.path):
        options = ["-r", f"{rate:.6f}"] if most is None else ["-vf", f"fps={rate:.6f}"]
        frames = imageio_ffmpeg.read_frames(str(video.path), output_params=options)
        with contextlib.closing(frames):
            next(frames)
            for frame in frames:
                yield np.frombuffer(frame, np.uint8).reshape(height, width, 3)


@contextlib.contextmanager
def writing(path: Path, video: Video) -> Iterator[Put]:
    """Gives a function that takes frames, `(h, w, 3)` uint8 of one size, and writes `path`.

    It gets the rate and the sound of another video, and is complete or not there.

    Args:
        path: NAME.mp4, which must be free.
        video: whose sound it gets.

    Raises:
        InputError: if it cannot be written.
        Fault: if ffmpeg has not taken all frames.
    """
    import imageio_ffmpeg

    with atomic_file(path) as partial:
        writer, count = None, 0

        def put(frame: np.ndarray) -> None:
            nonlocal writer, count
            if writer is None:
                height, width = frame.shape[:2]
                writer = _writer(partial, video, (width, height))
                writer.send(None)
            try:
                writer.send(np.ascontiguousarray(frame))
            except OSError as error:
                raise Fault(f"{path} could not be written: ffmpeg has ended; free disk?") from error
            count += 1

        try:
            yield put
        finally:
            if writer:
                writer.close()
        written = imageio_ffmpeg.count_frames_and_secs(str(partial))[0] if count else 0
        if not count or written != count:
            raise Fault(
                f"{path} could not be written: ffmpeg has kept {written} of {count} frames."
            )


def _writer(path: Path, video: Video, size: tuple[int, int]) -> object:
    import imageio_ffmpeg

    sound = {}
    if video.sound:
        codec = "copy" if video.sound.strip(",") in _COPIED else "aac"
        sound = {"audio_path": str(video.path), "audio_codec": codec}
    return imageio_ffmpeg.write_frames(
        str(path),
        size,
        fps=video.rate,
        quality=_QUALITY,
        macro_block_size=1,
        ffmpeg_log_level="error",
        output_params=list(_COLOURS),
        **sound,
    )


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path} cannot be read as a video ({first_line(error)}).") from error
