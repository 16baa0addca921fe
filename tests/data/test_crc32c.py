import pytest

from cyclegan_tf.data.crc32c import crc32c, masked_crc32c
from tests.hell.records import masked_crc


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),  # this and the next two: RFC 3720, appendix B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_published_values(data, crc):
    assert crc32c(data) == crc


# a row is 256 bytes, a row of rows 16,384
@pytest.mark.parametrize("size", [*range(9), 255, 256, 257, 511, 16383, 16384, 16385, 40000])
def test_every_length_has_the_checksum_of_the_bit_by_bit_division(size):
    data = bytes(i * i % 251 for i in range(size))
    assert masked_crc32c(data) == masked_crc(data)


def test_every_byte_counts():
    data = bytearray(1000)
    checksums = set()
    for place in range(len(data)):
        data[place] = 1
        checksums.add(crc32c(data))
        data[place] = 0
    assert len(checksums) == 1000
