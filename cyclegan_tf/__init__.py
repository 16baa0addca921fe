"""CycleGAN for TensorFlow and Keras 3: unpaired image-to-image translation.

    import cyclegan_tf as cg

    run = cg.fit("data/horse2zebra", preset="cpu")
    cg.load_generator(run).translate("holiday.jpg").save("painting.png")
    print(cg.score(run))

Importing the package does nothing: each of its names is loaded when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclegan_tf.config.presets import preset_config
    from cyclegan_tf.config.train_config import TrainConfig
    from cyclegan_tf.data.build import build_data_set
    from cyclegan_tf.data.sources import read_images
    from cyclegan_tf.eda.collect import survey
    from cyclegan_tf.errors import Fault, InputError
    from cyclegan_tf.inference.loading import load_generator
    from cyclegan_tf.inference.submission import write_submission
    from cyclegan_tf.inference.translator import Translator
    from cyclegan_tf.metrics.evaluation import score
    from cyclegan_tf.models.build import build_model
    from cyclegan_tf.models.cut import Cut
    from cyclegan_tf.models.cyclegan import CycleGan
    from cyclegan_tf.models.dcgan import DcGan
    from cyclegan_tf.training.run import fit, resume

__version__ = "0.2.0"

__all__ = [
    "Cut",
    "CycleGan",
    "DcGan",
    "Fault",
    "InputError",
    "TrainConfig",
    "Translator",
    "build_data_set",
    "build_model",
    "fit",
    "load_generator",
    "preset_config",
    "read_images",
    "resume",
    "score",
    "survey",
    "write_submission",
]

# Where the names above come from; editors read it in the imports, which never run.
_MODULES = {
    "Cut": "models.cut",
    "CycleGan": "models.cyclegan",
    "DcGan": "models.dcgan",
    "Fault": "errors",
    "InputError": "errors",
    "TrainConfig": "config.train_config",
    "Translator": "inference.translator",
    "build_data_set": "data.build",
    "build_model": "models.build",
    "fit": "training.run",
    "load_generator": "inference.loading",
    "preset_config": "config.presets",
    "read_images": "data.sources",
    "resume": "training.run",
    "score": "metrics.evaluation",
    "survey": "eda.collect",
    "write_submission": "inference.submission",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    folder, _, _ = _MODULES[name].partition(".")
    if folder not in ("config", "errors", "eda"):  # the others load Keras
        importlib.import_module(f"{__name__}.cli").require_backend()
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value  # from now on it is found without this function
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
