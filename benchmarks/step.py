"""A training step of the notebook preset against the tutorial's, time and peak memory.

python benchmarks/step.py --batch 1 4
python benchmarks/step.py --batch 1 --precision mixed_bfloat16
python benchmarks/step.py --batch 1 --size 64 128 256 512 --pairs 1

The same networks, images and losses on both sides, under `fit`, without reading data. The
reference always computes in float32: that is what the tutorial does.
"""

import itertools
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import pairs

WARM_UP = 2


def main() -> None:
    """The command line."""
    parser = pairs.parser(__doc__)
    parser.add_argument("--batch", type=int, nargs="+", default=[1], help="images of each domain")
    parser.add_argument("--size", type=int, nargs="+", default=[256], help="pixels a side")
    parser.add_argument("--precision", default="float32", help="of our side")
    parser.add_argument("--steps", type=int, default=5, help="measured in each process")
    parser.add_argument("--option", nargs="*", default=[], help="NAME=VALUE of our config, to try")
    arguments = parser.parse_args()
    if arguments.side:
        seconds = _seconds_a_step(arguments)
        print(json.dumps({"seconds": seconds}))
        return
    print(pairs.HEAD)
    for batch, size in itertools.product(arguments.batch, arguments.size):
        both = [f"--batch={batch}", f"--size={size}", f"--steps={arguments.steps}"]
        ours = [*both, f"--precision={arguments.precision}", "--option", *arguments.option]
        found = pairs.compare(__file__, ours, both, arguments.pairs)
        print(found.row(f"{size} px, batch {batch}, {arguments.precision}"), flush=True)


def _seconds_a_step(arguments: "pairs.argparse.Namespace") -> float:
    import keras
    import tensorflow as tf

    batch, size = arguments.batch[0], arguments.size[0]
    model = (_ours if arguments.side == "ours" else _reference)(arguments, batch, size)
    batches = tf.data.Dataset.from_tensors(pairs.random_images(batch, size)).repeat()
    marks: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda step, logs: marks.append(time.perf_counter())
    )
    steps = WARM_UP + arguments.steps
    model.fit(batches, steps_per_epoch=steps, callbacks=[clock], verbose=0, shuffle=False)
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(marks[WARM_UP - 1 :]))
    return gaps[len(gaps) // 2]


def _ours(arguments: "pairs.argparse.Namespace", batch: int, size: int) -> "object":
    from cyclegan_tf.models.build import build_model

    fields = {"batch_size": batch, "image_size": size, "precision": arguments.precision}
    return build_model(pairs.notebook_config(arguments.option, data="-", **fields), 1000)


def _reference(arguments: "pairs.argparse.Namespace", batch: int, size: int) -> "object":
    from benchmarks.reference import TutorialCycleGan

    model = TutorialCycleGan(size)
    model.compile()
    return model


if __name__ == "__main__":
    main()
