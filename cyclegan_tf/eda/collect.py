"""A survey of a data set: one pass over its images, in the memory of a few of them.

found = survey("data/gan-getting-started")
found.channels()
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cyclegan_tf.data.dataset import tell_skipped
from cyclegan_tf.data.layouts import named_layout
from cyclegan_tf.data.reader import Source
from cyclegan_tf.data.tfrecord import record_features
from cyclegan_tf.eda.colours import CHANNELS, LEVELS
from cyclegan_tf.eda.findings import COLUMNS, Findings
from cyclegan_tf.eda.measure import Measured, Measurers
from cyclegan_tf.errors import InputError
from cyclegan_tf.io import display

_SKIPPED = ["domain", "folder", "place", "origin", "reason"]


def survey(
    data: str | Path = "",
    *,
    a: str | Path = "",
    b: str | Path = "",
    skip_bad: bool = False,
    features: str = "",
) -> Findings:
    """Reads every image of a data set once, on all cores, and keeps numbers: about 2 kB an image.

    Measured are the upright RGB pictures in their own size, as `measure.measure` does.

    Args:
        data: folder or zip in one of the layouts that training knows; its test images are read,
            too.
        a: in place of `data` a folder of images or TFRecords, or a zip, of domain A, and
        b: one of domain B.
        skip_bad: leave out and name what is no image.
        features: what the features of TFRecords are called, as of `parse_features`.

    Raises:
        InputError: if a folder is missing, empty or of no known layout, or an image is unreadable.

    Example:
        >>> import cyclegan_tf as cg
        >>> found = cg.survey("data/horse2zebra")
        >>> len(found.images)
        12
        >>> print(found.totals())
    """
    folders, labels = _find_sources(data, a, b, features)
    for source in (source for sources in folders.values() for source in sources):
        source.tell()
    notes = _measured(folders, _Notes(skip_bad))
    if notes.skipped:
        told = tell_skipped([image["origin"] for image in notes.skipped])
        print(f"warning: {told}", file=sys.stderr)
    return Findings(
        folders=folders,
        labels=labels,
        images=pd.DataFrame(notes.rows),
        counts=notes.counts,
        grey=np.stack(notes.grey),
        features=_features(folders, labels),
        skipped=pd.DataFrame(notes.skipped, columns=_SKIPPED),
    )


def _measured(folders: dict[str, tuple[Source, ...]], notes: "_Notes") -> "_Notes":
    """Measures every image of all folders into the notes."""
    total = sum(len(source) for sources in folders.values() for source in sources)
    with Measurers(total) as measurers, display.bar(total) as bar:
        for domain, sources in folders.items():
            for number, source in enumerate(sources):
                bar.set_description(source.name)
                results = measurers.in_order(source.read())
                for place, (origin, name, measured) in enumerate(results):
                    where = {"domain": domain, "folder": number, "place": place}
                    notes.take(measured, origin, {**where, "name": name})
                    bar.update()
            if domain not in notes.counts:
                raise InputError(
                    f"{sources[0].title} holds no readable image; expected at least one."
                )
    return notes


class _Notes:
    """Collects what was measured; the pictures are gone by then."""

    def __init__(self, skip_bad: bool) -> None:
        self.skip_bad = skip_bad
        self.rows: list[dict[str, Any]] = []
        self.skipped: list[dict[str, Any]] = []
        self.counts: dict[str, np.ndarray] = {}
        self.grey: list[np.ndarray] = []

    def take(self, measured: Measured, origin: str, where: dict[str, Any]) -> None:
        """Adds an image, or notes or raises that it is none."""
        if measured.fault and not self.skip_bad:
            raise InputError(
                f"{origin} is no image: {measured.fault}. Replace it, or leave such images out "
                "with skip_bad=True."
            )
        if measured.fault:
            self.skipped.append({**where, "origin": origin, "reason": measured.fault})
            return
        self.rows.append({**where, **measured.row})
        none = np.zeros((len(CHANNELS), LEVELS), np.int64)
        self.counts[where["domain"]] = self.counts.get(where["domain"], none) + measured.counts
        self.grey.append(measured.grey)


def _find_sources(
    data: str | Path, a: str | Path, b: str | Path, features: str
) -> tuple[dict[str, tuple[Source, ...]], dict[str, str]]:
    """The pictures of both domains, and what the domains are called."""
    if bool(data) == bool(a or b) or bool(a) != bool(b):
        given = ", ".join(f"{k}={str(v)!r}" for k, v in {"data": data, "a": a, "b": b}.items() if v)
        raise InputError(
            f"survey() was given {given or 'no folder'}; expected a data set's folder, or both "
            "a=FOLDER and b=FOLDER."
        )
    layout = named_layout(data=str(data), a=str(a), b=str(b), features=features)
    pairs = {"A": (layout.a, layout.test_a), "B": (layout.b, layout.test_b)}
    sources = {domain: tuple(filter(None, pair)) for domain, pair in pairs.items()}
    labels = ("photos", "paintings") if layout.kaggle_shaped else ("A", "B")
    if not data:
        given = (layout.a.name, layout.b.name)
        # tables have columns of these names, and others beside them
        clear = len(set(given)) == 2 and all(given) and not set(given) & set(COLUMNS)
        labels = given if clear else labels
    return sources, dict(zip("AB", labels, strict=True))


def _features(folders: dict[str, tuple[Source, ...]], labels: dict[str, str]) -> pd.DataFrame:
    """The features of the first record of every domain that has records."""
    rows = [
        {
            "domain": labels[domain],
            "feature": name,
            "type": kind.removesuffix("_list") if kind else None,
            "values": len(values),
            "bytes": sum(map(len, values)) if kind == "bytes_list" else None,
        }
        for domain, (source, *_) in folders.items()
        for shard in source.records[:1]
        for name, feature in sorted(record_features(shard).items())
        for kind in [feature.WhichOneof("kind")]
        for values in [getattr(feature, kind).value if kind else ()]
    ]
    return pd.DataFrame(rows, columns=["domain", "feature", "type", "values", "bytes"])
