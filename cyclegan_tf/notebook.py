"""What a notebook needs besides the package: the machine, the images, the settings, the end."""

import inspect
import os
import shutil
import textwrap
import time
import zipfile
from collections.abc import Mapping
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

if TYPE_CHECKING:  # they import TensorFlow, whose notices `describe_machine` keeps away
    import numpy as np
    import pandas as pd

    from cyclegan_tf.io.run_folder import RunFolder

DATA_VARIABLE = "CYCLEGAN_TF_DATA"
INCEPTION_VARIABLE = "CYCLEGAN_TF_INCEPTION"
QUICK_VARIABLE = "CYCLEGAN_TF_QUICK"
KAGGLE_INPUT = Path("/kaggle/input")
KAGGLE_WORKING = Path("/kaggle/working")
QUICK_DATA = Path("data/synthetic-quick")

# Pictures a second through the Inception network: of a core as measured on two, rounded down; of an
# accelerator a cautious guess.
_SCORED_BY_A_CORE, _SCORED_BY_AN_ACCELERATOR = 8, 200
_SHOWING = 2.0  # minutes for the cells that read, translate a few pictures and draw
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
    load_tensorflow()  # in silence, before the drawing does
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
    cores = available_cores()
    line = f"{cores} CPU {'core' if cores == 1 else 'cores'}, {_accelerators()}"
    if is_quick():
        return f"{line}; {QUICK_VARIABLE} is set: about a minute, to show that it runs"
    return line if minutes is None else f"{line}; about {minutes:g} minutes"


class Clock:
    """The notebook's clock: what it promises at the start, and what it took at the end.

    It starts when it is made.
    """

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._promised: float | None = None

    def promise(self, training: float | None, *, scored: int = 0) -> str:
        """How long the whole notebook will take, and what for.

        Args:
            training: minutes of all trainings, with their samples and `images.zip`; None if they
                have no budget.
            scored: pictures that the Inception network will look at.
        """
        if training is None or is_quick():
            return "no time is promised: the training has no budget"
        scoring = scored / _scored_a_minute() if scored else 0.0
        self._promised = training + _SHOWING + scoring
        parts = [f"{training:g} for training", f"{_SHOWING:g} for reading and drawing"]
        parts += [f"{max(1, round(scoring))} for the scores"] if scored else []
        return f"this notebook takes about {round(self._promised)} minutes: {', '.join(parts)}"

    def report(self) -> str:
        """What has passed since the clock was started, beside what was promised."""
        took = f"this notebook took {(time.monotonic() - self._started) / 60:.1f} minutes"
        return took + (f"; {self._promised:.0f} were promised" if self._promised else "")


def _scored_a_minute() -> float:
    load_tensorflow()
    from cyclegan_tf.distribution import runtime

    if runtime.has_accelerator():
        return 60.0 * _SCORED_BY_AN_ACCELERATOR
    return 60.0 * _SCORED_BY_A_CORE * available_cores()


