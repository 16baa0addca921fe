"""Translation from the command line and from Python, by networks that change nothing, or all."""

import io
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf import translate
from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.dataset import ImageSet, load_data_set
from cyclegan_tf.data.image import encode_jpeg, to_uint8
from cyclegan_tf.data.layouts import named_layout
from cyclegan_tf.data.sources import SquarePictures, load_pictures
from cyclegan_tf.data.tfrecord import write_records
from cyclegan_tf.eda.collect import survey
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.loading import compile_generator, load_generator, load_trained
from cyclegan_tf.io import outputs
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.models import build
from tests.hell.records import example, frame
from tests.kinds import OTHERS, TAKEN
from tests.pictures import encoded, flat, image_set, png, write_files, write_folder
from tests.profiles import as_srgb, cmyk_profile, rgb_profile

UNET = {
    "image_size": 32, "picture_size": 96, "unet_depth": 2, "base_filters": 2,
    "discriminator_filters": 2, "discriminator_layers": 1, "global_skip": True,
}  # fmt: skip
RESNET = {**UNET, "unet_depth": None, "generator": "resnet", "residual_blocks": 1}


def write_run(path, *, lively: bool = False, **changes):
    """An untrained run with global skips: A to B changes nothing, B to A adds 0.4 to all."""
    config = TrainConfig(**UNET | changes)
    run, model = RunFolder.create(path, config), build.build_model(config, total_steps=1)
    rng = np.random.default_rng(0)
    for network, shift in zip(model.generators, (0.0, 0.4), strict=False):
        if config.model == "cyclegan":
            *others, bias = network.get_weights()
            if lively:
                others = [rng.normal(0.0, 0.2, w.shape) for w in others]
            network.set_weights([*others, np.full_like(bias, shift)])
        run.save_weights(network)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run") / "unet")


@pytest.fixture(scope="module")
def generator(run):
    return load_generator(run, tile=64, canvas="full")


