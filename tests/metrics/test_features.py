import io
import zipfile

import numpy as np
import pytest

from cyclegan_tf.data.image import encode_jpeg
from cyclegan_tf.data.sources import PictureFiles, load_pictures
from cyclegan_tf.errors import InputError
from cyclegan_tf.metrics.features import cached_features, extract
from cyclegan_tf.metrics.inception import Inception
from tests.pictures import flat, noise, png
from tests.tiny_inception import tiny_features, write_tiny_graph


class MeanOfRed:
    """One feature a picture, and a note of what it was given."""

    layer, dimensions, digest = "mean:0", 1, "0"

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        self.batches.append(pictures.shape[:3])
        return pictures[..., 0].mean(axis=(1, 2), dtype=np.float32)[:, None]


def picture_files(*values: int) -> PictureFiles:
    entries = [(str(value), str(value), png(flat(value))) for value in values]
    return PictureFiles("greys", lambda: entries)


def test_features_come_in_order_and_the_last_batch_is_filled_up(capsys):
    inception = MeanOfRed()
    pictures = (flat(value) for value in (7, 1, 5, 3, 2))
    found = extract(inception, pictures, count=5, batch_size=2, title="photos")
    assert (found.dtype, found.tolist()) == (np.float32, [[7], [1], [5], [3], [2]])
    assert inception.batches == [(2, 32, 32)] * 3
    output = capsys.readouterr()
    assert "photos" in output.err and "5/5" in output.err and output.out == ""


def test_few_pictures_are_one_small_batch():
    inception = MeanOfRed()
    extract(inception, [flat(1), flat(2)], count=2, batch_size=8)
    assert inception.batches == [(2, 32, 32)]


def test_large_pictures_come_in_smaller_batches():
    inception = MeanOfRed()
    large = np.zeros((2048, 1024, 3), np.uint8)  # 2 million pixels: two are 4 million
    extract(inception, [large] * 3, count=3, batch_size=8)
    assert inception.batches == [(2, 2048, 1024)] * 2


def test_mixed_sizes_are_refused_with_both_sizes():
    with pytest.raises(InputError, match=r"Picture 3 is 16 x 8, .* 32 x 32 pixels; expected one"):
        extract(MeanOfRed(), [flat(1), flat(2), flat(3, 16)[:8]], count=3)


@pytest.mark.parametrize(("count", "fault"), [(1, "more pictures than `count`"), (3, "only 2")])
def test_wrong_count_is_a_wrong_call(count, fault):
    with pytest.raises(ValueError, match=f"{fault}.*Received: count={count}"):
        extract(MeanOfRed(), [flat(1), flat(2)], count=count, batch_size=1)


def test_zip_and_folder_give_identical_features(tmp_path):
    inception = Inception(write_tiny_graph(tmp_path / "graph.pb"))
    (tmp_path / "set").mkdir()
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for number in range(5):
            jpeg = encode_jpeg(noise(number))
            archive.writestr(f"{number}.jpg", jpeg)
            (tmp_path / f"set/{number}.jpg").write_bytes(jpeg)
    folder, zipped = (load_pictures(tmp_path / name) for name in ("set", "set.zip"))
    of_folder = extract(inception, folder, count=5, batch_size=2)
    np.testing.assert_array_equal(of_folder, extract(inception, zipped, count=5, batch_size=2))
    np.testing.assert_allclose(of_folder, tiny_features(np.stack(list(folder))), rtol=1e-5)


def test_same_files_are_computed_once(tmp_path):
    inception = MeanOfRed()
    first = cached_features(inception, picture_files(9, 4), cache=tmp_path)
    second = cached_features(inception, picture_files(9, 4), cache=tmp_path)
    assert first.tolist() == second.tolist() == [[9], [4]]
    assert len(inception.batches) == 1
    (stored,) = (tmp_path / "features").iterdir()  # no temporary file is left
    assert stored.suffix == ".npz"


def test_other_files_graph_or_layer_are_computed_anew(tmp_path):
    inception = MeanOfRed()
    cached_features(inception, picture_files(9, 4), cache=tmp_path)
    assert cached_features(inception, picture_files(4, 9), cache=tmp_path).tolist() == [[4], [9]]
    inception.layer = "other:0"
    cached_features(inception, picture_files(9, 4), cache=tmp_path)
    inception.digest = "1"
    cached_features(inception, picture_files(9, 4), cache=tmp_path)
    assert len(inception.batches) == 4


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "other numbers", "other shape"])
def test_damaged_cache_is_computed_anew_with_a_notice(tmp_path, capsys, damage):
    cached_features(MeanOfRed(), picture_files(9, 4), cache=tmp_path)
    (stored,) = (tmp_path / "features").iterdir()
    data = stored.read_bytes()
    place = data.index(np.float32(9).tobytes())
    other = io.BytesIO()
    np.savez(other, features=np.zeros((3, 1), np.float32))
    stored.write_bytes(
        {
            "empty": b"",
            "text": b"nothing",
            "cut": data[:-30],
            "other numbers": data[:place] + np.float32(8).tobytes() + data[place + 4 :],
            "other shape": other.getvalue(),
        }[damage]
    )
    capsys.readouterr()
    assert cached_features(MeanOfRed(), picture_files(9, 4), cache=tmp_path).tolist() == [[9], [4]]
    notices = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(notices) == 1 and "cannot be used" in notices[0] and "computing again" in notices[0]
    assert stored.read_bytes() == data  # and stored again


def test_cache_that_cannot_be_written_costs_one_warning(tmp_path, capsys):
    (tmp_path / "file").write_text("no folder")
    found = cached_features(MeanOfRed(), picture_files(9, 4), cache=tmp_path / "file")
    assert found.tolist() == [[9], [4]]
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(warnings) == 1 and "CYCLEGAN_TF_CACHE" in warnings[0]
