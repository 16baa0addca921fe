"""Images from hell: bytes that claim to be a picture, and pictures that few programs expect."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms

Images = dict[str, bytes]  # by file name
FORMATS = {"jpg": "JPEG", "png": "PNG", "gif": "GIF", "webp": "WEBP", "bmp": "BMP"}
SIDE = 40
HEIC = b"\0\0\0\x24ftypheic\0\0\0\0mif1MiHBMiHEmiafheic" + bytes(400)  # as a phone's begins
_JPEG_PARTS = (b"\xff\xdb", b"\xff\xc0", b"\xff\xc4", b"\xff\xda")  # tables, size, codes, scan


def pixels(seed: int = 0, *, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """Smooth colours with some grain: compressible, but no two parts alike."""
    y, x = np.mgrid[:height, :width]
    grain = np.random.default_rng(seed).integers(0, 40, (height, width, 3))
    return (np.stack([4 * y, 4 * x, 2 * (x + y)], -1) % 200 + grain).astype(np.uint8)


def picture(seed: int = 0, **shape: int) -> Image.Image:
    return Image.fromarray(pixels(seed, **shape))


def encode(image: Image.Image, image_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk with its right CRC."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(width: int, height: int, mode: int = 2) -> bytes:
    """A PNG of a few bytes whose header claims a size."""
    header = struct.pack(">IIBBBBB", width, height, 8, mode, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body


def jpeg_claiming(width: int, height: int) -> bytes:
    data = bytearray(encode(picture(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def bmp_claiming(width: int, height: int) -> bytes:
    data = bytearray(encode(picture(), "BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def gif_claiming(width: int, height: int) -> bytes:
    data = bytearray(encode(picture(), "GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def flipped(data: bytes, place: int, bit: int = 0) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1 << bit
    return bytes(changed)


def cuts(suffix: str) -> dict[str, bytes]:
    """One picture, cut off where its format changes from one part to the next."""
    data = encode(picture(), FORMATS[suffix])
    marks = {
        "jpg": (2, 4, 20, *(data.find(mark) + 5 for mark in _JPEG_PARTS)),
        "png": (8, 12, 16, 24, 33, 41, len(data) - 40),
        "gif": (6, 10, 13, 100, 700, 790, 800),
        "webp": (4, 8, 12, 16, 20, 30, 60),
        "bmp": (2, 10, 14, 30, 54, 100, len(data) - 1),
    }[suffix]
    places = (1, *marks, len(data) // 2, len(data) * 9 // 10)
    return {f"cut_{place:05d}.{suffix}": data[:place] for place in sorted(set(places))}


def broken() -> Images:
    """What no decoder should take, each for its own reason."""
    jpeg, png = encode(picture(), "JPEG"), encode(picture(), "PNG")
    data = png.index(b"IDAT")
    return {
        "zero_bytes.jpg": b"",
        "one_byte.png": b"\x89",
        "text.jpg": b"this is a letter, not a picture\n" * 40,
        "html.png": b"<!doctype html><title>404 Not Found</title>",
        "zeros.bmp": bytes(4096),
        "noise.webp": np.random.default_rng(1).bytes(4096),
        "magic_alone.gif": b"GIF89a",
        "half.jpg": jpeg[: len(jpeg) // 2],
        "half.png": png[: len(png) // 2],
        "half.gif": encode(picture(), "GIF")[:900],
        "half.webp": encode(picture(), "WEBP", lossless=True)[:900],
        "half.bmp": encode(picture(), "BMP")[:2000],
        "flipped_header.png": flipped(png, 18),
        "flipped_data.png": flipped(png, data + 40, 3),
        "byte_lost.png": png[: data + 20] + png[data + 21 :],
        "no_tables.jpg": jpeg[:2] + jpeg[jpeg.index(b"\xff\xc0") :],
        "bomb_20000.png": png_claiming(20_000, 20_000),
        "bomb_2_billion.png": png_claiming(2**31 - 1, 2**31 - 1),
        "bomb_20000.jpg": jpeg_claiming(20_000, 20_000),
        "bomb_65500.jpg": jpeg_claiming(65_500, 65_500),
        "bomb_65535.gif": gif_claiming(65_535, 65_535),
        "bomb_20000.bmp": bmp_claiming(20_000, 20_000),
        "no_width.png": png_claiming(0, 40),
        "no_height.bmp": bmp_claiming(40, 0),
        "negative_width.bmp": bmp_claiming(-40, 40),
        "plain.tiff.jpg": b"II*\x00\x08\x00\x00\x00\xff\xff" + bytes(64),
    }


def text_bomb(png: bytes) -> bytes:
    """A PNG with a comment of 200 MB, packed to 200 kB."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(200)) + packer.flush()
    return png[:33] + chunk(b"zTXt", b"Comment\x00\x00" + packed) + png[33:]


