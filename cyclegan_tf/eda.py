"""A survey of a data set: one pass over its images, in the memory of a few of them.

found = survey("data/gan-getting-started")
found.channels()
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from tqdm import tqdm

from cyclegan_tf.colours import CHANNELS, LEVELS, measure_colours
from cyclegan_tf.data import count_encoded, find_layout, held_out_folder, read_encoded
from cyclegan_tf.errors import InputError
from cyclegan_tf.findings import Findings
from cyclegan_tf.fingerprints import fingerprint
from cyclegan_tf.images import load_with_head
from cyclegan_tf.records import record_features, record_files

Entry = tuple[str, str, bytes]  # where an image is (for errors), its name, its encoded bytes
Item = TypeVar("Item")
Result = TypeVar("Result")

_SKIPPED = ["domain", "folder", "place", "origin", "reason"]


def survey(
    data: str | Path = "",
    *,
    a: str | Path = "",
    b: str | Path = "",
    skip_bad: bool = False,
    progress: bool = True,
) -> Findings:
    """Reads every image of a data set once, on all cores, and keeps numbers.

    All that is measured is measured on all pixels of the upright RGB picture, in its own size; the
    perceptual hash on 32 x 32 means of them. TensorFlow is not needed.

    Args:
        data: folder in one of the layouts that training knows; its test images are read, too.
        a: in place of `data` a folder of images or TFRecords of domain A, and
        b: one of domain B.
        skip_bad: leave out and name what is no image.
        progress: show a bar.

    Raises:
        InputError: if a folder is missing, empty or of no known layout, or an image is unreadable.
    """
    folders, labels = _find_folders(data, a, b)
    total = sum(count_encoded(folder) for paths in folders.values() for folder in paths)
    notes = _Notes()
    with tqdm(total=total, unit="image", disable=not progress) as bar:
        for domain, paths in folders.items():
            for number, folder in enumerate(paths):
                bar.set_description(folder.name)
                with closing(_in_order(_measure, read_encoded(folder))) as results:
                    for place, result in enumerate(results):
                        notes.take(result, skip_bad, domain=domain, folder=number, place=place)
                        bar.update()
            if domain not in notes.counts:
                raise InputError(f"{paths[0]} holds no readable image; expected at least one.")
    return Findings(
        folders=folders,
        labels=labels,
        images=pd.DataFrame(notes.rows),
        counts=notes.counts,
        features=_features(folders, labels),
        skipped=pd.DataFrame(notes.skipped, columns=_SKIPPED),
        bits=np.stack(notes.bits),
        grey=np.stack(notes.grey),
    )


@dataclass(frozen=True)
class _Measured:
    """What a thread has found out about one image; `fault` tells why it is none."""

    origin: str
    row: dict[str, Any]
    fault: str = ""
    counts: np.ndarray | None = None
    bits: np.ndarray | None = None
    grey: np.ndarray | None = None


class _Notes:
    """Collects what was measured; the pictures are gone by then."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.skipped: list[dict[str, str]] = []
        self.counts: dict[str, np.ndarray] = {}
        self.bits: list[np.ndarray] = []
        self.grey: list[np.ndarray] = []

    def take(self, found: _Measured, skip_bad: bool, **where: Any) -> None:
        """Adds an image, or notes or raises that it is none."""
        if found.fault and not skip_bad:
            raise InputError(
                f"{found.origin} is no image: {found.fault}. Replace it, or leave such images out "
                "with skip_bad=True."
            )
        if found.fault:
            self.skipped.append({**where, "origin": found.origin, "reason": found.fault})
            return
        self.rows.append({**where, **found.row})
        none = np.zeros((len(CHANNELS), LEVELS), np.int64)
        self.counts[where["domain"]] = self.counts.get(where["domain"], none) + found.counts
        self.bits.append(found.bits)
        self.grey.append(found.grey)


def _measure(entry: Entry) -> _Measured:
    origin, name, encoded = entry
    try:
        image, stored = load_with_head(encoded)
    except ValueError as error:
        return _Measured(origin, {}, fault=str(error))
    row = {"name": name, **stored._asdict(), "bytes": len(encoded)}
    colours, marks = measure_colours(image), fingerprint(image)
    row |= dict(zip(CHANNELS, colours.means.tolist(), strict=True))
    row |= {"brightness": colours.brightness, "saturation": colours.saturation}
    row |= {"colourfulness": colours.colourfulness}
    row |= {"file": _digest(encoded), "pixels": _digest(repr(image.size).encode(), image.tobytes())}
    return _Measured(origin, row, counts=colours.counts, bits=marks.bits, grey=marks.grey)


def _digest(*parts: bytes) -> bytes:
    digest = hashlib.sha1(usedforsecurity=False)  # twice as fast as SHA-256
    for part in parts:
        digest.update(part)
    return digest.digest()


def _find_folders(
    data: str | Path, a: str | Path, b: str | Path
) -> tuple[dict[str, tuple[Path, ...]], dict[str, str]]:
    """The folders of both domains, and what the domains are called."""
    if bool(data) == bool(a or b) or bool(a) != bool(b):
        given = ", ".join(f"{k}={str(v)!r}" for k, v in {"data": data, "a": a, "b": b}.items() if v)
        raise InputError(
            f"survey() was given {given or 'no folder'}; expected a data set's folder, or both "
            "a=FOLDER and b=FOLDER."
        )
    if not data:
        folder_a, folder_b = Path(a), Path(b)
        names = (folder_a.name, folder_b.name)
        labels = names if len(set(names)) == 2 and all(names) else ("A", "B")
        return {"A": (folder_a,), "B": (folder_b,)}, dict(zip("AB", labels, strict=True))
    *found, kaggle_shaped = find_layout(Path(data))
    folders = {
        domain: tuple(path for path in (folder, held_out_folder(folder)) if path)
        for domain, folder in zip("AB", found, strict=True)
    }
    labels = ("photos", "paintings") if kaggle_shaped else ("A", "B")
    return folders, dict(zip("AB", labels, strict=True))


def _features(folders: dict[str, tuple[Path, ...]], labels: dict[str, str]) -> pd.DataFrame:
    """The features of the first record of every domain that has records."""
    rows = [
        {
            "domain": labels[domain],
            "feature": name,
            "type": feature.kind,
            "values": len(feature.values),
            "bytes": sum(map(len, feature.values)) if feature.kind == "bytes" else None,
        }
        for domain, (folder, *_) in folders.items()
        for shard in record_files(folder)[:1]
        for name, feature in sorted(record_features(shard).items())
    ]
    return pd.DataFrame(rows, columns=["domain", "feature", "type", "values", "bytes"])


def _in_order(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yields `work(item)` of each item, done on all cores, a few items ahead of what is taken."""
    cores = os.cpu_count() or 1
    waiting: deque = deque()
    pool = ThreadPoolExecutor(cores)
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * cores:  # large files must not pile up
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
