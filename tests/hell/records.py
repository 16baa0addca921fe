"""TFRecords from hell: every field of the format cut off, flipped or made absurd."""

import gzip
import struct

from tests.hell.images import encode, flipped, picture

_POLYNOMIAL = 0x82F63B78  # CRC-32C, reflected


def masked_crc(data: bytes) -> int:
    """The checksum that TFRecords use: CRC-32C, rotated and shifted."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def frame(data: bytes, *, length: int | None = None) -> bytes:
    """One record as it stands in the file, its length right or not, its checksums right."""
    head = struct.pack("<Q", len(data) if length is None else length)
    crcs = [struct.pack("<I", masked_crc(part)) for part in (head, data)]
    return head + crcs[0] + data + crcs[1]


def field(number: int, data: bytes) -> bytes:
    """A field of a protocol buffer: its number and kind, the length, the bytes."""
    length, sizes = len(data), bytearray()
    while length > 127:
        sizes.append(length % 128 + 128)
        length //= 128
    return bytes([number * 8 + 2, *sizes, length]) + data


def example(features: dict[str, bytes | int | list[bytes]]) -> bytes:
    """A serialized `tf.train.Example`, written by hand: the runner must not load TensorFlow."""
    entries = b""
    for key, value in features.items():
        if isinstance(value, int):
            feature = field(3, field(1, bytes([value])))  # int64_list, below 128
        else:
            values = value if isinstance(value, list) else [value]
            feature = field(1, b"".join(field(1, item) for item in values))  # bytes_list
        entries += field(1, field(1, key.encode()) + field(2, feature))
    return field(1, entries)


def image_record(name: bytes | int | list[bytes], seed: int = 0, **features) -> bytes:
    jpeg = encode(picture(seed), "JPEG")
    return frame(example({"image": jpeg, "image_name": name, "target": b"photo", **features}))


def broken_records() -> dict[str, tuple[bytes, str]]:
    """Files that must be refused, and words of the message, by name."""
    first, second = image_record(b"first"), image_record(b"second", 1)
    both, size = first + second, len(first)
    cut = "record 0 cannot be read"
    cuts = {
        "cut in the length": 4, "cut behind the length": 8, "cut in the length's checksum": 10,
        "cut before the data": 12, "cut in the data": size // 2, "cut behind the data": size - 4,
        "cut in the data's checksum": size - 2,
    }  # fmt: skip
    files = {name: (both[:place], cut) for name, place in cuts.items()}
    files |= {
        "second record cut in the length": (both[: size + 5], "record 1 cannot be read"),
        "second record cut in the data": (both[: size + 99], "record 1 cannot be read"),
        "length flipped": (flipped(both, 1), cut),
        "length's checksum flipped": (flipped(both, 9), cut),
        "data flipped": (flipped(both, 400), cut),
        "data's checksum flipped": (flipped(both, size - 1), cut),
        "no bytes": (b"", "holds no record"),
        "record of no bytes": (frame(b""), "no feature 'image'"),
        "text": (b"once upon a time there was a record " * 9, cut),
        "zeros": (bytes(4096), cut),
        "packed, cut off": (gzip.compress(both)[:-30], "cannot be read"),
        "no example": (frame(b"\xff\xff\xff\xff"), "no tf.train.Example"),
        "other features": (frame(example({"picture": b"x"})), "features found: picture"),
        "image is a number": (frame(example({"image": 7})), "no feature 'image' with bytes"),
        "image of no bytes": (frame(example({"image": b""})), "record 0"),
        "image is a text": (frame(example({"image": b"text", "image_name": b"t"})), "is no image"),
        "image cut off": (image_record(b"x", image=encode(picture(), "JPEG")[:600]), "is no image"),
    }
    lengths = {"100": 100, "1e9": 10**9, "1e12": 10**12, "2^60": 2**60,
               "2^63 - 1": 2**63 - 1, "2^64 - 1": 2**64 - 1}  # fmt: skip
    for name, length in lengths.items():
        files[f"length {name} over 20 bytes"] = (frame(b"x" * 20, length=length), cut)
    return files


def odd_names() -> list[bytes | int | list]:
    """Names that no file should get: paths, control signs, doubles, none at all."""
    paths = [b"../../evil", b"/etc/x", b"a/b", b"..", b"C:\\windows\\x"]
    signs = [b"nul\0byte", b"two\nlines", b"\xff\xfe\xfd", "Frühling 春".encode(), b" ", b""]
    return [*paths, *signs, b"x" * 5000, b"twin", b"twin", b"TWIN", 7, []]


def odd_record_file() -> bytes:
    return b"".join(image_record(name, seed) for seed, name in enumerate(odd_names()))
