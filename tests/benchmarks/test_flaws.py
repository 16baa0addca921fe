"""Halo, streaks and weave of drawn pictures, whose figures can be worked out."""

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.judging.flaws import flat_areas, flaws, halo, luminance, streaks, weave

SIZE = 128
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE].astype(np.float32)
EVERYWHERE = np.ones((SIZE, SIZE), bool)


def step(rim: float = 0.0) -> np.ndarray:
    """Dark on the left, bright on the right; along the edge 3 pixels that go too far by `rim`."""
    light = np.where(COLUMNS < SIZE / 2, 0.25, 0.75)
    beside = np.abs(COLUMNS - SIZE / 2 + 0.5) < 3
    return light + np.where(beside, np.where(light > 0.5, 1.0, -1.0) * rim * 0.5, 0.0)


def test_a_plain_step_has_no_halo():
    assert halo(step()) == pytest.approx(0.0, abs=1e-6)


def test_halo_is_the_rims_part_of_the_step():
    assert halo(step(rim=0.2)) == pytest.approx(0.2, abs=1e-6)


def test_a_halo_does_not_depend_on_the_edges_direction():
    assert halo(step(rim=0.2)[::-1, ::-1].T) == pytest.approx(0.2, abs=1e-6)


def test_a_sharpened_edge_has_more_halo_than_a_soft_one():
    soft = ndimage.gaussian_filter(step(), 2.0)
    sharpened = soft + 1.5 * (soft - ndimage.gaussian_filter(soft, 3.0))
    assert halo(soft) < 0.01
    assert halo(sharpened) > 0.1


def test_a_picture_without_strong_edges_has_no_figure():
    assert np.isnan(halo(0.1 * COLUMNS / SIZE))


def waves(rows: float, columns: float, *, period: int = 11) -> np.ndarray:
    """Stripes down and across, of these amplitudes."""
    turn = 2 * np.pi / period
    return 0.5 + rows * np.sin(turn * ROWS) + columns * np.sin(turn * COLUMNS)


def test_streaks_are_the_energy_of_stripes():
    # the gradient of a sine by differences over 2 pixels, after a Gaussian of 1 pixel; its mean
    # square over windows of 3 periods is half of its amplitude's
    turn = 2 * np.pi / 11
    gradient = 0.1 * np.sin(turn) * np.exp(-(turn**2) / 2)
    inner = EVERYWHERE & (np.abs(ROWS - 64) < 40) & (np.abs(COLUMNS - 64) < 40)
    assert streaks(waves(0.1, 0.0), inner) == pytest.approx(gradient / np.sqrt(2), rel=0.01)
    assert streaks(waves(0.0, 0.1), inner) == pytest.approx(gradient / np.sqrt(2), rel=0.01)


def test_what_has_no_direction_has_no_streaks():
    inner = EVERYWHERE & (np.abs(ROWS - 64) < 40) & (np.abs(COLUMNS - 64) < 40)
    both = streaks(waves(0.1, 0.1), inner)
    assert both < 0.1 * streaks(waves(0.1, 0.0), inner)


def test_slanted_stripes_are_streaks_as_well():
    slanted = 0.5 + 0.1 * np.sin(2 * np.pi / 11 * (ROWS + COLUMNS))
    assert streaks(slanted, EVERYWHERE) > streaks(waves(0.1, 0.0), EVERYWHERE)


def test_streaks_count_only_where_it_was_flat():
    light = np.where(ROWS < 64, waves(0.1, 0.0), 0.5)
    assert streaks(light, ROWS > 100) == pytest.approx(0.0, abs=1e-5)
    assert np.isnan(streaks(light, np.zeros_like(EVERYWHERE)))


def test_a_ramp_is_flat_and_texture_is_not():
    noise = np.random.default_rng(0).normal(0.5, 0.1, (SIZE, SIZE)).astype(np.float32)
    ramp = (ROWS + COLUMNS) / (2 * SIZE)
    flat = flat_areas(np.where(COLUMNS < 64, ramp, noise), 1.0, 0.008)
    assert flat[:, :40].all()
    assert not flat[:, 90:].any()


def test_strokes_are_blurred_away_before_a_painting_is_called_flat():
    strokes = waves(0.1, 0.1, period=4)
    assert not flat_areas(strokes, 1.0, 0.002).any()
    assert flat_areas(strokes, 6.0, 0.002)[20:-20, 20:-20].all()


def test_a_checkerboard_is_all_weave():
    checkerboard = 0.4 + 0.2 * ((ROWS // 4 + COLUMNS // 4) % 2)
    assert weave(checkerboard.astype(np.float32)) > 0.9


def test_noise_has_hardly_any_weave():
    noise = np.random.default_rng(0).normal(0.5, 0.1, (SIZE, SIZE)).astype(np.float32)
    assert weave(noise) < 0.05


def test_a_weave_below_a_grey_level_counts_for_little():
    faint = 0.4 + 0.2 / 255 * ((ROWS // 4 + COLUMNS // 4) % 2)
    assert weave(faint.astype(np.float32)) < 0.05


def test_luminance_is_that_of_rec_601():
    colours = np.array([[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 0]], np.uint8)
    assert luminance(colours) == pytest.approx([1.0, 0.299, 0.587, 0.0], abs=1e-6)


def test_a_set_has_the_mean_of_those_that_have_a_figure():
    def picture(light: np.ndarray) -> np.ndarray:
        return np.rint(255 * light)[:, :, None].repeat(3, axis=2).astype(np.uint8)

    grey = picture(np.full((SIZE, SIZE), 0.5))
    found = flaws([picture(step(rim=0.2)), grey], [grey, grey])
    assert found["halo"] == pytest.approx(0.2, abs=0.01)  # grey has no edges
    assert found["streaks"] > 0
    assert np.isfinite(found["weave"])
