"""What a notebook needs besides the package: the machine, the images, the settings, the end."""

import dataclasses
import logging
import os
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclegan_tf.cli import load_tensorflow
from cyclegan_tf.config.presets import preset_config
from cyclegan_tf.config.train_config import TrainConfig
from cyclegan_tf.data.layouts import kaggle_data
from cyclegan_tf.data.synthetic.dataset import synthetic_data
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.files import user_path
from cyclegan_tf.io.machine import available_cores

if TYPE_CHECKING:  # it imports TensorFlow, whose notices `describe_machine` keeps away
    from cyclegan_tf.io.run_folder import RunFolder

DATA_VARIABLE = "CYCLEGAN_TF_DATA"
INCEPTION_VARIABLE = "CYCLEGAN_TF_INCEPTION"
QUICK_VARIABLE = "CYCLEGAN_TF_QUICK"
KAGGLE_INPUT = Path("/kaggle/input")
KAGGLE_WORKING = Path("/kaggle/working")
QUICK_DATA = Path("data/synthetic-quick")

_GRAPHS = ("classify_image_graph_def.pb", "inception-2015-12-05*.pb")
_SHORT = {"epochs": 2, "steps_per_epoch": 4, "budget_minutes": None, "sample_every": 1}
_QUICK = {
    "translation": {
        **_SHORT,
        "image_size": 32,
        "picture_size": None,
        "unet_depth": 2,
        "base_filters": 4,
        "head_filters": 2,
        "discriminator_layers": 1,
        "discriminator_filters": 4,
        "diff_augment": "off",
    },
    "dcgan": {
        **_SHORT,
        "image_size": 32,
        "base_filters": 4,
        "discriminator_filters": 4,
        "latent_size": 16,
    },
}


def is_quick() -> bool:
    """Whether the notebook is only to show that it runs: `CYCLEGAN_TF_QUICK=1`."""
    return os.environ.get(QUICK_VARIABLE, "") not in ("", "0")


def find_data() -> Path:
    """The folder of images, told to the reader in one line.

    Returns:
        The competition's on Kaggle; elsewhere the one that `CYCLEGAN_TF_DATA` names; without that
        the synthetic set under `data/`, written if it is not there (a small one if quick).

    Raises:
        InputError: if `CYCLEGAN_TF_DATA` names no folder.
    """
    if folder := kaggle_data():
        print(f"data: the competition's, in {folder}")
        return folder
    if named := os.environ.get(DATA_VARIABLE):
        if not user_path(named).is_dir():
            raise InputError(
                f"{DATA_VARIABLE} is {named!r}, which is no folder; set it to one that holds a "
                "data set, or unset it to use the synthetic one."
            )
        print(f"data: {named}, as {DATA_VARIABLE} says")
        return user_path(named)
    why = f"data: neither the competition's nor {DATA_VARIABLE}"
    if is_quick():
        return synthetic_data(QUICK_DATA, size=64, count=32, why=why)
    return synthetic_data(why=why)


def describe_machine(minutes: float | None = None) -> str:
    """One line: processors, and how long the notebook takes on them.

    Args:
        minutes: what is said about the time; without it nothing is.
    """
    _load()
    cores = available_cores()
    line = f"{cores} CPU {'core' if cores == 1 else 'cores'}, {_accelerators()}"
    if is_quick():
        return f"{line}; {QUICK_VARIABLE} is set: about a minute, to show that it runs"
    return line if minutes is None else f"{line}; about {minutes:g} minutes"


def choose_config(
    data: str | Path,
    model: str = "cyclegan",
    *,
    preset: str | None = None,
    minutes: float | None = None,
    **changes: Any,
) -> TrainConfig:
    """The settings for these images on this machine, told to the reader in one line.

    Args:
        data: folder of images.
        model: "cyclegan", "cut" or "dcgan".
        preset: by default `kaggle` on a GPU or TPU and `cpu` on a CPU, `demo` for the synthetic
            set; `dcgan` for a DcGan.
        minutes: that training, samples and `images.zip` may take; by default the preset's.
        **changes: other fields of the config.

    Returns:
        The config; if quick one of tiny networks that take eight steps.

    Raises:
        InputError: if a change does not fit.
    """
    _load()
    from cyclegan_tf.distribution.strategy import has_tpu
    from cyclegan_tf.training.run import choose_preset

    preset = preset or choose_preset(model, str(data))
    if model == "cyclegan" and preset_config(preset).model == "cut":
        changes["model"] = model  # a notebook on cycles trains both ways
    if minutes is not None:
        changes["budget_minutes"] = minutes
    elif preset == "demo":
        changes.setdefault("budget_minutes", 10)  # it takes five on two cores
    config = preset_config(preset, data=str(data), **changes)
    if config.precision == "mixed_float16" and has_tpu():
        config = dataclasses.replace(config, precision="mixed_bfloat16")  # a TPU has no float16
    if is_quick():
        kind = "dcgan" if config.model == "dcgan" else "translation"
        tiny = config.to_dict() | _QUICK[kind] | {"precision": "float32"}
        config = TrainConfig.from_dict(tiny)  # of what it does not use, it takes nothing
    print(f"settings: preset {preset}" + (", made tiny" if is_quick() else ""))
    return config


