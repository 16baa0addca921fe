import io
import struct
import zlib
from pathlib import PurePath

import numpy as np
import pytest
from PIL import Image, features

from cyclegan_tf.data.image import load_upright
from cyclegan_tf.io import formats
from cyclegan_tf.io.formats import (
    claims_picture,
    describe,
    holds_several,
    identify,
    is_picture,
    kind_of,
    without_text,
)
from tests.hell.images import chunk
from tests.kinds import HEIC, OTHERS, TAKEN, canon_raw, raw_preview
from tests.pictures import encoded, flat, noise, png


@pytest.mark.parametrize("name", [n for n in OTHERS if not n.startswith("._")])
def test_kinds_of_files_are_told_by_their_first_bytes(name):
    data, kind = OTHERS[name]
    assert kind_of(PurePath(name), data[:512]).name == kind
    assert not is_picture(data)


@pytest.mark.parametrize("name", TAKEN)
def test_pictures_are_seen_under_any_name(name):
    assert is_picture(TAKEN[name])
    assert is_picture(TAKEN[name][:512], lambda: TAKEN[name])


def test_names_claim_what_pillow_reads():
    taken = ("a.JPG", "a.jpeg", "a.jfif", "a.tiff", "a.tif", "a.png", "a.jp2", "a.ppm", "a.tga")
    assert all(claims_picture(PurePath(name)) for name in taken)
    others = ("a.pdf", "a.mpg", "a.h5", "a.eps", "a.txt", "a.zip", "a", "jpg")
    assert not any(claims_picture(PurePath(name)) for name in others)


@pytest.mark.parametrize(("read", "remedy"), [({}, "pillow-heif"), ({"HEIF": True}, "damaged")])
def test_heic_that_cannot_be_read_wants_a_reader_or_is_damaged(read, remedy, monkeypatch):
    monkeypatch.setattr(formats, "picture_formats", lambda: read)
    assert remedy in str(identify(HEIC))


def test_remedies_stand_beside_kinds():
    assert "git lfs pull" in str(identify(OTHERS["pointer"][0]))
    assert identify(b"no image") is None


@pytest.mark.parametrize("data", [raw_preview(), canon_raw()], ids=["marked", "Canon"])
def test_preview_in_a_raw_picture_is_none(data):
    assert not is_picture(data)
    with pytest.raises(ValueError, match="camera raw: develop it"):
        load_upright(data)


def test_raw_pictures_that_begin_as_tiffs_are_told_by_their_names():
    for name in ("DSC_1.NEF", "x.dng", "x.arw"):
        assert kind_of(PurePath(name), raw_preview()[:512]).name == "camera raw"
    assert kind_of(PurePath("x.bin"), raw_preview()[:512]).name == ".bin"


def test_what_is_no_picture_is_described():
    described = {
        b"": "empty",
        bytes(9999): "zeros alone",
        b"\xef\xbb\xbf<html>": "web page: the download failed; fetch the file again",
        b'{"error":\r\n "too many"}': """text: '{"error": "too many"}'""",
        b"x" * 999: f"text: {'x' * 60!r}",
        bytes(range(99)): "of no known format",
    }
    assert {data: describe(data) for data in described} == described
    assert describe(b"MM\0*").startswith("TIFF: damaged, or of a kind that Pillow does not read")


def test_stacks_and_animations_hold_several_pictures():
    first, second = (Image.fromarray(noise(n)) for n in (1, 2))
    for form in ("TIFF", "GIF", "WEBP", "PNG"):
        stack = encoded(first, form, save_all=True, append_images=[second])
        assert holds_several(io.BytesIO(stack))
        assert not holds_several(io.BytesIO(encoded(first, form)))
    assert not holds_several(io.BytesIO(b"no picture"))


def test_smaller_copies_in_a_tiff_are_no_further_pictures():
    image, copy = (Image.fromarray(flat(1, size)) for size in (32, 8))
    copy.encoderinfo = {"tiffinfo": {254: 1}}
    stack = encoded(image, "TIFF", save_all=True, append_images=[copy])
    assert not holds_several(io.BytesIO(stack))


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_avif_without_a_name_is_a_picture():
    assert is_picture(encoded(Image.fromarray(noise(1)), "AVIF"))


def test_long_texts_and_profiles_of_a_png_are_cut_out():
    data = png(noise(1))
    text = zlib.compress(bytes(2_000_000))
    cut = [
        chunk(b"tEXt", b"workflow\0" + b"x" * 1_500_000),
        chunk(b"zTXt", b"workflow\0\0" + text),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + text),
        chunk(b"iCCP", b"huge\0\0" + text),
    ]
    for part in cut:
        assert without_text(data[:33] + part + data[33:]) == data
    profile = chunk(b"iCCP", b"small\0\0" + zlib.compress(b"profile"))
    kept = data[:33] + profile + data[33:]
    assert without_text(kept) == kept


@pytest.mark.parametrize("cut", [7, 20, 40, 60])
def test_png_that_is_cut_off_stays_as_it_is(cut):
    data = (png(noise(1))[:33] + chunk(b"tEXt", b"a\0b"))[:cut]
    assert without_text(data) == (data if cut < 45 else data[:33])


def test_length_that_leads_nowhere_ends_the_search():
    data = png(noise(1))[:33] + struct.pack(">I", 2**31) + b"tEXt" + b"abcdefgh"
    assert without_text(data) == data[:33]


def test_phone_pictures_are_read_where_pillow_heif_is():
    pytest.importorskip("pillow_heif").register_heif_opener()
    data = encoded(Image.fromarray(flat(90)), "HEIF")
    assert claims_picture(PurePath("IMG_1.HEIC"))
    assert is_picture(data)
    assert np.abs(load_upright(data).astype(int) - 90).max() <= 2
