"""Figures of a survey: two domains side by side, each in one colour throughout."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cyclegan_tf.data.image import grid
from cyclegan_tf.eda.colours import CHANNELS, LEVELS, level_means
from cyclegan_tf.eda.duplicates import telling_groups
from cyclegan_tf.eda.findings import Findings
from cyclegan_tf.io.figures import Plate

DOMAIN_COLOURS = {"A": "#3b78b5", "B": "#e07b28"}
CHANNEL_COLOURS = ("#c8433b", "#4a9a4e", "#3f62b8")

_WIDTH = 10.0  # inches
_MOST_MEMBERS = 4  # of a group of duplicates that are shown
_LONGEST_NAME = 24  # signs of an image's name


def totals(found: Findings) -> Plate:
    """How many images each folder has, as bars."""
    table = found.totals()
    domains = [domain for domain, paths in found.folders.items() for _ in paths]
    names = [_plain(f"{label}: {folder}") for label, folder in table.index]
    plate = Plate(_WIDTH, 1.0 + 0.4 * len(table), "How many images there are")
    axes = plate.subplots()
    bars = axes.barh(names, table["images"], color=[DOMAIN_COLOURS[d] for d in domains])
    axes.bar_label(bars, [f"{count:,}" for count in table["images"]], padding=4)
    axes.set(xlabel="images")
    axes.margins(x=0.08)
    axes.invert_yaxis()
    _open(axes, "x")
    return plate


def samples(found: Findings, *, count: int = 8) -> Plate:
    """Images of both domains, at even distances over their files.

    Args:
        found: the survey.
        count: images of each domain.
    """
    plate = Plate(_WIDTH, 0.6 + 2 * _WIDTH / count, "Images at even distances over the files")
    for axes, domain in zip(plate.subplots(2, 1), found.folders, strict=True):
        _show(axes, found.pictures(found.sample(domain, count), 192))
        axes.set_title(_plain(found.labels[domain]), loc="left", color=DOMAIN_COLOURS[domain])
    return plate


def histograms(found: Findings) -> Plate:
    """How often each level of red, green and blue occurs in both domains; dashed, their means.

    The axis ends above the most frequent level between black and white: these two often stand for
    all that a camera or scanner could not tell apart.
    """
    plate = Plate(_WIDTH, 3.4, "How often each level occurs, over all pixels")
    percent = {
        domain: 100 * counts / counts.sum(axis=1, keepdims=True)
        for domain, counts in found.counts.items()
    }
    highest = max(shares[:, 1:-1].max() for shares in percent.values()) or 100.0
    for i, axes in enumerate(plate.subplots(1, 3, sharey=True)):
        for domain, shares in percent.items():
            colour, mean = DOMAIN_COLOURS[domain], level_means(found.counts[domain][i])
            axes.stairs(shares[i], fill=True, color=colour, alpha=0.25)
            label = _plain(f"{found.labels[domain]}, mean {mean:.0f}")
            axes.stairs(shares[i], color=colour, label=label)
            axes.vlines(mean + 0.5, 0, 1.05 * highest, color=colour, linestyle="--")
        axes.set(xlim=(0, LEVELS), ylim=(0, 1.35 * highest), xlabel="level")
        axes.set_xticks([0, 64, 128, 192, LEVELS - 1])
        axes.set_title(CHANNELS[i], color=CHANNEL_COLOURS[i])
        axes.legend(fontsize="small", loc="upper right", frameon=False)
        _open(axes, "y")
    plate.axes[0].set_ylabel("% of all pixels")
    return plate


def brightness_and_saturation(found: Findings) -> Plate:
    """Each image as a point, each domain's mean as a cross."""
    plate = Plate(_WIDTH, 5.0, "Light and saturation, a point for each image")
    axes = plate.subplots()
    for domain, label in found.labels.items():
        points = found.images[found.images["domain"] == domain]
        colour, crowd = DOMAIN_COLOURS[domain], len(points) > 1000
        style = {"s": 8 if crowd else 14, "alpha": 0.35 if crowd else 0.7, "linewidths": 0}
        axes.scatter(points["brightness"], points["saturation"], color=colour, **style)
        means = points["brightness"].mean(), points["saturation"].mean()
        style = {"marker": "P", "s": 190, "edgecolors": "white", "linewidths": 1.5, "zorder": 3}
        axes.scatter(*means, color=colour, label=_plain(f"{label}; the cross is the mean"), **style)
    axes.set(xlim=(0, LEVELS - 1), ylim=(0, 1))
    axes.set(xlabel="brightness of an image (mean luma, 0 to 255)")
    axes.set(ylabel="saturation of an image (mean of HSV, 0 to 1)")
    axes.legend(loc="upper right")
    _open(axes, "both")
    return plate


