"""All figures of one set of pictures against paintings that the training has not seen."""

import dataclasses
import hashlib
import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.judging import flaws as measures
from benchmarks.judging.efficientnet import EfficientNetLite0
from benchmarks.judging.paint import PaintJudge
from benchmarks.judging.pictures import PictureSet
from cyclegan_tf.data.image import to_float
from cyclegan_tf.data.sources import Pictures
from cyclegan_tf.io.files import write_text
from cyclegan_tf.io.parallel import FAR_AHEAD, in_order
from cyclegan_tf.metrics.features import cached_features, extract
from cyclegan_tf.metrics.inception import Inception
from cyclegan_tf.metrics.manifolds import precision_recall
from cyclegan_tf.metrics.scores import score_features
from cyclegan_tf.metrics.similarity import structural_similarity

_DRAWS = 5  # random subsets of equal counts that relative precision and recall are means over
_NEIGHBOURS = 3
FLAWS = ("halo", "streaks", "weave")


@dataclasses.dataclass(frozen=True)
class RealPictures:
    """What is judged by, all of it real.

    Attributes:
        paintings: every painting there is.
        judging: places of those that no training has seen.
        photos: held out, translated by the runs.
        other_photos: sets of further ones, which the judge of paint learns from.
    """

    paintings: PictureSet
    judging: tuple[int, ...]
    photos: PictureSet
    other_photos: tuple[Pictures, ...]

    @property
    def others(self) -> list[int]:
        """Places of the paintings that are not judged with."""
        return sorted(set(range(len(self.paintings))) - set(self.judging))


class Judges:
    """Two networks, a judge of paint and three measures of flaws.

    Args:
        real: what they judge by.
        inception: the first network.
        second: the other one.
        cache: folder that features and flaws of real pictures are kept in.
    """

    def __init__(
        self, real: RealPictures, inception: Inception, second: EfficientNetLite0, cache: Path
    ) -> None:
        self._real = real
        self._networks = {"inception": inception, "lite0": second}
        self._paintings = {
            name: cached_features(network, real.paintings, cache=cache)
            for name, network in self._networks.items()
        }
        photos = [cached_features(second, photos, cache=cache) for photos in real.other_photos]
        judging = list(real.judging)
        self.paint = PaintJudge(np.concatenate(photos), self._paintings["lite0"][judging])
        self.flaws = _cached_flaws(real.paintings.take(judging), cache)

    def judge(self, pictures: PictureSet, *, translated: bool) -> dict[str, Any]:
        """Scores a set of pictures.

        Args:
            pictures: at the size of judging.
            translated: whether they show the held-out photos, in their order.

        Returns:
            JSON values: for each network its scores; painted share, flaws as ratios to those of
            real paintings, structural similarity and change.
        """
        result: dict[str, Any] = {"count": len(pictures)}
        for name, network in self._networks.items():
            features = extract(network, pictures, count=len(pictures), title=pictures.title)
            result[name] = self._scores(name, features)
            if name == "lite0":
                result["painted_share"] = self.paint.painted_share(features)
        photos = self._real.photos if translated else None
        found = measures.flaws(pictures, photos)
        result |= {key: found[key] / self.flaws[key] for key in FLAWS}
        return result | (_content(photos, pictures) if photos else {})

    def _scores(self, name: str, features: np.ndarray) -> dict[str, float | None]:
        paintings = self._paintings[name]
        reference, others = paintings[list(self._real.judging)], paintings[self._real.others]
        scores = score_features(features, reference, others if len(others) > 1 else reference)
        precision, recall = relative_precision_recall(features, reference, others)
        keys = ("fid", "fid_low", "fid_high", "fid_floor", "kid_mean", "kid_std")
        values = {key: getattr(scores, key) for key in (*keys, "precision", "recall")}
        floor = scores.fid_floor or 0.0
        return values | {
            "above_floor": scores.fid - floor,
            "relative_precision": precision,
            "relative_recall": recall,
        }


def relative_precision_recall(
    features: np.ndarray, reference: np.ndarray, others: np.ndarray, *, seed: int = 0
) -> tuple[float, float]:
    """Precision and recall as parts of those of other real pictures at the same counts.

    Args:
        features: `(n, d)` of what is judged.
        reference: `(m, d)` of real pictures.
        others: `(k, d)` of further real pictures; with fewer than half as many as the reference,
            random halves of the reference stand in for both.
        seed: of the subsets.

    Returns:
        Both ratios, 1 for what is as good as real; means over random subsets of equal counts.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(_DRAWS):
        known, other = reference, others
        if 2 * len(others) < len(reference):
            known, other = np.array_split(rng.permutation(reference), 2)
        count = min(len(features), len(other))
        for judged in (features, other):
            drawn = judged[rng.choice(len(judged), count, replace=False)]
            rows.append(precision_recall(drawn, known, neighbours=_NEIGHBOURS))
    of_judged, of_others = np.mean(rows[::2], axis=0), np.mean(rows[1::2], axis=0)
    precision, recall = of_judged / np.maximum(of_others, 1e-9)
    return float(precision), float(recall)


def _content(photos: PictureSet, pictures: PictureSet) -> dict[str, float]:
    """What translations keep of their photos."""

    def compared(pair: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
        before, after = (to_float(picture)[None] for picture in pair)
        return structural_similarity(before, after)[0], np.abs(after - before).mean()

    rows = in_order(compared, zip(photos, pictures, strict=True), ahead=FAR_AHEAD)
    similarity, change = np.mean(list(rows), axis=0)
    return {"structural_similarity": float(similarity), "change": float(change)}


def _cached_flaws(paintings: PictureSet, cache: Path) -> dict[str, float]:
    # another way of measuring gives other figures
    key = hashlib.sha256(f"{paintings.digest} {inspect.getsource(measures)}".encode())
    path = cache / "flaws" / f"{key.hexdigest()}.json"
    if path.exists():
        return json.loads(path.read_text())
    found = measures.flaws(paintings, None)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(found))
    return found
