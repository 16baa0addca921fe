"""Writing images.zip with the U-Net at 256 px, against the tutorial's way.

python benchmarks/submission.py --data DATA --count 512

Both translate the first photos with an untrained network of the same shape. The tutorial calls it
eagerly for each picture, writes a file a picture and packs the folder; its time for all 7,038
photos is extrapolated.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import pairs

SIZE, ALL = 256, 7038


def main() -> None:
    """The command line."""
    parser = pairs.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="in Kaggle's TFRecord layout")
    parser.add_argument("--count", type=int, default=512, help="photos")
    parser.add_argument("--precision", default="float32", help="of our side")
    arguments = parser.parse_args()
    if arguments.side:
        with tempfile.TemporaryDirectory() as folder:
            side = _ours if arguments.side == "ours" else _reference
            print(json.dumps({"seconds": side(arguments, Path(folder))}))
        return
    both = [f"--data={arguments.data.resolve()}", f"--count={arguments.count}"]
    ours = [*both, f"--precision={arguments.precision}"]
    found = pairs.compare(__file__, ours, both, arguments.pairs)
    print(pairs.HEAD)
    print(found.row(f"images.zip of {arguments.count} photos, {arguments.precision}"))
    for side in (found.ours, found.reference):
        a_photo = sorted(m.seconds for m in side)[len(side) // 2] / arguments.count
        print(f"{a_photo:.3f} s a photo, {a_photo * ALL / 60:.1f} minutes for {ALL:,}")


def _ours(arguments: argparse.Namespace, folder: Path) -> float:
    from cyclegan_tf.data import pipeline
    from cyclegan_tf.data.build import build_data_set
    from cyclegan_tf.inference import submission
    from cyclegan_tf.inference.loading import compile_generator
    from cyclegan_tf.models.build import build_model

    fields = {"precision": arguments.precision, "batch_size": 1}
    config = pairs.notebook_config(data=str(arguments.data), **fields)
    photos = build_data_set(config).all_a().take(range(arguments.count))
    translate = compile_generator(config, build_model(config, 1))
    began = time.perf_counter()
    batches = pipeline.image_batches(photos, image_size=SIZE, batch_size=translate.batch_size)
    submission.write_translations(folder / "images.zip", photos.names, batches, translate)
    return time.perf_counter() - began


def _reference(arguments: argparse.Namespace, folder: Path) -> float:
    from benchmarks import reference

    network = reference.generator(SIZE)
    began = time.perf_counter()
    batches = reference.dataset(arguments.data / "photo_tfrec", SIZE).batch(4)
    reference.write_submission(network, batches, folder / "images", arguments.count)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
