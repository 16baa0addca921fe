"""Makes a run's report anew: one HTML file, to read without a network or to send.

python -m cyclegan_tf.report --run runs/monet
"""

import sys

from cyclegan_tf.cli import Parser, command
from cyclegan_tf.io.files import user_path
from cyclegan_tf.io.run_folder import RunFolder


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("report", __doc__.split("\n")[0])
    parser.add_argument(
        "--run",
        type=user_path,
        required=True,
        metavar="DIR",
        help="a run folder, also of an older version",
    )
    arguments = parser.parse_args(argv)
    from cyclegan_tf.reporting.page import write_report

    path = write_report(RunFolder(arguments.run))
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
