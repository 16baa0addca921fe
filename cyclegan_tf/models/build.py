"""The one place where a TrainConfig becomes data sets, models and optimizers."""

from collections.abc import Callable

import keras
import tensorflow as tf

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data import pipeline
from cyclegan_tf.data.augmentation import Jitter
from cyclegan_tf.data.dataset import DataSet, load_data_set
from cyclegan_tf.distribution import replicas, runtime
from cyclegan_tf.distribution.cluster import WHOLE, Share
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.compiled import Translator
from cyclegan_tf.io import machine
from cyclegan_tf.models import losses
from cyclegan_tf.models import optimizers as optim
from cyclegan_tf.models.adversarial import AdversarialModel, Stabilizers
from cyclegan_tf.models.cyclegan import CycleGan, Objective
from cyclegan_tf.models.dcgan import DcGan
from cyclegan_tf.models.networks.build import latent_pair, translation_networks
from cyclegan_tf.models.networks.generators import unet_depth
from cyclegan_tf.models.networks.layers import seed_stream

MARGIN = 16  # pixels of mirrored border around what a U-Net translates
VALIDATION_IMAGES = 128  # of each domain: more would take longer than the epoch, on a CPU

ADVERSARIAL_LOSSES: dict[str, Callable[[float], losses.AdversarialLoss]] = {
    "bce": lambda smoothing: losses.CrossEntropy(real_label=1.0 - smoothing),
    # the means of labels drawn from [0.9, 1] and [0, 0.1]
    "soft-bce": lambda smoothing: losses.CrossEntropy(real_label=0.95, fake_label=0.05, goal=0.9),
    "lsgan": lambda smoothing: losses.LeastSquares(real_label=1.0 - smoothing),
    "hinge": lambda smoothing: losses.Hinge(),
    "wgan-gp": lambda smoothing: losses.Wasserstein(),
}
SCHEDULES: dict[str, Callable[..., float | keras.optimizers.schedules.LearningRateSchedule]] = {
    "constant": lambda rate, config, total_steps, updates: rate,
    "linear": lambda rate, config, total_steps, updates: optim.LinearDecay(
        rate, total_steps, knee=config.decay_from, updates=updates
    ),
    "cosine": lambda rate, config, total_steps, updates: optim.CosineDecay(
        rate, total_steps, updates=updates
    ),
}


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
        only_b=config.model == "dcgan",
    )
    counts = {"A": len(data.train_a), "B": len(data.train_b)}
    if config.model == "dcgan":
        counts = {"B": len(data.train_b)}
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


def images_per_step(config: TrainConfig) -> int:
    """Real images that a training step looks at: of both domains, or of B alone."""
    return config.batch_size * (2 if config.model == "cyclegan" else 1)


def picture_size(config: TrainConfig) -> int:
    """Side of whole pictures in samples and validation."""
    return config.picture_size or config.image_size


def build_training_batches(
    config: TrainConfig,
    data: DataSet,
    *,
    first_step: int = 0,
    share: Share = WHOLE,
) -> tf.data.Dataset:
    """The endless pipeline of training batches, from a step on; of one worker, its share."""
    options = {
        "first_step": first_step,
        "share": share,
        "decoded": keeps_pixels(config, data),
        "image_size": config.image_size,
        "batch_size": config.batch_size,
        "seed": config.seed,
        "jitter": Jitter(
            flip_left_right=config.flip_left_right,
            flip_up_down=config.flip_up_down,
            crop_probability=config.crop_probability,
            crop_enlarge=config.crop_enlarge,
            noise_std=config.noise_std,
        ),
    }
    if config.model == "dcgan":
        return pipeline.single_dataset(data.train_b, expand=config.expand, **options)
    return pipeline.unpaired_dataset(data.train_a, data.train_b, **options)


def validation_images(config: TrainConfig, data: DataSet) -> int:
    """How many images of a domain validation looks at; 0: there is no validation."""
    a, b = (min(len(x), VALIDATION_IMAGES) for x in (data.validation_a, data.validation_b))
    if config.model == "dcgan":
        return b
    return max(a, b) if a and b else 0  # the smaller domain is repeated


def build_validation_batches(config: TrainConfig, data: DataSet) -> tf.data.Dataset | None:
    """One pass over (at most `VALIDATION_IMAGES` of) the held-out images; None without any."""
    if not validation_images(config, data):
        return None
    options = {"image_size": picture_size(config), "batch_size": max(8, config.batch_size)}
    a, b = (domain.spread(VALIDATION_IMAGES) for domain in (data.validation_a, data.validation_b))
    if config.model == "dcgan":
        return pipeline.image_batches(b, **options)
    return pipeline.paired_by_place(a, b, **options)


