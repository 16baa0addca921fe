"""The weights that come with the package: they load, and paint as their card says."""

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


NAMES = sorted(path.stem for path in WEIGHTS.glob("*.npz"))


def test_there_are_weights_for_photo_to_painting():
    assert "monet_ab" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_shipped_weights_change_a_landscape_as_their_card_says(name):
    row = rf"\| `{name}` \| ([0-9.]+) \| ([0-9.]+) \|\n"
    similarity, moved = map(float, re.search(row, CARD).groups())
    photo = landscape(7, 0, size=256)
    painting = np.asarray(load_generator(*name.split("_")).translate(photo))
    x, y = (np.float32(picture)[None] / 127.5 - 1 for picture in (photo, painting))
    assert float(structural_similarity(x, y)[0]) == pytest.approx(similarity, abs=0.02)
    assert np.abs(x - y).mean() == pytest.approx(moved, abs=0.01)
