"""Tiny end-of-turn models in ONNX files."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from tui.gateway.turn_model import FEATURES, INPUT


def save_turn_model(
    path: Path, *, bias: float = 0.0, input_name: str = INPUT, shape: tuple[int, int] = FEATURES
) -> Path:
    """Write a model that returns the sigmoid of its input's mean and a bias; a bias of ±100 fixes the result."""
    nodes = [
        helper.make_node("ReduceMean", [input_name], ["bands"], axes=[2], keepdims=0),
        helper.make_node("ReduceMean", ["bands"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Add", ["mean", "bias"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["logits"]),
    ]
    inputs = [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, ["batch", *shape])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])]
    constants = [helper.make_tensor("bias", TensorProto.FLOAT, [1], [bias])]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)]), str(path))
    return path
