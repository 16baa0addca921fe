"""Scores of images and of runs, on a miniature of the Inception graph."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.dataset import ImageSet
from cyclegan_tf.data.image import load_upright
from cyclegan_tf.data.tfrecord import write_records
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.metrics.evaluation import Comparison, evaluate_images, evaluate_run
from cyclegan_tf.metrics.fid import feature_frechet_distance
from cyclegan_tf.metrics.inception import Inception
from cyclegan_tf.metrics.inception_download import cache_folder
from cyclegan_tf.models import build
from cyclegan_tf.training.callbacks.build import references
from tests.pictures import encoded, flat, image_set, noise, png, write_folder, write_kaggle
from tests.profiles import grey_profile
from tests.tiny_inception import tiny_features, write_tiny_graph

TINY = {"image_size": 32, "base_filters": 2, "discriminator_filters": 2}
CYCLEGAN = {
    "generator": "resnet", "residual_blocks": 0, "global_skip": True, "discriminator_layers": 1,
}  # fmt: skip
DCGAN = {"model": "dcgan", "latent_size": 4}


def greys(*values: int, size: int = 32) -> ImageSet:
    names = tuple(f"{number:02d}" for number in range(len(values)))
    return ImageSet(names, tuple(png(flat(value, size)) for value in values))


def write_greys(path: Path, *values: int, size: int = 32) -> Path:
    write_folder(path, greys(*values, size=size))
    return path


def write_run(path: Path, **options) -> Path:
    """An untrained run: with its global skips, a CycleGan that adds 0.4 there and -0.2 back."""
    config = TrainConfig(**TINY | options)
    run, model = RunFolder.create(path, config), build.build_model(config, total_steps=1)
    for network, shift in zip(model.generators, (0.4, -0.2), strict=False):
        if config.model == "cyclegan":
            *others, bias = network.get_weights()
            network.set_weights([*others, np.full_like(bias, shift)])
        run.save_weights(network)
    return path


class Watched:
    """An inception that notes the sizes of the pictures it sees."""

    def __init__(self, inception: Inception) -> None:
        self.inception, self.sizes = inception, []
        self.layer, self.digest, self.label = inception.layer, inception.digest, inception.label
        self.dimensions = inception.dimensions

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        self.sizes += [picture.shape[:2] for picture in pictures if picture.any()]
        return self.inception(pictures)


@pytest.fixture(scope="module")
def graph(tmp_path_factory) -> Inception:
    return Inception(write_tiny_graph(tmp_path_factory.mktemp("graph") / "graph.pb"))


@pytest.fixture
def inception(graph) -> Watched:
    return Watched(graph)


@pytest.fixture
def no_cache(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CYCLEGAN_TF_CACHE", str(tmp_path / "file" / "cache"))


@pytest.fixture(scope="module")
def data_set(tmp_path_factory) -> Path:
    """A data set with held-out photos, in CycleGAN's layout."""
    folder = tmp_path_factory.mktemp("data") / "set"
    write_greys(folder / "trainA", 20, 30, 40)
    write_greys(folder / "testA", 60, 80)
    write_greys(folder / "trainB", 150, 170, 190)
    write_greys(folder / "testB", 210)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory, data_set) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "run", **CYCLEGAN, data=str(data_set))


def fid_of(generated: tuple[int, ...], reference: tuple[int, ...]) -> float:
    """FID of greys by the miniature's closed form."""
    sets = [tiny_features(np.stack([flat(v) for v in values])) for values in (generated, reference)]
    return feature_frechet_distance(*sets)


def test_images_by_hand(tmp_path, inception):
    generated = write_greys(tmp_path / "generated", 10, 20)
    reference = write_greys(tmp_path / "reference", 33, 43)
    evaluation = evaluate_images(generated, inception, Comparison(reference))
    # equal variances, means 23 apart: 46 in each of 6 features
    assert evaluation.scores.fid == pytest.approx(6 * 46**2)
    assert (evaluation.scores.generated_count, evaluation.scores.reference_count) == (2, 2)
    assert evaluation.generated == str(generated)
    assert evaluation.reference == evaluation.training == str(reference)
    assert evaluation.measures == {"sample_diversity": pytest.approx(1.0)}
    assert evaluation.remarks == ()


