import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.inference import canvas
from cyclegan_tf.inference.canvas import enlarge, on_canvas
from tests.pictures import flat, noise


def edge(left: int, right: int, side: int = 16) -> np.ndarray:
    picture = np.full((side, side, 3), left, np.uint8)
    picture[:, side // 2 :] = right
    return picture


def soft(picture: np.ndarray) -> np.ndarray:
    """Columns in a row that have neither the colour of the left nor that of the right."""
    row = picture[len(picture) // 2, :, 0].astype(int)
    return np.flatnonzero((np.abs(row - row[0]) > 5) & (np.abs(row - row[-1]) > 5))


@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [((40, 80), 20, (20, 40)), ((90, 30), 20, (60, 20)), ((31, 45), 20, (20, 29))],
)
def test_shorter_side_becomes_that_of_the_canvas(shape, side, expected):
    assert on_canvas(np.zeros((*shape, 3), np.uint8), side).shape == (*expected, 3)


def test_picture_that_is_no_larger_stays_itself():
    picture = noise(0, 32)
    assert on_canvas(picture, 32) is picture
    assert on_canvas(picture, 33) is picture


@pytest.mark.parametrize("size", [(16, 16), (33, 50), (64, 48)])
def test_one_colour_stays_it_at_every_size(size):
    assert np.unique(enlarge(flat(77, 16), *size)).tolist() == [77]
    assert enlarge(flat(77, 16), *size).shape == (*size, 3)


def test_edge_becomes_a_step_without_a_halo():
    painting = Image.fromarray(edge(60, 200))
    plain, sharp = (
        np.asarray(painting.resize((64, 64), how))
        for how in (Image.Resampling.BILINEAR, Image.Resampling.LANCZOS)
    )
    crisp = enlarge(edge(60, 200), 64, 64)
    # four pixels were one: enlarging alone leaves the edge as soft as that, or puts rims beside it
    assert len(soft(plain)) == 4
    assert (sharp.min(), sharp.max()) != (60, 200)
    assert soft(crisp).tolist() == [31, 32]
    assert (crisp.min(), crisp.max()) == (60, 200)


def test_beyond_four_times_the_canvas_it_is_only_enlarged():
    painting = noise(0, 8)
    crisp = Image.fromarray(enlarge(painting, 32, 32))
    expected = np.asarray(crisp.resize((80, 80), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(enlarge(painting, 80, 80), expected)


def test_large_pictures_are_made_crisp_in_bands(monkeypatch):
    whole = enlarge(noise(0, 32), 100, 90)
    monkeypatch.setattr(canvas, "_BAND", 7)
    np.testing.assert_array_equal(enlarge(noise(0, 32), 100, 90), whole)


def test_nothing_is_darker_or_lighter_than_what_is_around_it():
    painting = noise(0, 8)
    large = enlarge(painting, 64, 64)
    padded = np.pad(painting, ((1, 1), (1, 1), (0, 0)), mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    for y in range(8):
        for x in range(8):
            # of the canvas pixels that a place lies between
            rows, columns = slice(max(0, y - 1), y + 2), slice(max(0, x - 1), x + 2)
            cell = large[8 * y : 8 * y + 8, 8 * x : 8 * x + 8]
            assert (cell >= around[rows, columns].min((0, 1, 3, 4)).astype(int) - 1).all()
            assert (cell <= around[rows, columns].max((0, 1, 3, 4)).astype(int) + 1).all()
