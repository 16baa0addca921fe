"""Which settings go together: what TrainConfig refuses beyond types and ranges of single fields."""

from typing import TYPE_CHECKING

from cyclegan_tf.config.fields import flag
from cyclegan_tf.errors import InputError

if TYPE_CHECKING:
    from cyclegan_tf.config.train_config import TrainConfig


def check_combinations(config: "TrainConfig") -> None:
    """Raises `InputError`, with a remedy, where two settings contradict each other."""
    _check_sources(config)
    _check_pixels(config)
    _check_sizes(config)
    _check_objective(config)
    _check_norm_groups(config)
    _check_reports(config)
    _check_parts(config)


def _check_parts(config: "TrainConfig") -> None:
    parts, batch = config.gradient_accumulation, config.batch_size
    if parts == 1:
        return
    if config.model == "dcgan":
        raise InputError(
            f"--gradient-accumulation {parts} would show the batch norms of --model dcgan a part "
            "of the batch only, another step than without it; lower --batch-size instead."
        )
    if batch % parts:
        fitting = [n for n in range(1, batch + 1) if batch % n == 0]
        # of two as near the one that needs less memory
        nearest = min(fitting, key=lambda n: (abs(n - parts), -n))
        raise InputError(
            f"--gradient-accumulation {parts} does not divide --batch-size {batch}; take "
            f"{nearest}, or a batch of {-(-batch // parts) * parts}."
        )


def _check_reports(config: "TrainConfig") -> None:
    if config.submit == "best" and not config.evaluate_every:
        raise InputError(
            "--submit best needs scores to choose by, but --evaluate-every is not given; give "
            "--evaluate-every 5, or submit ema."
        )


def _check_pixels(config: "TrainConfig") -> None:
    if config.channels == 2:
        raise InputError("--channels is 2; expected 1 (grey) or 3 (colours).")
    check_range(config.range)


def check_range(span: tuple[float, float] | None) -> None:
    """Raises `InputError` unless the lower value comes first."""
    if span and not span[0] < span[1]:
        raise InputError(f"--range is {span[0]:g} {span[1]:g}; expected the lower value first.")


def _check_sources(config: "TrainConfig") -> None:
    given = [f"{flag(name)} {getattr(config, name)}" for name in "ab" if getattr(config, name)]
    if config.data and given:
        raise InputError(
            f"--data {config.data} is given together with {' and '.join(given)}; name either a "
            "data set with --data, or two folders with --a and --b."
        )
    b_suffices = config.model == "dcgan" and not config.a
    if bool(config.a) != bool(config.b) and not b_suffices:
        there, missing = ("--a", "--b") if config.a else ("--b", "--a")
        raise InputError(f"{there} is given without {missing}; name both folders, or use --data.")


def _check_sizes(config: "TrainConfig") -> None:
    if config.model == "dcgan":
        if config.image_size & (config.image_size - 1):
            lower = 1 << (config.image_size.bit_length() - 1)
            raise InputError(
                f"--image-size {config.image_size} does not fit a DCGAN, which doubles 4 or 8 "
                f"pixels; take a power of two, such as {lower} or {2 * lower}."
            )
        return
    if config.generator != "resnet" and config.halvings:
        for name in ("image_size", "picture_size"):
            reason = f"--generator {config.generator} of --unet-depth {config.halvings}"
            _check_multiple(config, name, 2**config.halvings, reason)
    elif config.generator == "unet":
        _check_multiple(config, "image_size", 32, "the U-Net, which halves an image 5 to 8 times")
        # the largest power of two in the image size: the side of what one bottleneck pixel sees
        stride = min(config.image_size & -config.image_size, 256)
        reason = f"a U-Net of --image-size {config.image_size}"
        _check_multiple(config, "picture_size", stride, reason)
    else:
        for name in ("image_size", "picture_size"):
            _check_multiple(config, name, 4, "the ResNet, which halves an image twice")
    if config.discriminator == "projected":
        for name in ("image_size", "picture_size"):
            _check_multiple(config, name, 16, "--discriminator projected")
    _check_skip_blur(config)
    smallest = 3 * 2**config.discriminator_layers
    for name in ("image_size", "picture_size"):
        size = getattr(config, name)
        if size and size < smallest:
            raise InputError(
                f"{flag(name)} {size} leaves no patch behind --discriminator-layers "
                f"{config.discriminator_layers}; take at least {smallest} px, or fewer layers."
            )


def _check_skip_blur(config: "TrainConfig") -> None:
    side = config.skip_blur
    if side == 1:
        return
    if side & (side - 1):
        lower = 1 << (side.bit_length() - 1)
        raise InputError(
            f"--skip-blur {side} does not divide the usual sizes of pictures; take a power of two, "
            f"such as {lower} or {2 * lower}."
        )
    for name in ("image_size", "picture_size"):
        _check_multiple(config, name, side, f"--skip-blur {side}")


def _check_multiple(config: "TrainConfig", name: str, unit: int, reason: str) -> None:
    size = getattr(config, name)
    if size and size % unit:
        raise InputError(
            f"{flag(name)} {size} does not fit {reason}; take a multiple of {unit}, such as "
            f"{max(unit, round(size / unit) * unit)}."
        )


def _check_objective(config: "TrainConfig") -> None:
    if config.adversarial_loss == "wgan-gp" and config.gradient_penalty == 0:
        raise InputError(
            "--gradient-penalty 0 leaves the critic of --adversarial-loss wgan-gp without "
            "bounds; take 10, or another objective."
        )
    if not config.identity_weight and config.identity_weight_end:
        raise InputError(
            f"--identity-weight 0 switches the loss off, it cannot become "
            f"--identity-weight-end {config.identity_weight_end}; start from a small weight."
        )
    if config.expand and not config.noise_std:
        raise InputError(
            "--expand shows a noised version of each image, but --noise-std is 0; take 0.05."
        )


def _check_norm_groups(config: "TrainConfig") -> None:
    names = ("base_filters", "head_filters", "discriminator_filters")
    widths = {name: getattr(config, name) for name in names}
    if config.norm_groups and any(width % config.norm_groups for width in widths.values()):
        given = ", ".join(f"{flag(name)} {width}" for name, width in widths.items())
        raise InputError(
            f"--norm-groups {config.norm_groups} does not divide all of {given}; take a divisor of "
            "all."
        )
