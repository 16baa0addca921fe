"""What the curves of one run say, in sentences."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

_FEWEST_EPOCHS = 3  # below, there is nothing to see a direction by
_END = 0.2  # share of the epochs whose mean stands for the beginning, or for the end
_NOTICEABLE = 0.1  # relative change of a loss
_WON, _GUESSING = 0.9, 0.55  # shares of patches judged rightly
_COLLAPSED, _AS_REAL = 0.5, 1.3  # sample diversity


def read_curves(rows: Iterable[Mapping[str, Any]], *, names: tuple[str, str] = ("A", "B")) -> str:
    """Tells what the players of a run did, so that nobody looks for it in vain.

    Args:
        rows: the epochs of a run as `RunFolder.metrics` reads them.
        names: of the two domains, for example `("photo", "Monet")`.

    Returns:
        A sentence or two for each thing there is to be said, a line each.
    """
    rows = list(rows)
    if len(rows) < _FEWEST_EPOCHS:
        return (
            f"This run has logged {len(rows)} {'epoch' if len(rows) == 1 else 'epochs'}: too few "
            "to see a direction. The numbers in the legends are those of its end."
        )
    told = [
        _read_cycle(rows),
        _read_generators(rows),
        *(_read_judge(rows, key, name) for key, name in _judges(names).items()),
        _read_diversity(rows),
    ]
    return "\n".join(f"- {text}" for text in told if text)


def _judges(names: tuple[str, str]) -> dict[str, str]:
    a, b = (f"discriminator of the {name}s" for name in names)
    return {"disc_a": a, "disc_b": b, "disc": "discriminator"}


def _ends(rows: Sequence[Mapping[str, Any]], key: str) -> tuple[float, float] | None:
    """Means over the first and over the last epochs; None if they were not logged."""
    values = [row[key] for row in rows if key in row]
    if len(values) < _FEWEST_EPOCHS:
        return None
    count = max(1, round(_END * len(values)))
    return float(np.mean(values[:count])), float(np.mean(values[-count:]))


def _move(first: float, last: float) -> str:
    if abs(last - first) <= _NOTICEABLE * max(abs(first), 1e-9):
        return "stayed"
    return "rose" if last > first else "fell"


def _read_cycle(rows: Sequence[Mapping[str, Any]]) -> str:
    if not (ends := _ends(rows, "cycle_loss")):
        return ""
    first, last = ends
    move = _move(first, last)
    said = {
        "rose": "What the generators add to a picture has to be taken away again on the way back, "
        "and the more they paint, the harder this is. It is no fault while the third row of the "
        "cycle pictures still looks like the first.",
        "fell": "The way back restores more than it did at the start.",
        "stayed": "The way back loses as much as it did at the start.",
    }
    where = (
        f"stayed near {last:.3f}" if move == "stayed" else f"{move} from {first:.3f} to {last:.3f}"
    )
    return f"The cycle loss {where}. {said[move]}"


def _read_generators(rows: Sequence[Mapping[str, Any]]) -> str:
    if not (ends := _ends(rows, "gen_loss")):
        return ""
    first, last = ends
    move = _move(first, last)
    said = {
        "rose": "Its pictures fool the discriminator less and less.",
        "fell": "Its pictures fool the discriminator more often than at the start.",
        "stayed": "Neither side runs away.",
    }
    where = (
        f"stayed near {last:.2f}" if move == "stayed" else f"{move} from {first:.2f} to {last:.2f}"
    )
    return f"The generator's loss {where}. {said[move]}"


def _read_judge(rows: Sequence[Mapping[str, Any]], key: str, name: str) -> str:
    shares = [_ends(rows, f"{key}_{kind}_accuracy") for kind in ("real", "fake")]
    if None in shares:
        return ""
    real, fake = (last for _, last in shares)
    right = (real + fake) / 2
    if right >= _WON:
        verdict = (
            "it has nearly won, and a generator learns little from a judge who is always sure; "
            "diff_augment or a lower discriminator_learning_rate helps"
        )
    elif right <= _GUESSING:
        verdict = "it hardly does better than guessing, so it is blind or the generator is ahead"
    else:
        verdict = "the game is still open"
    return (
        f"At the end the {name} judges {real:.0%} of what is real and {fake:.0%} of what is "
        f"generated correctly: {verdict}."
    )


def _read_diversity(rows: Sequence[Mapping[str, Any]]) -> str:
    values = [row["sample_diversity"] for row in rows if "sample_diversity" in row]
    if len(values) < _FEWEST_EPOCHS:
        return ""
    last = values[-1]  # no mean: of a generator that jumps, it would name what never was
    if last < _COLLAPSED:
        verdict = "the samples resemble each other: this generator has collapsed, or is about to"
    elif last > _AS_REAL:
        verdict = "they differ more than paintings do, as noise and hard contrasts do: no merit"
    else:
        verdict = "they differ about as much as paintings do"
    between = f"between {min(values):.2f} and {max(values):.2f} on the way"
    return f"The samples' diversity ended at {last:.2f} ({between}): {verdict}."
