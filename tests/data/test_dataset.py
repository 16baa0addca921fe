import dataclasses

import pytest
from PIL import Image

from cyclegan_tf.data import image
from cyclegan_tf.data.dataset import DataSet, ImageSet, load_data_set, name_hashes, tell_skipped
from cyclegan_tf.data.tfrecord import write_records
from cyclegan_tf.errors import InputError
from tests.pictures import encoded, flat, image_set, png, write_folder, write_kaggle


def load(folder="", **changes):
    options = {
        "data": str(folder),
        "a": "",
        "b": "",
        "validation_fraction": 0.0,
        "skip_bad": False,
    }
    return load_data_set(**options | changes)


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
