"""Which callbacks a configured run gets, in the order in which they must run."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data import pipeline
from cyclegan_tf.data.build import build_data_set
from cyclegan_tf.data.dataset import DataSet
from cyclegan_tf.data.image import to_uint8
from cyclegan_tf.data.sources import SquarePictures
from cyclegan_tf.distribution.workers import Workers
from cyclegan_tf.inference.compiled import CompiledGenerator
from cyclegan_tf.inference.generated import GeneratedPictures, TranslatedPictures
from cyclegan_tf.inference.loading import compile_way_back, submitted_generators
from cyclegan_tf.io.run_folder import RunFolder, versions
from cyclegan_tf.metrics.features import cached_features, extract
from cyclegan_tf.metrics.inception import Inception
from cyclegan_tf.metrics.inception_download import default_inception
from cyclegan_tf.models.adversarial import AdversarialModel
from cyclegan_tf.models.dcgan import interpolate, sample_latents
from cyclegan_tf.training.callbacks.autosave import AutoSave, Stateful
from cyclegan_tf.training.callbacks.guards import DiscriminatorWatch, StopOnNonFinite
from cyclegan_tf.training.callbacks.logs import EpochLog, SaveWeights
from cyclegan_tf.training.callbacks.report import Report
from cyclegan_tf.training.callbacks.samples import LatentGrid, SampleGrid, TruthError
from cyclegan_tf.training.callbacks.scores import EpochScores
from cyclegan_tf.training.checkpoint import Start

DIVERSITY_SAMPLES = 64  # enough for a mean over 2,016 pairs
EVALUATED_PICTURES = 256  # a quarter of a minute on two CPU cores
MOST_REFERENCES = 1000  # real pictures that the scores compare with
REPORTED_PICTURES = 16  # of each domain: one batch of the generators


def build_callbacks(
    config: TrainConfig,
    run: RunFolder,
    *,
    data: DataSet,
    model: AdversarialModel,
    generator: CompiledGenerator,
    inception: Inception | None = None,
) -> list[keras.callbacks.Callback]:
    """Guards first, then what adds to the logs, then what writes them.

    Args:
        config: of the run.
        run: where reports go.
        data: whose held-out images are shown.
        model: is watched and saved.
        generator: makes pictures of inputs (or of latents) with the weights that count.
        inception: gives the features of the scores, if there are to be any.
    """
    samples = _inventions if config.model == "dcgan" else _translations
    scores = []
    if inception:
        pictures = _scored(config, data, generator)
        features_now = partial(extract, inception, pictures, count=len(pictures), title="scoring")
        scores = [
            EpochScores(
                run,
                submitted_generators(config, model),
                features_now,
                cached_features(inception, references(config)),
                every=config.evaluate_every,
                label=inception.label,
            )
        ]
    return [
        StopOnNonFinite(),
        # a critic calls nothing real or fake: 0 is no border between its logits
        *([] if config.adversarial_loss == "wgan-gp" else [DiscriminatorWatch()]),
        SaveWeights(run, saved_networks(model)),
        *scores,
        *samples(config, run, data, generator),
        EpochLog(run, images_per_step=config.images_per_step),
    ]


def build_auto_save(
    config: TrainConfig,
    run: RunFolder,
    *,
    workers: Workers,
    callbacks: Sequence[keras.callbacks.Callback],
    start: Start,
    seconds: Callable[[], float],
    facts: dict[str, Any],
) -> AutoSave:
    """What saves the state; behind all other callbacks, except those that end the training.

    Args:
        config: of the run.
        run: where the state goes.
        workers: the machines that train; one of them writes.
        callbacks: those that remember something are saved with the state.
        start: where the training begins.
        seconds: of the user's clock.
        facts: of the run that do not change: `steps_per_epoch` and `data`.
    """
    save = AutoSave(
        run,
        minutes=config.checkpoint_minutes,
        writes=workers.is_chief,
        agreed=workers.agreed,
        start=start,
        callbacks=callbacks,
        seconds=seconds,
        versions=versions(),
        **facts,
    )
    save.set_params({"epochs": config.epochs})  # a signal may come before `fit` has done it
    return save


def build_report(
    config: TrainConfig,
    run: RunFolder,
    *,
    data: DataSet,
    model: AdversarialModel,
    generator: CompiledGenerator,
    facts: Callable[[], dict[str, Any]],
) -> Report:
    """What writes `report.html`; behind all that it tells of.

    Args:
        config: of the run.
        run: where it goes.
        data: whose held-out pictures it shows, or where there are none, some it was trained on.
        model: what else translates.
        generator: of the way from A to B; not asked of a DcGan.
        facts: of the run so far, all that the report tells but for its pictures.
    """
    held_out = len(data.validation_b if config.model == "dcgan" else data.validation_a)
    shown = {
        "ab": (data.validation_a if held_out else data.train_a).spread(REPORTED_PICTURES),
        "ba": (data.validation_b or data.train_b).spread(REPORTED_PICTURES),
    }
    ways = {}
    if config.model != "dcgan":
        # a handful of pictures, once in a while: not worth the seconds that a graph takes
        back = compile_way_back(config, model, traced=False)
        ways = {"ab": (generator, back), "ba": (back, generator) if back else ()}

    def draw() -> dict[str, list[np.ndarray]]:
        sets = {way: some for way, some in shown.items() if len(some)}
        loaded = {way: pipeline.load_images(some, config.whole_size) for way, some in sets.items()}
        return {way: _translated(some, ways.get(way, ())) for way, some in loaded.items()}

    told = "were held out from the training" if held_out else "are some of those trained on"
    constant = {
        "names": {way: some.names for way, some in shown.items()},
        "shown": f"These pictures {told}.",
    }
    return Report(run, draw, lambda: constant | facts(), every=config.sample_every)


def _translated(
    pictures: np.ndarray, networks: Sequence[CompiledGenerator | None]
) -> list[np.ndarray]:
    """The pictures, and what one network after the other makes of them, uint8."""
    rows = [pictures]
    for network in filter(None, networks):
        rows.append(network(rows[-1]))
    return [to_uint8(row) for row in rows]


def restore_states(
    callbacks: Sequence[keras.callbacks.Callback], states: dict[str, dict[str, Any]]
) -> None:
    """Gives callbacks back the state that they had when the checkpoint was written."""
    for callback in callbacks:
        if isinstance(callback, Stateful) and callback.state_key in states:
            callback.set_state(states[callback.state_key])


def build_inception(config: TrainConfig) -> Inception | None:
    """The network whose features the scores during the training compare; None without scores.

    Raises:
        InputError: if it cannot be read.
    """
    if not config.evaluate_every:
        return None
    return Inception(Path(config.inception) if config.inception else default_inception())


def saved_networks(model: AdversarialModel) -> list[keras.Model]:
    """The networks whose weights a run keeps, each once."""
    networks = (*model.generators, *model.averages, *model.discriminators)
    return list({network.name: network for network in networks}.values())


def _translations(
    config: TrainConfig, run: RunFolder, data: DataSet, generator: CompiledGenerator
) -> list[keras.callbacks.Callback]:
    """Samples of a CycleGan, with the error to the true translations where they are known."""
    size = config.whole_size
    inputs, truth = data.held_out_pairs()
    if len(inputs):
        pictures = pipeline.load_images(inputs, size), pipeline.load_images(truth, size)
        shown, shown_truth = (some[: config.sample_count] for some in pictures)
        grid = SampleGrid(run, generator, shown, every=config.sample_every, truth=shown_truth)
        return [TruthError(generator, *pictures), grid]
    # held-out images show what was learned; without any, some spread over the training images
    domain = data.validation_a if len(data.validation_a) else data.train_a
    shown = pipeline.load_images(domain.spread(config.sample_count), size)
    return [SampleGrid(run, generator, shown, every=config.sample_every)]


def _inventions(
    config: TrainConfig, run: RunFolder, data: DataSet, generator: CompiledGenerator
) -> list[keras.callbacks.Callback]:
    """Samples of a DcGan and their diversity."""
    latents = sample_latents(DIVERSITY_SAMPLES, config.latent_size, seed=config.seed)
    reals = pipeline.load_images(data.train_b.spread(DIVERSITY_SAMPLES), config.image_size)
    count = min(config.sample_count, DIVERSITY_SAMPLES)
    return [LatentGrid(run, generator, latents, reals, every=config.sample_every, shown=count)]


def _scored(
    config: TrainConfig, data: DataSet, generator: CompiledGenerator
) -> TranslatedPictures | GeneratedPictures:
    """What the scores are of: held-out photos (or, without 2 of them, training ones); latents."""
    if config.model == "dcgan":
        seed = config.seed + 2  # other latents than those of grid and strip
        return GeneratedPictures(
            "scoring", generator, config.latent_size, EVALUATED_PICTURES, seed=seed
        )
    domain = data.validation_a if len(data.validation_a) > 1 else data.train_a
    photos = SquarePictures("scoring", domain.spread(EVALUATED_PICTURES), config.whole_size)
    return TranslatedPictures(photos.title, photos, generator)


def references(config: TrainConfig) -> SquarePictures:
    """Pictures of domain B as they are stored, which the scores compare with."""
    data = build_data_set(config, only_b=True, as_stored=True)
    real = (data.train_b + data.validation_b).spread(MOST_REFERENCES)
    return SquarePictures("domain B", real, config.whole_size)


def strip_latents(config: TrainConfig, *, rows: int = 4, columns: int = 8) -> np.ndarray:
    """`(rows, columns, latent_size)`: ways between random latents, for the interpolation strip."""
    ends = sample_latents(2 * rows, config.latent_size, seed=config.seed + 1)
    return np.stack([interpolate(ends[2 * i], ends[2 * i + 1], columns) for i in range(rows)])
