import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.data.synthetic.landscapes import landscape


def _mean_difference(first, second):
    return np.abs(first.astype(float) - second.astype(float)).mean()


def _halved(picture):
    return np.asarray(Image.fromarray(picture).reduce(2))


@pytest.fixture(scope="module")
def scenes():
    return [landscape(5, index, size=128) for index in range(12)]


def test_same_seed_and_index_give_the_same_bytes(scenes):
    assert landscape(5, 3, size=128).tobytes() == scenes[3].tobytes()


def test_another_process_gives_the_same_bytes():
    code = (
        "import zlib; from cyclegan_tf.data.synthetic.landscapes import landscape; "
        "print(zlib.crc32(landscape(2, 1, size=32).tobytes()))"
    )
    root = Path(__file__).parents[3]
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=root, check=True)
    assert int(other.stdout) == zlib.crc32(landscape(2, 1, size=32).tobytes())


@pytest.mark.parametrize("size", [16, 33, 64, 200])
def test_landscape_has_the_size_asked_for(size):
    scene = landscape(1, 0, size=size)
    assert scene.shape == (size, size, 3)
    assert scene.dtype == np.uint8


def test_no_two_landscapes_are_alike(scenes):
    pairs = [_mean_difference(a, b) for i, a in enumerate(scenes) for b in scenes[:i]]
    assert np.mean(pairs) > 35
    assert np.min(pairs) > 12


def test_another_seed_gives_another_landscape(scenes):
    assert _mean_difference(landscape(6, 0, size=128), scenes[0]) > 12


def test_landscapes_use_most_of_the_tonal_range(scenes):
    low, high = np.percentile(np.stack(scenes), (1, 99))
    assert low < 30
    assert high > 215


def test_composition_is_the_same_at_half_the_size(scenes):
    for index in range(4):
        small = landscape(5, index, size=64)
        # Other landscapes are about 45 away; ripples and leaves are what remains.
        assert _mean_difference(_halved(scenes[index]), small) < 8


def test_size_below_sixteen_is_refused():
    with pytest.raises(ValueError, match=r"at least 16 pixels.*size=15"):
        landscape(0, 0, size=15)
