"""Pictures of a trained generator, one by one: translations of whole sets, and inventions."""

from collections.abc import Iterator

import numpy as np

from cyclegan_tf.data import image as images
from cyclegan_tf.data.pipeline import SquarePictures
from cyclegan_tf.inference.compiled import Translator
from cyclegan_tf.metrics.similarity import structural_similarity
from cyclegan_tf.models.dcgan import sample_latents


class Translations:
    """Translates photos one batch at a time, there and back.

    Iterating yields `(h, w, 3)` uint8 translations; afterwards `content_kept` tells the means.

    Args:
        title: what progress bars call the translations.
        photos: what is translated.
        forth: maps `(n, h, w, 3)` float32 in [-1, 1] to translations.
        back: maps translations back; without it nothing is measured.
    """

    def __init__(
        self,
        title: str,
        photos: SquarePictures,
        forth: Translator,
        back: Translator | None = None,
    ) -> None:
        self.title = title
        self._photos = photos
        self._forth = forth
        self._back = back
        self._rows: list[np.ndarray] = []

    def __len__(self) -> int:
        return len(self._photos)

    def __iter__(self) -> Iterator[np.ndarray]:
        self._rows = []
        for photos in self._photos.batches(self._forth.batch_size):
            painted = self._forth(photos)
            if self._back:
                self._rows.append(_content(photos, painted, self._back(painted)))
            yield from images.to_uint8(painted)

    def content_kept(self) -> dict[str, float]:
        """Means over the photos of the last complete pass.

        Returns:
            `cycle_error`: mean absolute error of photo against photo translated there and back,
            in [-1, 1] units; `structural_similarity` of the luminance of photo and translation
            (Wang et al. 2004), 1 for equal ones; `change`: mean absolute difference of the two,
            in [-1, 1] units: a translator that does nothing has 0.

        Raises:
            ValueError: if there was no pass, or no way back.
        """
        if not self._rows:
            raise ValueError("Expected a pass over translations with a way back. Received: none")
        means = np.concatenate(self._rows).mean(axis=0)
        keys = ("cycle_error", "structural_similarity", "change")
        return {key: float(mean) for key, mean in zip(keys, means, strict=True)}


def _content(photos: np.ndarray, painted: np.ndarray, cycled: np.ndarray) -> np.ndarray:
    """`(n, 3)`: cycle error, structural similarity and change of each photo."""
    measures = (
        np.abs(cycled - photos).mean(axis=(1, 2, 3)),
        structural_similarity(photos, painted),
        np.abs(painted - photos).mean(axis=(1, 2, 3)),
    )
    return np.stack(measures, axis=1)


class Inventions:
    """Pictures of a DcGan, of latents that one seed fixes.

    Iterating yields `(h, w, 3)` uint8.

    Args:
        title: what progress bars call them.
        draw: maps `(n, latent_size)` to `(n, h, w, 3)` in [-1, 1].
        latent_size: numbers a picture is made from.
        count: pictures.
        seed: of the latents.
    """

    def __init__(
        self, title: str, draw: Translator, latent_size: int, count: int, *, seed: int = 0
    ) -> None:
        self.title = title
        self._draw = draw
        self._latents = sample_latents(count, latent_size, seed=seed)

    def __len__(self) -> int:
        return len(self._latents)

    def __iter__(self) -> Iterator[np.ndarray]:
        size = self._draw.batch_size
        for start in range(0, len(self), size):
            yield from images.to_uint8(self._draw(self._latents[start : start + size]))
