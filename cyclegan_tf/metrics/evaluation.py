"""Scores of a run or of finished images, from files to numbers."""

import contextlib
import dataclasses
import io
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cyclegan_tf.data.build import levels, reopen_data_set
from cyclegan_tf.data.dataset import DataSet, ImageSet, largest_side, tell_skipped
from cyclegan_tf.data.sources import (
    PictureFiles,
    Pictures,
    ResizedPictures,
    SquarePictures,
    load_pictures,
)
from cyclegan_tf.data.srgb import Levels
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.generated import GeneratedPictures, TranslatedPictures
from cyclegan_tf.inference.loading import (
    TRANSLATING,
    compile_generator,
    compile_way_back,
    load_trained,
)
from cyclegan_tf.io.files import DiskFull, user_path, write_text
from cyclegan_tf.io.run_folder import RunFolder
from cyclegan_tf.metrics.features import cached_features, extract
from cyclegan_tf.metrics.fid import feature_frechet_distance
from cyclegan_tf.metrics.inception import Inception
from cyclegan_tf.metrics.inception_download import default_inception
from cyclegan_tf.metrics.scores import Scores, caveats, score_features
from cyclegan_tf.metrics.similarity import ContentKept, sample_diversity

DIVERSITY_SAMPLES = 64  # enough for a mean over 2,016 pairs
_LARGEST_SAMPLE = 2**20  # bytes of a picture: 64 larger ones would fill the memory
_ROWS = {
    "fid": "{label}",
    "fid_floor": "{label} perfect images would get",
    "untranslated_fid": "{label} of the untranslated photos",
    "kid_mean": "KID",
    "kid_std": "KID, deviation over subsets",
    "mifid": "Mi{label}",
    "memorization_distance": "memorization distance",
    "precision": "precision",
    "recall": "recall",
    "sample_diversity": "sample diversity",
    "cycle_error": "cycle error",
    "structural_similarity": "structural similarity to the photo",
    "change": "mean change of the photo",
}


@dataclass(frozen=True)
class Comparison:
    """What pictures are compared with.

    Attributes:
        reference: what they should look like; by default the run's domain B, all of it.
        training: what they must not copy; by default what the run was trained on, or the
            reference.
        epsilon: memorization threshold of MiFID.
        features: what the features of TFRecords are called, as of `parse_features`.
        range: the values that are black and white in files of more than 8 bits a channel, of the
            scored images, too; by default those of the run, or those that the files say.
    """

    reference: str | Path | None = None
    training: str | Path | None = None
    epsilon: float = 0.1
    features: str = ""
    range: tuple[float, float] | None = None


