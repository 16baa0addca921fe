"""The one place where a TrainConfig becomes data sets, networks, optimizers and callbacks."""

from functools import partial

import keras
import tensorflow as tf

from cyclegan_tf import optim, pipeline, runtime
from cyclegan_tf.augment import Jitter
from cyclegan_tf.callbacks import EpochLog, SampleGrid, SaveWeights, StopOnNonFinite, TruthError
from cyclegan_tf.config import TrainConfig
from cyclegan_tf.cyclegan import CycleGan
from cyclegan_tf.data import DataSet, load_data_set
from cyclegan_tf.discriminators import patch_discriminator
from cyclegan_tf.errors import InputError
from cyclegan_tf.generators import resnet_generator, unet_generator
from cyclegan_tf.layers import Style, seed_stream
from cyclegan_tf.losses import CrossEntropy
from cyclegan_tf.rundir import RunDir
from cyclegan_tf.translator import Translator

GENERATORS = {
    "unet": lambda config: partial(unet_generator, config.image_size),
    "resnet": lambda config: partial(resnet_generator, config.residual_blocks),
}
DISCRIMINATORS = {"patch": patch_discriminator}
ADVERSARIAL_LOSSES = {"bce": CrossEntropy}


def build_data_set(config: TrainConfig) -> DataSet:
    """Reads the images.

    Raises:
        InputError: if something cannot be read, or a domain is smaller than a batch.
    """
    data = load_data_set(
        data=config.data,
        a=config.a,
        b=config.b,
        validation_fraction=config.validation_fraction,
        skip_bad=config.skip_bad_images,
        image_size=config.image_size,
    )
    for domain, count in (("A", len(data.train_a)), ("B", len(data.train_b))):
        if count < config.batch_size:
            raise InputError(
                f"--batch-size {config.batch_size} is larger than domain {domain}, which has "
                f"{count} training images; take a batch of at most {max(1, count)}, or hold out "
                "fewer images."
            )
    return data


def steps_per_epoch(config: TrainConfig, data: DataSet) -> int:
    """Steps of an epoch: as configured, or one pass over the larger domain."""
    larger = max(len(data.train_a), len(data.train_b))
    return config.steps_per_epoch or -(-larger // config.batch_size)


def build_training_batches(config: TrainConfig, data: DataSet) -> tf.data.Dataset:
    """The endless pipeline of training batches."""
    return pipeline.unpaired_dataset(
        data.train_a,
        data.train_b,
        image_size=config.image_size,
        batch_size=config.batch_size,
        seed=config.seed,
        jitter=Jitter(
            flip_left_right=config.flip_left_right,
            flip_up_down=config.flip_up_down,
            crop_probability=config.crop_probability,
            crop_enlarge=config.crop_enlarge,
            noise_std=config.noise_std,
        ),
    )


def build_validation_batches(config: TrainConfig, data: DataSet) -> tf.data.Dataset | None:
    """One pass over the held-out images; None without any."""
    if not len(data.validation_a) or not len(data.validation_b):
        return None
    return pipeline.paired_by_place(
        data.validation_a,
        data.validation_b,
        image_size=picture_size(config),
        batch_size=config.batch_size,
    )


def picture_size(config: TrainConfig) -> int:
    """Side of whole pictures in samples and validation."""
    return config.picture_size or config.image_size


def build_model(config: TrainConfig) -> CycleGan:
    """Networks, objective and optimizers, ready for `fit`."""
    style = Style(
        norm=config.norm,
        norm_groups=config.norm_groups,
        upsampling=config.upsampling,
        global_skip=config.global_skip,
    )
    generator = partial(
        GENERATORS[config.generator](config),
        style,
        base_filters=config.base_filters,
        dropout=config.dropout,
    )
    discriminator = partial(
        DISCRIMINATORS[config.discriminator], style, base_filters=config.discriminator_filters
    )
    networks = {"generator_ab": generator, "generator_ba": generator}
    networks |= {"discriminator_a": discriminator, "discriminator_b": discriminator}
    seeds = seed_stream(config.seed)
    model = CycleGan(
        *(build(seed=next(seeds), name=name) for name, build in networks.items()),
        adversarial_loss=ADVERSARIAL_LOSSES[config.adversarial_loss](),
        cycle_weight=config.cycle_weight,
        identity_weight=config.identity_weight,
    )
    model.compile(
        _optimizer(config), _optimizer(config), jit_compile=runtime.compiles_with_xla(config.jit)
    )
    return model


def build_translator(config: TrainConfig, model: CycleGan) -> Translator:
    """Compiled translation of A into B."""
    return Translator(model.generator_ab, jit_compile=runtime.compiles_with_xla(config.jit))


def build_callbacks(
    config: TrainConfig, run: RunDir, data: DataSet, model: CycleGan, translate: Translator
) -> list[keras.callbacks.Callback]:
    """Guard, samples, weights and logs, in the order in which they must run."""
    networks = [
        model.generator_ab,
        model.generator_ba,
        model.discriminator_a,
        model.discriminator_b,
    ]
    size = picture_size(config)
    inputs, truth = data.held_out_pairs()
    callbacks = [StopOnNonFinite(), SaveWeights(run, networks)]
    if len(inputs):
        pictures = pipeline.load_images(inputs, size), pipeline.load_images(truth, size)
        callbacks += [TruthError(translate, *pictures)]
        shown, shown_truth = (images[: config.sample_count] for images in pictures)
    else:
        # held-out images show what was learned; without any, spread over the training images
        domain = data.validation_a if len(data.validation_a) else data.train_a
        count = min(config.sample_count, len(domain))
        places = [i * len(domain) // count for i in range(count)]
        shown, shown_truth = pipeline.load_images(domain.take(places), size), None
    return [
        *callbacks,
        SampleGrid(run, translate, shown, every=config.sample_every, truth=shown_truth),
        EpochLog(run, images_per_step=2 * config.batch_size),
    ]


def _optimizer(config: TrainConfig) -> keras.optimizers.Optimizer:
    return optim.adam(
        config.learning_rate,
        beta_1=config.beta_1,
        loss_scaling=config.precision == "mixed_float16",
    )
