"""What a survey of a data set has found, as tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from cyclegan_tf.data.image import load_upright
from cyclegan_tf.data.reader import Source
from cyclegan_tf.eda.colours import (
    CHANNELS,
    level_means,
    level_quantiles,
    level_spreads,
    wasserstein_distance,
)
from cyclegan_tf.eda.duplicates import LEAST_CORRELATION, MOST_BITS, list_duplicates

MEASURES = (*CHANNELS, "brightness", "saturation", "colourfulness")

_QUANTILES = {"5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95}

COLUMNS = ("a", "b", "difference", "low", "high", "spread", "effect")  # of `compare_means`
_RESAMPLES = 1000
_DIGITS = {"saturation": 3}  # of the measures that are not in levels
_INTERVAL = (2.5, 97.5)  # percent of the resamples


@dataclass(frozen=True)
class Findings:
    """What one pass over two domains has found.

    Attributes:
        folders: of each domain, "A" and "B": training images, and test images if there are any.
        labels: what the domains are called in tables and figures.
        images: a row an image. `domain`, `folder` (its place in `folders`), `place` (among the
            folder's images) and `name`; `width`, `height`, `mode`, `format` and `bytes` as stored;
            the mean levels `red`, `green` and `blue`, `brightness` (both 0 to 255), `saturation`
            (0 to 1) and `colourfulness`, as `colours.Colours` explains them; `file` and `pixels`,
            digests of the file and of the upright RGB picture.
        counts: by domain `(3, 256)` int64, how many pixels have each level of red, green, blue.
        skipped: a row an image that could not be read: `domain`, `folder`, `place`, `origin`,
            `reason`.
        grey: `(n, 32, 32)` uint8, the images small and grey, see `duplicates.shrink_to_grey`.
        features: a row a feature of the first record of a domain's TFRecords.
    """

    folders: dict[str, tuple[Source, ...]]
    labels: dict[str, str]
    images: pd.DataFrame
    counts: dict[str, np.ndarray]
    grey: np.ndarray
    features: pd.DataFrame
    skipped: pd.DataFrame

    def totals(self) -> pd.DataFrame:
        """A row a folder: its images, how many could not be read, their MB (10^6 bytes)."""
        rows = {}
        for domain, number, folder in self._places():
            here = _of(self.images, domain, number)
            unreadable = len(_of(self.skipped, domain, number))
            megabytes = here["bytes"].sum() / 1e6
            rows[self.labels[domain], folder.name] = (len(here), unreadable, megabytes)
        index = pd.MultiIndex.from_tuples(rows, names=["domain", "folder"])
        return pd.DataFrame(rows.values(), index, ["images", "unreadable", "MB"])

    def sizes(self) -> pd.DataFrame:
        """How many images have which size, mode and format, as stored; the most frequent first."""
        keys = ["domain", "width", "height", "mode", "format"]
        table = self.images.groupby(keys, sort=False).size().rename("images").reset_index()
        table["domain"] = table["domain"].map(self.labels)
        return table.sort_values("images", ascending=False, kind="stable", ignore_index=True)

    def channels(self) -> pd.DataFrame:
        """Mean, spread (standard deviation) and quantiles of all pixels' levels, 0 to 255."""
        rows = {}
        for domain, counts in self.counts.items():
            means, spreads = level_means(counts), level_spreads(counts)
            for i, channel in enumerate(CHANNELS):
                quantiles = level_quantiles(counts[i], tuple(_QUANTILES.values()))
                rows[self.labels[domain], channel] = (means[i], spreads[i], *quantiles)
        index = pd.MultiIndex.from_tuples(rows, names=["domain", "channel"])
        return pd.DataFrame(rows.values(), index, ["mean", "spread", *_QUANTILES])

    def distances(self) -> pd.DataFrame:
        """How far the domains' histograms are apart, in levels.

        Returns:
            By channel the `difference` of the means, B - A, and the Wasserstein `distance`: the
            same without its sign if all levels move in one direction, more if some move against it.
        """
        a, b = self.counts["A"], self.counts["B"]
        distances = [wasserstein_distance(*pair) for pair in zip(a, b, strict=True)]
        columns = {"difference": level_means(b) - level_means(a), "distance": distances}
        return pd.DataFrame(columns, pd.Index(CHANNELS, name="channel"))

    def comparison(self) -> pd.DataFrame:
        """Means over the images, as `compare_means` has them, under the labels."""
        return self._means().rename(columns={"a": self.labels["A"], "b": self.labels["B"]})

    def claims(self) -> pd.DataFrame:
        """What is said of B's palette, in words beside the numbers that decide it.

        Returns:
            By claim the means of both domains under their labels, their `difference` with its
            95 % interval, all as text, and whether the claim `holds`, as `judge_palette` has it.
        """
        means, distances = self._means(), self.distances()["distance"]
        judged = judge_palette(means, distances)
        *measures, _ = judged.index
        claims = [*(f"{channel} is deeper (lower)" for channel in distances.index)]
        claims += [f"{measure} is higher" for measure in measures[len(distances) :]]
        rows = [_told(means.loc[measure], digits=_DIGITS.get(measure, 1)) for measure in measures]
        apart = ", ".join(f"{channel} {value:.1f}" for channel, value in distances.items())
        rows.append(("", "", f"distances: {apart}"))
        index = pd.Index([*claims, "green differs most"], name=f"{self.labels['B']}: the claim")
        columns = [self.labels["A"], self.labels["B"], "difference (95 % interval)"]
        return pd.DataFrame(rows, index, columns).assign(holds=judged["holds"].to_numpy())

    def duplicates(
        self, *, most_bits: int = MOST_BITS, least_correlation: float = LEAST_CORRELATION
    ) -> pd.DataFrame:
        """Images that repeat others, within a domain or across both.

        Args:
            most_bits: as of `duplicates.group_alike`.
            least_correlation: as of `duplicates.group_alike`.

        Returns:
            As `duplicates.list_duplicates`, and each image's `domain`, `folder` and `name`.
        """
        options = {"most_bits": most_bits, "least_correlation": least_correlation}
        table = list_duplicates(self.images, self.grey, **options)
        images = self.images.loc[table.index]
        folders = [
            self.folders[domain][number].name
            for domain, number in zip(images["domain"], images["folder"], strict=True)
        ]
        domains = images["domain"].map(self.labels)
        return table.assign(domain=domains, folder=folders, name=images["name"])

    def sample(self, domain: str, count: int) -> list[int]:
        """Rows of at most `count` images of a domain, at even distances."""
        rows = np.flatnonzero(self.images["domain"] == domain)
        count = min(count, len(rows))
        return [int(rows[i * len(rows) // count]) for i in range(count)]

    def pictures(self, rows: Sequence[int], size: int = 256) -> np.ndarray:
        """Reads some images again: their centred squares, which training sees.

        Args:
            rows: of `images`.
            size: pixels a side.

        Returns:
            `(len(rows), size, size, 3)` uint8, in the order of `rows`.
        """
        wanted = self.images.loc[list(rows)].reset_index(drop=True)
        pictures = np.zeros((len(wanted), size, size, 3), np.uint8)
        for (domain, number), group in wanted.groupby(["domain", "folder"]):
            entries = self.folders[domain][number].read()
            for place, (_, _, encoded) in zip(
                range(group["place"].max() + 1), entries, strict=False
            ):
                if len(here := group.index[group["place"] == place]):
                    picture = Image.fromarray(load_upright(encoded))
                    pictures[here] = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
        return pictures

    def _places(self) -> Iterator[tuple[str, int, Source]]:
        for domain, sources in self.folders.items():
            for number, source in enumerate(sources):
                yield domain, number, source

    def _means(self) -> pd.DataFrame:
        a, b = (_of(self.images, domain)[list(MEASURES)] for domain in ("A", "B"))
        return compare_means(a, b)


def _of(table: pd.DataFrame, domain: str, folder: int | None = None) -> pd.DataFrame:
    here = table[table["domain"] == domain]
    return here if folder is None else here[here["folder"] == folder]


def compare_means(a: pd.DataFrame, b: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Means of measures over two sets of images.

    Args:
        a: a row an image, a column a measure.
        b: the same measures of the other images.
        seed: of the bootstrap.

    Returns:
        By measure the means `a` and `b`; their `difference`, b - a, and its 95 % interval from
        `low` to `high` (bootstrap over images); the `spread` of the images, the root of both
        variances' mean, divisor n; `effect`, the difference over the spread (Cohen's d: 0.2 is
        called small, 0.8 large), NaN where there is none.
    """
    values_a, values_b = a.to_numpy(float), b[a.columns].to_numpy(float)
    means_a, means_b = values_a.mean(axis=0), values_b.mean(axis=0)
    low, high = _interval(values_a, values_b, seed)
    spread = np.sqrt((values_a.var(axis=0) + values_b.var(axis=0)) / 2)
    unknown = np.full(len(spread), np.nan)
    difference = means_b - means_a
    effect = np.divide(difference, spread, out=unknown, where=spread > 0)
    columns = (means_a, means_b, difference, low, high, spread, effect)
    return pd.DataFrame(
        dict(zip(COLUMNS, columns, strict=True)), pd.Index(a.columns, name="measure")
    )


def judge_palette(means: pd.DataFrame, distances: pd.Series) -> pd.DataFrame:
    """Puts to the numbers what is said of Monet's palette: deeper, more intense, most in green.

    Args:
        means: of `compare_means`, with the measures `red`, `green`, `blue`, `saturation`,
            `colourfulness`; b are the paintings.
        distances: by channel how far the histograms are apart.

    Returns:
        By measure the `difference` that decides its claim, with its 95 % interval from `low` to
        `high`, and whether the claim `holds`: "yes", "no", or "cannot be told" where 0 is in the
        interval. The last row, `lead`, is by how much green's distance is above the others'.
    """
    signs = dict.fromkeys(distances.index, -1) | {"saturation": 1, "colourfulness": 1}
    rows = {}
    for measure, sign in signs.items():
        difference, low, high = means.loc[measure, ["difference", "low", "high"]]
        told = "cannot be told" if low <= 0 <= high else "yes" if sign * low > 0 else "no"
        rows[measure] = (difference, low, high, told)
    lead = distances["green"] - distances.drop("green").max()
    rows["lead"] = (lead, np.nan, np.nan, "yes" if lead > 0 else "no")
    columns = ["difference", "low", "high", "holds"]
    return pd.DataFrame(rows.values(), pd.Index(rows, name="measure"), columns)


def _told(row: pd.Series, *, digits: int) -> tuple[str, str, str]:
    """Both means, and their difference with its interval."""
    a, b = (f"{row[side]:.{digits}f}" for side in ("a", "b"))
    difference, low, high = (f"{row[key]:+.{digits}f}" for key in ("difference", "low", "high"))
    return a, b, f"{difference} ({low} to {high})"


def _interval(a: np.ndarray, b: np.ndarray, seed: int) -> np.ndarray:
    """`(2, measures)`: percentiles of b - a when images are drawn anew, with repetition."""
    random = np.random.default_rng(seed)
    draws = [_resampled_mean(b, random) - _resampled_mean(a, random) for _ in range(_RESAMPLES)]
    return np.percentile(draws, _INTERVAL, axis=0)


def _resampled_mean(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return values[random.integers(len(values), size=len(values))].mean(axis=0)
