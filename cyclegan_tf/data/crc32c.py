"""CRC-32C, the checksum of TFRecords, in NumPy: Python's own libraries have only another CRC."""

import functools

import numpy as np

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, lowest bit first
_MASK = 0xA282EAD8  # of the TFRecord format
_WORDS = 64  # 32-bit words that are joined to one in a step
_ROW = 4 * _WORDS
_BLOCK = 2**16  # bytes that are looked up at a time: each takes 12 bytes of memory meanwhile


def masked_crc32c(data: bytes) -> int:
    """The checksum as TFRecords store it: rotated, and a constant added."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """The CRC-32C of some bytes, as 32 bits.

    A CRC is linear over its bits: that of a message is the exclusive or of those that its words
    would have alone, each shifted by the words behind it. So rows of 64 words become one word by
    tables, rows of 64 of these become one again, and so on.

    Reference: RFC 3720, section 12.1 and appendix B.4.
    """
    padded = np.zeros(max(1, -(-len(data) // _ROW)) * _ROW, np.uint8)  # zeros in front do nothing
    message = padded[len(padded) - len(data) :]
    message[:] = np.frombuffer(data, np.uint8)
    message[:4] ^= 0xFF  # the register starts with ones
    ones_left = 0xFFFFFFFF >> 8 * min(len(data), 4)
    words, level = _join(padded, 0), 0
    while len(words) > 1:
        level += 1
        words = _join(_whole_rows(words), level)
    return int(words[0]) ^ ones_left ^ 0xFFFFFFFF


def _join(data: np.ndarray, level: int) -> np.ndarray:
    """Makes one word of each 64.

    Args:
        data: `(n * 256,)` uint8, the bytes of the words.
        level: how often it was done before.

    Returns:
        `(n,)` uint32.
    """
    table, offsets = _table(level), np.arange(_ROW) * 256
    blocks = (data[i : i + _BLOCK].reshape(-1, _ROW) for i in range(0, len(data), _BLOCK))
    return np.concatenate(
        [np.bitwise_xor.reduce(table.take(block + offsets), axis=1) for block in blocks]
    )


def _whole_rows(words: np.ndarray) -> np.ndarray:
    """The bytes of some words, as many rows as it takes, zeros in front."""
    padding = np.zeros(-len(words) % _WORDS, np.uint32)
    return np.concatenate([padding, words]).astype("<u4").view(np.uint8)


@functools.cache
def _table(level: int) -> np.ndarray:
    """What each value of each byte of a row becomes, one after the other."""
    shifts = _shifts(level)
    # the first word is the farthest from the end; those of a message shift by their own length, too
    return (shifts[-2::-1] if level else shifts[:0:-1]).reshape(-1)


@functools.cache
def _shifts(level: int) -> np.ndarray:
    """Tables of shifts by 0 to 64 units of `64**level` words.

    Returns:
        `(65, 4, 256)` uint32: what a value of one of a word's four bytes becomes.
    """
    words = np.arange(256, dtype=np.uint32) << np.arange(0, 32, 8, dtype=np.uint32)[:, None]
    unit = _shifts(level - 1)[-1] if level else _shift_by_bits(words, 32)
    shifts = [words]
    for _ in range(_WORDS):
        word_bytes = shifts[-1][..., None].astype("<u4").view(np.uint8)
        shifts.append(np.bitwise_xor.reduce(unit[np.arange(4), word_bytes], axis=-1))
    return np.stack(shifts)


def _shift_by_bits(words: np.ndarray, count: int) -> np.ndarray:
    for _ in range(count):
        words = (words >> 1) ^ np.where(words & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    return words
