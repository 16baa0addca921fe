import numpy as np

from cyclegan_tf.data.dataset import ImageSet
from cyclegan_tf.data.sources import SquarePictures
from cyclegan_tf.inference.compiled import CompiledGenerator
from cyclegan_tf.inference.generated import GeneratedPictures, TranslatedPictures
from cyclegan_tf.models.dcgan import sample_latents
from tests.pictures import flat, png
from tests.tiny_models import pixel_network

GREYS = (0, 51, 255)  # in [-1, 1]: -1, -0.6 and 1


def photos(*pixels: np.ndarray) -> SquarePictures:
    names = tuple(str(number) for number in range(len(pixels)))
    return SquarePictures("photos", ImageSet(names, tuple(map(png, pixels))), 32)


def scaling(scale: float) -> CompiledGenerator:
    return CompiledGenerator(pixel_network(scale, "scaling"), batch_size=2)


def test_translations_come_one_by_one_as_pixels():
    translations = TranslatedPictures("set", photos(*map(flat, GREYS)), scaling(-1.0))
    pictures = list(translations)
    assert [picture.shape for picture in pictures] == [(32, 32, 3)] * 3
    assert [picture.dtype for picture in pictures] == [np.uint8] * 3
    assert [int(picture[0, 0, 0]) for picture in pictures] == [255, 204, 0]
    assert translations.title == "set"


def test_what_measures_is_shown_each_batch_with_its_translations():
    shown = []
    pictures = photos(*map(flat, GREYS))
    translations = TranslatedPictures(
        "set", pictures, scaling(-1.0), lambda *pair: shown.append(pair)
    )
    assert len(list(translations)) == 3
    assert [len(before) for before, _ in shown] == [2, 1]
    for before, after in shown:
        np.testing.assert_array_equal(after, -before)


class FirstNumber:
    """Draws pictures of one grey, the latent's first number."""

    batch_size = 2

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        assert len(latents) <= self.batch_size
        return np.tile(latents[:, :1, None, None], (1, 4, 4, 3))


def test_inventions_are_those_of_the_seed_in_every_pass():
    inventions = GeneratedPictures("inventions", FirstNumber(), 3, 5, seed=7)
    expected = np.rint(np.clip(sample_latents(5, 3, seed=7)[:, 0] + 1, 0, 2) * 127.5)
    for _ in range(2):
        pictures = list(inventions)
        assert [picture.shape for picture in pictures] == [(4, 4, 3)] * 5
        assert [int(picture[0, 0, 0]) for picture in pictures] == expected.tolist()
    assert len(inventions) == 5
