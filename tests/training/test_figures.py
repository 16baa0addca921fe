import io

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data import image
from cyclegan_tf.io.figures import Plate
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.training import figures


def pixels(figure: Plate) -> np.ndarray:
    with Image.open(io.BytesIO(figure._repr_png_())) as picture:
        return np.asarray(picture.convert("RGB"))


def shown(figure: Plate) -> list[tuple[str, np.ndarray]]:
    """Name and picture of each panel."""
    return [
        (axes.get_ylabel() or axes.get_title(), axes.images[0].get_array())
        for axes in figure.axes
        if axes.images
    ]


def greys(values: list[int], side: int = 8) -> np.ndarray:
    """A row of pictures of one grey each."""
    return np.stack([np.full((side, side, 3), value, np.uint8) for value in values])


def run_with_grids(folder, epochs: list[int], rows: int = 2, **config) -> RunFolder:
    """A run whose translations at epoch n are of grey n, its originals of grey 200."""
    run = RunFolder.create(folder / "run", TrainConfig(image_size=32, **config))
    for epoch in epochs:
        grid = [greys([200] * 3, 32), *[greys([epoch] * 3, 32)] * (rows - 1)]
        image.save_png(run.samples / f"epoch_{epoch:04d}.png", image.grid(grid))
    return run


def test_scores_get_a_panel_though_some_epochs_have_none():
    rows = [{"epoch": epoch, "cycle_loss": 1.0} for epoch in (1, 2, 3)]
    scored = [rows[0], rows[1] | {"fid": 0.5, "kid": 0.1}, rows[2]]
    widths = [pixels(figures.loss_curves(each)).shape[1] for each in (rows, scored)]
    assert widths == [462, 924]  # 4.2 inches a panel, 110 pixels an inch


def test_run_without_an_epoch_says_so_instead_of_curves():
    figure = figures.loss_curves([])
    assert [text.get_text() for text in figure.texts] == ["No epoch is done yet."]
    assert pixels(figure).shape[1] == 1210


def test_each_kind_of_log_has_its_panel():
    row = {
        "epoch": 1,
        "gen_loss": 1.0,
        "disc_loss": 0.5,
        "disc_real_accuracy": 0.9,
        "sample_diversity": 0.8,
        "learning_rate": 2e-4,
    }
    figure = figures.loss_curves(iter([row, row | {"epoch": 2, "gen_loss": 3.0}]))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["generators", "discriminators", "discriminators' verdicts", "diversity"]
    drawn = [list(axes.lines[0].get_ydata()) for axes in figure.axes]
    assert drawn == [[1.0, 3.0], [0.5, 0.5], [0.9, 0.9], [0.8, 0.8]]
    assert figure.get_suptitle() == "Training curves: 2 epochs"


def test_legends_name_domains_and_networks():
    row = {"epoch": 1, "gen_ab_loss": 2.0, "disc_a_loss": 0.6, "disc_b_fake_accuracy": 0.75}
    many = [row | {"epoch": epoch} for epoch in (1, 2, 3)]
    figure = figures.loss_curves(many, names=("photo", "Monet"), title="mine")
    legends = [axes.get_legend().get_texts() for axes in figure.axes]
    assert [[text.get_text() for text in texts] for texts in legends] == [
        ["photo to Monet, generator"],
        ["photo, discriminator"],
        ["Monet: generated ones", "guessing"],
    ]
    assert figure.get_suptitle() == "mine"


def test_run_of_one_epoch_is_a_point_with_its_value_in_the_middle():
    axes = figures.loss_curves([{"epoch": 7, "cycle_loss": 0.25}]).axes[0]
    assert axes.get_xlim() == (6.4, 7.6)
    assert axes.get_xticks().tolist() == [7]
    assert axes.get_legend().get_texts()[0].get_text() == "there and back, both ways: 0.25"
    assert axes.lines[0].get_marker() == "o"


def test_rounding_error_is_drawn_as_a_level():
    rows = [{"epoch": epoch, "gen_loss": 0.693 + 1e-6 * epoch} for epoch in range(5)]
    low, high = figures.loss_curves(rows).axes[0].get_ylim()
    assert high - low == pytest.approx(0.0693, rel=0.01)


@pytest.mark.parametrize(("loss", "curves"), [(0.0, 1), (0.1, 2)])
def test_identity_loss_that_is_not_computed_has_no_curve(loss, curves):
    rows = [{"epoch": epoch, "cycle_loss": 1.0, "identity_loss": loss} for epoch in (1, 2)]
    assert len(figures.loss_curves(rows).axes[0].lines) == curves


def test_rows_of_pictures_carry_their_names():
    floats = np.full((2, 8, 8, 3), -1.0, np.float32)
    rows = shown(figures.picture_rows({"white": greys([255, 255]), "black": floats}))
    assert [name for name, _ in rows] == ["white", "black"]
    assert rows[0][1].shape == (8, 2 * 8 + 1, 3)  # a white pixel between the two
    assert rows[1][1][0].mean(axis=-1).tolist() == [0.0] * 8 + [255.0] + [0.0] * 8


def test_figures_are_pngs_by_themselves():
    assert pixels(figures.picture_rows({"one": greys([0])})).shape[1] == 1210  # 11 inches


def test_labels_of_axes_stay_within_the_figure():
    others = {
        **{f"gen_{way}_loss": 2.0 for way in ("ab", "ba")},
        **{f"disc_{side}_{kind}_accuracy": 0.7 for side in "ab" for kind in ("real", "fake")},
        **{f"disc_{side}_loss": 1.3 for side in "ab"},
    }
    cycle_losses = [0.604, 0.4785, 0.4685, 0.493, 0.5175, 0.471, 0.4505]
    rows = [
        {"epoch": epoch, "cycle_loss": loss, **others}
        for epoch, loss in enumerate(cycle_losses, start=1)
    ]
    assert (pixels(figures.loss_curves(rows))[:, :2] == 255).all()


def test_samples_over_the_epochs_begin_with_the_originals(tmp_path):
    run = run_with_grids(tmp_path, list(range(0, 101, 10)))
    rows = shown(figures.samples_over_epochs(run, most=3))
    names, middles = zip(*((name, int(row[16, 16, 0])) for name, row in rows), strict=True)
    assert names == ("original", "epoch 0", "epoch 50", "epoch 100")
    assert middles == (200, 0, 50, 100)
    assert all(row.shape == (32, 3 * 32 + 2, 3) for _, row in rows)


def test_true_translations_in_a_grid_are_left_out(tmp_path):
    run = run_with_grids(tmp_path, [0, 7], rows=3)
    assert len(shown(figures.samples_over_epochs(run))) == 3


def test_grids_of_a_dcgan_stand_beside_each_other(tmp_path):
    run = run_with_grids(tmp_path, [0, 5, 10, 15], model="dcgan", batch_size=2)
    panels = shown(figures.samples_over_epochs(run))
    assert [name for name, _ in panels] == ["epoch 0", "epoch 5", "epoch 10", "epoch 15"]
    assert panels[2][1][40, 10, 0] == 10


def test_run_without_samples_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no samples"):
        figures.samples_over_epochs(run_with_grids(tmp_path, []))


def test_a_picture_of_a_run_has_a_title(tmp_path):
    image.save_png(tmp_path / "strip.png", greys([7])[0])
    ((title, picture),) = shown(figures.picture(tmp_path / "strip.png", "a strip"))
    assert title == "a strip"
    assert (np.asarray(picture) == 7).all()
