"""The weights that travel with the package: they load, and paint as their card says."""

import re
from pathlib import Path

import numpy as np
import pytest

from cyclegan_tf.data.synthetic.landscapes import landscape
from cyclegan_tf.inference import shipped
from cyclegan_tf.inference.loading import load_generator
from cyclegan_tf.metrics.similarity import structural_similarity

WEIGHTS = Path(shipped.__file__).parent / "weights"
CARD = (WEIGHTS / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_shipped_weights_change_a_landscape_as_their_card_says(direction):
    row = rf"\| `monet_{direction}` \| ([0-9.]+) \| ([0-9.]+) \|"
    similarity, moved = map(float, re.search(row, CARD).groups())
    photo = landscape(7, 0, size=256)
    painting = np.asarray(load_generator("monet", direction).translate(photo))
    x, y = (np.float32(picture)[None] / 127.5 - 1 for picture in (photo, painting))
    assert float(structural_similarity(x, y)[0]) == pytest.approx(similarity, abs=0.02)
    assert np.abs(x - y).mean() == pytest.approx(moved, abs=0.01)
