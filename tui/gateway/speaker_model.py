"""Voice embeddings: vectors that lie close together for stretches of speech by one person.

Two implementations: the encoder of the package Resemblyzer, and any ONNX file of WeSpeaker, 3D-Speaker or ReDimNet2.
"""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tui.errors import LivegistError
from tui.gateway import onnx_graph, speaker_features
from tui.gateway.onnx_session import open_session
from tui.gateway.torch_weights import InvalidCheckpointError, read_checkpoint

WINDOW = 160
"""Rows of features, 10 ms each, from which an embedding is made; what the encoder of Resemblyzer was trained on."""
PACKAGE = "resemblyzer"
PACKAGE_FILE = "pretrained.pt"
INSTALL = "pip install --no-deps resemblyzer"
"""The package's own requirements, PyTorch among them, are only for its own code, which is not used here."""
HINT = f"Give an ONNX file of WeSpeaker, 3D-Speaker or ReDimNet2, or install a model: {INSTALL}"
WESPEAKER_INPUT = "feats"
"""Name of the input that WeSpeaker gives its models."""
LAYERS, UNITS, BANDS = 3, 256, 40
LOUDNESS = 10 ** (-25 / 10)
"""Mean square to which a window is scaled; the encoder's features depend on the loudness."""

Floats = npt.NDArray[np.float32]


class SpeakerModel(Protocol):
    """Computes embeddings. May be called in any thread."""

    @property
    def unrelated(self) -> float:
        """The cosine of two embeddings of different voices, on average; that of one voice is nearly 1."""

    def features(self, samples: Floats) -> Floats:
        """Return a row of features for each frame of samples, -1 to 1, as `speaker_features` does."""

    def embed(self, windows: Sequence[Floats]) -> Floats:
        """Return a vector of length 1 for each window, a stretch of features of `WINDOW` rows or less."""


class ResemblyzerModel:
    """The encoder of Resemblyzer: three LSTM layers on mel bands. A window takes one thread for 6 to 10 ms.

    Args:
        path: its weights, as PyTorch wrote them. No code of the file is run.

    Raises:
        LivegistError: it cannot be read or is not such a model.
    """

    unrelated = 0.55

    def __init__(self, path: Path) -> None:
        self._session = _session(_resemblyzer_graph(path), path)

    def features(self, samples: Floats) -> Floats:
        """Return 40 mel bands and the power of each frame."""
        return speaker_features.mel_power(samples)

    def embed(self, windows: Sequence[Floats]) -> Floats:
        """Return a vector for each window."""
        return _by_length(windows, self._embed)

    def _embed(self, windows: Floats) -> Floats:
        power = windows[:, :, BANDS].mean(axis=1)
        scaled = windows[:, :, :BANDS] * (LOUDNESS / np.maximum(power, 1e-12))[:, np.newaxis, np.newaxis]
        (vectors,) = self._session.run(None, {"mels": np.ascontiguousarray(scaled.transpose(1, 0, 2), np.float32)})
        return np.asarray(vectors, np.float32)


