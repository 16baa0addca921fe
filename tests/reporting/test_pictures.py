"""Sheets and what is cut out of them."""

import base64
import io

import numpy as np
from PIL import Image

from cyclegan_tf.data.image import grid
from cyclegan_tf.reporting.pictures import (
    change,
    embedded,
    palette,
    read_samples,
    read_sheet,
    spread,
    write_sheet,
)
from tests.pictures import flat, png


def greys(rows):
    return [[round(float(np.mean(picture))) for picture in row] for row in rows]


def flats(*values, size=32):
    return np.stack([flat(value, size) for value in values])


def test_sheet_gives_its_squares_back(tmp_path):
    write_sheet(tmp_path / "x.jpg", [flats(0, 50, 100), flats(150, 200, 250)])
    assert greys(read_sheet(tmp_path / "x.jpg", 3)) == [[0, 50, 100], [150, 200, 250]]


def test_large_pictures_are_reduced_in_a_sheet(tmp_path):
    write_sheet(tmp_path / "x.jpg", [flats(10, 20, size=600)])
    rows = read_sheet(tmp_path / "x.jpg", 2)
    assert [picture.size for picture in rows[0]] == [(256, 256)] * 2
    assert greys(rows) == [[10, 20]]


def test_samples_are_cut_out_of_their_grid(tmp_path):
    sheet = grid([flats(0, 40, size=12), flats(80, 120, size=12)])
    (tmp_path / "x.png").write_bytes(png(sheet))
    assert greys(read_samples(tmp_path / "x.png", 12)) == [[0, 40], [80, 120]]
    assert read_samples(tmp_path / "x.png", 13) == []


def test_what_is_missing_or_damaged_is_no_picture(tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"no picture")
    assert read_sheet(tmp_path / "x.jpg", 1) == []
    assert read_sheet(tmp_path / "y.jpg", 1) == []
    write_sheet(tmp_path / "x.jpg", [flats(0)])
    assert read_sheet(tmp_path / "x.jpg", 0) == []
    assert read_sheet(tmp_path / "x.jpg", 1000) == []


def test_change_is_the_mean_difference_in_grey_levels():
    before, after = flat(100), flat(100)
    after[:16] = 110
    assert change(Image.fromarray(before), Image.fromarray(after)) == 5.0


def test_palette_has_the_colours_by_their_share():
    red = np.full((32, 32, 3), (255, 0, 0), np.uint8)
    blue = np.full((32, 32, 3), (0, 0, 255), np.uint8)
    red[:16] = blue[:16]
    found = palette(list(map(Image.fromarray, [red, blue])))
    assert [(colour.code, colour.share) for colour in found] == [
        ("#0000ff", 0.75),
        ("#ff0000", 0.25),
    ]


def test_embedded_picture_is_a_jpeg_no_larger_than_asked_for():
    address = embedded(Image.fromarray(flat(77, 64)), 16)
    head, data = address.split(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert (image.format, image.size) == ("JPEG", (16, 16))
        assert image.getpixel((0, 0)) == (77, 77, 77)


def test_spread_takes_the_first_and_the_last():
    assert spread(range(10), 4) == [0, 3, 6, 9]
    assert spread("ab", 4) == ["a", "b"]
    assert spread([], 4) == []
