"""Named starting points for a training run: each a function whose docstring says what it is for."""

import dataclasses
from collections.abc import Callable
from typing import Any

from cyclegan_tf.config import TrainConfig
from cyclegan_tf.errors import InputError


def demo() -> TrainConfig:
    """The synthetic set at 128 px: learns the painter's palette in minutes on two CPU cores.

    Command: `python -m cyclegan_tf.train`
    """
    return TrainConfig(
        image_size=128,
        validation_fraction=0.15,
        base_filters=16,
        discriminator_filters=32,
        upsampling="resize",
        dropout=0.2,
        batch_size=2,
        epochs=8,
        learning_rate=4e-4,  # twice the usual rate: there are only 720 steps
        sample_every=2,
        sample_count=5,
    )


def cpu() -> TrainConfig:
    """Real photos and paintings at 128 px, 40 minutes on two CPU cores.

    Command: `python -m cyclegan_tf.train --data DIR --preset cpu`
    """
    return TrainConfig(
        image_size=128,
        base_filters=24,
        discriminator_filters=48,
        upsampling="resize",
        dropout=0.2,
        batch_size=1,
        epochs=200,
        steps_per_epoch=250,  # a minute or two: samples and curves come often
        budget_minutes=40,
        sample_every=1,
    )


def notebook() -> TrainConfig:
    """The classic tutorial notebook: U-Net, cross-entropy, batch 4, at 256 px.

    Command: `python -m cyclegan_tf.train --data DIR --preset notebook`
    Needs a GPU: a step of batch 4 takes 8 to 9 s on two CPU cores.
    """
    return TrainConfig(
        image_size=256,
        batch_size=4,
        epochs=200,
        learning_rate=2e-4,
        beta_1=0.5,
        cycle_weight=10.0,
        identity_weight=5.0,
        flip_left_right=0.0,
        sample_every=10,
    )


def kaggle() -> TrainConfig:
    """The competition at 256 px on one GPU, within its limit of five hours.

    Command: `python -m cyclegan_tf.train --data /kaggle/input/gan-getting-started`
    """
    return TrainConfig(
        image_size=256,
        crop_probability=0.5,
        upsampling="resize",
        batch_size=4,
        epochs=200,
        budget_minutes=270,
        precision="mixed_float16",
    )


def paper() -> TrainConfig:
    """Zhu et al. 2017, as far as the U-Net goes: batch 1, 200 epochs, crops from 286 px.

    Command: `python -m cyclegan_tf.train --data DIR --preset paper`
    Meant for one GPU and a day or two.
    """
    return TrainConfig(
        image_size=256,
        batch_size=1,
        epochs=200,
        crop_probability=1.0,
        crop_enlarge=286 / 256,  # loaded at 286 px, cropped to 256 (authors' code)
    )


PRESETS: dict[str, Callable[[], TrainConfig]] = {
    "demo": demo,
    "cpu": cpu,
    "notebook": notebook,
    "kaggle": kaggle,
    "paper": paper,
}


def preset_config(name: str, **changes: Any) -> TrainConfig:
    """The named preset with some fields changed.

    Raises:
        InputError: if there is no such preset, or a change does not fit.
    """
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}; choose one of: {', '.join(PRESETS)}.")
    return dataclasses.replace(PRESETS[name](), **changes)