class OnnxSpeakerModel:
    """A speaker model in an ONNX file. Its input's shape tells which features it takes.

    Args:
        path: the file.

    Raises:
        LivegistError: it cannot be read, or its input is unknown.
    """

    unrelated = 0.1

    def __init__(self, path: Path) -> None:
        try:
            # Read here: the runtime reports a file without read permission as one that is broken.
            content = path.read_bytes()
        except OSError as error:
            raise LivegistError(f"The speaker model {path} cannot be read: {error.strerror}.", HINT) from error
        self._session = _session(content, path)
        self._inputs = self._session.get_inputs()
        shape = self._inputs[0].shape
        match shape if len(self._inputs) == 1 else ():
            case [batch, _, 80]:
                is_wespeaker = self._inputs[0].name == WESPEAKER_INPUT
                self.features: Callable[[Floats], Floats] = (
                    speaker_features.wespeaker if is_wespeaker else speaker_features.speaker_3d
                )
                self._redimnet = False
            case [batch, 1, 72, _]:
                self.features = speaker_features.redimnet
                self._redimnet = True
            case _:
                raise LivegistError(f"{path} is not a speaker model: its input has the shape {shape}.", HINT)
        self._batches = not isinstance(batch, int)

    def embed(self, windows: Sequence[Floats]) -> Floats:
        """Return a vector for each window."""
        return _by_length(windows, self._embed)

    def _embed(self, windows: Floats) -> Floats:
        windows = windows - windows.mean(axis=1, keepdims=True)
        if self._redimnet:
            # The model takes a multiple of 4 frames, and at least 96.
            windows = windows[:, np.arange(max(96, -(-windows.shape[1] // 4) * 4)) % windows.shape[1]]
            windows = windows.transpose(0, 2, 1)[:, np.newaxis]
        name = self._inputs[0].name
        batches = [windows] if self._batches else [window[np.newaxis] for window in windows]
        found = [self._session.run(None, {name: np.ascontiguousarray(batch)})[-1] for batch in batches]
        return np.concatenate(found).reshape(len(windows), -1).astype(np.float32)


def find_speaker_model(path: str = "") -> Path | None:
    """Return the file of the speaker model, or `None` if there is none.

    Args:
        path: the file to use; empty for the one that an installed Resemblyzer carries. That package is not imported.

    Raises:
        LivegistError: there is no file at `path`.
    """
    if path:
        file = Path(path).expanduser()
        if not file.is_file():
            raise LivegistError(f"There is no speaker model {path}.", HINT)
        return file
    spec = importlib.util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    return next((file for folder in folders or () if (file := Path(folder) / PACKAGE_FILE).is_file()), None)


def load_speaker_model(path: Path) -> SpeakerModel:
    """Load a speaker model.

    Raises:
        LivegistError: it cannot be read or is not one.
    """
    return ResemblyzerModel(path) if path.suffix in (".pt", ".pth") else OnnxSpeakerModel(path)


def _by_length(windows: Sequence[Floats], embed: Callable[[Floats], Floats]) -> Floats:
    """Return the vectors of windows, of length 1; those of one length are computed together."""
    lengths = [len(window) for window in windows]
    found: dict[int, Floats] = {}
    for length in dict.fromkeys(lengths):
        places = [place for place, other in enumerate(lengths) if other == length]
        vectors = embed(np.stack([windows[place] for place in places]))
        found.update(
            zip(places, vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), strict=True)
        )
    return np.stack([found[place] for place in range(len(windows))])


def _resemblyzer_graph(path: Path) -> bytes:
    """Return the encoder as an ONNX model: mels (160, n, 40) to vectors (n, 256).

    Raises:
        LivegistError: the file is not that encoder.
    """
    try:
        weights = read_checkpoint(path)["model_state"]
        tensors = {"squeezed": np.array([1]), "first": np.array([0])}
        for layer in range(LAYERS):
            bands = UNITS if layer else BANDS
            tensors[f"W{layer}"] = _reordered(weights[f"lstm.weight_ih_l{layer}"], (4 * UNITS, bands))
            tensors[f"R{layer}"] = _reordered(weights[f"lstm.weight_hh_l{layer}"], (4 * UNITS, UNITS))
            biases = (_reordered(weights[f"lstm.bias_{kind}_l{layer}"], (4 * UNITS,)) for kind in ("ih", "hh"))
            tensors[f"B{layer}"] = np.hstack(list(biases))
        tensors["linear"] = np.asarray(weights["linear.weight"], np.float32).reshape(UNITS, UNITS)
        tensors["bias"] = np.asarray(weights["linear.bias"], np.float32).reshape(UNITS)
    except OSError as error:
        raise LivegistError(f"The speaker model {path} cannot be read: {error.strerror}.", HINT) from error
    except (InvalidCheckpointError, KeyError, TypeError, ValueError) as error:
        raise LivegistError(f"{path} is not a speaker model: {error}.", HINT) from error
    nodes, x = [], "mels"
    for layer in range(LAYERS):
        names = [x, f"W{layer}", f"R{layer}", f"B{layer}"]
        nodes.append(onnx_graph.node("LSTM", names, [f"Y{layer}", f"H{layer}"], hidden_size=UNITS))
        nodes.append(onnx_graph.node("Squeeze", [f"Y{layer}", "squeezed"], [x := f"X{layer}"]))
    nodes += [
        onnx_graph.node("Squeeze", [f"H{LAYERS - 1}", "first"], ["last"]),
        onnx_graph.node("Gemm", ["last", "linear", "bias"], ["sums"], transB=1),
        onnx_graph.node("Relu", ["sums"], ["vectors"]),
    ]
    return onnx_graph.model(nodes, tensors, {"mels": ("frames", "n", BANDS)}, {"vectors": ("n", UNITS)})


def _reordered(weight: Any, shape: tuple[int, ...]) -> Floats:
    """Return a weight with its gates in ONNX's order (input, output, forget, cell), not PyTorch's (i, f, c, o)."""
    i, f, c, o = np.split(np.asarray(weight, np.float32).reshape(shape), 4)
    return np.concatenate([i, o, f, c])[np.newaxis]


def _session(content: bytes, path: Path) -> Any:
    """Return an ONNX session of one thread.

    Raises:
        LivegistError: the content is not an ONNX model.
    """
    try:
        return open_session(content)
    except ValueError as error:
        raise LivegistError(f"{path} is not an ONNX model that can be used: {error}", HINT) from error
