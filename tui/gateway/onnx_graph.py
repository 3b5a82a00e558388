"""Write a small ONNX model as bytes, so that onnxruntime can run weights that came in another form.

ONNX is a Protocol Buffers format; only the fields that such a model needs are written. The numbers of the fields are
those of `onnx.proto3`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

IR_VERSION = 8
OPSET = 17
FLOAT, INT64 = 1, 7
INT_ATTRIBUTE = 2
_VARINT, _BYTES = 0, 2


def model(
    nodes: Sequence[bytes],
    weights: Mapping[str, npt.NDArray[np.float32] | npt.NDArray[np.int64]],
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Mapping[str, Sequence[int | str]],
) -> bytes:
    """Return a model.

    Args:
        nodes: from `node`, in the order of their execution.
        weights: constant tensors, by name.
        inputs: shapes of the float inputs, by name; a dimension is a number or has a name.
        outputs: the same of the outputs.
    """
    graph = b"".join(
        [
            *(_field(1, one) for one in nodes),
            _field(2, b"graph"),
            *(_field(5, _tensor(name, value)) for name, value in weights.items()),
            *(_field(11, _value(name, shape)) for name, shape in inputs.items()),
            *(_field(12, _value(name, shape)) for name, shape in outputs.items()),
        ]
    )
    return _number(1, IR_VERSION) + _field(7, graph) + _field(8, _number(2, OPSET))


def node(operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: int) -> bytes:
    """Return a node; its attributes are integers."""
    return b"".join(
        [
            *(_field(1, name.encode()) for name in inputs),
            *(_field(2, name.encode()) for name in outputs),
            _field(4, operator.encode()),
            *(
                _field(5, _field(1, name.encode()) + _number(3, value) + _number(20, INT_ATTRIBUTE))
                for name, value in attributes.items()
            ),
        ]
    )


def _tensor(name: str, value: npt.NDArray[np.float32] | npt.NDArray[np.int64]) -> bytes:
    kind = INT64 if value.dtype == np.int64 else FLOAT
    dimensions = b"".join(_number(1, size) for size in value.shape)
    return dimensions + _number(2, kind) + _field(8, name.encode()) + _field(9, np.ascontiguousarray(value).tobytes())


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    sizes = (_number(1, size) if isinstance(size, int) else _field(2, size.encode()) for size in shape)
    dimensions = b"".join(_field(1, size) for size in sizes)
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, FLOAT) + _field(2, dimensions)))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value)


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)
