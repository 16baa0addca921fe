import pytest

from cyclegan_tf.data.layouts import find_layout, named_layout
from cyclegan_tf.data.tfrecord import write_records
from cyclegan_tf.errors import InputError
from tests.kinds import OTHERS, write_table
from tests.pictures import (
    flat,
    image_set,
    png,
    write_files,
    write_folder,
    write_kaggle,
    write_zip,
)


def counts(path) -> list[int]:
    """Pictures of A and B that are trained on, and of A and B that are held out."""
    layout = find_layout(path)
    return [len(s) if s else 0 for s in (layout.a, layout.b, layout.test_a, layout.test_b)]


def fill(root, **folders: int) -> None:
    for name, count in folders.items():
        write_folder(root / name.replace("__", "/"), image_set(count))


def test_records_win_over_folders(tmp_path):
    write_kaggle(tmp_path, image_set(5), image_set(3))
    fill(tmp_path, photo_jpg=1, monet_jpg=1)
    layout = find_layout(tmp_path)
    assert (layout.a.name, layout.kaggle_shaped) == ("photo_tfrec", True)
    assert (len(layout.a), len(layout.b)) == (5, 3)


def test_empty_records_do_not_win(tmp_path):
    for name in ("photo_tfrec", "monet_tfrec"):
        (tmp_path / name).mkdir()
    fill(tmp_path, photo_jpg=2, monet_jpg=1)
    assert find_layout(tmp_path).a.name == "photo_jpg"


SPELLINGS = [
    ("trainA", "trainB", "testA", "testB"),
    ("train_A", "train_B", "test_A", "test_B"),
    ("train/a", "train/b", "test/a", "test/b"),
    ("a/train", "b/train", "a/test", "b/test"),
    ("Train-A", "Train-B", "Val-A", "Val-B"),
    ("training/domainA", "training/domainB", "validation/domainA", "validation/domainB"),
    ("horse2zebra/trainA", "horse2zebra/trainB", "horse2zebra/testA", "horse2zebra/testB"),
    ("x/y/A", "x/y/B", "x/y/testA", "x/y/testB"),
    ("trainA/images", "trainB/images", "testA/images", "testB/images"),
]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("folders", SPELLINGS, ids=lambda folders: folders[0])
def test_neighbours_spellings_are_one_layout(tmp_path, folders, zipped):
    files = {f"{f}/{n}.png": png(flat(n)) for i, f in enumerate(folders) for n in range(i + 1)}
    path = tmp_path / "set"
    if zipped:
        path = write_zip(tmp_path / "set.zip", files)
    else:
        for name, data in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
    assert counts(path) == [1, 2, 3, 4]
    assert not find_layout(path).kaggle_shaped


def test_shards_of_tensorflow_datasets_are_a_layout(tmp_path):
    folder = tmp_path / "cycle_gan/horse2zebra/3.0.0"
    folder.mkdir(parents=True)
    for count, split in enumerate(("trainA", "trainB", "testA", "testB"), start=1):
        images = [(f"{split}{n}", png(flat(n))) for n in range(count)]
        write_records(folder / "x.tfrec", split, images)
        (folder / "x.tfrec").rename(folder / f"cycle_gan-{split}.tfrecord-00000-of-00001")
    (folder / "features.json").write_text("{}")
    assert counts(folder) == counts(tmp_path) == [1, 2, 3, 4]


def test_kaggles_own_zip_is_a_layout(tmp_path):
    write_kaggle(tmp_path / "set", image_set(3), image_set(2))
    records = {
        f"{kind}_tfrec/{kind}00.tfrec": (tmp_path / f"set/{kind}_tfrec/{kind}00.tfrec").read_bytes()
        for kind in ("photo", "monet")
    }
    layout = find_layout(write_zip(tmp_path / "gan.zip", records))
    assert (len(layout.a), len(layout.b), layout.kaggle_shaped) == (3, 2, True)


