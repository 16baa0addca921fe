"""A miniature of the original Inception graph, made of the same old ops, with features by hand."""

from pathlib import Path

import numpy as np
import tensorflow as tf

JPEG = tf.io.encode_jpeg(np.zeros((2, 2, 3), np.uint8)).numpy()


def tiny_features(pictures: np.ndarray, dimensions: int = 6) -> np.ndarray:
    """What the miniature must give: (channel mean - 10) * 2 + 1, repeated."""
    means = pictures.astype(np.float64).mean(axis=(1, 2))
    return np.resize((means.T - 10) * 2 + 1, (dimensions, len(pictures))).T


def write_tiny_graph(path: Path, *, pool: int = 0, feed: str = "ExpandDims") -> Path:
    """Writes a frozen graph.

    Args:
        path: of the file.
        pool: dimensions of `pool_3`; with 0 the graph ends at `mixed_7/join`, 6 dimensions.
        feed: the name of what pictures are fed to.
    """
    graph = tf.compat.v1.GraphDef()
    graph.versions.producer = 8  # 2015; the op that normalises was removed in version 9

    def add(name: str, op: str, *inputs: str, **attributes) -> None:
        node = graph.node.add(name=name, op=op, input=inputs)
        for key, value in attributes.items():
            if isinstance(value, tf.DType):
                node.attr[key].type = value.as_datatype_enum
            elif isinstance(value, bool):
                node.attr[key].b = value
            elif isinstance(value, int):
                node.attr[key].i = value
            elif isinstance(value, float):
                node.attr[key].f = value
            elif isinstance(value, str):
                node.attr[key].s = value.encode()
            else:
                node.attr[key].CopyFrom(value)

    def constant(name: str, value, dtype: tf.DType = tf.float32) -> None:
        tensor = tf.make_tensor_proto(value, dtype)
        add(name, "Const", dtype=dtype, value=tf.compat.v1.AttrValue(tensor=tensor))

    constant("DecodeJpeg/contents", JPEG, tf.string)
    add("DecodeJpeg", "DecodeJpeg", "DecodeJpeg/contents", channels=3)
    add("Cast", "Cast", "DecodeJpeg", SrcT=tf.uint8, DstT=tf.float32)
    constant("ExpandDims/dim", 0, tf.int32)
    add(feed, "ExpandDims", "Cast", "ExpandDims/dim", T=tf.float32)  # a batch of one, for ever
    for name, value in (("mean", 10.0), ("variance", 0.25), ("beta", 1.0), ("gamma", 1.0)):
        constant(f"conv/{name}", [value] * 3)
    normalise = "BatchNormWithGlobalNormalization"
    parameters = [f"conv/{name}" for name in ("mean", "variance", "beta", "gamma")]
    add(
        "conv/batchnorm", normalise, feed, *parameters, T=tf.float32,
        variance_epsilon=0.0, scale_after_normalization=False,
    )  # fmt: skip
    add("conv/CheckNumerics", "CheckNumerics", "conv/batchnorm", T=tf.float32, message="nan")
    add("conv", "Identity", "conv/batchnorm", "^conv/CheckNumerics", T=tf.float32)
    constant("mixed_7/join/concat_dim", 3, tf.int32)
    add("mixed_7/join", "Concat", "mixed_7/join/concat_dim", "conv", "conv", T=tf.float32, N=2)
    if pool:
        add_classifier(add, constant, pool)
    path.write_bytes(graph.SerializeToString())
    return path


def add_classifier(add, constant, dimensions: int) -> None:
    """`pool_3` (n, 1, 1, dimensions), and what follows it, which takes a single picture."""
    constant("axes", [1, 2], tf.int32)
    add("mean", "Mean", "mixed_7/join", "axes", T=tf.float32, Tidx=tf.int32, keep_dims=True)
    constant("repeats", [1, 1, 1, dimensions // 6 + 1], tf.int32)
    add("tiled", "Tile", "mean", "repeats", T=tf.float32, Tmultiples=tf.int32)
    constant("begin", [0, 0, 0, 0], tf.int32)
    constant("size", [-1, 1, 1, dimensions], tf.int32)
    add("pool_3", "Slice", "tiled", "begin", "size", T=tf.float32, Index=tf.int32)
    constant("pool_3/_reshape/shape", [1, dimensions], tf.int32)
    add("pool_3/_reshape", "Reshape", "pool_3", "pool_3/_reshape/shape", T=tf.float32)
    add("softmax", "Softmax", "pool_3/_reshape", T=tf.float32)
