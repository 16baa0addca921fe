"""ONNX: one file for images of any size, which many runtimes read without TensorFlow."""

import logging
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.exports.network import INPUT, OUTPUT, ExportedNetwork, Network, silence
from cyclegan_tf.io.files import atomic_file

_AXES = ("batch", "height", "width")
_FEW = 16  # numbers in an array that stays as it is: offsets, shapes


def write_onnx(path: Path, network: ExportedNetwork, *, half: bool = False) -> float:
    """Writes a generator, and compares the file with it by ONNX Runtime.

    Args:
        path: of the file, NAME.onnx.
        network: to write.
        half: keep the weights in half precision; the runtime computes in float32 all the same.

    Returns:
        The largest difference between the translations of the two, of a range of 2.

    Raises:
        InputError: if a weight is beyond what half precision can hold.
        Fault: if the file translates otherwise.
        DiskFull: if there is no room.
    """
    with atomic_file(path) as partial:
        _convert(network, partial)
        model = onnx.load(partial)
        _name_ends(model.graph)
        if half:
            _halve_weights(model.graph)
        helper.set_model_props(model, network.facts)
        model.producer_name, model.graph.name = "cyclegan_tf", network.name
        onnx.checker.check_model(model)
        onnx.save(model, partial)
        return network.compared(_runtime(partial), network.sizes)


def _convert(network: ExportedNetwork, path: Path) -> None:
    """Keras's exporter, without what it tells of itself."""
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    # the exporter takes a model that was called
    network.generator(np.zeros((1, *network.sizes[0], 3), np.float32), training=False)
    with silence():
        network.generator.export(str(path), format="onnx", verbose=False)


def _name_ends(graph: onnx.GraphProto) -> None:
    """Gives input, output and their axes names to call them by, in place of the converter's."""
    names = {graph.input[0].name: INPUT, graph.output[0].name: OUTPUT}
    for node in graph.node:
        for ends in (node.input, node.output):
            ends[:] = [names.get(name, name) for name in ends]
    for end in (graph.input[0], graph.output[0]):
        end.name = names[end.name]
        for axis, name in zip(end.type.tensor_type.shape.dim, _AXES, strict=False):
            axis.dim_param = name


def _halve_weights(graph: onnx.GraphProto) -> None:
    """Keeps arrays of float32 as float16, and puts a cast between them and the network."""
    casts = []
    for array in graph.initializer:
        values = numpy_helper.to_array(array)
        if values.dtype != np.float32 or values.size <= _FEW:
            continue
        name, kept = array.name, f"{array.name}_half"
        with np.errstate(over="ignore"):  # told below
            half = values.astype(np.float16)
        if not np.isfinite(half).all():
            raise InputError(
                "some weights of this run are infinite in half precision; export it without --half."
            )
        array.CopyFrom(numpy_helper.from_array(half, kept))
        casts.append(helper.make_node("Cast", [kept], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _runtime(path: Path) -> Network:
    # from the bytes: the file itself is to be renamed, which Windows refuses of one that is open
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return lambda images: session.run([OUTPUT], {INPUT: images})[0]