@dataclass(frozen=True)
class Evaluation:
    """Scores, and what they are of; printed, a table with notes.

    Attributes:
        scores: of the features.
        generated, reference, training: what the three sets are called.
        layer, dimensions, label, inception_sha256: of the features, as of `Inception`.
        measures: other numbers, by name.
        remarks: lines for the user about this comparison.
    """

    scores: Scores
    generated: str
    reference: str
    training: str
    layer: str
    dimensions: int
    label: str
    inception_sha256: str
    measures: dict[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """Lines for the user: remarks, and how far to trust a difference."""
        return [*self.remarks, *caveats(self.scores, self.label)]

    def to_dict(self) -> dict[str, Any]:
        """Scores and how they came about, as plain JSON values; what is infinite becomes None."""
        values = {
            **self.scores.to_dict(),
            **self.measures,
            "layer": self.layer,
            "dimensions": self.dimensions,
            "inception_sha256": self.inception_sha256,
            "generated": self.generated,
            "reference": self.reference,
            "training": self.training,
            "notes": self.notes,
        }
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in values.items()
        }

    def __str__(self) -> str:
        result = self.to_dict()
        lines = [
            f"{self.generated}: {result['generated_count']:,} images",
            f"against {self.reference}: {result['reference_count']:,} images, {self.layer}",
        ]
        for key, text in _ROWS.items():
            if key in result:
                nothing = "infinite: they are copies" if key == "mifid" else "too few images"
                digits = 6 if key.startswith("kid") else 4  # it is a thousand times smaller
                value = nothing if result[key] is None else f"{result[key]:.{digits}f}"
                if key == "fid":
                    value += f"  ({result['fid_low']:.4f} to {result['fid_high']:.4f})"
                lines.append(f"  {text.format(label=self.label):<36}{value}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def save(self, run: RunFolder) -> Path | None:
        """Writes `evaluation.json` into a run folder; a warning says if that cannot be done."""
        path = run.path / "evaluation.json"
        try:
            write_text(path, json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n")
        except (OSError, DiskFull) as error:  # the scores are known all the same
            reason = getattr(error, "strerror", error)
            print(f"warning: {path} cannot be written ({reason})", file=sys.stderr)
            return None
        return path


def score(
    images: str | Path,
    *,
    reference: str | Path | None = None,
    training: str | Path | None = None,
    data: str | Path | None = None,
    inception: str | Path | None = None,
    every_photo: bool = False,
    count: int | None = None,
) -> Evaluation:
    """Scores what a run's generator makes, or finished images; `print` shows the table.

    Args:
        images: a run folder, which keeps the result as `evaluation.json`; or finished images in a
            folder, a zip or TFRecords.
        reference: what they should look like, a folder, a zip or TFRecords; by default the run's
            domain B, all of it.
        training: what they must not copy; by default what the run was trained on, or the
            reference.
        data: the run's data set, if it has moved.
        inception: the frozen Inception graph; by default it is fetched once, and kept.
        every_photo: translate the photos that the run was trained on as well.
        count: pictures of a DcGan; by default as many as references.

    Raises:
        InputError: if run, data or a set cannot be read, or one has fewer than 2 images.

    Example:
        >>> import cyclegan_tf as cg
        >>> evaluation = cg.score("runs/monet")
        >>> print(evaluation)
        runs/monet: held-out photos, translated: 3 images
        against domain B: 6 images...
        >>> sorted(evaluation.to_dict())[:3]
        ['change', 'cycle_error', 'dimensions']
    """
    run = RunFolder(images)
    path = run.path
    paths = (user_path(given) if given else None for given in (reference, training))
    comparison, is_run = Comparison(*paths), run.config_file.exists()
    of_runs = {"data": data, "every_photo": every_photo, "count": count}
    if not is_run:
        _check_images(path, comparison, of_runs)
    graph = Inception(user_path(inception) if inception else default_inception())
    if not is_run:
        return evaluate_images(path, graph, comparison)
    evaluation = evaluate_run(path, graph, comparison, **of_runs)
    evaluation.save(run)
    return evaluation


def _check_images(path: Path, comparison: Comparison, of_runs: dict[str, Any]) -> None:
    """Refuses images without a reference, and with options that belong to runs."""
    if comparison.reference is None:
        what = "is no run (it has no config.json)" if path.exists() else "does not exist"
        raise InputError(
            f"{path} {what}; expected a run folder, or images together with a reference=PATH to "
            "compare them with."
        )
    if misplaced := [name for name, given in of_runs.items() if given]:
        raise InputError(f"{misplaced[0]}= belongs to runs, and {path} is none; leave it out.")


def evaluate_images(path: str | Path, inception: Inception, comparison: Comparison) -> Evaluation:
    """Scores a folder, TFRecords or a zip of images, as they are stored.

    Args:
        path: of the images.
        inception: gives the features.
        comparison: with what, a reference at least.

    Raises:
        InputError: if a set cannot be read, has fewer than 2 images, or mixes sizes.
    """
    read = {"features": comparison.features, "levels": Levels(comparison.range)}
    load = partial(load_pictures, **read)
    generated, looks = load(path), load(comparison.reference)
    trained_on = load(comparison.training) if comparison.training else looks
    evaluation = _evaluate(generated, looks, trained_on, inception, epsilon=comparison.epsilon)
    if generated.size == looks.size:
        return evaluation
    sizes = [f"{width} x {height}" for width, height in (generated.size, looks.size)]
    remark = (
        f"the images have {sizes[0]}, the references {sizes[1]} pixels. The network sees both at "
        "299 x 299, where the smaller ones look blurred."
    )
    return dataclasses.replace(evaluation, remarks=(remark,))


def evaluate_run(
    path: str | Path,
    inception: Inception,
    comparison: Comparison = Comparison(),
    *,
    data: str | Path | None = None,
    every_photo: bool = False,
    count: int | None = None,
) -> Evaluation:
    """Scores what a run's generator makes of held-out photos, or of latents.

    All pictures are compared at the run's picture size: translations of what training would see,
    and real ones as they are stored, which is what other scorers read.

    Args:
        path: the run folder.
        inception: gives the features.
        comparison: with what; by default the run's own data.
        data: the run's data set, if it has moved.
        every_photo: translate those trained on as well.
        count: pictures of a DcGan; by default as many as references.

    Raises:
        InputError: if run, data or a set cannot be read, or one has fewer than 2 images.
    """
    config, model = load_trained(RunFolder(path))
    _check_model(config.model, every_photo=every_photo, count=count)
    size, moved = config.whole_size, str(data) if data else None
    config = config if moved else RunFolder(path).located(config)
    stored = reopen_data_set(config, moved, as_stored=True)
    real = _real_sets(comparison, stored, size, config.features, levels(config))
    generator, options = compile_generator(config, model), {"epsilon": comparison.epsilon}
    remarks = _remarks(stored, translates=config.model != "dcgan", every_photo=every_photo)
    if config.model == "dcgan":
        title, count = f"{path}: inventions", count or len(real[0])
        invented = GeneratedPictures(title, generator, config.latent_size, count)
        evaluation = _evaluate(invented, *real, inception, **options)
        return dataclasses.replace(evaluation, remarks=remarks)
    shown = _silent(reopen_data_set, config, moved)  # upright and in sRGB, as in training
    sets = [_photos(path, data, size, every_photo=every_photo) for data in (shown, stored)]
    content = ContentKept(compile_way_back(config, model))
    translated = TranslatedPictures(f"{sets[0].title}, translated", sets[0], generator, content)
    evaluation = _evaluate(translated, *real, inception, untranslated=sets[1], **options)
    measures = evaluation.measures | content.means()
    return dataclasses.replace(evaluation, measures=measures, remarks=remarks)


def _silent(read: Callable[..., DataSet], *arguments: Any) -> DataSet:
    """What is read a second time: all that there is to be said of the files was said."""
    with contextlib.redirect_stderr(io.StringIO()):
        return read(*arguments)


def _check_model(model: str, *, every_photo: bool, count: int | None) -> None:
    """Refuses options that belong to runs of the other model."""
    kinds = (("--all", every_photo, TRANSLATING), ("--count", count, ("dcgan",)))
    for flag, given, models in kinds:
        if given and model not in models:
            text = " or ".join(models)
            raise InputError(f"{flag} belongs to runs of --model {text}; leave it out.")


def _real_sets(
    comparison: Comparison, data: DataSet, size: int, features: str, of_run: Levels
) -> tuple[Pictures, Pictures]:
    """What the pictures should look like, and what they must not copy."""
    domain_b = data.train_b + data.validation_b
    options = {
        "size": size,
        "features": comparison.features or features,
        "levels": of_run._replace(span=comparison.range or of_run.span),
    }
    return (
        _real(comparison.reference, domain_b, "domain B", **options),
        _real(comparison.training, data.train_b, "domain B as trained on", **options),
    )


def _real(given: Path | None, domain: ImageSet, title: str, *, size: int, **read: Any) -> Pictures:
    """The pictures that the user named, or else a domain of the run."""
    if given:
        pictures = load_pictures(given, mixed_sizes=True, shrink_above=largest_side(size), **read)
        return ResizedPictures(pictures, size)
    return SquarePictures(title, domain, size)


def _photos(path: Path, data: DataSet, size: int, *, every_photo: bool) -> SquarePictures:
    """What is translated: the photos that were held out, or all."""
    if _holds_out(data) and not every_photo:
        return SquarePictures(f"{path}: held-out photos", data.validation_a, size)
    return SquarePictures(f"{path}: all photos", data.all_a(), size)


def _holds_out(data: DataSet) -> bool:
    return len(data.validation_a) > 1


def _remarks(data: DataSet, *, translates: bool, every_photo: bool) -> tuple[str, ...]:
    """What is to be said about the pictures that are scored."""
    remarks = []
    if translates and not every_photo and not _holds_out(data):
        remarks.append(
            "the run held out fewer than 2 photos: these are also those that it was trained on."
        )
    return (*remarks, *([tell_skipped(data.skipped)] if data.skipped else []))


def _evaluate(
    generated: PictureFiles | TranslatedPictures | GeneratedPictures,
    reference: Pictures,
    training: Pictures,
    inception: Inception,
    *,
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
        score_features(features, looks, trained_on, epsilon=epsilon),
        *(pictures.title for pictures in (generated, reference, training)),
        layer=inception.layer,
        dimensions=inception.dimensions,
        label=inception.label,
        inception_sha256=inception.digest,
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
