"""Tiny ONNX models that onnx-asr loads as it loads real ones: two transcribe tones, one writes by its language.

A tone of `TONES` stands for a piece of a word. Weights are set by hand, so that what a model has to write is known.
"""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

RATE = 16_000
FEATURES = 80
FRAMES = 8
"""Feature frames of 10 ms to one frame of the model, as in NeMo's models."""
PIECES = ("▁hello", "▁wor", "ld", ".", "<blk>")
TONES = {"▁hello": 300.0, "▁wor": 900.0, "ld": 2000.0, ".": 4500.0}
"""Hz."""
DURATIONS = 5
LANGUAGES = {"de": ("▁guten", "▁tag."), "fr": ("▁bonjour",), "en": ("▁good", "▁day")}
"""What the model that takes a language writes, for any audio."""
PROMPT = ("▁", "<|startofcontext|>", "<|startoftranscript|>", "<|emo:undefined|>", "<|pnc|>", "<|noitn|>")
SPECIAL = (*PROMPT, "<|notimestamp|>", "<|nodiarize|>", "<|endoftext|>", *(f"<|{code}|>" for code in LANGUAGES))

Array = npt.NDArray[np.float32]


def tones(*pieces: str, piece_s: float = 0.4, gap_s: float = 0.4) -> Array:
    """Return a tone for each piece, and silence around it; `""` is a longer silence."""
    time = np.arange(int(piece_s * RATE)) / RATE
    # Without sharp edges, and above a noise, a tone is in its own band alone.
    swell = np.minimum(1, np.minimum(time, time[::-1]) / 0.05)
    silence = np.zeros(int(gap_s * RATE))
    parts = [silence]
    for piece in pieces:
        tone = 0.3 * np.sin(2 * np.pi * TONES[piece] * time) * swell if piece else np.zeros(len(time))
        parts += [tone, silence]
    audio = np.concatenate(parts)
    return (audio + np.random.default_rng(1).normal(0, 0.003, len(audio))).astype(np.float32)


