"""From the command to the end of the first training step, against the tutorial's cells.

python benchmarks/startup.py --data DATA

Ours is `python -m cyclegan_tf.train --preset notebook`, with all it does before: reading and
checking every image, the run folder, the grid of the untrained network, the first state.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import pairs

SIZE = 256


def main() -> None:
    """The command line."""
    parser = pairs.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="in Kaggle's TFRecord layout")
    parser.add_argument("--batch", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.side:
        with tempfile.TemporaryDirectory() as folder:
            (_ours if arguments.side == "ours" else _reference)(arguments, Path(folder))
        return
    both = [f"--data={arguments.data.resolve()}", f"--batch={arguments.batch}"]
    found = pairs.compare(__file__, both, both, arguments.pairs)
    print(pairs.HEAD)
    print(found.row(f"command to the first step, batch {arguments.batch}"))


def _clock() -> "object":
    import keras

    def stop(step: int, logs: dict) -> None:
        # of the process, as Linux counts it: imports and all
        born = float(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - born / os.sysconf("SC_CLK_TCK")
        print(json.dumps({"seconds": age}), flush=True)
        os._exit(0)

    return keras.callbacks.LambdaCallback(on_train_batch_end=stop)


def _ours(arguments: argparse.Namespace, folder: Path) -> None:
    from cyclegan_tf import train
    from cyclegan_tf.cli import load_tensorflow

    load_tensorflow()
    from cyclegan_tf.training import trainer

    build = trainer.build_callbacks
    trainer.build_callbacks = lambda *a, **options: [*build(*a, **options), _clock()]
    flags = ["--preset=notebook", f"--data={arguments.data}", f"--batch-size={arguments.batch}"]
    train.main([*flags, "--run", str(folder / "run")])


def _reference(arguments: argparse.Namespace, folder: Path) -> None:
    from benchmarks.reference import TutorialCycleGan, training_batches

    model = TutorialCycleGan(SIZE)
    model.compile()
    batches = training_batches(arguments.data, SIZE, arguments.batch)
    model.fit(batches, epochs=1, callbacks=[_clock()], verbose=2)


if __name__ == "__main__":
    main()
