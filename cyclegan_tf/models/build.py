"""The one place where a TrainConfig becomes data sets, models and optimizers."""

from collections.abc import Callable

import keras

from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.distribution import replicas, runtime
from cyclegan_tf.models import losses
from cyclegan_tf.models.adversarial import AdversarialModel
from cyclegan_tf.models.cut import Cut, OneSidedObjective
from cyclegan_tf.models.cyclegan import CycleGan, Objective
from cyclegan_tf.models.dcgan import DcGan
from cyclegan_tf.models.networks.blocks import seed_stream
from cyclegan_tf.models.networks.build import latent_pair, translation_networks
from cyclegan_tf.models.networks.frozen import frozen_features
from cyclegan_tf.models.optimizers import CosineDecay, LinearDecay, adam
from cyclegan_tf.models.stabilizers import Stabilizers

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
    "linear": lambda rate, config, total_steps, updates: LinearDecay(
        rate, total_steps, knee=config.decay_from, updates=updates
    ),
    "cosine": lambda rate, config, total_steps, updates: CosineDecay(
        rate, total_steps, updates=updates
    ),
}


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

    Example:
        >>> import cyclegan_tf as cg
        >>> model = cg.build_model(cg.TrainConfig(image_size=32, base_filters=8))
        >>> [network.name for network in model.generators]
        ['generator_ab', 'generator_ba']
    """
    total_steps = total_steps or config.epochs * (config.steps_per_epoch or 0)
    ends = (config.cycle_weight_end, config.identity_weight_end)
    if not total_steps and (config.schedule != "constant" or ends != (None, None)):
        raise ValueError(
            f"schedule {config.schedule!r} or a falling weight needs the length of the training; "
            "pass total_steps, or set steps_per_epoch."
        )
    model = MODELS[config.model](config, _stabilizers(config))
    for pool in model.pools:  # variables must stand before the step is traced
        pool.build((config.batch_size, config.image_size, config.image_size, 3))
    model.total_steps.assign(max(1, total_steps))
    rates = zip(_rates(config), (1, config.discriminator_steps), strict=True)
    schedule = SCHEDULES[config.schedule]
    optimizers = (
        adam(
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
        mirrored=config.diff_augment == "mirrored",
        ema_decay=config.ema_decay,
        discriminator_steps=config.discriminator_steps,
        r1_weight=config.r1_weight,
        penalty_weight=penalty,
    )


def _adversarial(config: TrainConfig) -> losses.AdversarialLoss:
    return ADVERSARIAL_LOSSES[config.adversarial_loss](config.label_smoothing)


# the objectives of A and of B
ADVERSARIAL_PAIRS: dict[str, Callable[[TrainConfig], list[losses.AdversarialLoss]]] = {
    "patch": lambda config: [_adversarial(config)] * 2,
    "projected": lambda config: [losses.EachHead(_adversarial(config))] * 2,
    "two-objective": lambda config: [
        _adversarial(config),
        losses.TwoObjective(config.two_objective_weight),
    ],
}


def _cyclegan(config: TrainConfig, stabilizers: Stabilizers) -> CycleGan:
    adversarial_a, adversarial_b = ADVERSARIAL_PAIRS[config.discriminator](config)
    objective = Objective(
        adversarial_a=adversarial_a,
        adversarial_b=adversarial_b,
        colour_weight=config.colour_weight,
        cycle_weight=config.cycle_weight,
        identity_weight=config.identity_weight,
        cycle_weight_end=config.cycle_weight_end,
        identity_weight_end=config.identity_weight_end,
    )
    seeds = seed_stream(config.seed)
    networks = translation_networks(config, seeds)
    return CycleGan(*networks, objective, stabilizers, seed=next(seeds))


def _cut(config: TrainConfig, stabilizers: Stabilizers) -> Cut:
    objective = OneSidedObjective(
        adversarial=ADVERSARIAL_PAIRS[config.discriminator](config)[1],
        content_weight=config.content_weight,
        identity_weight=config.identity_weight,
        identity_weight_end=config.identity_weight_end,
        colour_weight=config.colour_weight,
    )
    seeds = seed_stream(config.seed)
    networks = translation_networks(config, seeds)
    return Cut(*networks, frozen_features(), objective, stabilizers, seed=next(seeds))


def _dcgan(config: TrainConfig, stabilizers: Stabilizers) -> DcGan:
    seeds = seed_stream(config.seed)
    synchronized = replicas.count() > 1
    generator, discriminator = latent_pair(config, next(seeds), synchronized=synchronized)
    several = config.latent_discriminator == "projected"
    return DcGan(
        generator,
        discriminator,
        losses.EachHead(_adversarial(config)) if several else _adversarial(config),
        stabilizers,
        latent_size=config.latent_size,
        seed=next(seeds),
    )


MODELS: dict[str, Callable[[TrainConfig, Stabilizers], AdversarialModel]] = {
    "cyclegan": _cyclegan,
    "cut": _cut,
    "dcgan": _dcgan,
}
