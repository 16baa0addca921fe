"""Pictures of a trained generator, one by one: translations of whole sets, and inventions."""

from collections.abc import Callable, Iterator

import numpy as np

from cyclegan_tf.data.image import to_uint8
from cyclegan_tf.data.sources import SquarePictures
from cyclegan_tf.inference.compiled import CompiledGenerator
from cyclegan_tf.models.dcgan import sample_latents


class TranslatedPictures:
    """Translates photos one batch at a time.

    Iterating yields `(h, w, 3)` uint8 translations.

    Args:
        title: what progress bars call the translations.
        photos: what is translated.
        forth: maps `(n, h, w, 3)` float32 in [-1, 1] to translations.
        measure: is shown each batch of photos and their translations.
    """

    def __init__(
        self,
        title: str,
        photos: SquarePictures,
        forth: CompiledGenerator,
        measure: Callable[[np.ndarray, np.ndarray], None] | None = None,
    ) -> None:
        self.title = title
        self._photos = photos
        self._forth = forth
        self._measure = measure

    def __len__(self) -> int:
        return len(self._photos)

    def __iter__(self) -> Iterator[np.ndarray]:
        for photos in self._photos.batches(self._forth.batch_size):
            painted = self._forth(photos)
            if self._measure:
                self._measure(photos, painted)
            yield from to_uint8(painted)


class GeneratedPictures:
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
        self, title: str, draw: CompiledGenerator, latent_size: int, count: int, *, seed: int = 0
    ) -> None:
        self.title = title
        self._draw = draw
        self._latents = sample_latents(count, latent_size, seed=seed)

    def __len__(self) -> int:
        return len(self._latents)

    def __iter__(self) -> Iterator[np.ndarray]:
        size = self._draw.batch_size
        for start in range(0, len(self), size):
            yield from to_uint8(self._draw(self._latents[start : start + size]))
