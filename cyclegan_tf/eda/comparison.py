"""Two crowds of images compared by their means, with how sure the difference is."""

import numpy as np
import pandas as pd

COLUMNS = ("a", "b", "difference", "low", "high", "spread", "effect")  # of `compare_means`
_RESAMPLES = 1000
_INTERVAL = (2.5, 97.5)  # percent of the resamples


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
        By claim the `difference` that decides it, its 95 % interval from `low` to `high`, and
        whether it `holds`: "yes", "no", or "cannot be told" where 0 is in the interval.
    """
    lower = {channel: f"{channel} is deeper: a lower mean" for channel in distances.index}
    higher = {measure: f"{measure} is higher" for measure in ("saturation", "colourfulness")}
    rows = {}
    for signs, claims in ((-1, lower), (1, higher)):
        for measure, claim in claims.items():
            difference, low, high = means.loc[measure, ["difference", "low", "high"]]
            told = "cannot be told" if low <= 0 <= high else "yes" if signs * low > 0 else "no"
            rows[claim] = (difference, low, high, told)
    lead = distances["green"] - distances.drop("green").max()
    rows["green differs most of all channels"] = (lead, np.nan, np.nan, "yes" if lead > 0 else "no")
    columns = ["difference", "low", "high", "holds"]
    return pd.DataFrame(rows.values(), pd.Index(rows, name="claim"), columns)


def _interval(a: np.ndarray, b: np.ndarray, seed: int) -> np.ndarray:
    """`(2, measures)`: percentiles of b - a when images are drawn anew, with repetition."""
    random = np.random.default_rng(seed)
    draws = [_resampled_mean(b, random) - _resampled_mean(a, random) for _ in range(_RESAMPLES)]
    return np.percentile(draws, _INTERVAL, axis=0)


def _resampled_mean(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return values[random.integers(len(values), size=len(values))].mean(axis=0)
