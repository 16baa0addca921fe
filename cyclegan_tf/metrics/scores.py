"""Scores: all that features tell of generated images, in one record, and what it is worth."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cyclegan_tf.metrics.fid import feature_frechet_distance, frechet_interval
from cyclegan_tf.metrics.kid import kernel_distance
from cyclegan_tf.metrics.manifolds import precision_recall
from cyclegan_tf.metrics.mifid import memorization_distance, memorization_informed

# The published scores are of tens of thousands of images; below this FID visibly depends on the
# count (Chong and Forsyth 2020, arXiv:1911.07023).
ENOUGH_IMAGES = 2048
_NEIGHBOURS = 3  # of precision and recall
_SPLITS = 5  # random halves of the reference that the floor is a mean over
_MOST_HALVED = 500  # images of such a half: more would take minutes


@dataclass(frozen=True)
class Scores:
    """How near generated images are to reference images.

    Attributes:
        fid: Frechet distance, 0 for equal sets.
        fid_low, fid_high: 95 % interval of it over images (a bootstrap).
        fid_floor: what two sets of real reference images, as many as these, would score; None
            with fewer than 16 references.
        kid_mean, kid_std: kernel distance over subsets, unbiased.
        mifid: FID over the memorization distance where that is below epsilon; the competition's.
        memorization_distance: mean cosine distance to the nearest training image, 0 for copies.
        precision: share of generated images that lie among the references; None if they are few.
        recall: share of references that lie among the generated images; None if they are few.
        generated_count, reference_count, training_count: images in each set.
        epsilon: see `mifid`.
    """

    fid: float
    fid_low: float
    fid_high: float
    fid_floor: float | None
    kid_mean: float
    kid_std: float
    mifid: float
    memorization_distance: float
    precision: float | None
    recall: float | None
    generated_count: int
    reference_count: int
    training_count: int
    epsilon: float

    def to_dict(self) -> dict[str, Any]:
        """All as plain JSON values."""
        return asdict(self)


def score_features(
    generated: np.ndarray,
    reference: np.ndarray,
    training: np.ndarray,
    *,
    epsilon: float = 0.1,
    seed: int = 0,
) -> Scores:
    """Compares sets of features of one layer.

    Args:
        generated: `(n, d)` of what is scored, n at least 2.
        reference: `(m, d)` of what it should look like, m at least 2.
        training: `(k, d)` of what it must not merely copy; the competition takes the 300 Monets
            that everybody trains on here, and others as the reference.
        epsilon: memorization distances from here on are not punished.
        seed: of subsets and resamples.
    """
    fid = feature_frechet_distance(generated, reference)
    low, high = frechet_interval(generated, reference, seed=seed)
    kid_mean, kid_std = kernel_distance(generated, reference, seed=seed)
    distance = memorization_distance(generated, training)
    precision = recall = None
    if min(len(generated), len(reference)) > _NEIGHBOURS:
        precision, recall = precision_recall(generated, reference, neighbours=_NEIGHBOURS)
    return Scores(
        fid=fid,
        fid_low=low,
        fid_high=high,
        fid_floor=frechet_floor(reference, len(generated), seed=seed),
        kid_mean=kid_mean,
        kid_std=kid_std,
        mifid=memorization_informed(fid, distance, epsilon=epsilon),
        memorization_distance=distance,
        precision=precision,
        recall=recall,
        generated_count=len(generated),
        reference_count=len(reference),
        training_count=len(training),
        epsilon=epsilon,
    )


def frechet_floor(reference: np.ndarray, count: int, *, seed: int = 0) -> float | None:
    """The FID that perfect images would get: its bias at these counts.

    FID of two samples of one distribution falls with their counts n and m, for large ones as
    1/n + 1/m (Chong and Forsyth 2020, section 3). With N = 2 / (1/n + 1/m) it is taken as
    a / (N + b), which also bends as the FID of fewer images than dimensions does; random halves
    and quarters of the reference give a and b.

    Args:
        reference: `(m, d)` features.
        count: generated images they are to be compared with.
        seed: of halves and quarters.

    Returns:
        The distance, or None with fewer than 16 references: too few to quarter.
    """
    quarter = min(len(reference), 2 * _MOST_HALVED) // 4
    if quarter < 4:
        return None
    rng = np.random.default_rng(seed)
    of_halves, of_quarters = (
        np.mean([_between_parts(reference, size, rng) for _ in range(_SPLITS)])
        for size in (2 * quarter, quarter)
    )
    if of_quarters <= of_halves:  # hardly any spread at all
        return float(of_halves)
    bend = quarter * max(0.0, 2.0 * of_halves - of_quarters) / (of_quarters - of_halves)
    size = 2.0 / (1.0 / count + 1.0 / len(reference))
    return float(of_halves * (2 * quarter + bend) / (size + bend))


def _between_parts(reference: np.ndarray, size: int, rng: np.random.Generator) -> float:
    """FID between two parts of the reference that share no image."""
    order = rng.permutation(len(reference))
    return feature_frechet_distance(reference[order[:size]], reference[order[size : 2 * size]])


def caveats(scores: Scores, label: str) -> list[str]:
    """Lines for the user: how far to trust a difference between two such scores."""
    lines = [
        f"{label} of as many other images of this kind would lie between {scores.fid_low:.3f} and "
        f"{scores.fid_high:.3f} (95 %): scores in that range are as good as each other."
    ]
    few = min(scores.generated_count, scores.reference_count)
    if few < ENOUGH_IMAGES:
        text = (
            f"{scores.generated_count:,} images against {scores.reference_count:,} references are "
            f"few (below {ENOUGH_IMAGES:,}): {label} comes out too high"
        )
        if scores.fid_floor is not None:
            text += f", perfect images would score about {scores.fid_floor:.3f}"
        lines.append(text + ". Compare only scores of equal counts, or KID, which has no bias.")
    if label != "FID":
        lines.append(
            f"{label} is no published FID: compare it only with {label}. Unlike images may lie "
            f"nearer than epsilon in these features, so Mi{label} may punish what copies nothing."
        )
    return lines