def deep(value: int, height: int, width: int) -> bytes:
    """A grey of 8 bits as that of 10 in a file of 16."""
    return png(np.full((height, width), round(1023 * value / 255), np.uint16))


def test_range_is_that_of_images_and_references(tmp_path, inception):
    generated, reference = tmp_path / "a", write_greys(tmp_path / "b", 33, 43)
    generated.mkdir()
    for value in (10, 20):
        (generated / f"{value}.png").write_bytes(deep(value, 32, 32))
    evaluation = evaluate_images(generated, inception, Comparison(reference, range=(0, 1023)))
    assert evaluation.scores.fid == pytest.approx(6 * 46**2)


def test_copies_are_looked_for_among_the_training_images(tmp_path, inception):
    pictures = {"generated": (0, 1, 2, 3), "reference": (4, 5, 6, 7), "training": (0, 1, 2, 3)}
    paths = {}
    for name, seeds in pictures.items():
        names = tuple(map(str, seeds))
        paths[name] = tmp_path / name
        write_folder(paths[name], ImageSet(names, tuple(png(noise(seed, 4)) for seed in seeds)))
    generated = paths.pop("generated")
    apart = evaluate_images(generated, inception, Comparison(paths["reference"]))
    copied = evaluate_images(generated, inception, Comparison(**paths))
    assert copied.scores.fid == apart.scores.fid
    assert copied.scores.memorization_distance < 1e-12 < apart.scores.memorization_distance
    assert copied.training == str(paths["training"])


def test_sizes_that_differ_between_the_sets_are_told(tmp_path, inception):
    generated = write_greys(tmp_path / "generated", 10, 20, size=16)
    reference = write_greys(tmp_path / "reference", 33, 43)
    evaluation = evaluate_images(generated, inception, Comparison(reference))
    assert "images have 16 x 16, the references 32 x 32 pixels" in evaluation.notes[0]
    assert evaluation.measures == {}


def test_references_all_alike_have_no_diversity_to_compare_with(tmp_path, inception):
    generated = write_greys(tmp_path / "generated", 10, 20)
    reference = write_greys(tmp_path / "reference", 33, 33)
    assert evaluate_images(generated, inception, Comparison(reference)).measures == {}


def test_pictures_too_large_to_keep_have_no_diversity(tmp_path, inception):
    generated = write_greys(tmp_path / "generated", 10, 20, size=600)
    assert evaluate_images(generated, inception, Comparison(generated)).measures == {}


def test_graph_runs_once_a_picture_even_without_a_cache(tmp_path, inception, no_cache, capsys):
    generated = write_greys(tmp_path / "generated", 10, 20)
    reference = write_greys(tmp_path / "reference", 33, 43, 53)
    evaluate_images(generated, inception, Comparison(reference))
    assert len(inception.sizes) == 5
    assert capsys.readouterr().err.count("warning:") == 1


def test_graph_runs_once_a_picture_of_a_run_even_without_a_cache(tmp_path, inception, no_cache):
    write_kaggle(tmp_path / "set", greys(20, 30), greys(150, 170, 190))
    run = write_run(tmp_path / "run", **CYCLEGAN, data=str(tmp_path / "set"))
    evaluate_run(run, inception)
    assert len(inception.sizes) == 2 + 3 + 2  # photos, paintings and translations


def test_cached_references_are_not_computed_again(tmp_path, inception, monkeypatch):
    monkeypatch.setenv("CYCLEGAN_TF_CACHE", str(tmp_path / "cache"))
    generated = write_greys(tmp_path / "generated", 10, 20)
    reference = write_greys(tmp_path / "reference", 33, 43, 53)
    first = evaluate_images(generated, inception, Comparison(reference))
    assert evaluate_images(generated, inception, Comparison(reference)) == first
    assert len(inception.sizes) == 5 + 2
    assert len(list((cache_folder() / "features").iterdir())) == 1


