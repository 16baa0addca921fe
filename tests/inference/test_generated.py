import numpy as np
import pytest

from cyclegan_tf.data.dataset import ImageSet
from cyclegan_tf.data.pipeline import SquarePictures
from cyclegan_tf.inference.compiled import Translator
from cyclegan_tf.inference.generated import Inventions, Translations
from cyclegan_tf.models.dcgan import sample_latents
from tests.conftest import flat, noise, pixel_network, png

GREYS = (0, 51, 255)  # in [-1, 1]: -1, -0.6 and 1


def photos(*pixels: np.ndarray) -> SquarePictures:
    names = tuple(str(number) for number in range(len(pixels)))
    return SquarePictures("photos", ImageSet(names, tuple(map(png, pixels))), 32)


def scaling(scale: float) -> Translator:
    return Translator(pixel_network(scale, "scaling"), batch_size=2)


def content(pictures: SquarePictures, forth: float, back: float) -> dict[str, float]:
    translations = Translations("set", pictures, scaling(forth), scaling(back))
    assert len(list(translations)) == len(translations) == len(pictures)
    return translations.content_kept()


def test_translations_come_one_by_one_as_pixels():
    translations = Translations("set", photos(*map(flat, GREYS)), scaling(-1.0))
    pictures = list(translations)
    assert [picture.shape for picture in pictures] == [(32, 32, 3)] * 3
    assert [picture.dtype for picture in pictures] == [np.uint8] * 3
    assert [int(picture[0, 0, 0]) for picture in pictures] == [255, 204, 0]
    assert translations.title == "set"


def test_doing_nothing_keeps_everything():
    kept = content(photos(noise(0), noise(1), noise(2)), 1.0, 1.0)
    assert kept == pytest.approx({"cycle_error": 0, "structural_similarity": 1, "change": 0})


def test_change_is_that_of_the_photo_and_the_cycle_may_close_all_the_same():
    kept = content(photos(*map(flat, GREYS)), 0.5, 2.0)
    assert kept["change"] == pytest.approx((0.5 + 0.3 + 0.5) / 3)
    assert kept["cycle_error"] == pytest.approx(0.0, abs=1e-6)


def test_cycle_error_is_that_of_the_way_there_and_back():
    kept = content(photos(*map(flat, GREYS)), 1.0, 0.5)
    assert kept["change"] == pytest.approx(0.0, abs=1e-6)
    assert kept["cycle_error"] == pytest.approx((0.5 + 0.3 + 0.5) / 3)


def test_negatives_have_a_negative_similarity():
    assert content(photos(noise(0)), -1.0, -1.0)["structural_similarity"] < -0.5


def test_a_second_pass_starts_anew():
    translations = Translations("set", photos(*map(flat, GREYS)), scaling(0.5), scaling(1.0))
    means = []
    for _ in range(2):
        list(translations)
        means.append(translations.content_kept())
    assert means[0] == means[1]


def test_without_a_way_back_or_a_pass_nothing_is_told():
    for back in (None, scaling(1.0)):
        translations = Translations("set", photos(flat(0)), scaling(1.0), back)
        if back is None:
            list(translations)
        with pytest.raises(ValueError, match="Expected a pass"):
            translations.content_kept()


class FirstNumber:
    """Draws pictures of one grey, the latent's first number."""

    batch_size = 2

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        assert len(latents) <= self.batch_size
        return np.tile(latents[:, :1, None, None], (1, 4, 4, 3))


def test_inventions_are_those_of_the_seed_in_every_pass():
    inventions = Inventions("inventions", FirstNumber(), 3, 5, seed=7)
    expected = np.rint(np.clip(sample_latents(5, 3, seed=7)[:, 0] + 1, 0, 2) * 127.5)
    for _ in range(2):
        pictures = list(inventions)
        assert [picture.shape for picture in pictures] == [(4, 4, 3)] * 5
        assert [int(picture[0, 0, 0]) for picture in pictures] == expected.tolist()
    assert len(inventions) == 5
