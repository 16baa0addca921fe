import numpy as np
import pandas as pd

from cyclegan_tf.eda.duplicates import count_repeats, list_duplicates, telling_groups
from tests.conftest import noise


def images(*files: str, pixels: str = "") -> pd.DataFrame:
    """Images by what stands for their bytes and their pixels."""
    return pd.DataFrame({"file": list(files), "pixels": list(pixels or files)})


def grey(*seeds: int) -> np.ndarray:
    return np.stack([noise(seed)[..., 0] for seed in seeds])


def test_copies_are_grouped_and_told_apart_by_what_they_share():
    # 0 and 4 are one file; 1, 3 and 5 one picture in three files; 2 is alone
    table = list_duplicates(images(*"abcdaf", pixels="abcbab"), grey(0, 1, 2, 1, 0, 1))
    assert table.index.tolist() == [0, 4, 1, 3, 5]
    assert table["group"].tolist() == [1, 1, 2, 2, 2]
    assert table["kind"].tolist() == [
        "first", "same bytes", "first", "same pixels", "same pixels",
    ]  # fmt: skip
    assert table["bits"].tolist() == [0] * 5


def test_alike_pictures_join_the_copies_of_their_first():
    small = grey(0, 1, 0)
    small[2] = np.clip(small[2] * 0.5 + 40, 0, 255)  # toned anew
    small = np.concatenate([small, small[2:]])
    table = list_duplicates(images(*"abcc"), small)
    assert table.index.tolist() == [0, 2, 3]
    assert table["kind"].tolist() == ["first", "alike", "same bytes"]


def test_flat_pictures_are_duplicates_only_of_the_same_pixels():
    flat = np.full((3, 32, 32), 7, np.uint8)
    table = list_duplicates(images(*"abc", pixels="xxy"), flat)
    assert table.index.tolist() == [0, 1]
    assert table["kind"].tolist() == ["first", "same pixels"]


def test_nothing_repeats():
    table = list_duplicates(images(*"abc"), grey(0, 1, 2))
    assert len(table) == 0
    assert list(table.columns) == ["group", "kind", "bits"]


def groups(*rows: tuple[int, str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["group", "kind", "domain", "folder"])


MIXED = groups(
    (1, "first", "A", "trainA"), (1, "same bytes", "A", "trainA"), (1, "alike", "A", "testA"),
    (2, "first", "A", "trainA"), (2, "alike", "B", "trainB"),
    (3, "first", "B", "testB"), (3, "same pixels", "B", "testB"),
)  # fmt: skip


def test_repeats_are_counted_by_where_the_first_is():
    table = count_repeats(MIXED)
    assert table.index.tolist() == ["same bytes", "same pixels", "alike"]
    assert table["in the same folder"].tolist() == [1, 1, 0]
    assert table["in another folder"].tolist() == [0, 0, 1]
    assert table["in the other domain"].tolist() == [0, 0, 1]


def test_no_repeats_are_counted_as_none():
    assert count_repeats(MIXED[:0]).to_numpy().sum() == 0


def test_groups_across_domains_tell_most_then_those_that_differ():
    assert telling_groups(MIXED, 9) == [[3, 4], [0, 1, 2], [5, 6]]
    assert telling_groups(MIXED, 1) == [[3, 4]]
    assert telling_groups(MIXED[:0], 9) == []