def pixels(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def opened(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


SIZES = [(1, 1), (17, 333), (481, 321), (300, 1000), (64, 64)]


@pytest.mark.parametrize("size", SIZES)
def test_untrained_skip_gives_pictures_of_any_size_back(generator, size):
    painted = generator.translate(pixels(*size))
    assert np.abs(np.asarray(painted).astype(int) - pixels(*size)).max() == 0


@pytest.mark.parametrize("changes", [RESNET, {"skip_blur": 8, "unet_depth": 3}, {"norm": "none"}])
def test_every_architecture_takes_any_size(tmp_path, changes):
    translator = load_generator(write_run(tmp_path / "run", **changes), tile=64)
    for size in ((1, 1), (70, 40)):
        painted = np.asarray(translator.translate(np.full((*size, 3), 77, np.uint8)))
        assert painted.shape == (*size, 3)
        assert np.unique(painted).tolist() == [77]  # the blur keeps what is of one colour


def test_three_lines_of_the_documents_make_a_painting(run, tmp_path, monkeypatch):
    document = (Path(__file__).parents[1] / "docs/translating.md").read_text()
    (lines,) = re.findall(r"```python\n([^`]*load_generator\(\"runs/monet[^`]*)```", document)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/monet").symlink_to(run)
    (tmp_path / "holiday.jpg").write_bytes(encode_jpeg(flat(99, 40)))
    exec(lines, {})
    assert np.abs(opened(tmp_path / "painting.png").astype(int) - 99).max() <= 1
    assert len([line for line in lines.splitlines() if line]) == 3


def test_direction_chooses_the_generator(run):
    back = load_generator(run, direction="ba", tile=64)
    assert np.unique(np.asarray(back.translate(flat(100)))).tolist() == [151]  # 0.4 is 51 of 255
    with pytest.raises(InputError, match="--direction is 'b2a'; choose one of: ab, ba"):
        load_generator(run, "b2a")


def test_a_square_size_and_a_longest_side_contradict_each_other(run):
    with pytest.raises(InputError, match="--size 32 and --longest 64 contradict each other"):
        load_generator(run, size=32, longest=64)
    with pytest.raises(InputError, match="--size 32 and --canvas 64 contradict each other"):
        load_generator(run, size=32, canvas=64)


def test_size_gives_the_pixels_that_a_submission_has(tmp_path):
    run = write_run(tmp_path / "run", lively=True)
    config, model = load_trained(RunFolder(run))
    photos = ImageSet(("a", "b"), (png(pixels(50, 70)), png(pixels(96, 96))))
    batch = next(SquarePictures("photos", photos, 96).batches(2))
    expected = to_uint8(compile_generator(config, model)(batch))
    translator = load_generator(run, size=96)
    for photo, painting in zip((pixels(50, 70), pixels(96, 96)), expected, strict=True):
        off = np.abs(np.asarray(translator.translate(photo)).astype(int) - painting)
        assert off.max() <= 1
        assert off.mean() < 0.01


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A folder of what cameras, printers and programs write, named after what is expected."""
    folder = tmp_path_factory.mktemp("inputs") / "odd"
    folder.mkdir()
    turn = Image.Exif()
    turn[0x0112] = 6
    red = (200, 100, 60)
    clear = Image.new("RGBA", (30, 20), (*red, 0))
    stored = Image.new("RGB", (40, 20), red)
    stored.paste((0, 0, 255), (0, 0, 10, 20))  # its left, which becomes the top
    wide = Image.new("RGB", (30, 20), red)
    cyan = Image.new("CMYK", (30, 20), (255, 0, 0, 0))
    files = {
        "turned.jpg": encoded(stored, "JPEG", exif=turn.tobytes(), quality=95),
        "ink.jpg": encoded(cyan, "JPEG", quality=95, icc_profile=cmyk_profile((50, 0, 0))),
        "clear.png": encoded(clear, "PNG"),
        "wide_gamut.png": encoded(wide, "PNG", icc_profile=rgb_profile()),
        "dot.gif": encoded(Image.new("L", (1, 1), 9), "GIF"),
    }  # fmt: skip
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def call(run, *arguments, output) -> int:
    argv = ["--run", str(run), *map(str, arguments), "--output", str(output), "--tile", "64"]
    return translate.main(argv)


def test_folder_of_odd_pictures_becomes_upright_srgb(run, inputs, tmp_path, capsys):
    assert call(run, inputs, output=tmp_path / "out") == 0
    assert capsys.readouterr().out == f"{tmp_path}/out: 5 pictures\n"
    written = {path.name: opened(path).astype(int) for path in (tmp_path / "out").iterdir()}
    assert {name: picture.shape[:2] for name, picture in written.items()} == {
        "turned.jpg": (40, 20), "ink.jpg": (20, 30), "clear.png": (20, 30),
        "wide_gamut.png": (20, 30), "dot.png": (1, 1),
    }  # fmt: skip
    assert np.abs(written["turned.jpg"][:6] - (0, 0, 255)).max() < 12
    assert np.abs(written["turned.jpg"][14:] - (200, 100, 60)).max() < 12
    assert np.abs(written["ink.jpg"] - 119).max() < 4
    assert (written["clear.png"] == 255).all()
    assert np.abs(written["wide_gamut.png"] - as_srgb((200, 100, 60))).max() < 1.5
    assert (written["dot.png"] == 9).all()
    for path in (tmp_path / "out").iterdir():
        with Image.open(path) as image:
            assert "icc_profile" not in image.info
            assert not image.getexif()


def test_records_and_zips_become_a_zip_in_both_directions(run, tmp_path, capsys):
    photos = image_set(3, size=40, prefix="photo")
    write_records(tmp_path / "x.tfrec", "photo", zip(photos.names, photos.encoded, strict=True))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("deep/photo1.jpg", encode_jpeg(flat(90)))
        archive.writestr("../evil.png", png(flat(90)))  # passed over
        archive.writestr("/etc/x.png", png(flat(70)))
        archive.writestr("a/photo1.png", png(flat(80)))
    out = tmp_path / "new" / "out.zip"
    arguments = (tmp_path / "x.tfrec", tmp_path / "x.zip", "--direction", "ba")
    assert call(run, *arguments, output=out) == 0
    with zipfile.ZipFile(out) as archive:
        found = {n: opened(io.BytesIO(archive.read(n))) for n in archive.namelist()}
    assert {name: int(p[0, 0, 0]) for name, p in found.items()} == {
        "photo0.png": 51, "photo1.png": 52, "photo2.png": 53, "x.png": 121,
        "photo1-2.png": 131, "photo1.jpg": 141,
    }  # fmt: skip
    assert found["photo0.png"].shape == (40, 40, 3)
    assert "6 pictures; 1 renamed" in capsys.readouterr().out
    assert not (tmp_path / "evil.png").exists()


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.webp", "x.bmp"])
def test_single_file_has_the_format_of_its_suffix(run, tmp_path, name, capsys):
    (tmp_path / "in.png").write_bytes(png(flat(60)))
    assert call(run, tmp_path / "in.png", output=tmp_path / name) == 0
    with Image.open(tmp_path / name) as image:
        assert image.format == outputs.FORMATS[(tmp_path / name).suffix]
    assert np.abs(opened(tmp_path / name).astype(int) - 60).max() <= 1
    assert capsys.readouterr().out == f"{tmp_path}/{name}: 1 picture\n"


def test_comparison_shows_both_beside_each_other(run, tmp_path):
    (tmp_path / "in.png").write_bytes(png(pixels(20, 30)))
    arguments = (tmp_path / "in.png", "--compare", "--direction=ba")
    assert call(run, *arguments, output=tmp_path / "x.png") == 0
    both = opened(tmp_path / "x.png")
    assert both.shape == (20, 64, 3)
    np.testing.assert_array_equal(both[:, :30], pixels(20, 30))
    assert (both[:, 30:34] == 255).all()
    assert (both[:, 34:] == np.minimum(pixels(20, 30).astype(int) + 51, 255)).all()


def test_strength_and_colours_can_be_chosen(run, tmp_path):
    (tmp_path / "in.png").write_bytes(png(np.full((20, 30, 3), (100, 80, 60), np.uint8)))
    back = load_generator(run, "ba", tile=64)  # adds 51 to each pixel
    arguments = (tmp_path / "in.png", "--direction=ba", "--strength=0.2", "--compare")
    assert call(run, *arguments, output=tmp_path / "x.png") == 0
    assert opened(tmp_path / "x.png")[0, [0, 29, 34, 63]].tolist() == [
        [100, 80, 60], [100, 80, 60], [110, 90, 70], [110, 90, 70],
    ]  # fmt: skip
    grey = flat(140, 8)
    np.testing.assert_array_equal(np.asarray(back.translate(grey, strength=0)), grey)
    assert np.unique(np.asarray(back.translate(grey, keep_colours=True))).tolist() == [191]
    assert call(run, tmp_path / "in.png", "--keep-colours", output=tmp_path / "y.png") == 0
    assert np.abs(opened(tmp_path / "y.png").astype(int) - (100, 80, 60)).max() == 0


def test_canvas_can_be_chosen_and_full_is_the_whole_picture(run, tmp_path):
    (tmp_path / "in.png").write_bytes(png(pixels(260, 300)))
    found = {}
    for canvas in ("full", "auto", "64"):
        output = tmp_path / f"{canvas}.png"
        assert call(run, tmp_path / "in.png", f"--canvas={canvas}", output=output) == 0
        found[canvas] = opened(output)
    # the network changes nothing: what is not reduced comes back to the bit
    np.testing.assert_array_equal(found["full"], pixels(260, 300))
    assert found["auto"].shape == found["64"].shape == (260, 300, 3)
    spread = {canvas: picture.std() for canvas, picture in found.items()}
    assert spread["64"] < 0.8 * spread["auto"]  # noise that the canvas was too small for
    assert call(run, tmp_path / "in.png", output=tmp_path / "default.png") == 0
    np.testing.assert_array_equal(opened(tmp_path / "default.png"), found["auto"])


def test_formats_and_sizes_can_be_chosen(run, inputs, tmp_path):
    assert call(run, inputs, "--format=jpeg", "--size=32", output=tmp_path / "squares") == 0
    names = {p.name: opened(p).shape for p in (tmp_path / "squares").iterdir()}
    assert names == dict.fromkeys(
        ("turned.jpg", "ink.jpg", "clear.jpg", "wide_gamut.jpg", "dot.jpg"), (32, 32, 3)
    )
    assert call(run, inputs, "--longest=15", output=tmp_path / "small") == 0
    shapes = {p.stem: opened(p).shape[:2] for p in (tmp_path / "small").iterdir()}
    assert shapes == {"turned": (15, 8), "ink": (10, 15), "clear": (10, 15),
                      "wide_gamut": (10, 15), "dot": (1, 1)}  # fmt: skip


def test_bad_pictures_are_refused_or_left_out(run, inputs, tmp_path, capsys):
    bad = shutil.copytree(inputs, tmp_path / "bad")
    (bad / "broken.jpg").write_bytes(b"no image")
    assert call(run, bad, output=tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "bad/broken.jpg is no image" in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad"]
    assert call(run, bad, "--skip-bad-images", output=tmp_path / "out") == 0
    said = capsys.readouterr()
    assert f"5 pictures; 1 unreadable images skipped ({bad}/broken.jpg)" in said.out
    assert "warning: " in said.err
    assert "broken.jpg is no image: no readable image (text: 'no image'); skipped" in said.err
    assert len(list((tmp_path / "out").iterdir())) == 5


FAULTS = {
    "missing run": (["in.png", "--run=gone", "--output=x.png"], "gone holds no run"),
    "missing input": (["gone.png", "--run=run", "--output=x.png"], "gone.png does not exist"),
    "no input": (["--run=run", "--output=x.png"], "INPUT"),
    "existing file": (["in.png", "--run=run", "--output=in.png"], "in.png exists and is not"),
    "existing folder": (["in.png", "--run=run", "--output=set"], "set exists and is not"),
    "DcGan": (["in.png", "--run=dcgan", "--output=x"], "expected one of --model cyclegan"),
    "no image": (["text.txt", "--run=run", "--output=x"], "text.txt is no image"),
    "many for one": (["set", "--run=run", "--output=x.png"], "name of one picture"),
    "two for one": (["in.png", "in.png", "--run=run", "--output=x.png"], "name of one picture"),
    "zip for one": (["two.zip", "--run=run", "--output=x.png"], "name of one picture"),
    "suffix": (["in.png", "--run=run", "--output=x.tiff"], "suffix that is not written"),
    "format": (["in.png", "--run=run", "--output=x.png", "--format=png"], "leave it out"),
    "tile": (["in.png", "--run=run", "--output=x.png", "--tile=9"], "--tile is 9"),
    "strength": (["in.png", "--run=run", "--output=x.png", "--strength=1.5"], "--strength is 1.5"),
    "run and weights": (["in.png", "--run=run", "--weights=x", "--output=x.png"], "not allowed"),
    "weights": (["in.png", "--weights=mine", "--output=x.png"], "weights are called 'mine'"),
    "weights file": (["in.png", "--weights=text.npz", "--output=x.png"], "holds no generator"),
    "canvas": (["in.png", "--run=run", "--output=x.png", "--canvas=9"], "8,192 or auto or full."),
    "no canvas": (["in.png", "--run=run", "--output=x.png", "--canvas=big"], "--canvas is big"),
    "size": (["in.png", "--run=run", "--output=x.png", "--size=0"], "--size is 0"),
    "both": (["in.png", "--run=run", "--output=x", "--size=9", "--longest=9"], "not allowed"),
    "direction": (["in.png", "--run=run", "--output=x.png", "--direction=up"], "is 'up'; choose"),
    "output inside a file": (["in.png", "--run=run", "--output=in.png/x"], "cannot be"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_end_in_one_line_and_leave_nothing(name, run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").symlink_to(run)
    write_folder(tmp_path / "set", image_set(2))
    (tmp_path / "in.png").write_bytes(png(flat(1)))
    (tmp_path / "text.txt").write_text("no image")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for entry in ("1.png", "2.png"):
            archive.writestr(entry, png(flat(1)))
    RunFolder.create(tmp_path / "dcgan", TrainConfig(model="dcgan"))
    before = sorted(path.name for path in tmp_path.iterdir())
    argv, words = FAULTS[name]
    assert translate.main(argv) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_tile_that_is_too_small_for_the_network_is_refused(tmp_path):
    run = write_run(tmp_path / "run", unet_depth=5, picture_size=96)
    with pytest.raises(InputError, match="takes multiples of 32 pixels; expected at least 42"):
        load_generator(run, tile=41)


def test_failure_in_the_middle_leaves_nothing(run, inputs, tmp_path, monkeypatch):
    def full(pixels, image_format):
        raise RuntimeError("a defect")

    monkeypatch.setattr("cyclegan_tf.data.image.encode", full)
    for name in ("out", "out.zip"):
        with pytest.raises(RuntimeError, match="a defect"):
            call(run, inputs, output=tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_memory_that_is_too_small_is_told_with_what_helps(
    run, inputs, tmp_path, monkeypatch, capsys
):
    def exhausted(self, pictures):
        raise MemoryError

    monkeypatch.setattr("cyclegan_tf.inference.translator.Translator.translate_all", exhausted)
    assert call(run, inputs, output=tmp_path / "out") == 1
    assert "take a smaller --tile, or reduce the pictures with --longest" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_grey_run_writes_grey_files(tmp_path, run):
    grey = write_run(tmp_path / "grey", channels=1)
    (tmp_path / "in.png").write_bytes(png(pixels(40, 30)))
    expected = Image.fromarray(pixels(40, 30)).convert("L")
    for name in ("x.png", "x.jpg", "x.webp"):
        assert call(grey, tmp_path / "in.png", output=tmp_path / name) == 0
    with Image.open(tmp_path / "x.png") as image:
        assert image.mode == "L"
        assert np.abs(np.asarray(image).astype(int) - np.asarray(expected)).max() <= 1
    with Image.open(tmp_path / "x.jpg") as image:
        assert image.mode == "L"
    painted = load_generator(grey, tile=64).translate(tmp_path / "in.png")
    assert (painted.mode, painted.size) == ("L", (30, 40))


def test_range_of_the_training_is_that_of_translations(tmp_path):
    run = write_run(tmp_path / "run", range=(0, 4095))
    ramp = np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)
    (tmp_path / "in.png").write_bytes(encoded(Image.fromarray(ramp), "PNG"))
    assert call(run, tmp_path / "in.png", output=tmp_path / "x.png") == 0
    np.testing.assert_array_equal(opened(tmp_path / "x.png")[..., 0], np.round(ramp / 4095 * 255))


def test_picture_beyond_the_limit_is_translated_reduced(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("cyclegan_tf.data.image.MAX_PIXELS", 20_000)
    (tmp_path / "in.jpg").write_bytes(encode_jpeg(flat(80, 160)))
    assert call(run, tmp_path / "in.jpg", "--canvas=full", output=tmp_path / "x.png") == 2
    error = capsys.readouterr().err
    assert "in.jpg is no image: no readable image (160 x 160 pixels are too many; at" in error
    assert "translate --longest" in error
    assert call(run, tmp_path / "in.jpg", "--longest=64", output=tmp_path / "x.png") == 0
    assert opened(tmp_path / "x.png").shape == (64, 64, 3)
    assert call(run, tmp_path / "in.jpg", output=tmp_path / "y.png") == 0  # on a canvas
    height, width, _ = opened(tmp_path / "y.png").shape
    assert height == width and height * width <= 20_000


def test_empty_folder_is_a_place_for_translations(run, tmp_path):
    write_folder(tmp_path / "set", image_set(2))
    (tmp_path / "out").mkdir()
    assert call(run, tmp_path / "set", output=tmp_path / "out") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "image0.png",
        "image1.png",
    ]


def test_features_of_others_are_translated(run, tmp_path):
    data = b"".join(
        frame(example({"left": png(flat(n)), "right": png(flat(9)), "key": b"n%d.jpg" % n}))
        for n in range(2)
    )
    (tmp_path / "x.tfrec").write_bytes(data)
    features = "--features=image=left,name=key"
    assert call(run, tmp_path / "x.tfrec", features, output=tmp_path / "out") == 0
    written = {path.name: opened(path)[0, 0, 0] for path in (tmp_path / "out").iterdir()}
    assert written == {"n0.png": 0, "n1.png": 1}


def test_all_commands_take_the_same_pictures_and_say_the_same(run, tmp_path, capsys):
    folder = write_files(
        tmp_path / "set", TAKEN | {name: data for name, (data, _) in OTHERS.items()}
    )
    said = []

    def told() -> None:
        lines = capsys.readouterr().err.splitlines()
        said.append([line for line in lines if line.startswith("note: ")])

    layout = named_layout(a=str(folder), b=str(folder))
    names = load_data_set(layout, validation_fraction=0, skip_bad=False).train_b.names
    told()
    assert call(run, folder, output=tmp_path / "out") == 0
    told()
    assert load_pictures(folder).names == names
    told()
    assert tuple(survey(a=folder, b=folder).images["name"][:7]) == names
    told()
    assert sorted(path.stem for path in (tmp_path / "out").iterdir()) == list(names)
    assert {line for lines in said for line in lines} == set(said[0])
    assert len(set(said[0])) == 1
