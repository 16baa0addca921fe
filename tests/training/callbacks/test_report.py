"""The report is written as the training goes on, and takes next to none of its time."""

import json

import numpy as np
import pytest

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.dataset import DataSet, ImageSet
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.training.callbacks import report as module
from cyclegan_tf.training.callbacks.build import build_report
from cyclegan_tf.training.callbacks.report import Report, facts_so_far
from tests.pictures import image_set, noise
from tests.tiny_models import pixel_cyclegan
from tests.training.callbacks.test_samples import fit


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", TrainConfig(image_size=32, sample_every=2))


def written(run, monkeypatch, *, share: float, epochs: int) -> list[int]:
    """After how many epochs a report was written."""
    epochs_done = []
    monkeypatch.setattr(module, "_SHARE", share)
    monkeypatch.setattr(module, "write_report", lambda run: None)

    def draw():
        epochs_done.append(model.steps_done)
        return {}

    model = pixel_cyclegan()
    fit(model, [Report(run, draw, dict, every=2)], epochs=epochs, steps=1)
    return epochs_done


def test_report_comes_before_training_every_n_epochs_and_at_the_end(run, monkeypatch):
    assert written(run, monkeypatch, share=1e9, epochs=5) == [0, 2, 4, 5]


def test_reports_that_would_take_too_long_are_left_out_but_for_the_last(run, monkeypatch):
    # nothing was spent before the first one
    assert written(run, monkeypatch, share=0.0, epochs=7) == [0, 2, 7]


def translator(scale):
    return lambda pictures: scale * pictures


def test_sheets_show_both_ways_and_what_leads_back(run, monkeypatch):
    monkeypatch.setattr(
        "cyclegan_tf.training.callbacks.build.compile_way_back",
        lambda config, model, traced: translator(-0.5),
    )
    data = DataSet(image_set(3), image_set(4), image_set(2), ImageSet(), ImageSet(), False, ())
    built = build_report(
        run.config(), run, data=data, model=None, generator=translator(-1.0), facts=dict
    )
    sheets = built.draw()
    # greys 0 and 1 of 255 that were held out; their negative; half of that, and back
    np.testing.assert_array_equal([row[0, 0, 0, 0] for row in sheets["ab"]], [0, 255, 64])
    np.testing.assert_array_equal([len(row) for row in sheets["ab"]], [2, 2, 2])
    # without held-out pictures of B those of the training
    np.testing.assert_array_equal([len(row) for row in sheets["ba"]], [4, 4, 4])
    facts = built.facts()
    assert facts["names"]["ab"] == ("image0", "image1")
    assert facts["shown"] == "These pictures were held out from the training."
    assert built.every == 2


def test_page_is_whole_and_keeps_what_earlier_sessions_noted(run):
    warnings = ["warning: one"]
    facts = facts_so_far(run, {"data": "A"}, seconds=100.0, warnings=warnings)
    sheets = {"ab": [np.stack([noise(0)])]}
    fit(pixel_cyclegan(), [Report(run, lambda: sheets, facts, every=1)], epochs=1)
    first = json.loads((run.report_folder / "facts.json").read_text())
    assert run.report.read_text().endswith("</html>")
    later = facts_so_far(run, {"data": "B"}, seconds=200.0, warnings=["warning: two"])()
    assert later["started"] == first["started"]
    assert later["data"] == "B"
    assert later["warnings"] == ["warning: one", "warning: two"]
    assert 200.0 <= later["seconds"] < 300.0
    assert not list(run.path.rglob("partial.*"))
