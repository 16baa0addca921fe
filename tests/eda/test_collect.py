import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.data.tfrecord import write_records
from cyclegan_tf.eda.collect import survey
from cyclegan_tf.errors import InputError
from tests.pictures import encoded, flat, noise, png


def write(folder: Path, **files: bytes) -> Path:
    """Files by name; the last underscore is the dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / ".".join(name.rsplit("_", 1))).write_bytes(data)
    return folder


@pytest.fixture
def greys(tmp_path):
    """Photos of the greys 100 and 110, a painting of the grey 140, as TFRecords."""
    for kind, levels in (("photo", (100, 110)), ("monet", (140,))):
        (tmp_path / f"{kind}_tfrec").mkdir()
        images = [(f"{kind}{level}", png(flat(level, 16))) for level in levels]
        write_records(tmp_path / f"{kind}_tfrec" / "x.tfrec", kind, images)
    return survey(tmp_path)


def test_histograms_means_and_distances_of_flat_greys(greys):
    assert greys.counts["A"][:, [100, 110]].tolist() == [[256, 256]] * 3
    assert greys.counts["B"][:, 140].tolist() == [256] * 3
    assert [counts.sum() for counts in greys.counts.values()] == [3 * 512, 3 * 256]
    table = greys.channels()
    assert table.loc[("photos", "green"), ["mean", "spread", "median"]].tolist() == [105, 5, 100]
    assert table.loc["paintings"].to_numpy().tolist() == [[140, 0, *[140] * 5]] * 3
    assert greys.distances()["difference"].tolist() == [35] * 3
    assert greys.distances()["distance"].tolist() == pytest.approx([35] * 3)


def test_kaggles_domains_have_names_and_features(greys):
    assert greys.labels == {"A": "photos", "B": "paintings"}
    assert greys.images["name"].tolist() == ["photo100", "photo110", "monet140"]
    features = greys.features[greys.features["domain"] == "paintings"].set_index("feature")
    assert features["type"].tolist() == ["bytes"] * 3
    assert features.loc["image_name", "bytes"] == len("monet140")
    assert features.loc["image", "bytes"] == len(png(flat(140, 16)))
    assert len(greys.skipped) == 0


def test_claims_about_flat_greys_are_judged(greys):
    claims = greys.claims()
    assert claims["holds"].tolist() == ["no"] * 3 + ["cannot be told"] * 2 + ["no"]
    assert claims.index.name == "paintings: the claim"
    assert claims.loc["red is deeper (lower)", ["photos", "paintings"]].tolist() == [
        "105.0",
        "140.0",
    ]
    assert claims.loc["saturation is higher", "difference (95 % interval)"] == (
        "+0.000 (+0.000 to +0.000)"
    )
    assert claims.iloc[-1, 2] == "distances: red 35.0, green 35.0, blue 35.0"
    assert greys.comparison().loc["brightness", ["photos", "paintings"]].tolist() == [
        pytest.approx(105),
        pytest.approx(140),
    ]


def test_sizes_and_modes_are_those_of_the_files(tmp_path):
    picture = Image.fromarray(noise(1, 16)).resize((20, 10))
    rotated = picture.getexif()
    rotated[0x0112] = 6
    write(
        tmp_path / "trainA",
        rgb_png=encoded(picture, "PNG"),
        cmyk_jpg=encoded(picture.convert("CMYK"), "JPEG"),
        grey_jpg=encoded(picture.convert("L"), "JPEG"),
        palette_gif=encoded(picture.convert("P"), "GIF"),
        turned_jpg=encoded(picture, "JPEG", exif=rotated),
        turned2_jpg=encoded(picture, "JPEG", exif=rotated),
    )
    write(tmp_path / "trainB", alpha_png=encoded(Image.new("RGBA", (8, 9)), "PNG"))
    found = survey(tmp_path)
    rows = {tuple(row) for row in found.sizes().to_numpy().tolist()}
    assert rows == {
        ("A", 20, 10, "RGB", "PNG", 1), ("A", 20, 10, "CMYK", "JPEG", 1),
        ("A", 20, 10, "L", "JPEG", 1), ("A", 20, 10, "P", "GIF", 1),
        ("A", 20, 10, "RGB", "JPEG", 2), ("B", 8, 9, "RGBA", "PNG", 1),
    }  # fmt: skip
    assert found.sizes()["images"].tolist()[0] == 2
    assert found.counts["A"].sum() == 6 * 200 * 3
    assert found.counts["B"][:, 255].tolist() == [72] * 3  # transparent: on white paper
    assert found.pictures([4], 8).shape == (1, 8, 8, 3)


def test_test_folders_are_read_too_and_their_copies_found(tmp_path):
    write(tmp_path / "trainA", one_png=png(noise(1)), two_png=png(noise(2)))
    write(tmp_path / "testA", copy_png=png(noise(2)))
    write(tmp_path / "trainB", b_png=png(noise(3)), a_png=png(noise(1)))
    found = survey(tmp_path)
    assert found.totals()["images"].tolist() == [2, 1, 2]
    assert found.totals().index.tolist() == [("A", "trainA"), ("A", "testA"), ("B", "trainB")]
    table = found.duplicates()
    places = table[["group", "kind", "domain", "folder", "name"]].to_numpy().tolist()
    assert places == [
        [1, "first", "A", "trainA", "one"], [1, "same bytes", "B", "trainB", "a"],
        [2, "first", "A", "trainA", "two"], [2, "same bytes", "A", "testA", "copy"],
    ]  # fmt: skip


def test_two_folders_of_ones_own_are_called_by_their_names(tmp_path):
    cats = write(tmp_path / "cats", a_png=png(flat(1)))
    dogs = write(tmp_path / "dogs", b_png=png(flat(2)))
    found = survey(a=cats, b=str(dogs))
    assert found.labels == {"A": "cats", "B": "dogs"}
    assert len(found.features) == 0
    other = write(tmp_path / "more" / "cats", b_png=png(flat(2)))
    assert survey(a=cats, b=other).labels == {"A": "A", "B": "B"}


def test_folders_named_like_columns_of_the_tables_do_not_replace_them(tmp_path):
    low, high = (
        write(tmp_path / name, a_png=png(flat(value))) for name, value in (("low", 1), ("high", 3))
    )
    found = survey(a=low, b=high)
    assert found.labels == {"A": "A", "B": "B"}
    assert found.comparison().columns.is_unique
    assert found.comparison().loc["red", "difference"] == 2


def test_bad_image_is_refused_or_named_and_counted(tmp_path, capsys):
    cats = write(tmp_path / "cats", a_png=png(flat(1)), b_png=b"no image", c_png=png(flat(3)))
    with pytest.raises(InputError, match=r"cats/b\.png is no image: no readable .*skip_bad=True"):
        survey(a=cats, b=cats)
    capsys.readouterr()
    found = survey(a=cats, b=cats, skip_bad=True)
    bad = cats / "b.png"
    assert f"warning: 2 unreadable images skipped ({bad}, {bad})\n" in capsys.readouterr().err
    assert found.totals()["unreadable"].tolist() == [1, 1]
    assert found.totals()["images"].tolist() == [2, 2]
    assert found.skipped["origin"].tolist() == [str(cats / "b.png")] * 2
    assert "no readable image" in found.skipped["reason"][0]
    assert found.pictures([1], 32)[0, 0, 0, 0] == 3


def test_folder_without_any_readable_image_is_refused(tmp_path):
    cats = write(tmp_path / "cats", a_png=png(flat(1)))
    bad = write(tmp_path / "bad", b_png=b"no image")
    with pytest.raises(InputError, match="bad holds no readable image"):
        survey(a=cats, b=bad, skip_bad=True)


def test_wrong_folders_are_told(tmp_path):
    with pytest.raises(InputError, match="given no folder; expected a data set's folder, or both"):
        survey()
    with pytest.raises(InputError, match="given a='x'; expected"):
        survey(a="x")
    with pytest.raises(InputError, match="given data='x', a='y', b='z'; expected"):
        survey("x", a="y", b="z")
    with pytest.raises(InputError, match="nowhere does not exist"):
        survey(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no images"):
        survey(a=tmp_path, b=tmp_path)


def test_pictures_are_centred_squares_in_the_order_asked_for(tmp_path):
    wide = np.concatenate([flat(0, 8), flat(200, 8), flat(0, 8)], axis=1)
    cats = write(tmp_path / "cats", a_png=png(wide), b_png=png(flat(50, 8)), c_png=png(flat(60, 8)))
    found = survey(a=cats, b=cats)
    pictures = found.pictures([5, 0, 1, 5], 8)
    assert (pictures.shape, pictures.dtype) == ((4, 8, 8, 3), np.uint8)
    assert pictures[:, 4, 4, 0].tolist() == [60, 200, 50, 60]
    assert (pictures[1] == 200).all()


def test_sample_is_spread_over_a_domain(tmp_path):
    cats = write(tmp_path / "cats", **{f"{i}_png": png(flat(i)) for i in range(6)})
    found = survey(a=cats, b=cats)
    assert found.sample("A", 3) == [0, 2, 4]
    assert found.sample("B", 2) == [6, 9]
    assert found.sample("B", 99) == [6, 7, 8, 9, 10, 11]


def test_survey_of_folders_and_its_figures_need_no_tensorflow(tmp_path):
    cats = write(tmp_path / "cats", a_png=png(noise(1)), b_png=png(noise(2)))
    script = (
        "import sys; from cyclegan_tf.eda import collect, figures\n"
        f"found = collect.survey(a={str(cats)!r}, b={str(cats)!r})\n"
        "figures.samples(found); figures.histograms(found); found.duplicates()\n"
        "sys.exit(len({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    # in no guarded main, as a user's script would be
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, tmp_path / "script.py"]
    root = Path(__file__).parents[2]
    result = subprocess.run(command, env={"PYTHONPATH": str(root)}, stderr=subprocess.PIPE)
    assert result.returncode == 0, result.stderr.decode()
    assert b"4/4" in result.stderr  # the progress bar


def test_real_survey_finds_what_the_files_hold(real_data):
    found = survey(real_data / "gan-getting-started")
    assert found.totals()["images"].tolist() == [1408, 300]
    assert found.sizes().drop(columns="images").to_numpy().tolist() == [
        ["photos", 256, 256, "RGB", "JPEG"],
        ["paintings", 256, 256, "RGB", "JPEG"],
    ]
    assert found.counts["B"].sum() == 300 * 256 * 256 * 3
    # two reproductions of one painting of a station
    assert {"00244", "00602"} <= set(found.duplicates()["name"])