def test_run_by_hand(run, inception):
    evaluation = evaluate_run(run, inception)
    # 0.4 is 51 of 255
    reference = (150, 170, 190, 210)
    assert evaluation.scores.fid == pytest.approx(fid_of((111, 131), reference), rel=1e-6)
    measures = evaluation.measures
    assert measures["untranslated_fid"] == pytest.approx(fid_of((60, 80), reference), rel=1e-6)
    assert measures["change"] == pytest.approx(0.4, abs=1e-6)
    assert measures["cycle_error"] == pytest.approx(0.2, abs=1e-6)
    assert 0.8 < measures["structural_similarity"] < 1.0
    assert evaluation.scores.reference_count == 4
    assert evaluation.scores.training_count == 3
    assert (evaluation.generated, evaluation.remarks) == (f"{run}: held-out photos, translated", ())
    assert (evaluation.reference, evaluation.training) == ("domain B", "domain B as trained on")


def test_doing_nothing_is_the_score_of_the_untranslated_photos(tmp_path, data_set, inception):
    run = write_run(tmp_path / "run", **CYCLEGAN, data=str(data_set))
    config = TrainConfig(**TINY, **CYCLEGAN)
    for network in build.build_model(config).generators:  # untrained: their change is nothing
        RunFolder(run).save_weights(network)
    evaluation = evaluate_run(run, inception)
    assert evaluation.measures["untranslated_fid"] == evaluation.scores.fid
    assert evaluation.measures["change"] == evaluation.measures["cycle_error"] == 0.0
    assert evaluation.measures["structural_similarity"] == pytest.approx(1.0)


def test_all_photos_on_demand(run, inception):
    evaluation = evaluate_run(run, inception, every_photo=True)
    assert evaluation.scores.generated_count == 5
    assert (evaluation.generated, evaluation.remarks) == (f"{run}: all photos, translated", ())


def test_run_that_held_out_nothing_is_scored_on_all_photos_and_that_is_told(tmp_path, inception):
    write_kaggle(tmp_path / "set", image_set(5), image_set(4))
    run = write_run(tmp_path / "run", **CYCLEGAN, data=str(tmp_path / "set"))
    evaluation = evaluate_run(run, inception)
    assert evaluation.scores.generated_count == 5
    assert "held out fewer than 2 photos" in evaluation.notes[0]


def test_other_references_are_compared_at_the_size_of_the_run(tmp_path, run, inception):
    mixed = write_greys(tmp_path / "mixed", 100, 120, size=48)
    (mixed / "wide.png").write_bytes(deep(140, 40, 64))
    training = write_greys(tmp_path / "training", 1, 2, size=64)
    comparison = Comparison(mixed, training, range=(0, 1023))
    evaluation = evaluate_run(run, inception, comparison)
    assert set(inception.sizes) == {(32, 32)}
    assert evaluation.scores.fid == pytest.approx(fid_of((111, 131), (100, 120, 140)), rel=1e-6)
    assert evaluation.reference == str(mixed)
    assert (evaluation.training, evaluation.scores.training_count) == (str(training), 2)


def test_data_that_moved_are_named(tmp_path, inception):
    write_kaggle(tmp_path / "new", greys(20, 30, 40), greys(150, 170))
    # a batch that the moved set could not fill
    options = {**CYCLEGAN, "batch_size": 4, "data": str(tmp_path / "old")}
    run = write_run(tmp_path / "run", **options)
    with pytest.raises(
        InputError, match=r"old does not exist.*If the run's .* name it with --data"
    ):
        evaluate_run(run, inception)
    evaluation = evaluate_run(run, inception, data=str(tmp_path / "new"))
    assert evaluation.scores.generated_count == 3
    with pytest.raises(InputError, match=r"gone does not exist.*Check the path\.$"):
        evaluate_run(run, inception, data=str(tmp_path / "gone"))


