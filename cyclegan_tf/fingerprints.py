"""What pictures are recognized by: a perceptual hash, and a search for what is alike."""

import functools
from dataclasses import dataclass

import numpy as np
from PIL import Image

MOST_BITS = 12  # of 64 that may differ; both numbers were chosen by looking at pairs of photos
LEAST_CORRELATION = 0.8  # of the small grey pictures; skies above dark ground often have one hash

_SIDE, _FREQUENCIES = 32, 8  # of the reduced picture, and how many of its lowest are kept
_GREY_SIDE = 16
_BLOCK = 512  # pictures that are compared with all others at a time


@dataclass(frozen=True)
class Fingerprint:
    """What a picture is recognized by when it was scaled, compressed or toned anew.

    Attributes:
        bits: `(64,)` bool, the perceptual hash.
        grey: `(256,)` uint8, the picture in grey, 16 x 16.
    """

    bits: np.ndarray
    grey: np.ndarray


def fingerprint(image: Image.Image) -> Fingerprint:
    """Reduces a picture to 32 x 32 grey means; its hash says which low frequencies are strong.

    A bit of the hash is whether one of the 8 x 8 lowest coefficients of the reduced picture's
    cosine transform (DCT-II) exceeds their median.

    Args:
        image: RGB, of any size.
    """
    grey = image.convert("L")
    small = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float64)
    waves = _cosines()
    coefficients = (waves @ (small - small.mean()) @ waves.T).ravel()
    halves = small.reshape(_GREY_SIDE, 2, _GREY_SIDE, 2).mean(axis=(1, 3))
    return Fingerprint(
        coefficients > np.median(coefficients), halves.round().astype(np.uint8).ravel()
    )


def hash_distance(bits_1: np.ndarray, bits_2: np.ndarray) -> int:
    """In how many of the 64 bits two hashes differ."""
    return int(np.count_nonzero(bits_1 != bits_2))


def group_alike(
    bits: np.ndarray,
    grey: np.ndarray,
    *,
    most_bits: int = MOST_BITS,
    least_correlation: float = LEAST_CORRELATION,
) -> np.ndarray:
    """Puts each picture to the first one that it is like, if there is one.

    Two are alike if few bits of their hashes differ and their grey pictures correlate. Each picture
    is like the first of its group; it need not be like the others. All pairs are compared,
    in blocks: the memory grows with the number of pictures, not with its square.

    Args:
        bits: `(n, 64)` bool, hashes.
        grey: `(n, 256)` uint8, the small grey pictures.
        most_bits: that may differ.
        least_correlation: of the grey pictures. One without any contrast is like no other.

    Returns:
        `(n,)` integers: the place of the first picture of the group, its own for most.
    """
    signs = np.where(bits, 1, -1).astype(np.float32)
    first = np.arange(len(bits))
    for start in range(0, len(bits), _BLOCK):
        # of 64 products of signs as many are -1 as bits differ
        differing = (64 - signs[start : start + _BLOCK] @ signs[start:].T) / 2
        for row, place in enumerate(range(start, min(start + _BLOCK, len(bits)))):
            if first[place] != place:
                continue
            close = place + 1 + np.flatnonzero(differing[row, row + 1 :] <= most_bits)
            close = close[first[close] == close]
            if len(close):
                like = _correlations(grey[place], grey[close]) >= least_correlation
                first[close[like]] = place
    return first


@functools.cache
def _cosines() -> np.ndarray:
    """`(8, 32)`: the lowest waves of a DCT-II."""
    places, numbers = np.arange(_SIDE) + 0.5, np.arange(_FREQUENCIES)
    return np.cos(np.pi / _SIDE * numbers[:, None] * places)


def _correlations(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Pearson's, of one `(256,)` with `(m, 256)`; 0 where there is no contrast."""
    one = one - one.mean()
    others = others - others.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(one) * np.linalg.norm(others, axis=1)
    return np.divide(others @ one, lengths, out=np.zeros(len(others)), where=lengths > 0)