def build_model(config: TrainConfig, total_steps: int | None = None) -> AdversarialModel:
    """Networks, objective and optimizers, ready for `fit`.

    For several replicas it is called, as `fit` is, under the scope of their strategy.

    Args:
        config: of the run.
        total_steps: of the whole training, for what falls over it; by default what the config
            says, if it sets `steps_per_epoch`.

    Raises:
        InputError: if TensorFlow cannot compile for several replicas.
        ValueError: if something falls over the training, but its length is unknown.
    """
    total_steps = total_steps or config.epochs * (config.steps_per_epoch or 0)
    ends = (config.cycle_weight_end, config.identity_weight_end)
    if not total_steps and (config.schedule != "constant" or ends != (None, None)):
        raise ValueError(
            f"schedule {config.schedule!r} or a falling weight needs the length of the training; "
            "pass total_steps, or set steps_per_epoch."
        )
    build = _cyclegan if config.model == "cyclegan" else _dcgan
    model = build(config, _stabilizers(config))
    model.total_steps.assign(max(1, total_steps))
    rates = zip(_rates(config), (1, config.discriminator_steps), strict=True)
    schedule = SCHEDULES[config.schedule]
    optimizers = (
        optim.adam(
            schedule(rate, config, model.total_steps, updates),
            beta_1=config.beta_1,
            beta_2=config.beta_2,
            clip_norm=config.clip_norm,
            loss_scaling=config.precision == "mixed_float16",
        )
        for rate, updates in rates
    )
    model.compile(
        *optimizers,
        gradient_accumulation=config.gradient_accumulation,
        jit_compile=runtime.compiles_with_xla(config.jit),
    )
    return model


def learning_rates(
    config: TrainConfig, model: AdversarialModel
) -> list[tuple[keras.optimizers.Optimizer, float]]:
    """Each optimizer with the rate that the config gives it, before any schedule."""
    optimizers = (model.generator_optimizer, model.discriminator_optimizer)
    return list(zip(optimizers, _rates(config), strict=True))


def submitted_generators(config: TrainConfig, model: AdversarialModel) -> list[keras.Model]:
    """The generators that draw samples and submission: the averages, where there are any."""
    return model.generators if config.submit == "last" else model.averages


def build_translator(
    config: TrainConfig, model: AdversarialModel, *, back: bool = False
) -> Translator:
    """Compiled A into B (or `back`), or latents into pictures, by the submitted generator."""
    generator = submitted_generators(config, model)[1 if back else 0]
    return Translator(
        generator,
        margin=margin(config),
        chains=runtime.chains(),
        jit_compile=runtime.compiles_with_xla(config.jit),
    )


def stride(config: TrainConfig) -> int:
    """What a translating generator divides the sides of its input by."""
    if config.generator == "resnet":
        return 4
    return 2 ** (config.unet_depth or unet_depth(config.image_size))


def margin(config: TrainConfig) -> int:
    """Pixels of mirrored border that keep a U-Net's zero padding out of sight; 0: none needed.

    It must be a multiple of what the U-Net divides sides by. A deep one, which would want a
    border as wide as a quarter of the picture, goes without.
    """
    if config.model == "dcgan" or config.generator != "unet":
        return 0
    border = max(MARGIN, stride(config), config.skip_blur)
    return border if 4 * border < picture_size(config) else 0


def _rates(config: TrainConfig) -> tuple[float, float]:
    """Learning rates of generators and discriminators."""
    rate_d = config.discriminator_learning_rate
    return config.learning_rate, config.learning_rate if rate_d is None else rate_d


def _stabilizers(config: TrainConfig) -> Stabilizers:
    penalty = config.gradient_penalty
    if penalty is None:
        penalty = 10.0 if config.adversarial_loss == "wgan-gp" else 0.0
    return Stabilizers(
        pool_size=config.pool_size,
        augment_color=config.diff_augment == "all",
        augment_geometry=config.diff_augment != "off",
        ema_decay=config.ema_decay,
        discriminator_steps=config.discriminator_steps,
        r1_weight=config.r1_weight,
        penalty_weight=penalty,
    )


def _adversarial(config: TrainConfig) -> losses.AdversarialLoss:
    return ADVERSARIAL_LOSSES[config.adversarial_loss](config.label_smoothing)


def _cyclegan(config: TrainConfig, stabilizers: Stabilizers) -> CycleGan:
    two_objective = losses.TwoObjective(config.two_objective_weight)
    objective = Objective(
        adversarial_a=_adversarial(config),
        adversarial_b=two_objective
        if config.discriminator == "two-objective"
        else _adversarial(config),
        cycle_weight=config.cycle_weight,
        identity_weight=config.identity_weight,
        cycle_weight_end=config.cycle_weight_end,
        identity_weight_end=config.identity_weight_end,
    )
    seeds = seed_stream(config.seed)
    networks = translation_networks(config, seeds)
    model = CycleGan(*networks, objective, stabilizers, seed=next(seeds))
    for pool in (model.pool_a, model.pool_b):  # variables must stand before the step is traced
        pool.build((config.batch_size, config.image_size, config.image_size, 3))
    return model


def _dcgan(config: TrainConfig, stabilizers: Stabilizers) -> DcGan:
    seeds = seed_stream(config.seed)
    synchronized = replicas.count() > 1
    generator, discriminator = latent_pair(config, next(seeds), synchronized=synchronized)
    model = DcGan(
        generator,
        discriminator,
        _adversarial(config),
        stabilizers,
        latent_size=config.latent_size,
        seed=next(seeds),
    )
    model.pool.build((config.batch_size, config.image_size, config.image_size, 3))
    return model
