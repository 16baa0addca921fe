"""Pictures measured in processes of their own: Pillow decodes only one at a time in each.

Not multiprocessing: it would run the user's script a second time in every process. Here the
processes know nothing but pictures, and import neither TensorFlow nor pandas.
"""

import contextlib
import hashlib
import os
import pickle
import signal
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

import numpy as np

from cyclegan_tf.data.image import load_with_head
from cyclegan_tf.eda.colours import CHANNELS, measure_colours
from cyclegan_tf.eda.duplicates import shrink_to_grey
from cyclegan_tf.errors import Fault
from cyclegan_tf.io.machine import available_cores
from cyclegan_tf.io.parallel import in_order

Entry = tuple[str, str, bytes]  # where an image is (for errors), its name, its encoded bytes

_MOST_PROCESSES = 8  # each takes 60 MB
_WORTH_A_PROCESS = 200  # images: to start one takes as long as these
_LENGTH = struct.Struct("<Q")  # goes before each message
# The C library would give the memory of each picture back and fetch it anew for the next one, which
# costs half as much as all the measuring; other libraries than Linux's do not know these.
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**26), "MALLOC_TRIM_THRESHOLD_": str(2**28)}


@dataclass(frozen=True)
class Measured:
    """What was found out about one image.

    Attributes:
        row: what a table says of it.
        counts: `(3, 256)` int64, of the levels of all its pixels.
        grey: `(32, 32)` uint8, the picture small and grey.
        fault: why it is no image; then there is nothing else.
    """

    row: dict[str, Any] = field(default_factory=dict)
    counts: np.ndarray | None = None
    grey: np.ndarray | None = None
    fault: str = ""


def measure(encoded: bytes) -> Measured:
    """Decodes and measures one image.

    Args:
        encoded: the bytes of its file.
    """
    try:
        image, stored = load_with_head(encoded)
    except ValueError as error:
        return Measured(fault=str(error))
    colours = measure_colours(image)
    row = {**stored._asdict(), "bytes": len(encoded)}
    row |= dict(zip(CHANNELS, colours.means.tolist(), strict=True))
    row |= {"brightness": colours.brightness, "saturation": colours.saturation}
    row |= {"colourfulness": colours.colourfulness}
    # a checksum and how often each level occurs tell pictures apart, in half the time of a digest
    picture = struct.pack("<3I", *image.size, zlib.crc32(image.tobytes()))
    row |= {"file": _digest(encoded), "pixels": _digest(picture + colours.counts.tobytes())}
    return Measured(row, colours.counts, shrink_to_grey(image))


class Measurers:
    """As many processes as the machine has cores, or this one alone for a few images.

    Use it in a `with` statement; the processes end with it.

    Args:
        total: how many images there will be, about.
        processes: by default as many as are worth it; 0 means: in this process.
    """

    def __init__(self, total: int, *, processes: int | None = None) -> None:
        if processes is None:
            most = min(available_cores(), _MOST_PROCESSES, total // _WORTH_A_PROCESS)
            processes = most if most > 1 else 0
        self._processes = [_Process() for _ in range(processes)]
        self._idle: SimpleQueue[_Process] = SimpleQueue()
        for process in self._processes:
            self._idle.put(process)

    def __enter__(self) -> "Measurers":
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes:
            process.end()

    def in_order(self, entries: Iterable[Entry]) -> Iterator[tuple[str, str, Measured]]:
        """Yields the origin, the name and the measures of each image, a few read ahead of it.

        Raises:
            Fault: if a process has ended.
        """
        if not self._processes:
            return ((origin, name, measure(encoded)) for origin, name, encoded in entries)
        return in_order(self._ask, entries, ahead=2 * len(self._processes))

    def _ask(self, entry: Entry) -> tuple[str, str, Measured]:
        origin, name, encoded = entry
        process = self._idle.get()
        try:
            return origin, name, process.ask(encoded)
        finally:
            self._idle.put(process)


def serve() -> None:
    """What a process of `Measurers` does: images come in, measures go out, until nothing comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that asks
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of damaged files: faults are reported
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between them
    while (encoded := _receive(sys.stdin.buffer)) is not None:
        _send(answers, pickle.dumps(measure(encoded)))


class _Process:
    """A process that measures one image at a time."""

    def __init__(self) -> None:
        path = os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | _KEEP_MEMORY | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
        )

    def ask(self, encoded: bytes) -> Measured:
        """Sends the bytes of an image and waits for its measures."""
        try:
            _send(self._process.stdin, encoded)
            answer = _receive(self._process.stdout)
        except OSError:  # a broken pipe; Windows calls it an invalid argument
            answer = None
        if answer is None:
            raise Fault(
                "a process that measured images has ended; did memory run out? Nothing was "
                "written; survey again."
            )
        return pickle.loads(answer)

    def end(self) -> None:
        """Ends the process, which waits for an image."""
        with contextlib.suppress(OSError):  # if it has died
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _send(file: BinaryIO, message: bytes) -> None:
    file.write(_LENGTH.pack(len(message)))
    file.write(message)
    file.flush()


def _receive(file: BinaryIO) -> bytes | None:
    """The next message, or None at the end."""
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    length = _LENGTH.unpack(head)[0]
    message = file.read(length)
    return message if len(message) == length else None


def _digest(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()  # twice as fast as SHA-256