def new_run(name: str) -> "RunFolder":
    """A run folder that is not there yet: `runs/NAME-1`, or the next number that is free."""
    from cyclegan_tf.io.run_folder import RunFolder, next_free_run

    return RunFolder(next_free_run(Path("runs"), name))


def find_inception() -> Path | None:
    """The frozen Inception graph for the scores; without one a line how to attach it.

    Returns:
        What `CYCLEGAN_TF_INCEPTION` names, or the graph of a data set attached on Kaggle.

    Raises:
        InputError: if `CYCLEGAN_TF_INCEPTION` names no file.
    """
    if named := os.environ.get(INCEPTION_VARIABLE):
        if not Path(named).is_file():
            raise InputError(
                f"{INCEPTION_VARIABLE} is {named!r}, which is no file; set it to a frozen "
                "Inception graph, or unset it to go without scores."
            )
        return user_path(named)
    for name in _GRAPHS:
        if found := sorted(KAGGLE_INPUT.rglob(name)):
            return found[0]
    print(
        "no scores: on Kaggle attach a data set that holds classify_image_graph_def.pb (from "
        f"inception-2015-12-05.tgz); elsewhere set {INCEPTION_VARIABLE} to that file."
    )
    return None


def export_submission(run: "RunFolder") -> Path | None:
    """Lays a run's `images.zip` where the competition takes it, and tells how many images it has.

    Of a run that was interrupted it is written first, by what it has learned; nothing is trained.

    Args:
        run: of a CycleGan.

    Returns:
        The copy: in `/kaggle/working`, or in the working folder where there is none. None, and a
        line that says so, for data that are not the competition's.

    Raises:
        InputError: if the run has learned nothing yet.
    """
    from cyclegan_tf.io.files import atomic_file

    # a zip of before it went on is old; with --no-submission there is none
    if not run.finished or not run.config().submission:
        _finish(run)
    if not run.submission.exists():
        print(
            f"{run.path} makes no images.zip: only a CycleGAN does, trained on data in Kaggle's "
            "layout, photo_tfrec/ and monet_tfrec/ or photo_jpg/ and monet_jpg/"
        )
        return None
    folder = KAGGLE_WORKING if KAGGLE_WORKING.is_dir() else Path()
    path = folder / run.submission.name
    with atomic_file(path, size=run.submission.stat().st_size) as partial:
        shutil.copyfile(run.submission, partial)
    with zipfile.ZipFile(path) as archive:
        count = len(archive.namelist())
    print(f"{path.resolve()}: {count:,} images, each a JPEG of 256 x 256 pixels, ready to submit")
    return path


def _finish(run: "RunFolder") -> None:
    """Does what follows the last step of a training, although that was interrupted before it."""
    from cyclegan_tf.training.checkpoint import read_metadata
    from cyclegan_tf.training.run import resume

    if not run.state_file.exists() or not read_metadata(run.state_file).step:
        raise InputError(f"{run.path} holds no trained networks; train first.")
    resume(run.path, trains=False, submission=True)


def _load() -> None:
    """Loads TensorFlow, without the notices that say nothing to the reader of a notebook."""
    load_tensorflow()
    import tensorflow as tf

    # every cell that translates builds a function of its own, and each is traced once
    tf.get_logger().addFilter(_is_no_retracing)


def _is_no_retracing(record: logging.LogRecord) -> bool:
    return "triggered tf.function retracing" not in record.getMessage()


def _accelerators() -> str:
    import tensorflow as tf

    from cyclegan_tf.distribution.strategy import INSTALL_TPU, has_tpu

    if has_tpu():
        return f"a TPU (which TensorFlow drives after `{INSTALL_TPU}`)"
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "no GPU, no TPU"
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    names = [detail.get("device_name", "unnamed") for detail in details]
    return f"{len(gpus)} {'GPU' if len(gpus) == 1 else 'GPUs'} ({', '.join(names)})"
