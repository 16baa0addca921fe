"""Blending: how much of a painting is shown, and in whose colours."""

import numpy as np

from cyclegan_tf.errors import InputError

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of RGB, ITU-R BT.601: the Y of YCbCr and YIQ
_BAND = 256  # rows that are computed at a time: a float copy of a large picture fills the memory


def blend(
    photo: np.ndarray, painting: np.ndarray, *, strength: float = 1.0, keep_colours: bool = False
) -> np.ndarray:
    """Mixes a painting with the photo it was made from.

    Args:
        photo: `(h, w, 3)` uint8.
        painting: the same.
        strength: share of the painting, in [0, 1]: 0 gives the photo, 1 the painting, to the bit.
        keep_colours: take only the luminance of the painting, and the chroma of the photo.

    Returns:
        `(h, w, 3)` uint8; colours that would lie outside of it are clipped.

    Raises:
        InputError: if the strength is out of range.

    Reference: Gatys et al. 2016, arXiv:1606.05897, section 3.2: luminance-only transfer.
    """
    check_strength(strength)
    if strength == 1 and not keep_colours:
        return painting
    blended = np.empty_like(photo)
    for top in range(0, len(photo), _BAND):
        rows = slice(top, top + _BAND)
        change = np.subtract(painting[rows], photo[rows], dtype=np.float32)
        if keep_colours:
            # another Y with the same Cb and Cr is the same step in red, green and blue
            change = (change @ _LUMA)[..., None]
        blended[rows] = np.clip(np.rint(photo[rows] + np.float32(strength) * change), 0, 255)
    return blended


def check_strength(strength: float) -> None:
    """Raises `InputError` if this is no share from 0 to 1."""
    if not 0 <= strength <= 1:
        raise InputError(f"--strength is {strength}; expected a value from 0 to 1.")
