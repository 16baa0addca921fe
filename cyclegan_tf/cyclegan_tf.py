"""Says what to type, if a file of the package is run as a script: `python cyclegan_tf/train.py`.

Python then looks into the folder of that file first, and takes this file for the package.
"""

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent

if __name__ == "cyclegan_tf":
    _script = Path(getattr(sys.modules["__main__"], "__file__", None) or ".").resolve()
    if _script.parent != _HERE:  # a shell or a notebook that was started in this folder
        raise ImportError(f"{_HERE} is the inside of the package; work from {_HERE.parent}.")
    print(
        f"error: files of the package do not run as scripts; type, in {_HERE.parent}: "
        f"python -m cyclegan_tf.{_script.stem}",
        file=sys.stderr,
    )
    sys.exit(2)
