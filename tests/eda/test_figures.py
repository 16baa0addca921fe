import io

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.eda import figures
from cyclegan_tf.eda.collect import survey
from cyclegan_tf.io.figures import Plate
from tests.pictures import flat, noise, png


def write(folder, pictures: dict[str, np.ndarray]):
    folder.mkdir()
    for name, pixels in pictures.items():
        (folder / f"{name}.png").write_bytes(png(pixels))
    return folder


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    root = tmp_path_factory.mktemp("figures")
    dark = {f"a{i}": noise(i) // 2 for i in range(5)} | {"copy": noise(0) // 2}
    light = {f"b{i}": noise(9 + i) // 2 + 100 for i in range(4)} | {"a $0$\n": noise(1) // 2}
    return survey(a=write(root / "dark", dark), b=write(root / "light", light))


def texts(plate: Plate) -> list[str]:
    return [text.get_text() for axes in plate.axes for text in axes.get_legend().get_texts()]


def test_plate_is_shown_as_a_picture_by_notebooks():
    picture = Image.open(io.BytesIO(Plate(3, 2)._repr_png_()))
    assert (picture.format, picture.size) == ("PNG", (330, 220))


def test_figure_tells_beside_its_png_whether_it_shows_pictures(found):
    shown = [draw(found)._repr_mimebundle_() for draw in (figures.samples, figures.histograms)]
    assert [notes["cyclegan_tf"]["pictures"] for _, notes in shown] == [True, False]
    assert [data for data, _ in shown] == [{}, {}]  # the PNG is added by `_repr_png_`


def test_title_has_a_height_of_its_own():
    assert Plate(3, 2, "title").get_figheight() > Plate(3, 2).get_figheight() == 2


@pytest.mark.parametrize(
    "draw",
    [
        figures.totals,
        figures.samples,
        figures.histograms,
        figures.brightness_and_saturation,
        figures.differences,
        figures.distances,
        lambda found: figures.duplicates(found, found.duplicates()),
    ],
)
def test_every_figure_draws(found, draw):
    plate = draw(found)
    assert plate.get_suptitle()
    pixels = np.asarray(Image.open(io.BytesIO(plate._repr_png_())).convert("L"))
    assert pixels.std() > 5  # something is there
    assert not [axes for axes in plate.axes if axes.axison and not axes.get_xlabel()]


def test_bars_are_as_long_as_their_folders(found):
    bars = figures.totals(found).axes[0].patches
    assert [bar.get_width() for bar in bars] == [6, 5]


def test_histograms_mark_the_means_and_sum_to_all_pixels(found):
    plate = figures.histograms(found)
    means = found.channels()["mean"]
    for axes, channel in zip(plate.axes, ("red", "green", "blue"), strict=True):
        lines = [path.vertices[0, 0] for c in axes.collections for path in c.get_paths()]
        assert lines == pytest.approx([means["dark", channel] + 0.5, means["light", channel] + 0.5])
        assert [sum(steps.get_data().values) for steps in axes.patches] == pytest.approx([100] * 4)
    assert texts(plate)[0] == f"dark, mean {means['dark', 'red']:.0f}"


def test_points_of_the_scatter_are_the_images(found):
    axes = figures.brightness_and_saturation(found).axes[0]
    points = np.concatenate([c.get_offsets() for c in axes.collections[::2]])
    expected = found.images[["brightness", "saturation"]].to_numpy()
    np.testing.assert_allclose(points, expected)


def test_differences_are_drawn_as_effects(found):
    line = figures.differences(found).axes[0].containers[0].lines[0]
    np.testing.assert_allclose(line.get_xdata().astype(float), found.comparison()["effect"])


def test_duplicates_are_named_with_what_they_share(found):
    plate = figures.duplicates(found, found.duplicates())
    titles = [axes.get_title(loc="left") for axes in plate.axes]
    assert titles == [
        "same bytes\ndark: a1 | light: a \\$0\\$?",
        "same bytes\ndark: a0 | dark: copy",
    ]
    assert len(figures.duplicates(found, found.duplicates(), most=1).axes) == 1


def test_large_group_is_cut_and_the_rest_counted(tmp_path):
    many = write(tmp_path / "many", {f"n{i}": noise(0) for i in range(6)})
    found = survey(a=many, b=write(tmp_path / "other", {"x": noise(5)}))
    plate = figures.duplicates(found, found.duplicates())
    assert plate.axes[0].get_title(loc="left").startswith("same bytes, and 2 more\nmany: n0 | ")
    assert plate.axes[0].images[0].get_array().shape == (192, 4 * 192 + 3 * 6, 3)


def test_single_flat_pictures_without_duplicates_can_be_drawn(tmp_path):
    black = write(tmp_path / "black", {"a": flat(0)})
    found = survey(a=black, b=write(tmp_path / "white", {"b": flat(255)}))
    for draw in (figures.histograms, figures.differences, figures.distances, figures.samples):
        draw(found)._repr_png_()
    plate = figures.duplicates(found, found.duplicates())
    assert [text.get_text() for text in plate.texts] == ["No image repeats another."]
