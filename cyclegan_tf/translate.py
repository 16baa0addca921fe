"""Turns pictures of any size into paintings, or whatever a trained network has learned.

python -m cyclegan_tf.translate holiday.jpg --output painting.png
python -m cyclegan_tf.translate --run runs/monet holiday.jpg --output painting.png
python -m cyclegan_tf.translate --run runs/monet photos/ more.zip --output paintings/ --compare
python -m cyclegan_tf.translate --run runs/monet clip.mp4 --output painted.mp4
"""

import argparse
import itertools
import math
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cyclegan_tf.cli import Parser, command, load_tensorflow
from cyclegan_tf.errors import Fault, InputError
from cyclegan_tf.inference.blending import blend, check_strength
from cyclegan_tf.inference.shipped import DEFAULT_WEIGHTS, find_weights
from cyclegan_tf.inference.tiling import DEFAULT_TILE, SIZES, check_sizes
from cyclegan_tf.io import display, outputs, video
from cyclegan_tf.io.files import is_address, user_path
from cyclegan_tf.io.parallel import in_order

if TYPE_CHECKING:  # they import TensorFlow, which --help must not wait for
    import numpy as np

    from cyclegan_tf.inference.translator import Translator
    from cyclegan_tf.inference.worklist import Worklist
    from cyclegan_tf.io.video import Video

_GAP = 4  # white pixels between original and translation
_NAMED = 10  # pictures left out whose faults are told one by one
_SUFFIXES = {"jpeg": ".jpg", "png": ".png"}


@command
def main(argv: list[str] | None = None) -> int:
    """The command line."""
    arguments = _parser().parse_args(argv)
    clip = _check(arguments)
    trained = arguments.run or find_weights(arguments.weights, arguments.direction)
    load_tensorflow()
    import tensorflow as tf

    from cyclegan_tf.inference.loading import load_generator

    options = {name: getattr(arguments, name) for name in SIZES}
    translator = load_generator(trained, arguments.direction, **options)
    work = None if clip else _survey(arguments, translator)
    try:
        if clip:
            _write_video(arguments, clip, translator)
        else:
            _write(arguments, work, translator)
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise Fault(
            f"out of memory: tiles of {arguments.tile} px do not fit this device; take a smaller "
            "--tile, or reduce the pictures with --longest. Nothing was written."
        ) from error
    print(_summary(arguments.output, work) if work else _video_summary(arguments.output, clip))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser("translate", __doc__)
    parser.add_argument(
        "inputs",
        nargs="+",
        type=user_path,
        metavar="INPUT",
        help="an image, a TFRecord file, a zip, or a folder, which is searched together with the "
        "folders in it; any mix of these; or one video",
    )
    _add_generator(parser)
    parser.add_argument(
        "--output",
        type=user_path,
        required=True,
        metavar="PATH",
        help="a new or empty folder, a new file NAME.zip, or for a single image a file whose name "
        f"ends in {', '.join(outputs.FORMATS)}; for a video NAME{outputs.VIDEO_SUFFIX}",
    )
    _add_sizes(parser)
    _add_blending(parser)
    parser.add_argument(
        "--compare", action="store_true", help="put the original and its translation side by side"
    )
    parser.add_argument(
        "--format",
        choices=_SUFFIXES,
        help="file format in a folder or zip (default: JPEG for what was a JPEG, otherwise PNG)",
    )
    _add_reading(parser)
    return parser


def _add_generator(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say what translates."""
    trained = parser.add_mutually_exclusive_group()
    trained.add_argument("--run", type=user_path, metavar="DIR", help="run folder of train")
    trained.add_argument(
        "--weights",
        default=DEFAULT_WEIGHTS,
        metavar="NAME",
        help="name of trained weights that come with the package, or a file NAME.npz that export "
        f"has written (default without --run: {DEFAULT_WEIGHTS})",
    )
    parser.add_argument(
        "--direction",
        choices=("ab", "ba"),
        default="ab",
        help="ab turns photos into paintings; ba goes the other way, if the run has learned both "
        "(default: ab)",
    )


def _add_sizes(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say at which size pictures are translated."""
    pixels = {"type": int, "metavar": "PIXELS"}
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--size", **pixels, help="translate only the centred square, at this size, as training does"
    )
    size.add_argument(
        "--longest",
        **pixels,
        help="first reduce pictures whose longer side exceeds this",
    )
    parser.add_argument(
        "--canvas",
        type=_canvas,
        default="auto",
        metavar="PIXELS|auto|full",
        help="shorter side at which larger pictures are painted; the painting is then enlarged to "
        "the picture, so a small canvas gives large strokes; auto takes the side of the training "
        "pictures, at least 256, full that of each picture (default: auto)",
    )
    parser.add_argument(
        "--tile",
        **pixels,
        default=DEFAULT_TILE,
        help="translate pictures larger than this in overlapping tiles; smaller tiles need less "
        f"memory (default: {DEFAULT_TILE})",
    )


