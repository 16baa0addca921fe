import dataclasses

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.data import image
from cyclegan_tf.data.dataset import DataSet, ImageSet, load_data_set, name_hashes, tell_skipped
from cyclegan_tf.data.layouts import named_layout
from cyclegan_tf.data.tfrecord import write_records
from cyclegan_tf.errors import InputError
from tests.kinds import OTHERS
from tests.pictures import (
    encoded,
    flat,
    image_set,
    noise,
    png,
    write_files,
    write_folder,
    write_kaggle,
    write_zip,
)


def load(folder="", **changes):
    options = {"validation_fraction": 0.0, "skip_bad": False, "span": None}
    options |= {name: changes.pop(name) for name in set(options) & set(changes)}
    return load_data_set(named_layout(data=str(folder), **changes), **options)


def test_kaggle_records_are_read(tmp_path):
    write_kaggle(tmp_path, image_set(5, prefix="photo"), image_set(3, prefix="monet"))
    data = load(tmp_path)
    assert data.train_a == image_set(5, prefix="photo")
    assert data.train_b == image_set(3, prefix="monet")
    assert data.kaggle_shaped


def test_kaggle_jpeg_folders_are_read(tmp_path):
    write_folder(tmp_path / "photo_jpg", image_set(4))
    write_folder(tmp_path / "monet_jpg", image_set(2))
    data = load(tmp_path)
    assert (len(data.train_a), len(data.train_b), data.kaggle_shaped) == (4, 2, True)


def test_test_folders_are_the_validation_set(tmp_path):
    for name, count in (("trainA", 4), ("trainB", 5), ("testA", 2), ("testB", 3)):
        write_folder(tmp_path / name, image_set(count, prefix=name))
    data = load(tmp_path, validation_fraction=0.5)
    assert (len(data.train_a), len(data.train_b)) == (4, 5)
    assert (len(data.validation_a), len(data.validation_b)) == (2, 3)
    assert not data.kaggle_shaped


def test_two_folders_of_ones_own(tmp_path):
    write_folder(tmp_path / "cats", image_set(3))
    write_folder(tmp_path / "dogs", image_set(2))
    data = load(a=str(tmp_path / "cats"), b=str(tmp_path / "dogs"))
    assert (len(data.train_a), len(data.train_b)) == (3, 2)


def test_split_is_by_name_and_stable_when_files_are_added():
    few, many = image_set(100), image_set(200)
    held_out_of_few = set(few.split(0.2)[1].names)
    held_out_of_many = set(many.split(0.2)[1].names)
    assert held_out_of_few == held_out_of_many & set(few.names)
    assert 20 <= len(held_out_of_many) <= 60  # 40 expected, standard deviation 5.7


def test_split_loses_and_doubles_nothing():
    image = image_set(50)
    training, held_out = image.split(0.3)
    assert sorted(training.names + held_out.names) == sorted(image.names)
    assert image.split(0.0)[1] == ImageSet()


def test_names_that_are_no_utf8_are_split_too():
    assert len(ImageSet(("\udce4",), (b"",)).split(0.5)[0]) in (0, 1)


def test_truth_is_paired_with_held_out_images_by_name(tmp_path):
    photos = image_set(40)
    write_kaggle(tmp_path, photos, image_set(40, prefix="monet"))
    (tmp_path / "truth_tfrec").mkdir()
    reversed_pairs = list(zip(photos.names, photos.encoded, strict=True))[::-1]
    write_records(tmp_path / "truth_tfrec" / "truth.tfrec", "monet", reversed_pairs)
    inputs, truth = load(tmp_path, validation_fraction=0.3).held_out_pairs()
    assert len(inputs) >= 5
    assert inputs == truth


def test_bad_image_is_named_or_skipped_and_counted(tmp_path):
    write_folder(tmp_path / "trainA", image_set(3))
    write_folder(tmp_path / "trainB", image_set(3))
    (tmp_path / "trainA" / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"broken\.jpg is no image.*--skip-bad-images"):
        load(tmp_path)
    data = load(tmp_path, skip_bad=True)
    assert (len(data.train_a), data.skipped) == (3, (f"{tmp_path}/trainA/broken.jpg",))
    assert f"; 1 unreadable images skipped ({tmp_path}/trainA/broken.jpg)" in data.summary()


def test_ten_skipped_images_are_named_the_others_counted():
    told = tell_skipped([f"{number}.jpg" for number in range(12)])
    names = ", ".join(f"{number}.jpg" for number in range(10))
    assert told == f"12 unreadable images skipped ({names} and 2 more)"
    assert tell_skipped(["a", "b"]) == "2 unreadable images skipped (a, b)"


def test_fault_of_the_machine_skips_no_image(tmp_path, monkeypatch):
    def full(data, **options):
        raise MemoryError

    write_folder(tmp_path / "trainA", image_set(3))
    write_folder(tmp_path / "trainB", image_set(3))
    monkeypatch.setattr(image, "to_upright", full)
    (tmp_path / "trainA" / "grey.bmp").write_bytes(encoded(Image.new("L", (8, 8)), "BMP"))
    with pytest.raises(MemoryError):
        load(tmp_path, skip_bad=True)


def test_folder_of_hidden_pictures_is_read_all_the_same(tmp_path):
    write_folder(tmp_path / ".cache" / "trainA", image_set(3))
    write_folder(tmp_path / ".cache" / "trainB", image_set(2))
    assert len(load(tmp_path / ".cache").train_a) == 3


