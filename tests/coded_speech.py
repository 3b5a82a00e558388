"""Speech whose words are coded in its samples, with a detector and a recogniser that read them.

A word is `WORD` samples of one amplitude, which codes its number. A recogniser that reads the code transcribes exactly;
its faults are those that a test gives it.
"""

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tui.gateway.endpointing import FRAME
from tui.gateway.recogniser import RATE, Clip, RecognisedWord, Transcription
from tui.gateway.scheduler import FinalJob, PartialJob

WORD = 9 * FRAME
"""Samples of a word: 288 ms."""
GAP = 2 * FRAME
"""Samples between two words: 64 ms."""
AMPLITUDE, STEP = 4000, 25
CUT_WORD = "uh"
"""Text of a word of which the clip has only a part."""

Faults = Callable[[Clip, tuple[RecognisedWord, ...]], tuple[RecognisedWord, ...]]


class Spoken(msgspec.Struct, frozen=True):
    """A word and the pause after it."""

    number: int
    """0 to 999; every fifth word ends a sentence."""
    pause_ms: int = 0

    @property
    def text(self) -> str:
        """The word as it is transcribed."""
        return word(self.number)


def word(number: int) -> str:
    """Return the text of a coded word."""
    return f"w{number}." if number % 5 == 0 else f"w{number}"


def speak(words: Sequence[Spoken], before_ms: int = 320) -> npt.NDArray[np.int16]:
    """Return the samples of words, with silence before and between them."""
    parts = [np.zeros(before_ms * 16)]
    for spoken in words:
        parts += [np.full(WORD, AMPLITUDE + STEP * spoken.number), np.zeros(GAP + spoken.pause_ms * 16)]
    return np.concatenate(parts).astype(np.int16)


class CodedDetector:
    """Takes coded words for speech."""

    def probabilities(self, frames: npt.NDArray[np.float32]) -> list[float]:
        """Return for each frame the probability of speech."""
        return [0.9 if np.abs(frame).max() > 0.1 else 0.0 for frame in frames]


class CodedRecogniser:
    """Reads coded words.

    Args:
        faults: returns what it makes of the words of a clip.
        confidence: of the language; `None` if it does not detect one.
    """

    name = "coded"
    languages = ("en",)
    workers = 1

    def __init__(self, faults: Faults = lambda clip, words: words, confidence: float | None = None) -> None:
        self._faults = faults
        self._confidence = confidence

    def transcribe(self, clips: Sequence[Clip]) -> list[Transcription]:
        """Return the words of each clip."""
        return [
            Transcription(
                self._faults(clip, read(clip.samples)), clip.languages[0], language_confidence=self._confidence
            )
            for clip in clips
        ]


def read(samples: npt.NDArray[np.float32]) -> tuple[RecognisedWord, ...]:
    """Return the coded words of samples."""
    levels = np.round(samples * 32_768).astype(int)
    edges = np.flatnonzero(np.diff(levels)) + 1
    runs = zip([0, *edges.tolist()], [*edges.tolist(), len(levels)], strict=True)
    return tuple(_word(levels[start], start, end) for start, end in runs if end > start and levels[start])


def _word(level: int, start: int, end: int) -> RecognisedWord:
    number = (int(level) - AMPLITUDE) // STEP
    whole = end - start == WORD
    return RecognisedWord(
        word(number) if whole else CUT_WORD, start / RATE, end / RATE, 0.9, (number if whole else 1000,)
    )


class ManualScheduler:
    """Runs jobs when the test says so.

    Args:
        recogniser: runs them.
    """

    def __init__(self, recogniser: CodedRecogniser | None = None) -> None:
        self.recogniser = recogniser or CodedRecogniser()
        self.finals: deque[FinalJob] = deque()
        self.partial: PartialJob | None = None

    def submit_final(self, session: Hashable, job: FinalJob) -> None:
        """Queue a final."""
        self.finals.append(job)

    def submit_partial(self, session: Hashable, job: PartialJob) -> None:
        """Queue a partial in place of the waiting one."""
        self.partial = job

    def cancel(self, session: Hashable) -> None:
        """Drop all jobs."""
        self.finals.clear()
        self.partial = None

    def start_final(self) -> Callable[[], None]:
        """Start the oldest final; return what finishes it."""
        job = self.finals.popleft()
        work = job.prepare()
        assert work is not None
        result: Any = work(self.recogniser)
        return lambda: job.on_result(result)

    def run_finals(self) -> None:
        """Run finals until none is queued."""
        while self.finals:
            self.start_final()()

    def start_partial(self) -> Callable[[], None] | None:
        """Start the waiting partial; return what finishes it, or `None` if it is no longer needed."""
        job, self.partial = self.partial, None
        assert job is not None
        clip = job.make_clip()
        if clip is None:
            return None
        [transcription] = self.recogniser.transcribe([clip])
        return lambda: job.on_result(transcription)

    def run_partial(self) -> None:
        """Run the waiting partial."""
        finish = self.start_partial()
        assert finish is not None
        finish()
