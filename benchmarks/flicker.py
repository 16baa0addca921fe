"""How much a translated clip flickers: on a pan over a synthetic landscape.

python benchmarks/flicker.py --run runs/monet

A view of 256 x 456 pixels goes down a landscape of 640, from the sky to the ground, and the frames
are translated one by one, each normalized by itself, and as a clip. Printed are the mean change
between neighbouring frames over that of the clip itself, and what is left of the change, in levels
of 255, when the second frame is moved back by the pan: a translation that does not flicker moves
along with it.
"""

import argparse
import itertools
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from cyclegan_tf.cli import load_tensorflow
from cyclegan_tf.data.synthetic.landscapes import landscape

VIEW = (256, 456)
SIDE = 640


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=Path, required=True, help="a run, or a file of export")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--step", type=int, default=8, help="pixels from frame to frame")
    parser.add_argument("--landscapes", type=int, default=3)
    arguments = parser.parse_args()
    load_tensorflow()
    from cyclegan_tf.inference.loading import directions

    print("| direction | frame by frame | as a clip | left, frame by frame | left, as a clip |")
    print("| --- | --- | --- | --- | --- |")
    for direction in directions(arguments.run):
        rows = [_measured(arguments, direction, index) for index in range(arguments.landscapes)]
        means = "{:.2f} | {:.2f} | {:.2f} | {:.2f}".format(*np.mean(rows, axis=0))
        print(f"| {direction} | {means} |", flush=True)
    return 0


def pan(index: int, step: int, count: int) -> list[np.ndarray]:
    """Frames `(h, w, 3)` uint8 of a view that goes down a landscape, as far as it reaches."""
    scene = landscape(0, index, size=SIDE)
    left = (SIDE - VIEW[1]) // 2
    tops = range(0, min(SIDE - VIEW[0], step * (count - 1)) + 1, step)
    return [scene[top : top + VIEW[0], left : left + VIEW[1]] for top in tops]


def changes(frames: list[np.ndarray], step: int) -> tuple[float, float]:
    """Mean change between neighbours, as they are and moved back by the pan."""
    pairs = [(one.astype(int), two.astype(int)) for one, two in itertools.pairwise(frames)]
    plain = np.mean([np.abs(two - one).mean() for one, two in pairs])
    edge = 32  # there a network sees other surroundings
    back = [np.abs(two[edge : -edge - step] - one[edge + step : -edge]) for one, two in pairs]
    return float(plain), float(np.mean([np.mean(change[:, edge:-edge]) for change in back]))


def _measured(arguments: argparse.Namespace, direction: str, index: int) -> list[float]:
    from cyclegan_tf.inference.loading import load_generator
    from cyclegan_tf.inference.translator import CLIP_FRAMES

    still = load_generator(arguments.run, direction)
    frames = pan(index, arguments.step, arguments.frames)
    own, _ = changes(frames, arguments.step)
    ratios, left = [], []
    for is_clip in (False, True):
        some = frames[:: -(-len(frames) // CLIP_FRAMES)]
        painter = still.of_clip(some) if is_clip else still
        painted = [p for _, _, p in painter.translate_all((None, frame) for frame in frames)]
        change, rest = changes(painted, arguments.step)
        ratios.append(change / own)
        left.append(rest)
    return [*ratios, *left]


if __name__ == "__main__":
    sys.exit(main())
