"""Speaker models that tests make: ONNX files that take what WeSpeaker's, 3D-Speaker's and ReDimNet2's take.

Each distinguishes two voices by how much the bands of their speech vary, with weights fitted to sentences of both.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.voices import Floats, utterance
from tui.gateway import speaker_features
from tui.gateway.speaker_model import WINDOW


class Kind(NamedTuple):
    """What a kind of model takes."""

    features: Any
    input: str
    shape: tuple[int | str, ...]


KINDS = {
    "WeSpeaker": Kind(speaker_features.wespeaker, "feats", ("B", "T", 80)),
    "3D-Speaker": Kind(speaker_features.speaker_3d, "feature", ("B", "T", 80)),
    "ReDimNet2": Kind(speaker_features.redimnet, "features", (1, 1, 72, "T")),
}
HOP = 40


def save_voice_model(path: Path, kind: Kind, voices: tuple[str, str]) -> Path:
    """Write a model whose embeddings of one voice point one way, and those of the other the other way."""
    weights, bias = _fitted(kind, voices)
    time = kind.shape.index("T")
    constants = {
        "weights": np.stack([weights, np.zeros_like(weights)], axis=1).astype(np.float32),
        # A second dimension, so that a voice that is neither lies between.
        "bias": np.array([bias, 0.3], np.float32),
        "flat": np.array([-1, len(weights)]),
    }
    nodes = [
        helper.make_node("Mul", [kind.input, kind.input], ["squares"]),
        helper.make_node("ReduceMean", ["squares"], ["power"], axes=[time], keepdims=0),
        helper.make_node("Sqrt", ["power"], ["deviation"]),
        helper.make_node("Reshape", ["deviation", "flat"], ["bands"]),
        helper.make_node("Gemm", ["bands", "weights", "bias"], ["embs"]),
    ]
    graph = helper.make_graph(
        nodes,
        "voices",
        [helper.make_tensor_value_info(kind.input, TensorProto.FLOAT, list(kind.shape))],
        [helper.make_tensor_value_info("embs", TensorProto.FLOAT, [kind.shape[0], 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def _fitted(kind: Kind, voices: tuple[str, str]) -> tuple[Floats, float]:
    """Return weights and bias that give 1 for the first voice and -1 for the second (ridge regression)."""
    rows, sides = [], []
    for voice, side in zip(voices, (1.0, -1.0), strict=True):
        for number in range(5):
            features = kind.features(utterance(voice, number).astype(np.float32))
            for start in range(0, len(features) - WINDOW, HOP):
                window = features[start : start + WINDOW]
                rows.append(window.std(axis=0))
                sides.append(side)
    table = np.stack(rows).astype(np.float64)
    mean = table.mean(axis=0)
    centred = table - mean
    weights = np.linalg.solve(centred.T @ centred + np.eye(len(mean)), centred.T @ np.array(sides))
    return weights, -float(mean @ weights)
