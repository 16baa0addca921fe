"""What is written into another format, and how the file is compared with it."""

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from cyclegan_tf.errors import Fault

Network = Callable[[np.ndarray], np.ndarray]

INPUT, OUTPUT = "image", "translation"
_MOST = 0.02  # of 2, the range of values: rounding is a thousandth of it
_LEAST_SIDE = 64  # of the images that are compared, in pixels


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Without what converters tell of themselves, and of names that will move."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class ExportedNetwork:
    """A generator to be written, and what others have to know of it.

    Attributes:
        generator: from `(n, h, w, 3)` in [-1, 1] to the same; float32.
        name: what it is called.
        licence: of its weights, as the user states it.
        multiple: of which h and w are multiples.
        margin: pixels by which a picture is to be continued, mirrored, on each side, and cut again
            afterwards; without, a frame may be seen.
        least: the smallest side.
    """

    generator: keras.Model
    name: str
    licence: str
    multiple: int
    margin: int
    least: int

    @property
    def facts(self) -> dict[str, str]:
        """All but the network as text, for formats that take notes along."""
        return {
            "name": self.name,
            "licence": self.licence,
            "input": f"{INPUT}: float32 (batch, height, width, 3), RGB",
            "range": "-1 to 1: level / 127.5 - 1",
            "multiple_of_sides": str(self.multiple),
            "smallest_side": str(self.least),
            "margin": str(self.margin),
        }

    @property
    def sizes(self) -> Sequence[tuple[int, int]]:
        """Two heights and widths that it takes: of a square, and of another rectangle."""
        steps = -(-max(_LEAST_SIDE, self.least) // self.multiple)
        side, wide = steps * self.multiple, (steps + 1) * self.multiple
        return (side, side), (side, wide)

    def compared(self, network: Network, sizes: Sequence[tuple[int, int]]) -> float:
        """The largest difference between its translations of noise and those of a network.

        Args:
            network: what was read back from the file.
            sizes: heights and widths of the noise.

        Raises:
            Fault: if the file does something else.
        """
        difference = max(np.abs(found - told).max() for found, told in self._pairs(network, sizes))
        if not difference <= _MOST:
            raise Fault(
                f"what was written translates otherwise than the run: by up to {difference:.3g} of "
                "2. The file is not kept; report this, with the output of python -m cyclegan_tf "
                "--versions."
            )
        return float(difference)

    def _pairs(
        self, network: Network, sizes: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        rng = np.random.default_rng(0)
        for height, width in sizes:
            noise = rng.uniform(-1, 1, (1, height, width, 3)).astype(np.float32)
            told = keras.ops.convert_to_numpy(self.generator(noise, training=False))
            yield network(noise), told
