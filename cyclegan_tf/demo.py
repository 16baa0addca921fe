"""Draws a synthetic data set: landscapes, paintings of other landscapes, and the true paintings.

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
    parser = Parser("demo", __doc__)
    parser.add_argument(
        "--output",
        type=user_path,
        default=Path("data/synthetic"),
        metavar="DIR",
        help="new folder for the data set, in the layout of Kaggle (default: data/synthetic)",
    )
    for name, metavar, default, text in (
        ("--size", "PIXELS", 256, "side of the square images"),
        ("--count", "IMAGES", 200, "images in each domain"),
        ("--seed", "NUMBER", 0, "the same seed gives the same files"),
    ):
        text = f"{text} (default: {default})"
        parser.add_argument(name, type=int, metavar=metavar, default=default, help=text)
    arguments = parser.parse_args(argv)
    load_tensorflow()  # it writes the TFRecords
    write_demo(arguments.output, size=arguments.size, count=arguments.count, seed=arguments.seed)
    print(f"{arguments.output}: {arguments.count} photos and {arguments.count} paintings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
