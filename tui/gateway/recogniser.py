"""The interface of a speech recogniser: clips in, words with times out. Implementations have a module each."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from tui.gateway.pcm import RATE

__all__ = ["RATE", "Clip", "RecognisedWord", "Recogniser", "Transcription"]


class Clip(msgspec.Struct, frozen=True):
    """A stretch of audio to transcribe, and what helps to transcribe it."""

    samples: npt.NDArray[np.float32]
    """16 kHz mono, -1 to 1, at most 30 s."""
    final: bool
    """Whether accuracy matters more than speed, as for the text of a finished turn."""
    languages: tuple[str, ...] = ("en",)
    """Codes of the languages that may be spoken; with several, or none that the model knows, the model detects one."""
    prompt: str = ""
    """Expected text, which biases the model towards its words. An implementation may ignore it."""
    earlier: str = ""
    """What was said before the clip. An implementation may ignore it."""
    context_s: float = 0.0
    """Seconds at the start whose words are known from an earlier decode."""
    prefix_tokens: tuple[int, ...] = ()
    """Tokens of the first words, as this recogniser returned them earlier; decoding continues after them. An
    implementation without such tokens ignores them."""


class RecognisedWord(msgspec.Struct, frozen=True):
    """A word and its place in the clip."""

    text: str
    """With its punctuation and without spaces."""
    start_s: float
    end_s: float
    confidence: float
    """0 to 1."""
    tokens: tuple[int, ...] = ()
    """What `Clip.prefix_tokens` takes; empty if the implementation has no such tokens."""


class Transcription(msgspec.Struct, frozen=True):
    """The text of a clip."""

    words: tuple[RecognisedWord, ...] = ()
    """In order and without overlaps; times are seconds from the clip's first sample."""
    language: str = "en"
    rejected: str = ""
    """Why the model's output was discarded, in a few words; empty if it was not."""
    language_confidence: float | None = None
    """Probability of the language among those that may be spoken, 0 to 1; `None` if it was not detected."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The words alone."""
        return tuple(word.text for word in self.words)

    @property
    def text(self) -> str:
        """The words as one line."""
        return " ".join(self.texts)


class Recogniser(Protocol):
    """Transcribes clips. It keeps no state between calls.

    Whether the words account for all speech is checked by the caller, the same way for every implementation.
    """

    @property
    def name(self) -> str:
        """The model's name, as the user gave it."""

    @property
    def languages(self) -> Sequence[str]:
        """Codes of the languages that the model knows."""

    @property
    def workers(self) -> int:
        """How many threads may call `transcribe` at once."""

    def transcribe(self, clips: Sequence[Clip]) -> list[Transcription]:
        """Return the text of each clip.

        Args:
            clips: one final, or several partials with the same prompt, which may be decoded as one batch.

        Raises:
            RuntimeError, ValueError: the model cannot process them.
        """
