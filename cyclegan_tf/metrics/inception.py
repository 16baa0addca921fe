"""The frozen Inception graph of 2015-12-05, which FID and MiFID are defined by."""

import hashlib
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from cyclegan_tf.errors import InputError, first_line
from cyclegan_tf.io.files import read_file, user_path

FEED = "ExpandDims"  # (n, h, w, 3) float32 0..255; the graph resizes to 299 x 299 and normalises
POOL_LAYER = "pool_3:0"  # (n, 1, 1, 2048): what FID is computed on
EARLY_LAYER = "mixed_7/join:0"  # (n, 17, 17, 768): what a graph that ends earlier has

_FID_DIMENSIONS = 2048
_MOST_BYTES = 2**30  # ten times the original


class Inception:
    """A frozen Inception graph, run by TensorFlow.

    Attributes:
        layer: the tensor that is read.
        dimensions: features a picture.
        label: "FID" if distances on the features are the published FID, else "FID-DIMENSIONS":
            those compare only with each other.
        digest: SHA-256 of the graph's file.

    Args:
        path: the frozen GraphDef, a file NAME.pb.
        layer: the tensor to read; by default `pool_3:0`, or `mixed_7/join:0` if there is no
            `pool_3:0`. Features that vary over space are averaged over it.

    Raises:
        InputError: if the file is missing, no graph, cannot be run, or lacks feed or layer.

    Reference: Szegedy et al. 2016, arXiv:1512.00567 (the network); Heusel et al. 2017,
    arXiv:1706.08500 (its use).
    """

    def __init__(self, path: str | Path, *, layer: str | None = None) -> None:
        path = user_path(path)
        graph_def, self.digest = _read_graph(path)
        self.layer = _find_layer(path, graph_def, layer)
        _cut(path, graph_def, self.layer)
        try:
            self._session, self._pictures, self._features = _open_session(graph_def, self.layer)
            # a trial tells what the graph's own shapes leave open, and that it takes a batch
            shape = self(np.zeros((2, 299, 299, 3), np.uint8)).shape
            if len(shape) != 2:
                raise ValueError(f"2 pictures give features of shape {shape}")
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise InputError(
                f"{path} cannot be run ({first_line(error)}); expected a frozen graph that maps "
                f"pictures at {FEED}:0 to features at {self.layer}. Give another with --inception "
                "PATH."
            ) from error
        self.dimensions = shape[1]
        is_fid = self.layer == POOL_LAYER and self.dimensions == _FID_DIMENSIONS
        self.label = "FID" if is_fid else f"FID-{self.dimensions}"

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Features of a batch.

        Args:
            pictures: `(n, h, w, 3)` uint8.

        Returns:
            `(n, dimensions)` float32.
        """
        if pictures.ndim != 4 or pictures.shape[3] != 3 or pictures.dtype != np.uint8:
            raise ValueError(
                "Inception takes pictures of shape (n, h, w, 3), uint8 0..255. Received: shape "
                f"{pictures.shape}, {pictures.dtype}"
            )
        return self._session.run(self._features, {self._pictures: pictures})


def _read_graph(path: Path) -> tuple[tf.compat.v1.GraphDef, str]:
    """The graph and the SHA-256 of its file."""
    try:
        data = read_file(path, most=_MOST_BYTES)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); expected a frozen Inception graph "
            "(classify_image_graph_def.pb). Check --inception."
        ) from error
    graph_def = tf.compat.v1.GraphDef()
    try:
        graph_def.ParseFromString(data)
    except DecodeError:
        graph_def.Clear()
    if not graph_def.node:
        raise InputError(
            f"{path} is no frozen TensorFlow graph, or not all of one ({len(data):,} bytes); "
            "expected classify_image_graph_def.pb. Fetch it again, or check --inception."
        )
    return graph_def, hashlib.sha256(data).hexdigest()


def _find_layer(path: Path, graph_def: tf.compat.v1.GraphDef, asked: str | None) -> str:
    """The tensor to read: the one asked for, or the last that the graph has."""
    names = {node.name for node in graph_def.node}
    wanted = [asked if ":" in asked else f"{asked}:0"] if asked else [POOL_LAYER, EARLY_LAYER]
    for layer in wanted:
        if layer.split(":")[0] in names:
            return layer
    known = [layer for layer in (POOL_LAYER, EARLY_LAYER) if layer.split(":")[0] in names]
    raise InputError(
        f"{path} has no layer {' or '.join(wanted)} (it has {_named(known or _ends(graph_def))}); "
        "choose one of its own with --feature-layer, or another graph with --inception."
    )


def _cut(path: Path, graph_def: tf.compat.v1.GraphDef, layer: str) -> None:
    """Removes all that does not lie between feed and layer: decoder and classifier."""
    inputs = {node.name: [_node_name(name) for name in node.input] for node in graph_def.node}
    needed, waiting = set(), [_node_name(layer)]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += inputs.get(name, []) if name != FEED else []
    if FEED not in needed:
        placeholders = _named([node.name for node in graph_def.node if node.op == "Placeholder"])
        raise InputError(
            f"{path} does not compute {layer} from {FEED}:0 (its placeholders: {placeholders}); "
            "expected the Inception graph of 2015-12-05. Give another with --inception PATH."
        )
    for place in reversed(range(len(graph_def.node))):
        if graph_def.node[place].name not in needed - {FEED}:
            del graph_def.node[place]
        else:
            # shapes written down for a batch of one
            graph_def.node[place].attr.pop("_output_shapes", None)


def _open_session(
    graph_def: tf.compat.v1.GraphDef, layer: str
) -> tuple[tf.compat.v1.Session, tf.Tensor, tf.Tensor]:
    """A session, its input `(n, h, w, 3)` uint8 and its output `(n, d)` float32.

    A session, because the original graph normalises with an op that TensorFlow took out of later
    graphs and never runs inside a `tf.function`. As the batch enters by `input_map`, all shapes
    are inferred anew, and the batch of one that the graph was written for is gone.
    """
    graph = tf.Graph()
    with graph.as_default():
        pictures = tf.compat.v1.placeholder(tf.uint8, [None, None, None, 3], name="pictures")
        (output,) = tf.graph_util.import_graph_def(
            graph_def,
            input_map={f"{FEED}:0": tf.cast(pictures, tf.float32)},
            return_elements=[layer],
            name="inception",
        )
        # pool_3 is 1 x 1: there the mean over space only drops two dimensions
        features = output if output.shape.rank == 2 else tf.reduce_mean(output, axis=[1, 2])
    options = tf.compat.v1.ConfigProto()
    options.gpu_options.allow_growth = True  # the network that is being trained needs the rest
    # on a CPU Grappler wins 8 % of the time at most and copies 100 MB of weights five times over
    no_gpu = not tf.config.list_physical_devices("GPU")
    options.graph_options.rewrite_options.disable_meta_optimizer = no_gpu
    return tf.compat.v1.Session(graph=graph, config=options), pictures, features


def _node_name(tensor: str) -> str:
    return tensor.lstrip("^").split(":")[0]


def _ends(graph_def: tf.compat.v1.GraphDef) -> list[str]:
    """The tensors that no node reads."""
    read = {_node_name(name) for node in graph_def.node for name in node.input}
    return [f"{node.name}:0" for node in graph_def.node if node.name not in read]


def _named(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "") if names else "none"
