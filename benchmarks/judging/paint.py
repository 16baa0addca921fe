"""A judge of paint: tells photos from paintings by the features of a network."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

# Inverse of the penalty: with more features than pictures any classifier is right about those that
# it was fitted on, and a weak penalty makes it all the surer of others.
_PENALTY = 0.01


class PaintJudge:
    """Logistic regression of photos against paintings.

    Each set is cut into two halves at random. One judge is fitted on the first halves and tested
    on the second, another one the other way round; both give their verdict on what is judged.

    Args:
        photos: `(n, d)` features, n at least 4.
        paintings: `(m, d)` features, m at least 4.
        seed: of the halves.

    Attributes:
        photos_right, paintings_right: shares of each that are called by their name by the judge
            that was not fitted on them.
    """

    def __init__(self, photos: np.ndarray, paintings: np.ndarray, *, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        halves = [np.array_split(rng.permutation(len(x)), 2) for x in (photos, paintings)]
        self._judges = []
        right: list[tuple[float, float]] = []
        for fitted, tested in ((0, 1), (1, 0)):
            judge = _fit(photos[halves[0][fitted]], paintings[halves[1][fitted]])
            self._judges.append(judge)
            called = [
                judge.predict(x[half[tested]])
                for x, half in zip((photos, paintings), halves, strict=True)
            ]
            right.append((1.0 - called[0].mean(), called[1].mean()))
        self.photos_right, self.paintings_right = map(float, np.mean(right, axis=0))

    def painted_share(self, features: np.ndarray) -> float:
        """The share of `(n, d)` features that are called paintings, a mean of both judges."""
        return float(np.mean([judge.predict(features).mean() for judge in self._judges]))


def _fit(photos: np.ndarray, paintings: np.ndarray) -> Pipeline:
    # balanced: that there are more photos is no reason to call anything a photo
    regression = LogisticRegression(C=_PENALTY, class_weight="balanced", max_iter=1000)
    labels = np.repeat([0, 1], [len(photos), len(paintings)])
    return make_pipeline(StandardScaler(), regression).fit(np.vstack([photos, paintings]), labels)
