"""Checkpoints of PyTorch: read without PyTorch, and without running what is in them."""

import contextlib
import io
import os
import pickle
import struct
import sys
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.gateway.torch_weights import MAGIC, PROTOCOL, InvalidCheckpointError, read_checkpoint

FACTS = {"protocol_version": PROTOCOL, "little_endian": True}


class Tensor:
    """A tensor as PyTorch pickles it."""

    def __init__(self, key: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.key = key
        self.view = (offset, shape, strides)

    def __reduce__(self) -> Any:
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (Reference(self.key), *self.view, False, OrderedDict())


class Reference:
    def __init__(self, key: str) -> None:
        self.key = key


class Pickler(pickle.Pickler):
    def persistent_id(self, item: Any) -> Any:
        if not isinstance(item, Reference):
            return None
        return ("storage", sys.modules["torch"].FloatStorage, item.key, "cpu", 0, None)


class Attack:
    """What runs code in an ordinary unpickler."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.fixture(autouse=True)
def torch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the names that PyTorch's own pickler would write."""
    module, utilities = ModuleType("torch"), ModuleType("torch._utils")
    storage = type("FloatStorage", (), {"__module__": "torch"})

    def _rebuild_tensor_v2() -> None: ...

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    module.FloatStorage = storage  # type: ignore[attr-defined]
    utilities._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.setitem(sys.modules, "torch._utils", utilities)
    return iter([None])


def checkpoint(value: object, **storages: list[float]) -> bytes:
    file = io.BytesIO()
    for part in (MAGIC, PROTOCOL, FACTS, value, list(storages)):
        Pickler(file, 2).dump(part)
    for numbers in storages.values():
        file.write(struct.pack("<q", len(numbers)) + np.array(numbers, "<f4").tobytes())
    return file.getvalue()


def saved(folder: Path, content: bytes) -> Path:
    path = folder / "weights.pt"
    path.write_bytes(content)
    return path


def test_tensors_become_arrays_whatever_their_strides(tmp_path: Path) -> None:
    value = {"step": 3, "model": OrderedDict(w=Tensor("a", 1, (2, 2), (1, 2)), b=Tensor("b", 0, (1,), (1,)))}
    found = read_checkpoint(saved(tmp_path, checkpoint(value, a=[0, 1, 2, 3, 4], b=[9])))
    assert found["step"] == 3
    assert found["model"]["w"].tolist() == [[1, 3], [2, 4]]
    assert found["model"]["b"].tolist() == [9]


def test_a_file_that_names_a_function_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    victim = tmp_path / "was here"
    for place in ({"model": Attack(victim)}, Attack(victim)):
        content = checkpoint(place)
        with pytest.raises(InvalidCheckpointError, match="mkdir"):
            read_checkpoint(saved(tmp_path, content))
        assert not victim.exists()
    pickle.loads(content[content.index(b"\x80\x02c") :])
    assert victim.exists(), "an ordinary unpickler runs it"


@pytest.mark.parametrize("name", ["builtins eval", "torch load", "torch._utils _rebuild_parameter", "numpy array"])
def test_no_other_name_is_accepted(tmp_path: Path, name: str) -> None:
    reference = f"c{name.replace(' ', chr(10))}\n.".encode()
    content = checkpoint({}).replace(pickle.dumps({}, 2), b"\x80\x02" + reference)
    with pytest.raises(InvalidCheckpointError, match=name.split()[1]):
        read_checkpoint(saved(tmp_path, content))


@pytest.mark.parametrize(
    "tensor", [Tensor("a", 0, (9,), (1,)), Tensor("a", -1, (1,), (1,)), Tensor("c", 0, (1,), (1,))]
)
def test_a_tensor_reads_no_memory_outside_its_storage(tmp_path: Path, tensor: Tensor) -> None:
    with pytest.raises(InvalidCheckpointError):
        read_checkpoint(saved(tmp_path, checkpoint({"w": tensor}, a=[1, 2])))


@given(st.binary(max_size=200), st.integers(0, 400))
def test_a_damaged_file_is_an_error_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int
) -> None:
    content = checkpoint({"w": Tensor("a", 0, (2,), (1,))}, a=[1, 2])
    path = saved(tmp_path_factory.mktemp("damaged"), content[:at] + noise + content[at + len(noise) + 1 :])
    with contextlib.suppress(InvalidCheckpointError):
        assert isinstance(read_checkpoint(path), dict)
