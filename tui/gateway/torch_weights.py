"""Read tensors from a checkpoint that PyTorch saved before version 1.6, without PyTorch.

Such a file is a sequence of pickles: a magic number, a protocol version, facts about the machine, the object, the keys
of its storages; then each storage as its count of elements and its bytes. A pickle can name any function to call.
Here only names that stand for tensors are accepted, and none of them is a function of the file or of a module.
"""

import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
STORAGES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}
"""Element types, by the name of the storage's class."""
MAX_ELEMENTS = 100_000_000
"""Most elements of a storage, so that a damaged file does not fill the memory."""

Array = npt.NDArray[Any]


class InvalidCheckpointError(ValueError):
    """A file is not such a checkpoint, or names anything but tensors."""


class _Storage(msgspec.Struct, frozen=True):
    """A reference to a storage, whose bytes come after the pickles."""

    key: str
    dtype: str


class _Tensor(msgspec.Struct, frozen=True):
    """A tensor as a view of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """In elements."""

    def of(self, storages: Mapping[str, Array]) -> Array:
        """Return the tensor's elements.

        Raises:
            InvalidCheckpointError: they are outside the storage.
        """
        elements = storages.get(self.storage.key)
        numbers = (self.offset, *self.shape, *self.strides)
        if elements is None or len(self.shape) != len(self.strides) or any(number < 0 for number in numbers):
            raise InvalidCheckpointError("a tensor has no elements in the file")
        last = self.offset + sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))
        if not all(self.shape) or last >= len(elements):
            raise InvalidCheckpointError("a tensor is larger than its storage")
        steps = [step * elements.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(elements[self.offset :], self.shape, steps).copy()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the object of a checkpoint: dictionaries, lists and numbers as they are, tensors as arrays.

    Raises:
        OSError: the file cannot be read.
        InvalidCheckpointError: it is not a checkpoint of this form, or it names anything but tensors.
    """
    with path.open("rb") as file:
        try:
            if _load(file) != MAGIC or _load(file) != PROTOCOL or not _load(file).get("little_endian"):
                raise InvalidCheckpointError("the file does not start as a checkpoint")
            found = _load(file)
            storages = _read_storages(file, _load(file), _dtypes(found))
        except InvalidCheckpointError:
            raise
        except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, KeyError) as error:
            raise InvalidCheckpointError(f"the file is damaged: {error}") from error
        except (TypeError, ValueError, struct.error, UnicodeDecodeError, MemoryError, OverflowError) as error:
            raise InvalidCheckpointError(f"the file is damaged: {error}") from error
    checkpoint = _with_arrays(found, storages)
    if not isinstance(checkpoint, dict):
        raise InvalidCheckpointError("the checkpoint is not a dictionary")
    return checkpoint


class _Unpickler(pickle.Unpickler):
    """An unpickler that knows tensors and `OrderedDict`, and no other global name."""

    def find_class(self, module: str, name: str) -> Callable[..., Any] | str:
        match module, name:
            case "collections", "OrderedDict":
                return OrderedDict
            case "torch._utils", "_rebuild_tensor_v2":
                return _tensor
            case "torch", _ if name in STORAGES:
                return STORAGES[name]
        raise InvalidCheckpointError(f"it names {module}.{name}, which is not a tensor")

    def persistent_load(self, reference: Any) -> _Storage:
        match reference:
            case ("storage", str(dtype), str(key), str(), int(), None):
                return _Storage(key, dtype)
        raise InvalidCheckpointError("it refers to a storage in an unknown way")


def _load(file: BinaryIO) -> Any:
    return _Unpickler(file).load()


def _tensor(storage: object, offset: object, shape: object, strides: object, *rest: object) -> _Tensor:
    """Return a tensor.

    Raises:
        InvalidCheckpointError: an argument is of the wrong type.
    """
    match storage, offset, shape, strides:
        case _Storage(), int(), tuple(), tuple() if all(isinstance(number, int) for number in (*shape, *strides)):
            return _Tensor(storage, offset, shape, strides)
    raise InvalidCheckpointError("a tensor is not described as one")


def _dtypes(value: object) -> dict[str, str]:
    """Return the element type of each storage that the tensors of an object use."""
    match value:
        case _Tensor(storage=storage):
            return {storage.key: storage.dtype}
        case dict():
            return {key: dtype for item in value.values() for key, dtype in _dtypes(item).items()}
        case list() | tuple():
            return {key: dtype for item in value for key, dtype in _dtypes(item).items()}
    return {}


def _read_storages(file: BinaryIO, keys: Sequence[str], dtypes: Mapping[str, str]) -> dict[str, Array]:
    storages = {}
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        dtype = np.dtype(dtypes.get(key, "<f4"))
        if not 0 <= count <= MAX_ELEMENTS:
            raise InvalidCheckpointError("a storage has an impossible size")
        storages[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
        if len(storages[key]) != count:
            raise InvalidCheckpointError("the file ends too early")
    return storages


def _with_arrays(value: Any, storages: Mapping[str, Array]) -> Any:
    """Return a value with arrays instead of tensors."""
    match value:
        case _Tensor():
            return value.of(storages)
        case dict():
            return {key: _with_arrays(item, storages) for key, item in value.items()}
        case list():
            return [_with_arrays(item, storages) for item in value]
    return value
