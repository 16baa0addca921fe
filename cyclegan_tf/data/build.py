"""The data set and the batches that a TrainConfig names."""

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np
import tensorflow as tf

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data import pipeline
from cyclegan_tf.data.augmentation import Jitter
from cyclegan_tf.data.dataset import DataSet, ImageSet, largest_side, load_data_set
from cyclegan_tf.data.image import stored_rgb, upright_rgb
from cyclegan_tf.data.layouts import named_layout
from cyclegan_tf.data.srgb import Levels
from cyclegan_tf.distribution.cluster import WHOLE, Shard
from cyclegan_tf.errors import InputError
from cyclegan_tf.io import machine

VALIDATION_IMAGES = 128  # of each domain: more would take longer than the epoch, on a CPU


def build_data_set(
    config: TrainConfig, *, only_b: bool = False, as_stored: bool = False
) -> DataSet:
    """Reads the images.

    Args:
        config: of the run.
        only_b: leave domain A empty, as for a DcGan.
        as_stored: keep the pixels as the files hold them, which scores are computed of, instead of
            upright and in sRGB.

    Raises:
        InputError: if something cannot be read, or a domain is smaller than a batch.

    Example:
        >>> import cyclegan_tf as cg
        >>> config = cg.preset_config("cpu", data="data/horse2zebra")
        >>> print(cg.build_data_set(config).summary())
        A: 3 images (3 more held out), B: 3 images (3 more held out)
    """
    only_b = only_b or config.model == "dcgan"
    data = _read(config, only_b=only_b, convert=stored_rgb if as_stored else upright_rgb)
    counts = {} if only_b else {"A": len(data.train_a)}
    counts["B"] = len(data.train_b)
    for domain, count in counts.items():
        if count < 2 and (config.model == "dcgan" or config.evaluate_every):
            raise InputError(
                f"domain {domain} has {count} training image; --model dcgan and --evaluate-every "
                "measure how images differ and need at least 2. Add some."
            )
        if count < config.batch_size:
            raise InputError(
                f"--batch-size {config.batch_size} is larger than domain {domain}, which has "
                f"{count} training images; take a batch of at most {max(1, count)}, or hold out "
                "fewer images."
            )
    return data


def _read(config: TrainConfig, *, only_b: bool, convert: Callable[..., bytes]) -> DataSet:
    layout = named_layout(
        data=config.data,
        a="" if only_b and not config.swap else config.a,
        b=config.b,
        features=config.features,
        swap=config.swap,
    )
    # whole pictures may be shown larger than those trained on
    shrink_above = largest_side(max(config.image_size, config.whole_size // 2))
    return load_data_set(
        layout,
        validation_fraction=config.validation_fraction,
        skip_bad=config.skip_bad_images,
        convert=partial(convert, shrink_above=shrink_above, levels=levels(config)),
        span=config.range,
        only_b=only_b,
    )


def levels(config: TrainConfig) -> Levels:
    """How the values of the files of this run are to be understood."""
    return Levels(config.range, grey=config.channels == 1)


def reopen_data_set(
    config: TrainConfig, moved: str | None = None, *, as_stored: bool = False
) -> DataSet:
    """Reads the images of a run that is not trained any more.

    Args:
        config: of the run.
        moved: where its data set is now, if it has moved.
        as_stored: keep the pixels as the files hold them, which scores are computed of, instead of
            upright and in sRGB.

    Raises:
        InputError: if something cannot be read.
    """
    changes = {"data": moved, "a": "", "b": ""} if moved else {}
    # nothing is trained: it may be smaller than the run's batch
    changes |= {"batch_size": 1, "gradient_accumulation": 1}
    try:
        return build_data_set(dataclasses.replace(config, **changes), as_stored=as_stored)
    except InputError as error:
        if moved:
            raise
        raise InputError(
            f"{error} If the run's data set has moved, name it with --data."
        ) from error


def steps_per_epoch(config: TrainConfig, data: DataSet) -> int:
    """Steps of an epoch: as configured, or one pass over the larger domain."""
    if config.model == "dcgan":
        count = len(data.train_b) * (pipeline.EXPANSION if config.expand else 1)
    else:
        count = max(len(data.train_a), len(data.train_b))
    return config.steps_per_epoch or -(-count // config.batch_size)


def keeps_pixels(config: TrainConfig, data: DataSet) -> bool:
    """Whether the training images stay in memory as pixels: as configured, or if they fit."""
    if config.cache != "auto":
        return config.cache == "decoded"
    # twice while they are gathered; the networks want memory, too
    needed = 8 * (data.train_a.pixel_bytes + data.train_b.pixel_bytes)
    return needed < machine.available_memory()


def build_training_batches(
    config: TrainConfig,
    data: DataSet,
    *,
    first_step: int = 0,
    shard: Shard = WHOLE,
) -> tf.data.Dataset:
    """The endless pipeline of training batches, from a step on; of one worker, its share."""
    sampling = pipeline.Sampling(
        image_size=config.image_size,
        batch_size=config.batch_size,
        seed=config.seed,
        jitter=_jitter(config),
        first_step=first_step,
        shard=shard,
        decoded=keeps_pixels(config, data),
    )
    if config.model == "dcgan":
        return pipeline.single_dataset(data.train_b, sampling, expand=config.expand)
    return pipeline.unpaired_dataset(data.train_a, data.train_b, sampling)


def _jitter(config: TrainConfig) -> Jitter:
    return Jitter(
        flip_left_right=config.flip_left_right,
        flip_up_down=config.flip_up_down,
        crop_probability=config.crop_probability,
        crop_enlarge=config.crop_enlarge,
        noise_std=config.noise_std,
    )


def build_versions(config: TrainConfig, domain: ImageSet) -> dict[str, np.ndarray]:
    """What an expanded data set (`expand`) makes of a few images, as `show_versions` has it."""
    size = max(1, len(domain))
    sampling = pipeline.Sampling(config.image_size, size, config.seed, jitter=_jitter(config))
    return pipeline.show_versions(domain, sampling)


def build_validation_batches(config: TrainConfig, data: DataSet) -> tf.data.Dataset | None:
    """One pass over (at most `VALIDATION_IMAGES` of) the held-out images; None without any."""
    if not validation_images(config, data):
        return None
    options = {"image_size": config.whole_size, "batch_size": _validation_batch(config)}
    a, b = (domain.spread(VALIDATION_IMAGES) for domain in (data.validation_a, data.validation_b))
    if config.model == "dcgan":
        return pipeline.image_batches(b, **options)
    return pipeline.paired_by_place(a, b, **options)


def validation_images(config: TrainConfig, data: DataSet) -> int:
    """How many images of a domain validation looks at; 0: there is no validation."""
    a, b = (min(len(x), VALIDATION_IMAGES) for x in (data.validation_a, data.validation_b))
    if config.model == "dcgan":
        return b
    return max(a, b) if a and b else 0  # the smaller domain is repeated


def validation_count(config: TrainConfig, data: DataSet) -> int:
    """How many batches a validation has."""
    return -(-validation_images(config, data) // _validation_batch(config))


def _validation_batch(config: TrainConfig) -> int:
    return max(8, config.batch_size)
