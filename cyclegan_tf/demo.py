"""Writes a synthetic data set in Kaggle's layout: landscapes, other landscapes painted, the truth.

python -m cyclegan_tf.demo --output data/synthetic --size 256
"""

import sys
from pathlib import Path

from cyclegan_tf.cli import Parser, command, load_tensorflow
from cyclegan_tf.data.synthetic.dataset import write_demo
from cyclegan_tf.io.files import user_path


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("demo", "Writes the synthetic two-domain data set in Kaggle's layout.")
    parser.add_argument("--output", type=user_path, default=Path("data/synthetic"), metavar="DIR")
    parser.add_argument("--size", type=int, default=256, help="pixels a side (default: 256)")
    parser.add_argument("--count", type=int, default=200, help="images of each domain")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same bytes")
    arguments = parser.parse_args(argv)
    load_tensorflow()  # it writes the TFRecords
    write_demo(arguments.output, size=arguments.size, count=arguments.count, seed=arguments.seed)
    print(f"{arguments.output}: {arguments.count} photos and {arguments.count} paintings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