def differences(found: Findings) -> Plate:
    """How B differs from A, image by image: in standard deviations, with 95 % intervals."""
    table = found.comparison().dropna(subset="effect")
    a, b = (_plain(found.labels[domain]) for domain in ("A", "B"))
    title = f"What sets {b} apart from {a}, with 95 % intervals"
    plate = Plate(_WIDTH, 1.2 + 0.35 * len(table), title)
    axes = plate.subplots()
    axes.axvline(0, color="black", linewidth=0.8)
    ends = table["difference"] - table["low"], table["high"] - table["difference"]
    reach = [np.maximum(0, end / table["spread"]) for end in ends]
    style = {"fmt": "o", "color": DOMAIN_COLOURS["B"], "capsize": 4}
    axes.errorbar(table["effect"], table.index, xerr=reach, **style)
    less, more = "\N{LEFTWARDS ARROW}", "\N{RIGHTWARDS ARROW}"
    axes.set_xlabel(f"{b} less than {a} {less} standard deviations of the images {more} more")
    axes.invert_yaxis()
    axes.margins(y=0.12)
    _open(axes, "x")
    return plate


def distances(found: Findings) -> Plate:
    """By how many levels the domains' histograms are apart, and how much of it is a mere shift."""
    table = found.distances()
    plate = Plate(_WIDTH, 2.4, "How far apart the palettes are")
    axes = plate.subplots()
    bars = axes.barh(table.index, table["distance"], color=CHANNEL_COLOURS, alpha=0.75)
    axes.bar_label(bars, [f"{distance:.1f}" for distance in table["distance"]], padding=4)
    style = {"color": "black", "marker": "|", "s": 600, "linewidths": 2}
    axes.scatter(table["difference"].abs(), table.index, label="difference of the means", **style)
    axes.set(xlabel="Wasserstein distance in levels, 0 to 255")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False, markerscale=0.4)
    axes.margins(x=0.08)
    axes.invert_yaxis()
    _open(axes, "x")
    return plate


def duplicates(found: Findings, table: pd.DataFrame, *, most: int = 8) -> Plate:
    """Images that repeat each other, a group beside the other.

    Groups across domains come first, then those whose images are not the same to the pixel.

    Args:
        found: the survey.
        table: of `Findings.duplicates`.
        most: groups.
    """
    groups = [table.loc[rows] for rows in telling_groups(table, most)]
    if not groups:
        plate = Plate(_WIDTH, 0.6)
        plate.text(0.5, 0.5, "No image repeats another.", ha="center", va="center")
        return plate
    columns = min(2, len(groups))
    lines = -(-len(groups) // columns)
    plate = Plate(_WIDTH, 2.7 * lines, "Images that repeat each other")
    panels = plate.subplots(lines, columns, squeeze=False).ravel()
    shown = [group[:_MOST_MEMBERS] for group in groups]
    ends = np.cumsum([len(group) for group in shown])
    pictures = found.pictures([row for group in shown for row in group.index], 192)
    for axes, group, end, whole in zip(panels, shown, ends, groups, strict=False):
        _show(axes, pictures[end - len(group) : end])
        axes.set_title(_caption(group, len(whole)), fontsize="small", loc="left")
    for axes in panels[len(groups) :]:
        axes.set_axis_off()
    return plate


def _caption(shown: pd.DataFrame, count: int) -> str:
    """What the images of a group are, and what they have in common with the first."""
    kinds = [
        f"alike, {bits} of 64 bits differ" if kind == "alike" else kind
        for kind, bits in zip(shown["kind"], shown["bits"], strict=True)
    ]
    more = f", and {count - len(shown)} more" if count > len(shown) else ""
    names = shown["name"].str.slice(0, _LONGEST_NAME)
    if shown["folder"].nunique() > shown["domain"].nunique():  # from training to test images
        names = shown["folder"] + "/" + names
    names = shown["domain"] + ": " + names
    return f"{', '.join(dict.fromkeys(kinds[1:]))}{more}\n{_plain(' | '.join(names))}"


def _plain(text: str) -> str:
    """A text that Matplotlib draws as it is: folders and images may be called anything."""
    return "".join(sign if sign.isprintable() else "?" for sign in text).replace("$", r"\$")


def _show(axes: Axes, pictures: np.ndarray) -> None:
    axes.imshow(grid([pictures], gap=6))
    axes.set_axis_off()


def _open(axes: Axes, lines: str) -> None:
    """Takes away what is no data: the frame; and puts thin lines along one axis or both."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=lines, alpha=0.25)
    axes.set_axisbelow(True)