class Source:
    """Code of the package, as a notebook shows it: the text that runs, not a copy of it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.text}\n```"

    def __repr__(self) -> str:
        return self.text


def show_source(*objects: Any) -> Source:
    """The source of functions, methods or classes, one below the other."""
    return Source("\n\n".join(textwrap.dedent(inspect.getsource(o)).rstrip() for o in objects))


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
    load_tensorflow()
    from cyclegan_tf.training.run import choose_preset, configure

    preset = preset or choose_preset(model, str(data))
    if {model, preset_config(preset).model} == {"cyclegan", "cut"}:
        changes["model"] = model  # a notebook on cycles trains both ways
    if minutes is not None:
        changes["budget_minutes"] = minutes
    elif preset == "demo":
        changes.setdefault("budget_minutes", 10)  # it takes five to ten minutes on two cores
    config = configure(preset, data=str(data), **changes)
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
        if not user_path(named).is_file():
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
    """Copies a run's `images.zip` to where the competition takes it, and says what is in it.

    If the training was interrupted, `images.zip` is written first, with the generator as it is by
    then; nothing is trained.

    Args:
        run: of a CycleGan.

    Returns:
        The copy: in `/kaggle/working`, or in the working folder where there is none. None, and a
        line that says so, for data that are not the competition's.

    Raises:
        InputError: if the run has learned nothing yet.
    """
    from cyclegan_tf.inference.submission import count_warning
    from cyclegan_tf.io.files import atomic_file

    # a zip of before it went on is old; with --no-submission there is none
    if not run.finished or not run.config().submission:
        _finish(run)
    if not run.submission.exists():
        print(
            f"{run.path} makes no images.zip: only a model that translates does, on data in "
            "Kaggle's layout, photo_tfrec/ and monet_tfrec/ or photo_jpg/ and monet_jpg/"
        )
        return None
    with zipfile.ZipFile(run.submission) as archive:
        count = len(archive.namelist())
    folder = KAGGLE_WORKING if KAGGLE_WORKING.is_dir() else Path()
    path = folder / run.submission.name
    with atomic_file(path, size=run.submission.stat().st_size) as partial:
        shutil.copyfile(run.submission, partial)
    print(f"copied {run.submission} to {path.resolve()}")
    why_not = count_warning(count)
    verdict = f"not to be submitted: {why_not}" if why_not else "ready to submit"
    print(f"{count:,} images, each a JPEG of 256 x 256 pixels; {verdict}")
    return path


def invent(run: "RunFolder", count: int = 64, *, seed: int = 0) -> "np.ndarray":
    """Pictures that a DcGan makes of latents it was not trained with.

    Args:
        run: of a DcGan.
        count: pictures.
        seed: of the latents.

    Returns:
        `(count, h, w, 3)` uint8.
    """
    import numpy as np

    from cyclegan_tf.inference.generated import GeneratedPictures
    from cyclegan_tf.inference.loading import compile_generator, load_trained

    config, model = load_trained(run, models=("dcgan",))
    generator = compile_generator(config, model)
    latents = config.latent_size
    return np.stack([*GeneratedPictures(str(run.path), generator, latents, count, seed=seed)])


def compare_pictures(
    pictures: "Mapping[str, np.ndarray]", reference: "np.ndarray"
) -> "pd.DataFrame":
    """What the eye sees in sets of pictures, in numbers.

    Args:
        pictures: by name `(n, h, w, 3)` uint8, n at least 2.
        reference: what they should look like, of the same size.

    Returns:
        A row a set, the reference first: by how many levels its palette is from the reference's
        (mean Wasserstein distance of the three channels; of the reference, between its halves),
        its mean colourfulness (grey: 0), the mean difference of neighbouring pixels in levels
        (grain, grids), and its `sample_diversity` (all the same picture: 0).
    """
    import pandas as pd

    from cyclegan_tf.metrics.similarity import sample_diversity

    rows = {"paintings": _measure(reference[::2], reference[1::2])}
    rows |= {name: _measure(found, reference) for name, found in pictures.items()}
    diversity = [1.0, *(sample_diversity(found, reference) for found in pictures.values())]
    columns = ["palette's distance", "colourfulness", "pixel to pixel"]
    table = pd.DataFrame(rows.values(), pd.Index(rows, name="pictures"), columns)
    return table.assign(diversity=diversity)


def _measure(found: "np.ndarray", reference: "np.ndarray") -> tuple[float, ...]:
    import numpy as np
    from PIL import Image

    from cyclegan_tf.eda.colours import measure_colours, wasserstein_distance

    measured = [[measure_colours(Image.fromarray(p)) for p in set_] for set_ in (found, reference)]
    ours, theirs = (sum(colours.counts for colours in set_) for set_ in measured)
    steps = [np.abs(np.diff(found.astype(np.int16), axis=axis)).mean() for axis in (1, 2)]
    return (
        float(np.mean([wasserstein_distance(*pair) for pair in zip(ours, theirs, strict=True)])),
        float(np.mean([colours.colourfulness for colours in measured[0]])),
        float(np.mean(steps)),
    )


def score_runs(runs: "Mapping[str, RunFolder]", inception: Path | None) -> "pd.DataFrame":
    """FID, precision and recall of each run beside the other's.

    Args:
        runs: by name.
        inception: the frozen Inception graph, as `find_inception` gives it; without one the table
            has no columns.
    """
    import pandas as pd

    from cyclegan_tf.metrics.evaluation import score

    scores = ("fid", "precision", "recall") if inception else ()
    found = {name: score(r.path, inception=inception) for name, r in runs.items() if inception}
    rows = [[evaluation.to_dict()[key] for key in scores] for evaluation in found.values()]
    return pd.DataFrame(rows, index=list(found), columns=list(scores))


def _finish(run: "RunFolder") -> None:
    """Does what follows the last step of a training, although that was interrupted before it."""
    from cyclegan_tf.training.checkpoint import read_metadata
    from cyclegan_tf.training.run import resume

    if not run.state_file.exists() or not read_metadata(run.state_file).step:
        raise InputError(f"{run.path} holds no trained networks; train first.")
    print("images.zip is written with what the run has learned so far")
    resume(run.path, trains=False, submission=True)


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