def test_dcgan_makes_as_many_pictures_as_there_are_references(tmp_path, inception):
    write_folder(tmp_path / "paintings", image_set(5))
    run = write_run(tmp_path / "run", **DCGAN, b=str(tmp_path / "paintings"))
    evaluation = evaluate_run(run, inception)
    assert (evaluation.scores.generated_count, evaluation.scores.reference_count) == (5, 5)
    assert set(evaluation.measures) == {"sample_diversity"}
    assert evaluation.generated == f"{run}: inventions"
    assert evaluate_run(run, inception, count=3).scores.generated_count == 3


def test_options_of_the_other_model_are_refused(tmp_path, run, inception):
    with pytest.raises(InputError, match="--count belongs to runs of --model dcgan"):
        evaluate_run(run, inception, count=5)
    dcgan = write_run(tmp_path / "run", **DCGAN, b=str(tmp_path))
    with pytest.raises(InputError, match="--all belongs to runs of --model cyclegan"):
        evaluate_run(dcgan, inception, every_photo=True)


@pytest.mark.parametrize("role", ["generated", "reference", "training"])
def test_a_single_picture_is_too_few(tmp_path, inception, role):
    paths = {
        name: write_greys(tmp_path / name, *([7] if name == role else [7, 8]))
        for name in ("generated", "reference", "training")
    }
    generated = paths.pop("generated")
    with pytest.raises(InputError, match=f"{role} holds 1 picture; scores need at least 2"):
        evaluate_images(generated, inception, Comparison(**paths))
    assert inception.sizes == []


def test_config_of_a_run_is_left_as_it_was(run, inception):
    before = json.loads((run / "config.json").read_text())
    evaluate_run(run, inception)
    assert json.loads((run / "config.json").read_text()) == before


def test_run_that_accumulated_gradients_is_scored(tmp_path, inception, data_set):
    parts = {"batch_size": 2, "gradient_accumulation": 2}
    run = write_run(tmp_path / "run", **CYCLEGAN, **parts, data=str(data_set))
    assert evaluate_run(run, inception).scores.generated_count == 2


def test_images_that_the_run_skips_are_named(tmp_path, inception):
    write_kaggle(tmp_path / "set", image_set(5), image_set(4))
    shard = tmp_path / "set" / "photo_tfrec" / "photo99.tfrec"
    write_records(shard, "photo", [("half", b"no image")])
    settings = {**CYCLEGAN, "data": str(tmp_path / "set"), "skip_bad_images": True}
    evaluation = evaluate_run(write_run(tmp_path / "run", **settings), inception)
    assert f"1 unreadable images skipped ({shard}: record 0 (half))" in evaluation.remarks


def test_stored_pixels_are_scored_and_those_that_the_profile_means_translated(tmp_path, inception):
    light = grey_profile(gamma=1.0)  # in sRGB these greys are lighter by far

    def greys(*values: int) -> ImageSet:
        pictures = [Image.fromarray(flat(value)).convert("L") for value in values]
        files = tuple(encoded(picture, "PNG", icc_profile=light) for picture in pictures)
        return ImageSet(tuple(map(str, values)), files)

    write_kaggle(tmp_path / "set", photos := greys(20, 60), greys(100, 150, 200))
    settings = {**CYCLEGAN, "data": str(tmp_path / "set")}
    config = TrainConfig(**TINY, **settings)
    run = write_run(tmp_path / "run", **settings)
    for network in build.build_model(config).generators:  # untrained: their change is nothing
        RunFolder(run).save_weights(network)
    evaluation = evaluate_run(run, inception)
    meant = tuple(int(load_upright(photo)[0, 0, 0]) for photo in photos.encoded)
    assert min(meant) > 70
    stored = (100, 150, 200)
    assert evaluation.scores.fid == pytest.approx(fid_of(meant, stored), rel=1e-4)
    assert evaluation.measures["untranslated_fid"] == pytest.approx(
        fid_of((20, 60), stored), rel=1e-4
    )
    assert [picture[0, 0, 0] for picture in references(config)] == list(stored)
