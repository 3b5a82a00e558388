"""End-of-turn detection by how speech sounds: Smart Turn v3, an ONNX model on the features of Whisper."""

import importlib.util
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from tui.errors import LivegistError
from tui.gateway.onnx_session import open_session

if TYPE_CHECKING:
    from faster_whisper.feature_extractor import FeatureExtractor

RATE = 16_000
FINISHED = 0.5
"""Probability from which a speaker sounds finished: the model's own threshold."""
SENTENCE_ALONE = 0.6
"""Completeness of a sentence that does not sound finished: a pause to think is often after a word that could end a
sentence, but a sentence may also sound as if another followed, as in read speech."""
SOUND_ALONE = 0.4
"""Completeness of words that sound finished and are no sentence: the recogniser may have missed the full stop."""
WINDOW_S = 8
"""The model judges the last 8 s; silence goes before shorter speech."""
INPUT = "input_features"
FEATURES = (80, 800)
"""Mel bands and frames of 10 ms."""
VARIANCE_FLOOR = 1e-7
PACKAGE = "pipecat"
"""Import package of the distribution pipecat-ai, which carries the model."""
PACKAGE_FILES = "audio/turn/smart_turn/data/smart-turn-v3*-cpu.onnx"
OFF = "off"
HINT = "Give an ONNX file of Smart Turn v3 or off, or install a model: pip install --no-deps pipecat-ai"


class TurnModel(Protocol):
    """Tells whether a speaker has finished."""

    def probability(self, samples: npt.NDArray[np.float32]) -> float:
        """Return the probability, 0 to 1, that the speaker has finished.

        Args:
            samples: 16 kHz mono, -1 to 1: the open turn and the first of the silence after it.
        """


class SmartTurn:
    """A loaded Smart Turn model. One call takes one thread for 20 to 60 ms and may run in any thread.

    Args:
        path: the ONNX file.

    Raises:
        LivegistError: it cannot be read or is not such a model.
    """

    def __init__(self, path: Path) -> None:
        self._session = _load(path)

    def probability(self, samples: npt.NDArray[np.float32]) -> float:
        """Return the probability, 0 to 1, that the speaker has finished."""
        (outcome,) = self._session.run(None, {INPUT: self.features(samples)[np.newaxis]})
        return float(outcome[0, 0])

    def features(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return what the model was trained on: the log-mel spectrogram, (80, 800), of the last 8 s.

        Shorter speech gets silence before it; the whole has mean 0 and variance 1, as in Transformers'
        `WhisperFeatureExtractor(chunk_length=8)` with `do_normalize`.
        """
        size = WINDOW_S * RATE
        window = np.zeros(size, np.float32)
        last = samples[-size:]
        window[size - len(last) :] = last
        normalized = (window - window.mean()) / np.sqrt(window.var() + VARIANCE_FLOOR)
        return np.asarray(self._extractor(normalized, padding=0)[:, : FEATURES[1]], np.float32)

    @cached_property
    def _extractor(self) -> "FeatureExtractor":
        from faster_whisper.feature_extractor import FeatureExtractor

        return FeatureExtractor(feature_size=FEATURES[0], chunk_length=WINDOW_S)


def completeness(is_sentence: bool, finished: float | None) -> float:
    """Return how complete a turn is.

    Args:
        is_sentence: whether its text is a complete sentence.
        finished: probability that the speaker sounds finished; `None` without an end-of-turn model.
    """
    if finished is None:
        return float(is_sentence)
    if sounds_finished(finished):
        return 1.0 if is_sentence else SOUND_ALONE
    return SENTENCE_ALONE if is_sentence else 0.0


def sounds_finished(probability: float) -> bool:
    """Return whether a speaker who is finished with a probability counts as finished."""
    return probability >= FINISHED


def find_turn_model(path: str = "") -> Path | None:
    """Return the file of the end-of-turn model, or `None` if there is none.

    Args:
        path: the file to use, or `off` for none; empty for the one that an installed pipecat-ai carries. That package
            is not imported.

    Raises:
        LivegistError: there is no file at `path`.
    """
    if path == OFF:
        return None
    if path:
        file = Path(path).expanduser()
        if not file.is_file():
            raise LivegistError(f"There is no end-of-turn model {path}.", HINT)
        return file
    spec = importlib.util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    return max((file for folder in folders or () for file in Path(folder).glob(PACKAGE_FILES)), default=None)


def _load(path: Path) -> Any:
    """Return an ONNX session of one thread.

    Raises:
        LivegistError: the file cannot be read or is not such a model.
    """
    try:
        session = open_session(path.read_bytes())
    except OSError as error:
        raise LivegistError(f"The end-of-turn model {path} cannot be read: {error.strerror}.", HINT) from error
    except ValueError as error:
        raise LivegistError(f"{path} is not an ONNX model that can be used: {error}", HINT) from error
    inputs = {entry.name: tuple(entry.shape[1:]) for entry in session.get_inputs()}
    outputs = [tuple(entry.shape[1:]) for entry in session.get_outputs()]
    if inputs != {INPUT: FEATURES} or outputs != [(1,)]:
        raise LivegistError(f"{path} is not an end-of-turn model: its inputs are {_shapes(inputs)}.", HINT)
    return session


def _shapes(inputs: dict[str, tuple[object, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in inputs.items()) or "missing"
