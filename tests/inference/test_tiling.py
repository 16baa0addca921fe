import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyclegan_tf.inference.tiling import Frame, Tiling, mirrored, sample, smallest_tile


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (height, width, 3)).astype(np.float32)


def test_places_beyond_a_side_are_reflected_as_often_as_it_takes():
    assert mirrored(np.arange(-5, 9), 4).tolist() == [1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert mirrored(np.arange(-3, 4), 2).tolist() == [1, 0, 1, 0, 1, 0, 1]
    assert mirrored(np.arange(-3, 4), 1).tolist() == [0] * 7


def test_short_side_is_one_tile_in_the_middle_of_its_reflection():
    axis = Frame(1024, multiple=16, margin=16).divide(100)
    # 100 + 2 * 16 is 132, the next multiple 144, of which the margins show 32
    assert (axis.shown, axis.core, axis.starts) == (144, 112, (-6,))
    assert axis.places(0)[[0, 21, 22, 121, 122]].tolist() == [22, 1, 0, 99, 98]
    assert axis.inside(0) == (slice(0, 100), slice(6, 106))


def test_fitting_side_without_margin_is_shown_as_it_is():
    axis = Frame(1024, multiple=256).divide(256)
    assert axis.places(0).tolist() == list(range(256))


def test_smallest_side_is_kept():
    assert Frame(1024, multiple=4, least=16).divide(1).shown == 16


def test_long_side_becomes_equal_tiles_at_distances_that_are_multiples():
    axis = Frame(1024, multiple=16, margin=16).divide(4000)
    # five steps of at most 768 px and an overlap of 256: steps of 748.8, made multiples
    assert axis.starts == (-8, 744, 1496, 2248, 3000)
    assert (axis.core, axis.shown) == (752 + 256, 1040)
    assert axis.starts[-1] + axis.core == 4008  # 8 px beyond the side, as at its beginning


def test_deep_network_has_tiles_of_its_multiple():
    axis = Frame(1024, multiple=256).divide(3000)
    assert (axis.shown, axis.starts) == (1024, (-164, 604, 1372, 2140))


@pytest.mark.parametrize(("multiple", "tile"), [(1, 1), (4, 5), (16, 21), (256, 341)])
def test_tile_that_cannot_go_on_by_a_multiple_is_refused(multiple, tile):
    assert smallest_tile(multiple) == tile
    Frame(tile, multiple=multiple)
    with pytest.raises(ValueError, match=rf"at least {tile}. Received: {tile - 1}"):
        Frame(tile - 1, multiple=multiple)


def test_tiles_fade_into_each_other_along_half_a_wave():
    axis = Frame(8, multiple=1).divide(14)
    assert (axis.starts, axis.core) == ((0, 6), 8)
    first, second = axis.weights()
    # 0.5 - 0.5 cos(pi / 4) and its complement
    assert first == pytest.approx([1] * 6 + [0.853553, 0.146447], abs=1e-6)
    assert second == pytest.approx([0.146447, 0.853553] + [1] * 6, abs=1e-6)


def test_one_tile_counts_in_full():
    assert (Frame(8).divide(8).weights() == 1).all()


@settings(max_examples=150, deadline=None)
@given(
    length=st.integers(1, 3000),
    level=st.integers(0, 6),
    margin=st.integers(0, 40),
    spare=st.integers(0, 300),
)
def test_every_side_is_covered_by_alike_tiles_whose_weights_add_up_to_1(
    length, level, margin, spare
):
    multiple = 2**level
    frame = Frame(smallest_tile(multiple) + spare, multiple=multiple, margin=margin, least=16)
    axis = frame.divide(length)
    assert axis.shown % multiple == 0
    assert axis.shown >= 16
    assert axis.core < max(frame.tile + multiple, 16 + multiple)
    total = np.zeros(length)
    for number, row in enumerate(axis.weights()):
        place, part = axis.inside(number)
        total[place] += row[part]
        np.testing.assert_array_equal(
            axis.places(number)[axis.margin :][part], np.arange(place.start, place.stop)
        )
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert {step % multiple for step in np.diff(axis.starts)} <= {0}


SIZES = [(1, 1), (17, 333), (481, 321), (300, 1000), (64, 64), (65, 1)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("frame", [Frame(64, multiple=8, margin=5), Frame(400, multiple=16)])
def test_tiles_that_are_not_changed_give_the_picture_back(size, frame):
    tiling = Tiling(*size, frame)
    tiles = list(tiling.cut(picture(*size)))
    assert len(tiles) == len(tiling)
    assert {tile.shape for tile in tiles} == {(*tiling.shown, 3)}
    np.testing.assert_allclose(tiling.join(iter(tiles)), picture(*size), atol=1e-6)


def neighbours(tile: np.ndarray) -> np.ndarray:
    """A convolution that pads with zeros: the mean of a pixel and the four beside it."""
    padded = np.pad(tile, ((1, 1), (1, 1), (0, 0)))
    sides = padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
    return (sum(sides) + tile) / 5


def test_what_looks_less_far_than_the_margin_sees_no_tiles():
    whole = picture(200, 150)
    padded = np.pad(whole, ((9, 9), (9, 9), (0, 0)), mode="reflect")
    expected = neighbours(neighbours(padded))[9:-9, 9:-9]
    tiling = Tiling(200, 150, Frame(64, multiple=8, margin=2))
    assert len(tiling) == 12
    joined = tiling.join(neighbours(neighbours(tile)) for tile in tiling.cut(whole))
    np.testing.assert_allclose(joined, expected, atol=1e-6)


def test_tiles_of_different_tone_leave_no_step():
    tiling = Tiling(64, 1000, Frame(400))
    tones = np.array([-1.0, 1.0, -1.0])
    joined = tiling.join(np.full((*tiling.shown, 3), tone) for tone in tones)
    # half a wave of height 2 over the 100 px of an overlap
    steepest = 2 * np.sin(np.pi / 2 / 100)
    assert np.abs(np.diff(joined, axis=1)).max() <= steepest + 1e-6
    assert joined.min() == -1
    assert joined.max() == 1


def test_pictures_of_bytes_are_cut_as_bytes():
    pixels = np.arange(30, dtype=np.uint8).reshape(2, 5, 3)
    (tile,) = Tiling(2, 5, Frame(8, multiple=4)).cut(pixels)
    assert (tile.dtype, tile.shape) == (np.uint8, (4, 8, 3))
    np.testing.assert_array_equal(tile[1:3, 1:6], pixels)


def test_number_of_tiles_must_be_right():
    tiling = Tiling(8, 8, Frame(8))
    with pytest.raises(ValueError, match="zip"):
        tiling.join(iter([]))


def test_sample_of_a_small_picture_is_all_of_it():
    squares = sample(picture(200, 300), 100, most=6)
    assert squares.shape == (6, 100, 100, 3)
    np.testing.assert_array_equal(squares[4], picture(200, 300)[100:, 100:200])


def test_sample_of_a_large_picture_reaches_its_corners_and_keeps_its_aspect():
    places = np.stack(np.mgrid[:300, :1200], -1)
    squares = sample(places, 10, most=16)
    # twice as many columns as rows would be too few: 16 x 300 / 1200 is 2 rows of 8
    assert squares[:, 0, 0].tolist() == [[y, round(x * 170)] for y in (0, 290) for x in range(8)]


def test_picture_smaller_than_a_square_is_mirrored_around_its_middle():
    squares = sample(np.arange(12).reshape(1, 12, 1), 4, most=16)
    assert squares[:, 0, :, 0].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert sample(np.arange(3).reshape(3, 1, 1), 5, most=1)[0, :, 0, 0].tolist() == [1, 0, 1, 2, 1]


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (700, 701), (3000, 4000)])
def test_sample_is_never_larger_than_allowed(size):
    assert 4 <= len(sample(np.zeros((*size, 1), bool), 256, most=16)) <= 16
