"""What a notebook asks first: which machine this is, and which images are there."""

import os
from pathlib import Path

from cyclegan_tf.command import load_tensorflow
from cyclegan_tf.default_data import kaggle_data, synthetic_data
from cyclegan_tf.errors import InputError

DATA_VARIABLE = "CYCLEGAN_TF_DATA"
QUICK_VARIABLE = "CYCLEGAN_TF_QUICK"
QUICK_DATA = Path("data/synthetic-quick")


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
        if not Path(named).is_dir():
            raise InputError(
                f"{DATA_VARIABLE} is {named!r}, which is no folder; set it to one that holds a "
                "data set, or unset it to use the synthetic one."
            )
        print(f"data: {named}, as {DATA_VARIABLE} says")
        return Path(named)
    why = f"data: neither the competition's nor {DATA_VARIABLE}"
    if is_quick():
        return synthetic_data(QUICK_DATA, size=64, count=32, why=why)
    return synthetic_data(why=why)


def describe_machine(minutes: float | None = None) -> str:
    """One line: processors, and how long the notebook takes on them.

    Args:
        minutes: what is said about the time; without it nothing is.
    """
    load_tensorflow()
    cores = os.cpu_count()
    line = f"{cores} CPU {'core' if cores == 1 else 'cores'}, {_accelerators()}"
    if is_quick():
        return f"{line}; {QUICK_VARIABLE} is set: about a minute, to show that it runs"
    if minutes is None:
        return line
    return f"{line}; about {minutes:g} minutes"


def _accelerators() -> str:
    import tensorflow as tf

    from cyclegan_tf.strategy import has_tpu

    if has_tpu():
        return "TPU"
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "no GPU, no TPU"
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    names = [detail.get("device_name", "unnamed") for detail in details]
    return f"{len(gpus)} {'GPU' if len(gpus) == 1 else 'GPUs'} ({', '.join(names)})"
