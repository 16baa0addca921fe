import hashlib

import numpy as np
import pytest
import tensorflow as tf

from cyclegan_tf.data.image import decode
from cyclegan_tf.data.reader import open_source
from cyclegan_tf.errors import InputError
from cyclegan_tf.metrics.inception import Inception
from tests.pictures import flat, noise
from tests.tiny_inception import tiny_features, write_tiny_graph


def grey_and_colour() -> np.ndarray:
    pictures = np.stack([flat(10, 4), flat(200, 4), flat(0, 4)])
    pictures[2, :, :2] = (100, 50, 0)  # half of it: its channel means are 50, 25 and 0
    return pictures


def test_graph_written_for_one_picture_in_2015_takes_a_batch(tmp_path):
    inception = Inception(write_tiny_graph(tmp_path / "graph.pb"))
    by_hand = [[1, 1, 1] * 2, [381, 381, 381] * 2, [81, 31, -19] * 2]
    features = inception(grey_and_colour())
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, by_hand, rtol=1e-6)
    np.testing.assert_allclose(tiny_features(grey_and_colour()), by_hand)


def test_pool_layer_of_2048_is_fid(tmp_path):
    inception = Inception(write_tiny_graph(tmp_path / "graph.pb", pool=2048))
    assert (inception.layer, inception.dimensions, inception.label) == ("pool_3:0", 2048, "FID")
    expected = tiny_features(grey_and_colour(), 2048)
    np.testing.assert_allclose(inception(grey_and_colour()), expected, rtol=1e-6)


def test_graph_that_ends_earlier_is_read_at_its_end(tmp_path):
    inception = Inception(write_tiny_graph(tmp_path / "graph.pb"))
    assert (inception.layer, inception.label) == ("mixed_7/join:0", "FID-6")


def test_pool_layer_of_another_size_is_no_fid(tmp_path):
    assert Inception(write_tiny_graph(tmp_path / "graph.pb", pool=12)).label == "FID-12"


@pytest.mark.parametrize("layer", ["mixed_7/join:0", "mixed_7/join"])
def test_layer_can_be_chosen(tmp_path, layer):
    inception = Inception(write_tiny_graph(tmp_path / "graph.pb", pool=2048), layer=layer)
    assert (inception.layer, inception.label) == ("mixed_7/join:0", "FID-6")


def test_shapes_written_down_for_one_picture_are_forgotten(tmp_path):
    path = write_tiny_graph(tmp_path / "graph.pb")
    graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    shape = tf.TensorShape([1, 2, 2, 6]).as_proto()
    graph.node[-1].attr["_output_shapes"].list.shape.append(shape)
    path.write_bytes(graph.SerializeToString())
    assert Inception(path)(grey_and_colour()).shape == (3, 6)


def test_digest_is_that_of_the_file(tmp_path):
    path = write_tiny_graph(tmp_path / "graph.pb")
    assert Inception(path).digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_missing_graph_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"none\.pb cannot be read \(No such file.*--inception"):
        Inception(tmp_path / "none.pb")


@pytest.mark.parametrize("content", [b"", b"<!doctype html><title>404</title>", noise(0).tobytes()])
def test_what_is_no_graph_is_refused(tmp_path, content):
    path = tmp_path / "graph.pb"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"is no frozen TensorFlow graph.*--inception"):
        Inception(path)


def test_truncated_graph_is_refused(tmp_path):
    path = write_tiny_graph(tmp_path / "graph.pb", pool=2048)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"not all of one \(1,000 bytes\)"):
        Inception(path)


def test_missing_layer_is_refused_and_the_others_named(tmp_path):
    path = write_tiny_graph(tmp_path / "graph.pb")
    with pytest.raises(InputError, match=r"no layer pool_3:0 \(it has mixed_7/join:0\)"):
        Inception(path, layer="pool_3:0")
    graph = tf.compat.v1.GraphDef()
    graph.node.add(name="ExpandDims", op="Placeholder").attr["dtype"].type = 1
    path.write_bytes(graph.SerializeToString())
    with pytest.raises(InputError, match=r"no layer pool_3:0 or mixed_7.*has ExpandDims:0\)"):
        Inception(path)


def test_graph_that_is_fed_elsewhere_is_refused(tmp_path):
    path = write_tiny_graph(tmp_path / "graph.pb", feed="image")
    with pytest.raises(InputError, match="does not compute mixed_7/join:0 from ExpandDims:0"):
        Inception(path)


def test_graph_that_is_not_frozen_is_refused(tmp_path):
    with tf.Graph().as_default() as graph:
        pictures = tf.compat.v1.placeholder(tf.float32, [1, None, None, 3], name="ExpandDims")
        weight = tf.compat.v1.get_variable("weight", [3], use_resource=False)
        tf.multiply(pictures, weight, name="mixed_7/join")
    path = tmp_path / "graph.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(InputError, match=r"cannot be run \(.*weight.*expected a frozen graph"):
        Inception(path)


def test_layer_that_is_no_feature_map_is_refused(tmp_path):
    path = write_tiny_graph(tmp_path / "graph.pb", pool=6)
    with pytest.raises(InputError, match=r"cannot be run \(.*output 1.*at pool_3:1\."):
        Inception(path, layer="pool_3:1")
    with pytest.raises(InputError, match=r"cannot be run \(.*reshape.*at pool_3/_reshape:0\."):
        Inception(path, layer="pool_3/_reshape:0")  # what follows pool_3 takes one picture only
    with pytest.raises(InputError, match="does not compute DecodeJpeg:0 from ExpandDims:0"):
        Inception(path, layer="DecodeJpeg")
    graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    axes = next(node for node in graph.node if node.name == "axes")
    axes.attr["value"].tensor.CopyFrom(tf.make_tensor_proto([1]))
    mean = next(node for node in graph.node if node.name == "mean")
    mean.attr["keep_dims"].b = False
    path.write_bytes(graph.SerializeToString())
    with pytest.raises(InputError, match=r"2 pictures give features of shape \(2,\)"):
        Inception(path, layer="mean:0")


def test_floats_are_a_wrong_call(tmp_path):
    inception = Inception(write_tiny_graph(tmp_path / "graph.pb"))
    with pytest.raises(ValueError, match=r"Received: shape \(1, 4, 4, 3\), float32"):
        inception(np.zeros((1, 4, 4, 3), np.float32))


def test_real_graph_gives_a_batch_the_features_of_single_pictures(real_data):
    inception = Inception(real_data / "fid/inception-2015-12-05-mixed_7.pb")
    assert (inception.layer, inception.label) == ("mixed_7/join:0", "FID-768")
    entries = open_source(real_data / "gan-getting-started/monet_tfrec").read()
    monets = [decode(next(entries)[2]).numpy() for _ in range(4)]
    batch = np.stack([*monets, noise(0, 256)])
    features = inception(batch)
    assert features.shape == (5, 768)
    np.testing.assert_array_equal(inception(batch), features)
    singles = np.concatenate([inception(picture[None]) for picture in batch])
    np.testing.assert_allclose(singles, features, atol=1e-5)
    # the tolerance is far below what tells two pictures apart
    assert np.abs(features[0] - features[1]).max() > 0.1
