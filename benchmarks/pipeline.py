"""The input pipeline alone, images a second, against the tutorial's.

python benchmarks/pipeline.py --data DATA
python benchmarks/pipeline.py --data DATA --cache decoded

Both give batches of photos and paintings as `notebook` trains on them (256 px, no augmentation);
a reader takes them and does nothing. What is read before the first batch does not count; the
reference is given its shuffle buffer filled. The last line is the limit of all that keep images
encoded: decoding as many, and nothing else.
"""

import argparse
import itertools
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import pairs

SIZE = 256


def main() -> None:
    """The command line."""
    parser = pairs.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="in Kaggle's TFRecord layout")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--count", type=int, default=6000, help="images in each measurement")
    parser.add_argument("--cache", choices=("encoded", "decoded"), default="encoded")
    parser.add_argument("--decode-only", action="store_true", help="with --side: the limit")
    parser.add_argument("--option", nargs="*", default=[], help="NAME=VALUE of our config, to try")
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps({"seconds": _seconds_for(arguments)}))
        return
    both = [f"--data={arguments.data.resolve()}", f"--count={arguments.count}"]
    both.append(f"--batch={arguments.batch}")
    ours = [*both, f"--cache={arguments.cache}", "--option", *arguments.option]
    found = pairs.compare(__file__, ours, both, arguments.pairs)
    print(pairs.HEAD)
    print(found.row(f"{arguments.count:,} images, batch {arguments.batch}, {arguments.cache}"))
    if arguments.cache == "decoded":
        return
    alone = [__file__, "--side=ours", *both, "--decode-only"]
    seconds = statistics.median(pairs.measure(alone).seconds for _ in range(arguments.pairs))
    print(f"decoding alone: {seconds:.3f} s")


def _seconds_for(arguments: argparse.Namespace) -> float:
    make = _ours if arguments.side == "ours" else _reference
    make = _decoding if arguments.decode_only else make
    batches = iter(make(arguments))
    warm_up, steps = 600 // arguments.batch, arguments.count // (2 * arguments.batch)
    for _ in itertools.islice(batches, warm_up):
        pass
    began = time.perf_counter()
    for _ in itertools.islice(batches, steps):
        pass
    return time.perf_counter() - began


def _ours(arguments: argparse.Namespace) -> "object":
    from cyclegan_tf.data.build import build_data_set, build_training_batches

    fields = {"batch_size": arguments.batch, "cache": arguments.cache}
    config = pairs.notebook_config(arguments.option, data=str(arguments.data), **fields)
    return build_training_batches(config, build_data_set(config))


def _decoding(arguments: argparse.Namespace) -> "object":
    import tensorflow as tf

    from cyclegan_tf.data import image, pipeline
    from cyclegan_tf.data.build import build_data_set

    config = pairs.notebook_config(arguments.option, data=str(arguments.data))
    data = build_data_set(config)
    # as many photos as paintings, as they are trained on
    encoded = [tf.constant(domain.encoded) for domain in (data.train_a, data.train_b)]

    def decode(number: tf.Tensor) -> list[tf.Tensor]:
        # a single pixel each: nothing is copied
        return [image.decode(x[number % len(x)])[0, 0] for x in encoded]

    numbers = tf.data.Dataset.range(10**9).map(decode, tf.data.AUTOTUNE)
    batches = numbers.batch(arguments.batch).prefetch(tf.data.AUTOTUNE)
    return batches.with_options(pipeline.untuned())


def _reference(arguments: argparse.Namespace) -> "object":
    from benchmarks.reference import training_batches

    return training_batches(arguments.data, SIZE, arguments.batch, endless=True)


if __name__ == "__main__":
    main()