def _canvas(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _add_blending(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say how much is painted."""
    parser.add_argument(
        "--strength",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="how much of the painting to mix into the photo, from 0 to 1 (default: 1)",
    )
    parser.add_argument(
        "--keep-colours",
        action="store_true",
        help="take light and dark from the painting, but the colours from the photo",
    )


def _add_reading(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say what the inputs are."""
    parser.add_argument(
        "--clip",
        action="store_true",
        help="the pictures are the frames of one clip: they are translated alike, so that the "
        "clip does not flicker (as for a video)",
    )
    parser.add_argument(
        "--features",
        default="",
        metavar="NAMES",
        help="the features of TFRecords that hold the image and its name, for example "
        "image=image_raw,name=filename (default: found automatically)",
    )
    parser.add_argument(
        "--skip-bad-images",
        action="store_true",
        help="name the files that are not images and leave them out, instead of stopping",
    )


def _check(arguments: argparse.Namespace) -> "Video | None":
    """Raises `InputError` on what is seen before TensorFlow is loaded; the video, if it is one."""
    check_sizes(**{name: getattr(arguments, name) for name in SIZES})
    check_strength(arguments.strength)
    for path in arguments.inputs:
        if not path.exists() and not is_address(path):
            raise InputError(f"{path} does not exist; check the path.")
    outputs.require_free(arguments.output)
    if video_file := _video_of(arguments):
        return video.open_video(video_file)
    if not outputs.is_single(arguments.output):
        return None
    if len(arguments.inputs) > 1 or arguments.inputs[0].is_dir():
        raise _too_many_for_one(arguments.output)
    if arguments.format:
        raise InputError(
            f"--format {arguments.format} is for folders and zips, and {arguments.output} says its "
            "own; leave it out."
        )
    return None


def _video_of(arguments: argparse.Namespace) -> Path | None:
    """The video that is to be translated; None if it is pictures."""
    videos = [path for path in arguments.inputs if video.is_video(path)]
    written = arguments.output.suffix.lower() == outputs.VIDEO_SUFFIX
    if not videos and not written:
        return None
    if not videos:
        raise InputError(
            f"{arguments.output} is the name of a video, and {arguments.inputs[0]} is none; give "
            "a video, or the name of a folder."
        )
    if len(arguments.inputs) > 1 or not written:
        raise InputError(
            f"{videos[0]} is a video, which becomes one by itself; give no other input, and "
            f"--output NAME{outputs.VIDEO_SUFFIX}."
        )
    if arguments.format:
        raise InputError(f"--format {arguments.format} is for pictures; leave it out.")
    return videos[0]


def _too_many_for_one(output: Path) -> InputError:
    return InputError(
        f"{output} is the name of one picture, and the input may hold several; give a folder, or "
        "NAME.zip."
    )


def _survey(arguments: argparse.Namespace, translator: "Translator") -> "Worklist":
    """Checks and names all pictures; tells which are left out."""
    from cyclegan_tf.data.reader import open_source
    from cyclegan_tf.data.tfrecord import parse_features
    from cyclegan_tf.inference.worklist import survey

    single = outputs.is_single(arguments.output)
    suffix = arguments.output.suffix if single else _SUFFIXES.get(arguments.format)
    features = parse_features(arguments.features)
    sources = [open_source(path, features=features, single=True) for path in arguments.inputs]
    options = {"suffix": suffix, "skip_bad": arguments.skip_bad_images, "load": translator.load}
    work = survey(sources, partial(_measure, arguments, translator), **options)
    if single and len(work) > 1:
        raise _too_many_for_one(arguments.output)
    for origin, reason in work.skipped[:_NAMED]:
        print(f"warning: {origin} is no image: {reason}; skipped", file=sys.stderr)
    return work


def _measure(
    arguments: argparse.Namespace, translator: "Translator", height: int, width: int
) -> tuple[int, int]:
    """Height and width of what is written of a picture of this size."""
    height, width = translator.shape(height, width)
    return height, 2 * width + _GAP if arguments.compare else width


def _write(arguments: argparse.Namespace, work: "Worklist", translator: "Translator") -> None:
    """Decodes ahead, translates, and encodes behind, each in threads of its own."""
    from cyclegan_tf.data.image import encode

    if arguments.clip:
        translator = _of_clip(translator, work)

    def prepared(item: tuple[str, str, bytes]) -> tuple[str, "np.ndarray"]:
        name, origin, encoded = item
        return name, translator.prepare(_decoded(translator, origin, encoded))

    def finished(item: tuple[str, "np.ndarray", "np.ndarray"]) -> tuple[str, bytes]:
        name, original, painted = item
        picture = _shown(arguments, original, painted)
        picture = picture[..., 0] if translator.is_grey else picture
        return name, encode(picture, outputs.FORMATS[Path(name).suffix.lower()])

    with (
        outputs.open_destination(arguments.output) as put,
        display.bar(len(work), title=arguments.output.name, unit="picture") as bar,
    ):
        for name, encoded in in_order(finished, translator.translate_all(in_order(prepared, work))):
            put(name, encoded)
            bar.update()


def _write_video(arguments: argparse.Namespace, clip: "Video", translator: "Translator") -> None:
    """The same of the frames of a video."""
    from cyclegan_tf.inference.translator import CLIP_FRAMES

    some = [translator.prepare(frame) for frame in video.read_frames(clip, most=CLIP_FRAMES)]
    if some:
        translator = translator.of_clip(some)
    frames = ((clip.path, translator.prepare(frame)) for frame in video.read_frames(clip))
    width, height = clip.size
    size = _measure(arguments, translator, height, width)[::-1]

    def finished(item: tuple[Path, "np.ndarray", "np.ndarray"]) -> "np.ndarray":
        return _shown(arguments, *item[1:])

    with (
        video.writing(arguments.output, clip, size=size) as put,
        display.bar(clip.count, title=arguments.output.name, unit="frame") as bar,
    ):
        # frames of one shape keep their order
        for frame in in_order(finished, translator.translate_all(frames)):
            put(frame)
            bar.update()


def _of_clip(translator: "Translator", work: "Worklist") -> "Translator":
    """The translator for pictures that are frames of one clip."""
    from cyclegan_tf.inference.translator import CLIP_FRAMES

    step = math.ceil(len(work) / CLIP_FRAMES)
    some = itertools.islice(work, step // 2, None, step)
    frames = [translator.prepare(_decoded(translator, *item[1:])) for item in some]
    return translator.of_clip(frames)


def _decoded(translator: "Translator", origin: str, encoded: bytes) -> "np.ndarray":
    try:
        return translator.load(encoded)
    except ValueError as error:
        raise InputError(f"{origin} is no image any more: {error}.") from error


def _shown(
    arguments: argparse.Namespace, original: "np.ndarray", painted: "np.ndarray"
) -> "np.ndarray":
    """A translation as it is written: blended, beside the original if that is wanted."""
    import numpy as np

    from cyclegan_tf.data.image import grid

    mixture = {"strength": arguments.strength, "keep_colours": arguments.keep_colours}
    painted = blend(original, painted, **mixture)
    return grid([np.stack([original, painted])], gap=_GAP) if arguments.compare else painted


def _video_summary(output: Path, clip: "Video") -> str:
    sound = "with its sound" if clip.sound else "without sound"
    return f"{output}: {clip.count:,} frames in {clip.seconds:.1f} seconds, {sound}"


def _summary(output: Path, work: "Worklist") -> str:
    from cyclegan_tf.data.dataset import tell_skipped

    text = f"{output}: {len(work):,} picture{'' if len(work) == 1 else 's'}"
    if work.skipped:
        text += f"; {tell_skipped([origin for origin, _ in work.skipped])}"
    if work.renamed and not outputs.is_single(output):
        text += f"; {work.renamed:,} renamed, where a name was taken or is none for a file"
    return text


if __name__ == "__main__":
    sys.exit(main())
