"""Colour profiles, written by hand: what cameras and printers embed in their pictures."""

import struct

import numpy as np

# What red, green and blue of each space are as XYZ under the light of the profiles, D50.
SRGB = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
DISPLAY_P3 = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)
GAMMA = 2.2


def rgb_profile(space: np.ndarray = DISPLAY_P3) -> bytes:
    """A screen with these colours and a gamma of 2.2."""
    tags = {f"{c}XYZ": b"XYZ " + bytes(4) + fixed(*space[:, i]) for i, c in enumerate("rgb")}
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(GAMMA * 256)) + bytes(2)
    return profile(b"mntr", b"RGB ", b"XYZ ", tags | {f"{c}TRC": curve for c in "rgb"})


def grey_profile(gamma: float) -> bytes:
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256)) + bytes(2)
    white = b"XYZ " + bytes(4) + fixed(0.9642, 1.0, 0.8249)
    return profile(b"mntr", b"GRAY", b"XYZ ", {"kTRC": curve, "wtpt": white})


def cmyk_profile(cyan: tuple[int, int, int]) -> bytes:
    """A printer whose cyan is this CIE Lab colour, all other inks black, paper white."""
    corners = np.zeros((2, 2, 2, 2, 3), np.uint8)
    corners[...] = (0, 128, 128)
    corners[0, 0, 0, 0] = (255, 128, 128)
    corners[1, 0, 0, 0] = (round(cyan[0] * 2.55), cyan[1] + 128, cyan[2] + 128)
    straight = bytes(range(256))
    table = (
        b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
        + straight * 4 + corners.tobytes() + straight * 3
    )  # fmt: skip
    return profile(b"prtr", b"CMYK", b"Lab ", {"A2B0": table})


def profile(kind: bytes, colours: bytes, connection: bytes, tags: dict[str, bytes]) -> bytes:
    """An ICC profile, version 2.4."""
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        table += name.encode() + struct.pack(">II", start + len(data), len(value))
        data += padded
    head = struct.pack(">I4sI4s4s4s12s4s", start + len(data), b"", 0x02400000, kind, colours,
                       connection, bytes(12), b"acsp")  # fmt: skip
    head += bytes(68 - len(head)) + fixed(0.9642, 1.0, 0.8249)
    return head + bytes(128 - len(head)) + table + data


def fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def as_srgb(pixel: tuple[int, int, int], space: np.ndarray = DISPLAY_P3) -> np.ndarray:
    """What a pixel of `rgb_profile(space)` is in sRGB, by the formulas."""
    linear = np.linalg.inv(SRGB) @ space @ (np.array(pixel) / 255) ** GAMMA
    linear = np.clip(linear, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return 255 * curved
