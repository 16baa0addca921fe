import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.data.synthetic.landscapes import landscape
from cyclegan_tf.data.synthetic.painting import monet_palette, painting


def _mean_difference(first, second):
    return np.abs(first.astype(float) - second.astype(float)).mean()


def _halved(picture):
    return np.asarray(Image.fromarray(picture).reduce(2))


@pytest.fixture(scope="module")
def scenes():
    return [landscape(5, index, size=128) for index in range(12)]


@pytest.fixture(scope="module")
def paintings(scenes):
    return [painting(scene, 5, index) for index, scene in enumerate(scenes)]


def test_same_seed_and_index_give_the_same_bytes(scenes, paintings):
    assert painting(scenes[3], 5, 3).tobytes() == paintings[3].tobytes()


def test_another_process_gives_the_same_bytes():
    code = (
        "import zlib; from cyclegan_tf.data.synthetic.painting import painting; "
        "from cyclegan_tf.data.synthetic.landscapes import landscape; "
        "scene = landscape(2, 1, size=32); "
        "print(zlib.crc32(painting(scene, 2, 1).tobytes()))"
    )
    root = Path(__file__).parents[3]
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=root, check=True)
    scene = landscape(2, 1, size=32)
    assert int(other.stdout) == zlib.crc32(painting(scene, 2, 1).tobytes())


@pytest.mark.parametrize("size", [16, 33, 64, 200])
def test_painting_has_the_size_of_the_scene(size):
    painted = painting(landscape(1, 0, size=size), 1, 0)
    assert painted.shape == (size, size, 3)
    assert painted.dtype == np.uint8


def test_another_index_moves_the_strokes_but_keeps_the_picture(scenes, paintings):
    again = painting(scenes[0], 5, 99)
    assert 2 < _mean_difference(again, paintings[0]) < 20


def test_painting_changes_the_colours_clearly(scenes, paintings):
    change = np.mean([_mean_difference(a, b) for a, b in zip(scenes, paintings, strict=True)])
    assert 35 < change < 55


def test_most_of_the_change_is_the_palette(scenes, paintings):
    small = [(_halved(a), _halved(monet_palette(a))) for a in scenes]
    whole = np.mean(
        [_mean_difference(s[0], _halved(b)) for s, b in zip(small, paintings, strict=True)]
    )
    strokes = np.mean(
        [_mean_difference(s[1], _halved(b)) for s, b in zip(small, paintings, strict=True)]
    )
    assert 0.05 * whole < strokes < 0.35 * whole


def test_painting_shows_strokes_where_the_scene_is_flat():
    flat = np.full((64, 64, 3), 120, np.uint8)
    painted = painting(flat, 0, 0).astype(float)
    assert painted.std(axis=(0, 1)).min() > 4
    assert np.abs(painted.mean((0, 1)) - monet_palette(flat)[0, 0]).max() < 6


def test_palette_rises_with_the_brightness_of_greys():
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, 1)
    mapped = monet_palette(greys).astype(int)
    luminance = mapped @ (0.299, 0.587, 0.114)
    assert (np.diff(mapped, axis=0) >= 0).all()
    assert (np.diff(luminance) >= 0).all()
    assert luminance[-1] - luminance[0] > 180


def test_palette_lifts_black_to_violet_and_warms_white_to_cream():
    black, white = monet_palette(np.array([[0, 0, 0], [255, 255, 255]], np.uint8))
    assert black.tolist() == [38, 43, 92]  # 255 * (0.15, 0.17, 0.36), rounded
    assert white.tolist() == [255, 247, 222]  # 255 * (1.00, 0.97, 0.87), rounded


def test_palette_keeps_different_colours_different(scenes):
    colours = np.unique(np.stack(scenes)[:, ::4, ::4].reshape(-1, 3) // 16 * 16, axis=0)
    mapped = np.unique(monet_palette(colours.astype(np.uint8)), axis=0)
    assert len(mapped) > 0.99 * len(colours)


@pytest.mark.parametrize(
    ("scene", "message"),
    [
        (np.zeros((32, 16, 3), np.uint8), r"square RGB.*shape=\(32, 16, 3\)"),
        (np.zeros((32, 32), np.uint8), r"square RGB.*shape=\(32, 32\)"),
        (np.zeros((32, 32, 3), np.float32), r"uint8.*dtype=float32"),
        (np.zeros((8, 8, 3), np.uint8), r"at least 16.*side=8"),
    ],
)
def test_painting_refuses_what_is_no_scene(scene, message):
    with pytest.raises(ValueError, match=message):
        painting(scene, 0, 0)