def test_bad_record_is_named_with_its_place(tmp_path):
    write_kaggle(tmp_path, ImageSet(("good", "bad"), (png(flat(1)), b"xx")), image_set(1))
    with pytest.raises(InputError, match=r"photo00\.tfrec: record 1 \(bad\) is no image"):
        load(tmp_path)


def test_folder_of_bad_images_alone_is_refused_even_when_skipping(tmp_path):
    write_folder(tmp_path / "trainA", ImageSet(("bad",), (b"x",)))
    write_folder(tmp_path / "trainB", image_set(1))
    with pytest.raises(InputError, match="trainA holds no readable image"):
        load(tmp_path, skip_bad=True)


def test_real_shards_hold_300_monets_and_1408_photos(real_data):
    data = load(real_data / "gan-getting-started")
    assert (len(data.train_a), len(data.train_b)) == (1408, 300)
    assert len(set(data.train_a.names)) == 1408
    assert len(set(data.train_b.names)) == 300


def test_real_horses_come_with_their_test_folders(real_data):
    data = load(real_data / "horse2zebra")
    counts = [len(s) for s in (data.train_a, data.train_b, data.validation_a, data.validation_b)]
    assert counts == [200, 200, 60, 60]


def test_order_of_the_names_counts():
    a, b = image_set(4, prefix="a"), image_set(3, prefix="b")
    data = DataSet(a, b, ImageSet(), ImageSet(), ImageSet(), kaggle_shaped=False, skipped=())
    names = name_hashes(data)
    turned = dataclasses.replace(data, train_a=data.train_a.take([1, 0, 2, 3]))
    assert name_hashes(turned)["A"] != names["A"]
    assert name_hashes(turned)["B"] == names["B"]


def test_zip_is_a_data_set(tmp_path):
    files = {f"set/train{d}/{n}.png": png(flat(40 + n)) for d in "AB" for n in range(3)}
    data = load(write_zip(tmp_path / "set.zip", files))
    assert (data.train_a.names, len(data.train_b)) == (("0", "1", "2"), 3)
    two = [
        write_zip(tmp_path / f"{d}.zip", {f"{n}.png": png(flat(50)) for n in "12"}) for d in "ab"
    ]
    assert len(load(a=str(two[0]), b=str(two[1])).train_a) == 2


def test_domains_can_be_exchanged(tmp_path):
    write_kaggle(tmp_path, image_set(5, prefix="photo"), image_set(3, prefix="monet"))
    data = load(tmp_path, swap=True)
    assert (data.train_a.names[0], data.train_b.names[0]) == ("monet0", "photo0")
    assert not data.kaggle_shaped


def test_what_is_left_out_is_told_before_the_training(tmp_path, capsys):
    for domain in "AB":
        write_folder(tmp_path / f"train{domain}", image_set(2, prefix=domain))
    (tmp_path / "trainA" / "1.jxl").write_bytes(OTHERS["new.jxl"][0])
    load(tmp_path)
    assert f"note: {tmp_path}/trainA: 2 pictures; left out: 1 JPEG XL (" in capsys.readouterr().err


def test_pictures_in_which_nothing_is_seen_are_told(tmp_path, capsys):
    ramp = np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)
    for name, values in (("deep", ramp), ("full", ramp * 16), ("bright", 65_535 - ramp)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(encoded(Image.fromarray(values), "PNG"))
    load(a=str(tmp_path / "deep"), b=str(tmp_path / "full"))
    said = capsys.readouterr().err
    assert f"warning: {tmp_path}/deep comes out nearly black: its levels are 0 to 16" in said
    assert "full" not in said
    load(a=str(tmp_path / "full"), b=str(tmp_path / "bright"))
    assert "bright comes out nearly white: its levels are 239 to 255" in capsys.readouterr().err


def test_floats_below_black_are_told(tmp_path, capsys):
    ramp = np.linspace(-1, 1, 400, dtype=np.float32).reshape(20, 20)
    folder = write_files(tmp_path / "x", {"1.tif": encoded(Image.fromarray(ramp), "TIFF")})
    load(a=str(folder), b=str(folder))
    said = capsys.readouterr().err
    assert said.count("x comes out clipped: 50% of its values lie below the usual range and") == 2
    assert "They go from -1 to 1: give a --range that holds them, unless" in said
    load(a=str(folder), b=str(folder), span=(-1.0, 1.0))
    assert "clipped" not in capsys.readouterr().err


def test_range_that_leaves_out_much_is_told(tmp_path, capsys):
    ramp = np.arange(0, 4000, 10, dtype=np.uint16).reshape(20, 20)
    entries = {"1.png": png(ramp), "2.png": png(noise(1))}  # of 8 bits nothing is looked at
    folder = write_files(tmp_path / "x", entries | {"bad.png": b""})
    for span, told in (
        ((400, 3000), "10% of its values lie below --range 400 3000 and become black, 25% lie"),
        ((0, 3809), None),
    ):
        load(a=str(folder), b=str(folder), skip_bad=True, span=span)
        said = capsys.readouterr().err
        assert said.count(f"x comes out clipped: {told}") == (2 if told else 0)
        assert said.count("clipped") == (2 if told else 0)


def test_grey_domains_are_seen(tmp_path):
    for name, pixels in (("grey", flat(90)), ("colour", noise(1))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(png(pixels))
    grey, colour = (str(tmp_path / name) for name in ("grey", "colour"))
    assert load(a=grey, b=grey).looks_grey()
    assert not load(a=grey, b=colour).looks_grey()