def make_ctc(folder: Path) -> Path:
    """Make a model of NeMo's type CTC."""
    nodes = [
        helper.make_node(
            "Conv", ["audio_signal", "weights", "bias"], ["scores"], strides=[FRAMES], pads=[0, FRAMES - 1]
        ),
        helper.make_node("Transpose", ["scores"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("LogSoftmax", ["frames"], ["logprobs"], axis=-1),
    ]
    inputs = [_value("audio_signal", ["b", FEATURES, "t"]), _value("length", ["b"], TensorProto.INT64)]
    _save(folder / "model.onnx", nodes, inputs, [_value("logprobs", ["b", "n", len(PIECES)])], _listener())
    return _finish(folder, "nemo-conformer-ctc", PIECES)


def make_tdt(folder: Path, quantization: str = "") -> Path:
    """Make a model of NeMo's type TDT, such as Parakeet is: an encoder, and a decoder that knows the piece before.

    Args:
        folder: gets the files.
        quantization: stands in the names of the files.
    """
    suffix = f".{quantization}" if quantization else ""
    nodes = [
        helper.make_node(
            "Conv", ["audio_signal", "weights", "bias"], ["outputs"], strides=[FRAMES], pads=[0, FRAMES - 1]
        ),
        helper.make_node("Add", ["length", "seven"], ["rounded"]),
        helper.make_node("Div", ["rounded", "eight"], ["encoded_lengths"]),
    ]
    inputs = [_value("audio_signal", ["b", FEATURES, "t"]), _value("length", ["b"], TensorProto.INT64)]
    outputs = [_value("outputs", ["b", len(PIECES), "n"]), _value("encoded_lengths", ["b"], TensorProto.INT64)]
    numbers = {"seven": np.array([FRAMES - 1], np.int64), "eight": np.array([FRAMES], np.int64)}
    _save(folder / f"encoder-model{suffix}.onnx", nodes, inputs, outputs, _listener() | numbers)
    size = len(PIECES)
    # A piece is not written twice in a row; after each comes the next frame.
    again = np.array([-100.0] * (size - 1) + [0.0], np.float32)
    advance = np.array([[[0.0, 10.0] + [0.0] * (DURATIONS - 2)]], np.float32)
    nodes = [
        helper.make_node("Transpose", ["encoder_outputs"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("OneHot", ["targets", "size", "off_on"], ["before"], axis=-1),
        helper.make_node("Mul", ["before", "again"], ["penalty"]),
        helper.make_node("Add", ["frames", "penalty"], ["pieces"]),
        helper.make_node("Concat", ["pieces", "advance"], ["outputs"], axis=-1),
        helper.make_node("Identity", ["input_states_1"], ["output_states_1"]),
        helper.make_node("Identity", ["input_states_2"], ["output_states_2"]),
    ]
    inputs = [
        _value("encoder_outputs", [1, size, 1]),
        _value("targets", [1, 1], TensorProto.INT64),
        _value("target_length", [1], TensorProto.INT64),
        _value("input_states_1", [1, 1, 4]),
        _value("input_states_2", [1, 1, 4]),
    ]
    outputs = [
        _value("outputs", [1, 1, size + DURATIONS]),
        _value("output_states_1", [1, 1, 4]),
        _value("output_states_2", [1, 1, 4]),
    ]
    constants = {
        "size": np.array(size, np.int64),
        "off_on": np.array([0.0, 1.0], np.float32),
        "again": again,
        "advance": advance,
    }
    _save(folder / f"decoder_joint-model{suffix}.onnx", nodes, inputs, outputs, constants)
    return _finish(folder, "nemo-conformer-tdt", PIECES)


def make_canary(folder: Path) -> Path:
    """Make a model of NeMo's type AED, such as Canary is: it takes a language and gives no times."""
    vocabulary = [*SPECIAL, *(piece for pieces in LANGUAGES.values() for piece in pieces)]
    size = len(vocabulary)
    nodes = [
        helper.make_node("Transpose", ["audio_signal"], ["encoder_embeddings"], perm=[0, 2, 1]),
        helper.make_node("ReduceMax", ["audio_signal"], ["loudest"], axes=[1], keepdims=0),
        helper.make_node("Cast", ["loudest"], ["encoder_mask"], to=TensorProto.INT64),
    ]
    inputs = [_value("audio_signal", ["b", FEATURES, "t"]), _value("length", ["b"], TensorProto.INT64)]
    outputs = [
        _value("encoder_embeddings", ["b", "t", FEATURES]),
        _value("encoder_mask", ["b", "t"], TensorProto.INT64),
    ]
    _save(folder / "encoder-model.onnx", nodes, inputs, outputs, {}, opset=13)
    nodes = [
        helper.make_node("OneHot", ["input_ids", "size", "off_on"], ["tokens"], axis=-1),
        helper.make_node("Unsqueeze", ["tokens", "zero"], ["layer"]),
        helper.make_node("Concat", ["decoder_mems", "layer"], ["decoder_hidden_states"], axis=2),
        helper.make_node("ReduceSum", ["decoder_hidden_states", "two"], ["counts"], keepdims=0),
        helper.make_node("MatMul", ["counts", "rules"], ["next"]),
        helper.make_node("LogSoftmax", ["next"], ["scores"], axis=-1),
        helper.make_node("Transpose", ["scores"], ["logits"], perm=[1, 0, 2]),
    ]
    inputs = [
        _value("input_ids", ["b", "n"], TensorProto.INT64),
        _value("encoder_embeddings", ["b", "t", FEATURES]),
        _value("encoder_mask", ["b", "t"], TensorProto.INT64),
        _value("decoder_mems", [1, "b", "m", size]),
    ]
    outputs = [_value("logits", ["b", 1, size]), _value("decoder_hidden_states", [1, "b", "k", size])]
    constants = {
        "size": np.array(size, np.int64),
        "off_on": np.array([0.0, 1.0], np.float32),
        "zero": np.array([0], np.int64),
        "two": np.array([2], np.int64),
        "rules": _rules(vocabulary),
    }
    _save(folder / "decoder-model.onnx", nodes, inputs, outputs, constants)
    return _finish(folder, "nemo-conformer-aed", vocabulary)


def _rules(vocabulary: Sequence[str]) -> Array:
    """Return what each token that was there adds to the score of each that may be next."""
    rules = np.zeros((len(vocabulary), len(vocabulary)), np.float32)
    for code, pieces in LANGUAGES.items():
        order = [vocabulary.index(token) for token in (f"<|{code}|>", *pieces, "<|endoftext|>")]
        for before, after in pairwise(order):
            rules[before, after] += 10
            # The language stands twice in the prompt.
            rules[after, after] -= 100
    return rules


def _listener() -> dict[str, Any]:
    """Return weights that score each piece by the level around its tone, averaged over a frame."""
    weights = np.zeros((len(PIECES), FEATURES, FRAMES), np.float32)
    mels = 2595 * np.log10(1 + np.array([*TONES.values()]) / 700)
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    for at, band in enumerate((mels / top * FEATURES).astype(int)):
        weights[at, band - 2 : band + 3] = 1 / FRAMES
    return {"weights": weights, "bias": np.array([0.0] * len(TONES) + [2.0], np.float32)}


def _value(name: str, shape: Sequence[int | str], kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def _save(
    path: Path, nodes: Sequence[Any], inputs: Sequence[Any], outputs: Sequence[Any], constants: Any, opset: int = 13
) -> None:
    initial = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


def _finish(folder: Path, kind: str, vocabulary: Sequence[str]) -> Path:
    lines = [f"{token} {at}\n" for at, token in enumerate(vocabulary)]
    (folder / "vocab.txt").write_text("".join(lines), encoding="utf-8")
    config = {"model_type": kind, "features_size": FEATURES, "subsampling_factor": FRAMES}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