def test_truth_of_the_demo_belongs_to_it(tmp_path):
    write_kaggle(tmp_path, image_set(3), image_set(2))
    (tmp_path / "truth_tfrec").mkdir()
    write_records(tmp_path / "truth_tfrec/t.tfrec", "monet", [("a", png(flat(1)))])
    assert len(find_layout(tmp_path).truth) == 1


def test_two_columns_of_parquet_are_two_domains(tmp_path):
    images = [{"bytes": png(flat(n)), "path": None} for n in range(3)]
    write_table(tmp_path / "data/train-0.parquet", imageA=images, imageB=images[::-1])
    write_table(tmp_path / "data/test-0.parquet", imageA=images[:1], imageB=images[:1])
    assert counts(tmp_path) == [3, 3, 1, 1]
    first = next(find_layout(tmp_path).b.read())
    assert first[2] == png(flat(2))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["train/0.parquet", "test/0.parquet"], [1, 1, 1, 1]),
        (["latest.parquet", "evaluation.parquet"], [2, 2]),
        (["validation-0.parquet"], [1, 1]),
    ],
)
def test_test_files_of_parquet_are_known_by_a_word_of_their_path(tmp_path, names, expected):
    images = [{"bytes": png(flat(1)), "path": None}]
    for name in names:
        write_table(tmp_path / name, imageA=images, imageB=images)
    assert [count for count in counts(tmp_path) if count] == expected


def test_parquet_of_one_domain_says_how_two_are_given(tmp_path):
    images = [{"bytes": png(flat(1)), "path": None}]
    write_table(tmp_path / "train-0.parquet", image=images, label=[0])
    words = "columns of images: image; expected two, .* taken with --a FILE --b FILE"
    with pytest.raises(InputError, match=words):
        find_layout(tmp_path)


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere does not exist"):
        find_layout(tmp_path / "nowhere")
    (tmp_path / "x.txt").touch()
    with pytest.raises(InputError, match=r"x\.txt is a file of another kind; expected a f"):
        find_layout(tmp_path / "x.txt")


def test_empty_and_unknown_layouts_list_what_is_known(tmp_path):
    with pytest.raises(InputError, match=r"found: nothing.*photo_tfrec/ and monet_tfrec/"):
        find_layout(tmp_path)
    (tmp_path / "cats").mkdir()
    with pytest.raises(InputError, match=r"found: cats.*--a DIR --b DIR"):
        find_layout(tmp_path)


def test_empty_side_is_named(tmp_path):
    fill(tmp_path, trainA=2)
    (tmp_path / "trainB").mkdir()
    with pytest.raises(InputError, match=r"found: trainA, trainB.*trainB holds no images"):
        find_layout(tmp_path)


def test_side_without_pictures_says_what_lies_there(tmp_path):
    fill(tmp_path, trainA=2)
    write_files(tmp_path / "trainB", {"1.jxl": OTHERS["new.jxl"][0]})
    with pytest.raises(InputError, match=r"trainB holds no images \(found: 1 JPEG XL"):
        find_layout(tmp_path)


def test_two_folders_of_pictures_come_with_the_command_that_takes_them(tmp_path):
    fill(tmp_path, horses=2, zebras=2)
    words = rf"taken with --a {tmp_path}/horses --b {tmp_path}/zebras, or the other way"
    with pytest.raises(InputError, match=words):
        find_layout(tmp_path)


PAIRS = [
    ("train/horses", "train/zebras", ("test/horses", "test/zebras", "val/zebras")),
    ("animals/horses", "animals/zebras", ("animals/horses/foals", "animals/zebras/foals")),
    ("horses", "zebras", ("zebras/foals",)),
]


@pytest.mark.parametrize(("a", "b", "others"), PAIRS, ids=["split", "deeper", "with others"])
def test_two_classes_of_pictures_are_told_among_others(tmp_path, a, b, others):
    for name in (a, b, *others):
        write_folder(tmp_path / "set" / name, image_set(1))
    words = f"taken with --a {tmp_path}/set/{a} --b {tmp_path}/set/{b}, or"
    with pytest.raises(InputError, match=words):
        find_layout(tmp_path / "set")


