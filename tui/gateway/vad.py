"""Voice activity detection: the Silero model that faster-whisper includes, in frames of 32 ms."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tui.gateway.onnx_session import open_session

CONTEXT = 64
"""Samples of the previous frame that the model gets again."""


class VoiceDetector:
    """The detector of one stream; streams share the model."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._h = np.zeros((1, 1, 128), np.float32)
        self._c = np.zeros((1, 1, 128), np.float32)
        self._context = np.zeros(CONTEXT, np.float32)

    def probabilities(self, frames: npt.NDArray[np.float32]) -> list[float]:
        """Return the probability of speech in each frame; `frames` is (n, 512), -1 to 1."""
        if not len(frames):
            return []
        before = np.vstack([self._context, frames[:-1, -CONTEXT:]])
        self._context = frames[-1, -CONTEXT:].copy()
        outcome, self._h, self._c = self._model.run(
            None, {"input": np.hstack([before, frames]).astype(np.float32), "h": self._h, "c": self._c}
        )
        return [float(probability) for probability in outcome.reshape(-1)]


def load() -> Any:
    """Return the model, an ONNX session with one thread: it takes 0.1 ms per frame."""
    from faster_whisper.utils import get_assets_path

    return open_session(sorted(Path(get_assets_path()).glob("silero_vad_v*.onnx"))[-1].read_bytes())
