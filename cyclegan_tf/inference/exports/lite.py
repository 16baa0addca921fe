"""What TensorFlow itself writes: a SavedModel for servers, a LiteRT file for phones."""

import json
from pathlib import Path

import tensorflow as tf

from cyclegan_tf.errors import InputError
from cyclegan_tf.inference.exports.network import INPUT, OUTPUT, ExportedNetwork, silence
from cyclegan_tf.io.files import atomic_file, atomic_folder, write_text


class _Served(tf.Module):
    """A generator under the names that its callers use."""

    def __init__(self, network: ExportedNetwork, sides: tuple[int | None, int | None]) -> None:
        super().__init__()
        generator = network.generator
        # TensorFlow's own, which both formats find: of a Keras model in their place the LiteRT
        # file would leave them out, and compute with nothing
        self.weights = [variable.value for variable in generator.variables]
        batch = None if sides[0] is None else 1
        self.translate = tf.function(
            lambda image: {OUTPUT: generator(image, training=False)},
            input_signature=[tf.TensorSpec((batch, *sides, 3), tf.float32, name=INPUT)],
        )


def write_saved_model(path: Path, network: ExportedNetwork) -> float:
    """Writes a SavedModel for images of any size, with `facts.json` beside it, and compares it.

    Args:
        path: of the new folder.
        network: to write.

    Returns:
        The largest difference between the translations of the two, of a range of 2.

    Raises:
        Fault: if it translates otherwise.
        DiskFull: if there is no room.
    """
    served = _Served(network, (None, None))
    with atomic_folder(path) as partial:
        tf.saved_model.save(served, partial, signatures=served.translate)
        write_text(partial / "facts.json", json.dumps(network.facts, indent=2) + "\n")
        translate = tf.saved_model.load(partial).signatures["serving_default"]
        return network.compared(
            lambda images: translate(**{INPUT: tf.constant(images)})[OUTPUT].numpy(), network.sizes
        )


def write_lite(path: Path, network: ExportedNetwork, *, side: int) -> float:
    """Writes a LiteRT file for single squares of one side, and compares it.

    Any size would need operations of TensorFlow, which the runtimes of phones do not have.

    Args:
        path: of the file, NAME.tflite.
        network: to write.
        side: in pixels.

    Returns:
        The largest difference between the translations of the two, of a range of 2.

    Raises:
        InputError: if the network does not take squares of this side.
        Fault: if the file translates otherwise.
        DiskFull: if there is no room.
    """
    if side < network.least or side % network.multiple:
        raise InputError(
            f"--size is {side}; this network takes multiples of {network.multiple} pixels, at "
            f"least {network.least}."
        )
    served = _Served(network, (side, side))
    with silence(), atomic_file(path) as partial:
        function = served.translate.get_concrete_function()
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function], served)
        partial.write_bytes(converter.convert())
        interpreter = tf.lite.Interpreter(model_content=partial.read_bytes())
        translate = interpreter.get_signature_runner()
        return network.compared(lambda images: translate(**{INPUT: images})[OUTPUT], [(side, side)])
