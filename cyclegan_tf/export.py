"""Writes one generator of a training into a small file that translate and load_generator open.

python -m cyclegan_tf.export --run runs/monet --output monet.npz
python -m cyclegan_tf.translate --weights monet.npz holiday.jpg --output painting.png
"""

import sys

from cyclegan_tf.cli import Parser, command, load_tensorflow
from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.shipped import SUFFIX
from cyclegan_tf.io import outputs
from cyclegan_tf.io.files import user_path


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("export", __doc__)
    path = {"type": user_path, "required": True}
    parser.add_argument("--run", **path, metavar="DIR", help="run folder that train has written")
    parser.add_argument("--output", **path, metavar="PATH", help=f"new file, NAME{SUFFIX}")
    parser.add_argument(
        "--direction",
        choices=("ab", "ba"),
        default="ab",
        help="the generator that turns A into B (photos into paintings), or B into A (default: ab)",
    )
    arguments = parser.parse_args(argv)
    run, output = arguments.run, arguments.output
    if output.suffix != SUFFIX:
        raise InputError(f"--output is {output}; expected the name of a file, NAME{SUFFIX}.")
    outputs.require_free(output)
    load_tensorflow()
    from cyclegan_tf.inference.loading import export_generator

    try:
        export_generator(run, output, arguments.direction)
    except OSError as error:
        raise InputError(
            f"{output} cannot be written ({error.strerror}); choose another."
        ) from error
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
