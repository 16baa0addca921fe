"""Pictures of any size through networks that are NumPy functions."""

import itertools

import keras
import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.data.dataset import ImageSet
from cyclegan_tf.data.image import load_upright, to_float, to_uint8, upright_rgb
from cyclegan_tf.data.sources import SquarePictures
from cyclegan_tf.data.srgb import Levels
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference import translator
from cyclegan_tf.inference.compiled import AnySizeGenerator
from cyclegan_tf.inference.tiling import Frame, Tiling
from cyclegan_tf.inference.translator import Translator
from tests.pictures import encoded, png
from tests.profiles import as_srgb, rgb_profile

FRAME = Frame(128, multiple=8, margin=4, least=16)


class Noting:
    """A network that notes the shapes of its batches."""

    def __init__(self, change=lambda batch: batch) -> None:
        self.change, self.shapes = change, []

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        assert batch.dtype == np.float32
        assert np.abs(batch).max() <= 1
        self.shapes.append(batch.shape)
        return self.change(batch)


def pixels(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (17, 333), (481, 321), (300, 1000), (128, 128)])
def test_network_that_changes_nothing_gives_every_picture_back(size):
    network = Noting()
    painted = Translator(network, FRAME).translate(pixels(*size))
    np.testing.assert_array_equal(np.asarray(painted), pixels(*size))
    assert {(h % 8, w % 8) for _, h, w, _ in network.shapes} == {(0, 0)}


def test_every_kind_of_input_is_the_same_picture(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(png(pixels(20, 30)))
    invert = Translator(Noting(lambda batch: -batch), FRAME)
    for picture in (path, str(path), Image.open(path), pixels(20, 30)):
        painted = invert.translate(picture)
        assert painted.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(painted), 255 - pixels(20, 30))


def test_open_image_is_turned_and_converted_like_a_file():
    tall = Image.new("RGB", (8, 4), (200, 100, 60))
    tall.info["icc_profile"] = rgb_profile()
    tall.getexif()[0x0112] = 6
    painted = Translator(Noting(), FRAME).translate(tall)
    assert painted.size == (4, 8)
    assert np.abs(np.asarray(painted) - as_srgb((200, 100, 60))).max() < 1.5
    assert not painted.getexif()
    assert "icc_profile" not in painted.info


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_arrays_of_another_kind_are_refused(array):
    with pytest.raises(ValueError, match=r"Expected pixels as \(h, w, 3\) uint8. Received: \("):
        Translator(Noting(), FRAME).translate(array)


