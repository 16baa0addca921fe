"""Writes new pictures that a trained DCGAN makes up, into a folder or a zip.

python -m cyclegan_tf.generate --run runs/dcgan-1 --output images.zip --count 7000
python -m cyclegan_tf.generate --run runs/dcgan-1 --output pictures/ --count 16
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cyclegan_tf.cli import Parser, command, load_tensorflow
from cyclegan_tf.errors import InputError
from cyclegan_tf.io.files import is_taken, require_local, user_path

if TYPE_CHECKING:  # they import TensorFlow, which --help must not wait for
    import numpy as np

    from cyclegan_tf.inference.compiled import CompiledGenerator


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("generate", __doc__)
    parser.add_argument(
        "--run", type=user_path, required=True, metavar="DIR", help="run folder of train"
    )
    parser.add_argument(
        "--output",
        type=user_path,
        required=True,
        metavar="PATH",
        help="a new or empty folder for PNG files, or a file NAME.zip for a submission, which "
        "replaces one that is there",
    )
    numbers = {"type": int, "metavar": "NUMBER"}
    parser.add_argument(
        "--count", **numbers, default=7000, help="how many pictures to make (default: 7000)"
    )
    parser.add_argument(
        "--seed", **numbers, default=0, help="the same seed gives the same pictures (default: 0)"
    )
    arguments = parser.parse_args(argv)
    for name, low, high in (("count", 1, 1_000_000), ("seed", 0, 2**31 - 1)):
        if not low <= (value := getattr(arguments, name)) <= high:
            raise InputError(f"--{name} is {value}; expected a value from {low} to {high:,}.")
    output, zipped = arguments.output, arguments.output.suffix.lower() == ".zip"
    require_local(output)
    if output.is_dir() if zipped else is_taken(output):
        raise InputError(f"{output} exists; expected a new folder, or a file NAME.zip.")
    load_tensorflow()
    from cyclegan_tf.inference.loading import compile_generator, load_trained
    from cyclegan_tf.io.run_folder import RunFolder

    config, model = load_trained(RunFolder(arguments.run), models=["dcgan"])
    draw = compile_generator(config, model)
    latents = _latents(arguments.count, config.latent_size, arguments.seed, draw.batch_size)
    (_write_zip if zipped else _write_folder)(output, arguments.count, latents, draw)
    print(f"{arguments.output}: {arguments.count:,} pictures")
    return 0


def _latents(count: int, latent_size: int, seed: int, batch_size: int) -> Iterator["np.ndarray"]:
    from cyclegan_tf.models.dcgan import sample_latents

    latents = sample_latents(count, latent_size, seed=seed)
    return (latents[i : i + batch_size] for i in range(0, count, batch_size))


def _write_zip(
    path: Path, count: int, latents: Iterator["np.ndarray"], draw: "CompiledGenerator"
) -> None:
    import tensorflow as tf

    from cyclegan_tf.inference import submission

    def picture(batch: "np.ndarray") -> "np.ndarray":
        size = [submission.SIZE, submission.SIZE]
        return tf.image.resize(draw(batch), size, method="bicubic").numpy()

    names = [str(number) for number in range(1, count + 1)]
    submission.write_translations(path, names, latents, picture)
    if warning := submission.count_warning(count):
        print(f"warning: {warning}", file=sys.stderr)


def _write_folder(
    folder: Path, count: int, latents: Iterator["np.ndarray"], draw: "CompiledGenerator"
) -> None:
    from cyclegan_tf.data.image import encode_png, to_uint8
    from cyclegan_tf.io.outputs import open_folder

    digits = len(str(count))
    pictures = (picture for batch in latents for picture in draw(batch))
    with open_folder(folder) as put:
        for number, picture in enumerate(pictures, start=1):
            put(f"{number:0{digits}d}.png", encode_png(to_uint8(picture)))


if __name__ == "__main__":
    sys.exit(main())
