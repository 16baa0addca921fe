"""The page: complete, small, harmless whatever files are called, and silent on the network."""

import argparse
import json
import re
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from cyclegan_tf.config.flags import add_flags, flag_values
from cyclegan_tf.config.presets import PRESETS, preset_config
from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.image import grid, save_png
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.reporting import page
from cyclegan_tf.reporting.page import MOST_BYTES, keep_for_report, write_report
from tests.pictures import flat, noise

GOLDEN = Path(__file__).parents[1] / "golden"
EVIL = "<img src=x onerror=alert(1)>"
EPOCH = {
    "epoch": 3, "step": 12, "seconds": 90.0, "gen_ab_loss": 2.5, "disc_b_loss": 0.5, "fid": 4.5,
}  # fmt: skip
EVALUATION = {
    "fid": 55.25, "fid_low": 50.5, "fid_high": 60.5, "fid_floor": 12.5, "untranslated_fid": 99.5,
    "kid_mean": 0.0123, "mifid": None, "precision": 0.25, "layer": "pool_3:0", "notes": ["few"],
}  # fmt: skip


class Tags(HTMLParser):
    """All tags of a page with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    @property
    def said(self):
        return " ".join(" ".join(self.text).split())

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def run_folder(path, *, model="cyclegan", image_size=32, **changes):
    """A run as `train` leaves it, but for weights and state."""
    run = RunFolder(path)
    for folder in (run.samples, run.report_folder):
        folder.mkdir(parents=True)
    config = TrainConfig(model=model, image_size=image_size, **changes)
    versions = {"keras": "3.15", "precision": "float32"}
    run.config_file.write_text(json.dumps({**config.to_dict(), "versions": versions}))
    run.write_metrics([EPOCH])
    return run


def fill(run, *, names, rows=3, size=32):
    """Sheets of noise for all names, facts and two grids of samples."""
    sheets = {
        way: [
            np.stack([noise(8 * i + place, size) for i in range(len(names))])
            for place in range(rows)
        ]
        for way in ("ab", "ba")
    }
    facts = {
        "names": {"ab": names, "ba": names},
        "started": "2026-01-02 03:04", "seconds": 3725.0, "machine": {"machine": "an abacus"},
        "data": "A: 5 images", "warnings": [f"warning: {EVIL}"], "shown": "These were held out.",
    }  # fmt: skip
    keep_for_report(run, facts, sheets)
    for epoch in (0, 3):
        picture = grid([np.stack([flat(epoch, size), flat(99, size)])] * 2)
        save_png(run.samples / f"epoch_{epoch:04d}.png", picture)


def read(run):
    text = write_report(run).read_text()
    assert len(text) < MOST_BYTES
    return text, Tags(text)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """The page of a run that has all there can be."""
    run = run_folder(tmp_path_factory.mktemp("run") / EVIL, data=f"data/{EVIL}", batch_size=2)
    fill(run, names=[EVIL, "b", "</script>", "d", "e", "f", "g", "h"])
    (run.path / "evaluation.json").write_text(json.dumps(EVALUATION))
    return read(run)


def test_names_are_text_and_nothing_else(full):
    text, tags = full
    assert EVIL not in text
    assert len(tags.all("script")) == 1
    assert not any(key.startswith("on") for _, attributes in tags.tags for key in attributes)
    said = tags.said
    assert f"{EVIL}: changed by" in said
    assert f"warning: {EVIL}" in said
    assert f"--data 'data/{EVIL}'" in said


def test_page_asks_nobody_for_anything(full):
    text, tags = full
    addresses = [a[k] for _, a in tags.tags for k in ("src", "href", "srcset", "action") if k in a]
    assert addresses
    assert all(address.startswith("data:") for address in addresses)
    assert not re.search(r"https?:|url\(|@import", text)
    [policy] = [a["content"] for a in tags.all("meta") if "http-equiv" in a]
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_page_says_what_when_how_long_and_where(full):
    said = full[1].said
    for words in (
        "A CycleGAN, which translates A into B and back", "3 epochs of at most 100, 12 steps",
        "started 2026-01-02 03:04", "took 1 h 02 min in all", "steps alone 1 min 30 s",
        "an abacus", "A: 5 images", "These were held out.", "keras 3.15", "seed 0",
    ):  # fmt: skip
        assert words in said


def test_scores_stand_beside_doing_nothing_and_beside_perfection(full):
    said = full[1].said
    assert "FID 55.25 50.5 to 60.5" in said
    assert "FID, untranslated 99.5" in said
    assert "FID, perfect pictures 12.5" in said
    assert "KID 0.0123" in said
    assert "MiFID" not in said  # it is infinite
    assert "4.5 at best, after epoch 3" in said


def test_pictures_of_both_ways_can_be_compared(full):
    _, tags = full
    images = [attributes.get("alt") for attributes in tags.all("img")]
    # six of each way, and three that changed most and least
    assert images.count("before") == images.count("after") == images.count("and back") == 18
    assert [alt for alt in images if alt.startswith("epoch")] == ["epoch 0", "epoch 3"]
    assert len([a for a in tags.all("input") if a["type"] == "range"]) == 19
    assert "From A to B" in tags.said
    assert "From B to A" in tags.said
    assert "Of 8 pictures, these changed most" in tags.said


def test_changed_settings_come_first_and_the_command_repeats_them(full):
    said = full[1].said
    assert said.index("--batch-size 2 1") < said.index("As by default") < said.index("--epochs 100")
    command = said[said.index("python -m cyclegan_tf.train") :]
    assert "--batch-size 2 " in command[: command.index("go on")]


@pytest.mark.parametrize("preset", PRESETS)
def test_command_of_a_page_gives_the_same_settings(preset, tmp_path):
    config = preset_config(preset, data="my set", seed=3, learning_rate=1e-4)
    _, tags = read(RunFolder.create(tmp_path / "run", config))
    command = tags.said[tags.said.index("python -m cyclegan_tf.train") : tags.said.index("go on")]
    parser = argparse.ArgumentParser()
    for name in ("--preset", "--run"):
        parser.add_argument(name)
    add_flags(parser, parser.add_argument_group("start"))
    arguments = parser.parse_args(shlex.split(command)[3:])
    assert preset_config(arguments.preset, **flag_values(arguments)) == config


@pytest.mark.parametrize("name", ["cyclegan", "dcgan"])
def test_run_of_an_earlier_version_has_a_page(name, tmp_path):
    shutil.copytree(GOLDEN / name, tmp_path / name)
    text, tags = read(RunFolder(tmp_path / name))
    assert "Not scored yet" in text
    assert len(tags.all("polyline")) > 5
    assert not tags.all("img")
    assert "Warnings" not in text


def test_earlier_run_shows_what_is_in_its_samples(tmp_path):
    run = run_folder(tmp_path / "run")
    pictures = np.stack([flat(10), flat(20)])
    save_png(run.samples / "epoch_0003.png", grid([pictures, pictures + 7]))
    text, tags = read(run)
    assert [a["alt"] for a in tags.all("img")].count(
        "before"
    ) == 4  # both, the most changed, the least
    assert "picture 1: changed by 7.0 of 255" in tags.said
    assert "From B to A" not in text


def test_model_of_one_way_shows_that_way(tmp_path):
    run = run_folder(tmp_path / "run", model="cut")
    sheet = np.stack([noise(0), noise(1)])
    facts = {"names": {"ab": ["x", "y"], "ba": ["u", "v"]}}
    keep_for_report(run, facts, {"ab": [sheet, 255 - sheet], "ba": [sheet]})
    text, tags = read(run)
    assert "From A to B" in text
    assert "From B to A" not in text
    assert "and back" not in [a["alt"] for a in tags.all("img")]
    assert "B (2 pictures)" in text


def test_dcgan_shows_what_it_invents(tmp_path):
    run = run_folder(tmp_path / "run", model="dcgan", sample_count=4)
    keep_for_report(run, {"names": {"ab": [], "ba": ["u"]}}, {"ba": [noise(0)[None]]})
    save_png(run.samples / "epoch_0003.png", grid([np.stack([noise(1), noise(2)])] * 2))
    text, tags = read(run)
    assert [a["alt"] for a in tags.all("img")] == ["epoch 3"]
    assert "inventions (4 pictures)" in text
    assert "cyclegan_tf.generate" in text


def test_page_of_noise_is_made_small_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "MOST_BYTES", 300_000)
    run = run_folder(tmp_path / "run", image_size=128)
    fill(run, names=[str(i) for i in range(4)], size=128)
    assert write_report(run).stat().st_size < 300_000


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"names": 3}', '{"names": {"ab": "x"}, "warnings": 1}']
)
def test_damaged_facts_and_scores_are_left_out(content, tmp_path):
    run = run_folder(tmp_path / "run")
    (run.report_folder / "facts.json").write_text(content)
    (run.path / "evaluation.json").write_text(content)
    assert "Not scored yet" in read(run)[0]


def test_name_that_is_no_utf8_is_written_all_the_same(tmp_path):
    run = run_folder(tmp_path / "run")
    fill(run, names=["a\udcff", "b"])
    assert "a\\udcff: changed by" in read(run)[0]