def test_files_that_are_no_image_are_named(tmp_path):
    paint = Translator(Noting(), FRAME).translate
    (tmp_path / "x.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"x\.jpg is no image: no readable image"):
        paint(tmp_path / "x.jpg")
    with pytest.raises(InputError, match=r"gone\.jpg cannot be read \(No such file"):
        paint(tmp_path / "gone.jpg")


def test_size_shows_the_pixels_that_training_shows():
    files = [encoded(Image.fromarray(pixels(50, 90, seed)), "PNG") for seed in range(2)]
    files.append(encoded(Image.fromarray(pixels(600, 700)), "PNG"))  # reduced, as when it is read
    squares = SquarePictures(
        "set",
        ImageSet(("a",) * 3, tuple(upright_rgb(f, shrink_above=512) for f in files)),
        32,
    )
    seen = []
    network = Noting(lambda batch: seen.extend(batch) or batch)
    small = Translator(network, Frame(128), size=32)
    for data in files:
        painted = small.translate(load_upright(data))
        assert painted.size == (32, 32)
    np.testing.assert_array_equal(np.stack(seen), next(squares.batches(3)))
    assert small.shape(50, 90) == (32, 32)


def test_longest_reduces_and_never_enlarges():
    reduced = Translator(Noting(), FRAME, longest=30)
    assert reduced.translate(pixels(20, 60)).size == (30, 10)
    assert reduced.translate(pixels(5, 30)).size == (30, 5)
    assert reduced.translate(pixels(1, 600)).size == (30, 1)
    shapes = [(20, 60), (5, 30), (1, 600), (77, 41)]
    for height, width in shapes:
        painted = reduced.translate(pixels(height, width))
        assert reduced.shape(height, width) == painted.size[::-1]


def test_pictures_of_one_shape_are_one_batch(monkeypatch):
    monkeypatch.setattr(translator, "_TOGETHER", 3 * 32 * 32)
    monkeypatch.setattr(translator, "_WAITING", 12 * 32 * 32)
    network = Noting(lambda batch: -batch)
    sizes = [(24, 24), (20, 22), (24, 40), (21, 23), (23, 24), (24, 38), (200, 10)]
    pictures = [(n, pixels(*size, seed=n)) for n, size in enumerate(sizes)]
    done = {n: (original, painted) for n, original, painted in
            Translator(network, FRAME).translate_all(iter(pictures))}  # fmt: skip
    assert sorted(done) == list(range(7))
    for number, picture in pictures:
        np.testing.assert_array_equal(done[number][0], picture)
        np.testing.assert_array_equal(done[number][1], 255 - picture)
    # three of 24 px, two wide ones, the long one's tiles one by one, what is left of 24 px
    long = Tiling(200, 10, FRAME).shown
    tiles = [(1, *long, 3)] * 2
    assert network.shapes == [(3, 32, 32, 3), (2, 32, 48, 3), *tiles, (1, 32, 32, 3)]


def test_few_pictures_wait_for_others(monkeypatch):
    monkeypatch.setattr(translator, "_TOGETHER", 100 * 32 * 32)
    monkeypatch.setattr(translator, "_WAITING", 3 * 32 * 32)
    read = []
    pictures = ((n, read.append(n) or pixels(24, 24)) for n in range(50))
    next(Translator(Noting(), FRAME).translate_all(pictures))
    assert len(read) == 4


def test_large_pictures_are_painted_on_their_canvas_and_keep_their_size():
    network = Noting(lambda batch: -batch)
    small = Translator(network, FRAME, canvas=32)
    photo = np.repeat(np.linspace(40, 200, 180, dtype=np.uint8)[None, :, None], 3, -1)
    photo = np.repeat(photo, 96, 0)  # a slope, which reducing and enlarging leave as it is
    [(key, original, painted)] = small.translate_all([("x", photo)])
    assert (key, original is photo) == ("x", True)
    # 32 x 60 of 96 x 180, a margin of 4 on each side, multiples of 8
    assert network.shapes == [(1, 40, 72, 3)]
    assert painted.shape == photo.shape
    off = np.abs(painted.astype(int) - (255 - photo))
    assert off[:, 9:-9].max() <= 2


@pytest.mark.parametrize("size", [(32, 32), (17, 333), (300, 20)])
def test_pictures_no_larger_than_the_canvas_are_painted_as_they_are(size):
    network = Noting(lambda batch: -batch)
    painted = Translator(network, FRAME, canvas=32).translate(pixels(*size))
    np.testing.assert_array_equal(np.asarray(painted), 255 - pixels(*size))


def test_squares_and_batches_know_no_canvas():
    network = Noting()
    square = Translator(network, FRAME, size=96, canvas=32).translate(pixels(96, 96))
    np.testing.assert_array_equal(np.asarray(square), pixels(96, 96))
    array = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    np.testing.assert_allclose(Translator(network, FRAME, canvas=32).batch(array), array, atol=1e-6)


def test_large_pictures_do_not_wait_for_others_of_their_canvas(monkeypatch):
    monkeypatch.setattr(translator, "_WAITING", 3 * 100 * 100)
    read = []
    pictures = ((n, read.append(n) or pixels(100, 100)) for n in range(50))
    next(Translator(Noting(), FRAME, canvas=16).translate_all(pictures))
    assert len(read) == 4


def test_tiles_of_a_picture_get_the_tone_of_its_sample():
    samples = []

    def tone(sample: np.ndarray):
        samples.append(sample)
        return lambda batch: batch - sample.mean() + 0.2

    def never(batch: np.ndarray) -> np.ndarray:
        raise AssertionError("the network with the statistics of each tile was asked")

    picture = np.full((300, 700, 3), 51, np.uint8)  # -0.6
    painted = Translator(never, FRAME, tone=tone).translate(picture)
    assert np.unique(np.asarray(painted)).tolist() == [153]  # 0.2
    assert [(s.shape, s.dtype) for s in samples] == [((6, 256, 256, 3), np.float32)]


def test_tiles_look_like_the_whole_picture():
    inputs = keras.Input((None, None, 3))
    norm = keras.layers.GroupNormalization(groups=-1, epsilon=1e-6, scale=False)
    network = AnySizeGenerator(keras.Model(inputs, norm(inputs) / 4))
    rng = np.random.default_rng(0)
    picture = 127 + rng.integers(-1, 2, (512, 512, 3))  # a sky with a little noise,
    picture[:, 256:] += rng.choice([-90, 90], (512, 256, 3))  # beside trees
    picture = picture.astype(np.uint8)
    whole = np.asarray(Translator(network, Frame(512)).translate(picture)).astype(int)
    of_one_tone = Translator(network, Frame(128), tone=network.with_tone_of).translate(picture)
    assert np.abs(np.asarray(of_one_tone) - whole).max() <= 2
    # a tile of sky alone is made as lively as the trees
    each_alone = np.asarray(Translator(network, Frame(128)).translate(picture)).astype(int)
    assert np.abs(each_alone - whole)[:, :128].max() > 30


def tile_statistics(batch: np.ndarray) -> np.ndarray:
    """What instance norm does to the tone: it depends on what else is in the tile."""
    mean, deviation = batch.mean((1, 2), keepdims=True), batch.std((1, 2), keepdims=True)
    return np.clip((batch - mean) / (3 * deviation), -1, 1)


def test_tiles_of_different_tone_leave_no_seam():
    y, x = np.mgrid[:300, :700]
    light = 127 + 60 * np.sin(x / 9) * np.sin(y / 7) * (x < 350) + 60 * (x > 420)
    picture = np.repeat(light[..., None], 3, -1).astype(np.uint8)
    painted = np.asarray(Translator(tile_statistics, FRAME).translate(picture)).astype(int)
    tiling = Tiling(300, 700, FRAME)
    # the tones differ: one tile knows nothing but the dark half, another one nothing but the light
    assert len(tiling) > 12
    for axis, side in ((0, tiling.rows), (1, tiling.columns)):
        steps = np.abs(np.diff(painted, axis=axis)).max(axis=(1 - axis, 2))
        borders = sorted({p for s in side.starts for p in (s - 1, s + side.core - 1)})
        borders = [place for place in borders if 0 <= place < len(steps)]
        others = np.delete(steps, borders)
        assert steps[borders].max() <= others.max()


def test_batch_of_any_size_is_what_the_generator_makes_of_it():
    array = np.random.default_rng(0).uniform(-1, 1, (3, 17, 150, 3)).astype(np.float32)
    network = Noting(lambda batch: batch / 2)
    translated = Translator(network, FRAME, size=8).batch(array)
    assert translated.dtype == np.float32
    np.testing.assert_allclose(translated, array / 2, atol=1e-6)
    assert {(h % 8, w % 8) for _, h, w, _ in network.shapes} == {(0, 0)}
    assert Translator(network, FRAME).batch(array[:0]).shape == (0, 17, 150, 3)


@pytest.mark.parametrize(
    "array", [np.zeros((1, 8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.float32)]
)
def test_batch_that_is_none_is_refused(array):
    with pytest.raises(ValueError, match=r"as \(n, h, w, 3\) float32 in \[-1, 1\]. Received: \("):
        Translator(Noting(), FRAME).batch(array)


def halving(sides: tuple[int | None, int | None]) -> keras.Model:
    """A model that halves each pixel, and needs sides that it can halve."""
    inputs = keras.Input((*sides, 3))
    smaller = keras.layers.AveragePooling2D(2)(inputs)
    larger = keras.layers.UpSampling2D()(smaller)
    scaled = keras.layers.Rescaling(0.5)(inputs)
    return keras.Model(inputs, keras.layers.Add()([scaled, 0 * larger]))


@pytest.mark.parametrize("sides", [(None, None), (32, 32)])
@pytest.mark.parametrize("size", [(17, 45), (32, 32), (100, 33)])
def test_any_keras_model_translates_pictures_of_any_size(sides, size):
    translated = np.asarray(Translator(halving(sides)).translate(pixels(*size)))
    expected = to_uint8(to_float(pixels(*size)) / 2)
    assert np.abs(translated.astype(int) - expected).max() <= 1


def test_subclassed_model_translates_large_pictures_too():
    class Inverting(keras.Model):
        def call(self, x):
            return -x

    frame = Frame(64, multiple=16)
    translated = np.asarray(Translator(Inverting(), frame).translate(pixels(70, 90)))
    np.testing.assert_array_equal(translated, 255 - pixels(70, 90))


def test_model_that_computes_in_half_the_digits_gives_float32():
    keras.config.set_dtype_policy("mixed_float16")
    translated = Translator(halving((None, None))).batch(np.full((1, 8, 8, 3), 0.5, np.float32))
    assert translated.dtype == np.float32
    assert np.unique(translated).tolist() == [0.25]


def test_model_that_changes_the_shape_is_refused():
    inputs = keras.Input((None, None, 3))
    smaller = keras.Model(inputs, keras.layers.AveragePooling2D(2)(inputs))
    with pytest.raises(ValueError, match=r"\(1, 32, 32, 3\). Received: \(1, 16, 16, 3\)"):
        Translator(smaller).translate(pixels(20, 20))


def test_model_of_rectangles_is_refused():
    with pytest.raises(ValueError, match=r"Received: Input\(\(32, 64, 3\)\)"):
        Translator(halving((32, 64)))


def pan(step: int, count: int) -> list[np.ndarray]:
    """A view that goes over a picture from left to right, from dark into light and into noise."""
    rng = np.random.default_rng(0)
    scene = np.linspace(0, 180, 400)[None, :, None] + rng.normal(size=(64, 400, 3)) * np.linspace(
        1, 30, 400
    ).reshape(1, -1, 1)
    scene = np.clip(scene, 0, 255).astype(np.uint8)
    return [scene[:, step * i : step * i + 64] for i in range(count)]


@pytest.mark.parametrize("tile", [256, 32])
def test_what_a_clip_shows_twice_is_painted_alike(tile):
    """Steps of the network's stride: nothing but the norms could tell the frames apart."""
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(inputs)
    x = keras.layers.GroupNormalization(-1)(x)
    x = keras.layers.Conv2DTranspose(3, 2, strides=2, activation="tanh")(x)
    still = Translator(keras.Model(inputs, x), Frame(tile, multiple=2, margin=2))
    frames = pan(24, 12)
    found = {}
    for kind in ("still", "clip"):
        painter = still.of_clip(frames) if kind == "clip" else still
        painted = [p for _, _, p in painter.translate_all((None, frame) for frame in frames)]
        steps = [
            np.abs(np.subtract(one[2:-2, 26:-2], two[2:-2, 2:-26], dtype=int)).mean()
            for one, two in itertools.pairwise(painted)
        ]
        found[kind] = max(steps)
    assert found["clip"] < 0.01
    assert found["still"] > 1


def test_statistics_of_a_clip_are_those_of_all_its_frames():
    seen = []

    def tone(parts):
        seen.append(parts)
        return lambda batch: batch

    frames = [np.full((300, 600, 3), value, np.uint8) for value in range(16)]
    Translator(Noting(), FRAME, tone=tone).of_clip(frames)
    (parts,) = seen
    assert parts.shape == (16, 256, 256, 3)
    np.testing.assert_array_equal(to_uint8(parts[:, 0, 0, 0]), np.arange(16))
    Translator(Noting(), FRAME, tone=tone).of_clip(frames[:3])
    np.testing.assert_array_equal(to_uint8(seen[1][:, 0, 0, 0]), np.repeat(np.arange(3), 5))
    plain = Translator(Noting(), FRAME)
    assert plain.of_clip(frames) is plain  # it has no norms


def test_open_pictures_become_grey_as_files_do():
    red = np.full((64, 64, 3), (255, 0, 0), np.uint8)
    same = Translator(Noting(lambda batch: batch), FRAME, levels=Levels(grey=True))
    assert np.unique(np.asarray(same.translate(red, strength=0.5))).tolist() == [76]  # its luma
