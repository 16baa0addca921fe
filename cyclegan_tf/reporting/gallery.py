"""Which pictures a report shows: translations and ways back, their change, samples, palettes."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.reporting.contents import texts
from cyclegan_tf.reporting.pictures import (
    Colour,
    Rows,
    change,
    embedded,
    palette,
    read_picture,
    read_samples,
    read_sheet,
    spread,
    strip,
)

_SHOWN = 6  # pictures of a direction
_EXTREMES = 3  # of those that changed most, and of those that changed least
_FRAMES, _IN_FRAME = 12, 4  # epochs that samples are shown of, and pictures of each
_WAYS = {"ab": "A to B", "ba": "B to A"}


class Example(NamedTuple):
    """A picture, its translation, and what leads back from that; None where there is none."""

    name: str
    before: Image.Image
    after: Image.Image | None = None
    back: Image.Image | None = None

    @property
    def change(self) -> float:
        """How far the translation is from the picture, in grey levels."""
        return change(self.before, self.after)


class Frame(NamedTuple):
    """What one epoch made of the inputs that all epochs were shown."""

    title: str
    picture: str


class Shown(NamedTuple):
    """An example as the page holds it: its pictures as addresses of `img`."""

    name: str
    before: str
    after: str
    back: str
    change: str


class Palette(NamedTuple):
    """The colours of some pictures, and how many these are."""

    count: int
    colours: list[Colour]


def gallery(run: RunFolder, facts: Mapping[str, Any], side: int) -> dict[str, Any]:
    """The pictures of a report, and what is told of them.

    Args:
        run: its folder.
        facts: that the training left for the report.
        side: at most, in pixels.

    Returns:
        What the template shows: `ways`, `most` and `least` (changed), `compared`, `originals` and
        `frames` of the samples, and `palettes`.
    """
    config = run.config()
    latent = config.model == "dcgan"
    files = spread(sorted(run.samples.glob("epoch_*.png")), _FRAMES)
    samples = {path: read_samples(path, _cell(config)) for path in files}
    newest = samples[files[-1]] if files else []
    sheets = {way: _examples(run, way, facts) for way in _WAYS}
    if not sheets["ab"] and len(newest) > 1 and not latent:  # an older run
        names = [f"picture {place + 1}" for place in range(len(newest[0]))]
        sheets["ab"] = list(map(Example, names, *newest[:2]))
    ways = {_WAYS[way]: [e for e in sheet if e.after] for way, sheet in sheets.items()}
    by_change = sorted(ways["A to B"], key=lambda example: example.change)
    extremes = min(_EXTREMES, len(by_change) // 2)
    made = [example.after for example in by_change]
    if latent:
        made = [picture for row in newest for picture in row][: config.sample_count]
    return {
        "ways": {way: _shown(spread(found, _SHOWN), side) for way, found in ways.items() if found},
        "most": _shown(by_change[::-1][:extremes], side),
        "least": _shown(by_change[:extremes], side),
        "compared": len(by_change),
        "originals": "" if latent else _strip(newest, 0, side),
        "frames": [
            Frame(f"epoch {path.stem[6:].lstrip('0') or 0}", picture)
            for path, rows in samples.items()
            if (picture := _whole(path, side) if latent else _strip(rows, 1, side))
        ],
        "palettes": _palettes(sheets, made, "inventions" if latent else "translations"),
    }


def _palettes(
    sheets: Mapping[str, list[Example]], made: list[Image.Image], called: str
) -> dict[str, Palette]:
    """The colours of A, of B, and of what was made."""
    pictures = {
        domain: [e.before for e in sheets[way]] for domain, way in (("A", "ab"), ("B", "ba"))
    }
    return {
        name: Palette(len(some), palette(some))
        for name, some in {**pictures, called: made}.items()
        if some
    }


def _cell(config: Any) -> int:
    """Side of the squares in the grids of samples."""
    return config.image_size if config.model == "dcgan" else config.whole_size


def _examples(run: RunFolder, way: str, facts: Mapping[str, Any]) -> list[Example]:
    """The pictures of a sheet that the training left for the report."""
    names = texts(facts.get("names", {}).get(way))
    rows = read_sheet(run.report_folder / f"{way}.jpg", len(names))
    return [
        Example(name, *column) for name, column in zip(names, zip(*rows, strict=True), strict=False)
    ]


def _shown(examples: Iterable[Example], side: int) -> list[Shown]:
    return [
        Shown(
            example.name,
            *("" if p is None else embedded(p, side) for p in example[1:]),
            change=f"{example.change:.1f}",
        )
        for example in examples
    ]


def _strip(rows: Rows, number: int, side: int) -> str:
    """A row of a grid of samples, three quarters as large as other pictures."""
    if len(rows) <= number:
        return ""
    joined = strip(rows[number][:_IN_FRAME], side * 3 // 4)
    return embedded(joined, joined.width)


def _whole(path: Path, side: int) -> str:
    picture = read_picture(path)
    return embedded(picture, 2 * side) if picture else ""
