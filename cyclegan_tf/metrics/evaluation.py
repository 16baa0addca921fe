"""Scores of a run or of finished images, from files to numbers."""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from cyclegan_tf.data.build import reopen_data_set
from cyclegan_tf.data.dataset import DataSet, ImageSet, largest_side, tell_skipped
from cyclegan_tf.data.sources import (
    PictureFiles,
    Pictures,
    ResizedPictures,
    SquarePictures,
    load_pictures,
)
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.generated import GeneratedPictures, TranslatedPictures
from cyclegan_tf.inference.loading import compile_generator, load_trained
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.metrics.features import cached_features, extract
from cyclegan_tf.metrics.inception import Inception
from cyclegan_tf.metrics.kid import feature_frechet_distance, sample_diversity
from cyclegan_tf.metrics.scores import Scores, score, what_it_is_worth
from cyclegan_tf.metrics.similarity import ContentKept

DIVERSITY_SAMPLES = 64  # enough for a mean over 2,016 pairs
_LARGEST_SAMPLE = 2**20  # bytes of a picture: 64 larger ones would fill the memory


@dataclass(frozen=True)
class Evaluation:
    """Scores, and what they are of.

    Attributes:
        scores: of the features.
        generated, reference, training: what the three sets are called.
        measures: other numbers, by name.
        remarks: lines for the user about this comparison.
    """

    scores: Scores
    generated: str
    reference: str
    training: str
    measures: dict[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def notes(self, label: str) -> list[str]:
        """Lines for the user: remarks, and what a difference is worth."""
        return [*self.remarks, *what_it_is_worth(self.scores, label)]


def evaluate_images(
    path: Path,
    inception: Inception,
    *,
    reference: Path,
    training: Path | None = None,
    epsilon: float = 0.1,
) -> Evaluation:
    """Scores a folder, TFRecords or a zip of images, as they are stored.

    Args:
        path: of the images.
        inception: gives the features.
        reference: what they should look like.
        training: what they must not copy; by default the reference.
        epsilon: memorization threshold of MiFID.

    Raises:
        InputError: if a set cannot be read, has fewer than 2 images, or mixes sizes.
    """
    generated, looks = load_pictures(path), load_pictures(reference)
    trained_on = load_pictures(training) if training else looks
    verdict = _judge(generated, looks, trained_on, inception=inception, epsilon=epsilon)
    if generated.size == looks.size:
        return verdict
    sizes = [f"{width} x {height}" for width, height in (generated.size, looks.size)]
    remark = (
        f"the images have {sizes[0]}, the references {sizes[1]} pixels. The network sees both at "
        "299 x 299, where the smaller ones look blurred."
    )
    return dataclasses.replace(verdict, remarks=(remark,))


@dataclass(frozen=True)
class Comparison:
    """What the pictures of a run are compared with, where it is not what the run was trained on.

    Attributes:
        reference: what the pictures should look like; by default the run's domain B, all of it.
        training: what they must not copy; by default what the run was trained on.
        epsilon: memorization threshold of MiFID.
    """

    reference: Path | None = None
    training: Path | None = None
    epsilon: float = 0.1


def evaluate_run(
    path: Path,
    inception: Inception,
    comparison: Comparison = Comparison(),
    *,
    data: str | None = None,
    every_photo: bool = False,
    count: int | None = None,
) -> Evaluation:
    """Scores what a run's generator makes of held-out photos, or of latents.

    All pictures are compared at the run's picture size: translations of what training would see,
    and real ones as they are stored, which is what other scorers read.

    Args:
        path: the run folder.
        inception: gives the features.
        comparison: what the pictures are compared with.
        data: the run's data set, if it has moved.
        every_photo: translate those trained on as well.
        count: pictures of a DcGan; by default as many as references.

    Raises:
        InputError: if run, data or a set cannot be read, or one has fewer than 2 images.
    """
    config, model = load_trained(RunFolder(path))
    _check_belongs(config.model, every_photo=every_photo, count=count)
    stored, size = reopen_data_set(config, data, as_stored=True), config.whole_size
    looks = _real(comparison.reference, stored.train_b + stored.validation_b, "domain B", size)
    trained_on = _real(comparison.training, stored.train_b, "domain B as trained on", size)
    judge = partial(_judge, inception=inception, epsilon=comparison.epsilon)
    generator = compile_generator(config, model)
    skipped = (tell_skipped(stored.skipped),) if stored.skipped else ()
    if config.model == "dcgan":
        title, count = f"{path}: inventions", count or len(looks)
        inventions = GeneratedPictures(title, generator, config.latent_size, count)
        return dataclasses.replace(judge(inventions, looks, trained_on), remarks=skipped)
    seen = reopen_data_set(config, data)  # what training sees, upright and in sRGB
    photos, remarks = _photos(path, seen, size, every_photo=every_photo)
    untranslated, _ = _photos(path, stored, size, every_photo=every_photo)
    content = ContentKept(compile_generator(config, model, back=True))
    translations = TranslatedPictures(f"{photos.title}, translated", photos, generator, content)
    verdict = judge(translations, looks, trained_on, untranslated=untranslated)
    measures = {**verdict.measures, **content.means()}
    return dataclasses.replace(verdict, measures=measures, remarks=(*remarks, *skipped))


def _check_belongs(model: str, *, every_photo: bool, count: int | None) -> None:
    """Refuses an option that belongs to runs of the other model."""
    for flag, given, kind in (("--all", every_photo, "cyclegan"), ("--count", count, "dcgan")):
        if given and model != kind:
            raise InputError(f"{flag} belongs to runs of --model {kind}; leave it out.")


def _real(given: Path | None, domain: ImageSet, title: str, size: int) -> Pictures:
    """The pictures that the user named, or else a domain of the run."""
    if given:
        pictures = load_pictures(given, mixed_sizes=True, shrink_above=largest_side(size))
        return ResizedPictures(pictures, size)
    return SquarePictures(title, domain, size)


def _photos(
    path: Path, data: DataSet, size: int, *, every_photo: bool
) -> tuple[SquarePictures, tuple[str, ...]]:
    """What is translated, and what is to be said about it."""
    held_out = data.validation_a
    if len(held_out) > 1 and not every_photo:
        return SquarePictures(f"{path}: held-out photos", held_out, size), ()
    remark = "the run held out fewer than 2 photos: these are also those that it was trained on."
    photos = SquarePictures(f"{path}: all photos", data.all_a(), size)
    return photos, () if every_photo else (remark,)


def _judge(
    generated: PictureFiles | TranslatedPictures | GeneratedPictures,
    reference: Pictures,
    training: Pictures,
    *,
    inception: Inception,
    epsilon: float,
    untranslated: Pictures | None = None,
) -> Evaluation:
    """Takes all features, then scores them."""
    for pictures in (generated, reference, training):
        if len(pictures) < 2:
            raise InputError(
                f"{pictures.title} holds {len(pictures)} picture; scores need at least 2, and "
                "mean something from some hundreds on. Add pictures."
            )
    sets = [reference, training, *([untranslated] if untranslated else [])]
    looks, trained_on, *before = _real_features(inception, sets)
    count, kept = len(generated), []
    features = extract(
        inception, _keeping(generated, count, kept), count=count, title=generated.title
    )
    measures = _diversity(kept, reference)
    if before:
        measures["untranslated_fid"] = feature_frechet_distance(before[0], looks)
    return Evaluation(
        score(features, looks, trained_on, epsilon=epsilon),
        *(pictures.title for pictures in (generated, reference, training)),
        measures=measures,
    )


def _real_features(inception: Inception, sets: Iterable[Pictures]) -> list[np.ndarray]:
    """Features of each set; of equal ones once, even where no cache can be written."""
    found: dict[str, np.ndarray] = {}
    for pictures in sets:
        if pictures.digest not in found:
            found[pictures.digest] = cached_features(inception, pictures)
    return [found[pictures.digest] for pictures in sets]


def _keeping(
    pictures: Iterable[np.ndarray], count: int, kept: list[np.ndarray]
) -> Iterator[np.ndarray]:
    """Passes pictures on, and keeps some at even distances, unless they are large."""
    step = -(-count // DIVERSITY_SAMPLES)
    for place, picture in enumerate(pictures):
        if place % step == 0 and picture.nbytes <= _LARGEST_SAMPLE:
            kept.append(picture)
        yield picture


def _diversity(samples: list[np.ndarray], reference: Pictures) -> dict[str, float]:
    """`sample_diversity`, where it is defined: pictures of one size, and references that differ."""
    reals: list[np.ndarray] = []
    for _ in _keeping(reference, len(reference), reals):
        pass
    if min(len(samples), len(reals)) < 2 or samples[0].shape != reals[0].shape:
        return {}
    if all((real == reals[0]).all() for real in reals):
        return {}
    return {"sample_diversity": sample_diversity(np.stack(samples), np.stack(reals))}