def test_two_zips_come_with_the_command_that_takes_them(tmp_path):
    for name in ("horses.zip", "zebras.zip"):
        write_zip(tmp_path / name, {"1.png": png(flat(1))})
    with pytest.raises(InputError, match=f"with --a {tmp_path}/horses.zip --b {tmp_path}/zebras"):
        find_layout(tmp_path)


def test_domain_alone_says_what_is_missing(tmp_path):
    fill(tmp_path, set__trainA=1, set__testA=1)
    with pytest.raises(InputError, match="Only domain A is there; give both with --a DIR --b DIR"):
        find_layout(tmp_path / "set")
    with pytest.raises(InputError, match=f"give the folder above: --data {tmp_path}/set"):
        find_layout(tmp_path / "set/trainA")


def test_zip_of_a_set_needs_no_suffix(tmp_path):
    entries = {f"set/train{s}/{n}.png": png(flat(n)) for s in "AB" for n in range(2)}
    assert counts(write_zip(tmp_path / "archive", entries)) == [2, 2, 0, 0]


def test_several_data_sets_in_one_folder_are_told_apart(tmp_path):
    fill(tmp_path, one__trainA=1, one__trainB=1, two__trainA=1, two__trainB=1)
    with pytest.raises(InputError, match=rf"several data sets \(one, two\).*--data {tmp_path}/one"):
        find_layout(tmp_path)


def test_set_on_top_wins_over_those_below(tmp_path):
    fill(tmp_path, trainA=3, trainB=2, old__trainA=1, old__trainB=1)
    assert counts(tmp_path)[:2] == [3, 2]


def test_empty_test_folders_hold_nothing_out_and_say_so(tmp_path, capsys):
    fill(tmp_path, trainA=2, trainB=2)
    for name in ("testA", "testB"):
        (tmp_path / name).mkdir()
    assert counts(tmp_path) == [2, 2, 0, 0]
    assert "note: testA and testB hold no pictures: nothing is held" in capsys.readouterr().err


def test_one_of_two_test_folders_says_so(tmp_path, capsys):
    fill(tmp_path, trainA=2, trainB=2, testA=1)
    assert counts(tmp_path) == [2, 2, 1, 0]
    assert "note: only testA is there to be held out" in capsys.readouterr().err


def test_names_of_a_set_say_what_is_translated(tmp_path, capsys):
    fill(tmp_path, monet2photo__trainA=1, monet2photo__trainB=2)
    assert len(find_layout(tmp_path).a) == 1
    assert len(find_layout(tmp_path, swap=True).a) == 2
    assert capsys.readouterr().err.splitlines() == [
        "note: monet2photo: A is monet and is translated into B, photo; --swap exchanges them.",
        "note: monet2photo: A is photo and is translated into B, monet; --swap has exchanged them.",
    ]


def test_domains_can_be_exchanged(tmp_path):
    fill(tmp_path, trainA=1, trainB=2, testA=3, testB=4)
    layout = find_layout(tmp_path).swapped()
    found = [len(s) for s in (layout.a, layout.b, layout.test_a, layout.test_b)]
    assert found == [2, 1, 4, 3]


def test_one_folder_as_both_domains_is_told(tmp_path, capsys):
    fill(tmp_path, cats=1)
    named_layout(a=str(tmp_path / "cats"), b=str(tmp_path / "cats"))
    assert "are one folder: A is B" in capsys.readouterr().err


def test_what_macos_leaves_beside_pictures_is_passed_over(tmp_path):
    fill(tmp_path, trainA=3, trainB=3)
    for name in ("trainA", "trainB"):
        (tmp_path / name / "._image0.png").write_bytes(b"Mac OS X")
        (tmp_path / "__MACOSX" / name).mkdir(parents=True)
        (tmp_path / "__MACOSX" / name / "x.png").write_bytes(png(flat(1)))
    assert counts(tmp_path)[:2] == [3, 3]