def odd_sizes() -> Images:
    shapes = {"1x1": (1, 1), "1x700": (700, 1), "700x1": (1, 700), "3x5000": (3, 5000),
              "2x2": (2, 2), "33x47": (47, 33)}  # fmt: skip
    return {
        f"{name}.{suffix}": encode(picture(height=h, width=w), FORMATS[suffix])
        for (name, (h, w)), suffix in zip(shapes.items(), [*FORMATS, "png"], strict=True)
    }


def odd_modes() -> Images:
    """Everything but 8-bit RGB."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    grey, palette = picture().convert("L"), picture().convert("P")
    wide = Image.fromarray((np.arange(SIDE * SIDE, dtype=np.uint16) * 40).reshape(SIDE, SIDE))
    alpha = picture().convert("RGBA")
    alpha.putalpha(grey)
    return {
        "cmyk_profile.jpg": encode(picture().convert("CMYK"), "JPEG", icc_profile=profile),
        "broken_profile.jpg": encode(picture(), "JPEG", icc_profile=b"no profile" * 20),
        "broken_profile.png": encode(picture(), "PNG", icc_profile=b"no profile" * 20),
        "grey.jpg": encode(grey, "JPEG"),
        "progressive.jpg": encode(picture(), "JPEG", progressive=True),
        "bits_1.png": encode(picture().convert("1"), "PNG"),
        "bits_16.png": encode(wide, "PNG"),
        "alpha.png": encode(alpha, "PNG"),
        "grey_alpha.png": encode(grey.convert("LA"), "PNG"),
        "palette_transparent.png": encode(palette, "PNG", transparency=bytes(range(0, 250, 5))),
        "palette_transparent.gif": encode(palette, "GIF", transparency=3),
        "alpha.webp": encode(alpha, "WEBP", lossless=True),
        "alpha.bmp": encode(alpha, "BMP"),
        "no_end.png": encode(picture(), "PNG")[:-12],
        "no_end_and_crc.png": encode(picture(), "PNG")[:-14],
        "wrong_crc.png": flipped(encode(picture(), "PNG"), -14),
        "half_end.png": encode(picture(), "PNG")[:-4],
        "tail.jpg": encode(picture(), "JPEG") + b"and a letter after the end" * 9,
        "tail.png": encode(picture(), "PNG") + bytes(500),
        "text_bomb.png": text_bomb(encode(picture(), "PNG")),
        "png_named.jpg": encode(picture(), "PNG"),
        "jpeg_named.PNG": encode(picture(), "JPEG"),
    }


def moving() -> Images:
    frames = [picture(seed) for seed in range(5)]
    options = {"save_all": True, "append_images": frames[1:], "duration": 50, "loop": 0}
    return {
        f"moving.{suffix}": encode(frames[0], FORMATS[suffix], **options)
        for suffix in ("gif", "webp", "png")
    } | {"two_shots.jpg": encode(frames[0], "MPO", save_all=True, append_images=frames[1:2])}


def exif_turned() -> Images:
    turned: Images = {}
    for orientation in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        turned[f"exif_{orientation}.jpg"] = encode(picture(width=60), "JPEG", exif=exif)
    block = encode(picture(), "JPEG", exif=exif.tobytes()[:14] + b"\xff" * 30)
    return turned | {"exif_broken.jpg": block, "exif_6.webp": turned_webp()}


def turned_webp() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(picture(width=60), "WEBP", exif=exif)


def bit_flips() -> Images:
    """JPEGs with one wrong bit in the scan: decoders show coloured blocks, and go on."""
    jpeg = encode(picture(height=64, width=64), "JPEG", quality=90)
    scan = jpeg.index(b"\xff\xda") + 20
    step = (len(jpeg) - scan) // 12
    places = [scan + step * number for number in range(11)]
    return {f"flip_{place}.jpg": flipped(jpeg, place, place % 8) for place in places}


def large(side: int, mode: str = "RGB") -> bytes:
    """A real picture of one colour, small on disk."""
    return encode(Image.new(mode, (side, side), 70), "PNG", compress_level=6)


ODD: dict[str, Callable[[], Images]] = {
    "sizes": odd_sizes,
    "modes": odd_modes,
    "moving": moving,
    "turned": exif_turned,
    "flips": bit_flips,
}
