"""Decode a stretch of a turn for its final text; decode again what the text leaves out.

Times are seconds from the connection's first sample.
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from tui.gateway.coverage import Span, continuation, fill, middle_s, shifted, skips, speech_s, uncovered
from tui.gateway.hallucination import misses_start
from tui.gateway.recogniser import RATE, Clip, RecognisedWord, Recogniser, Transcription

AROUND_S = 1.0
"""Audio decoded on each side of a gap; its words find the place of the new ones."""
MAX_GAP_S = 12.0
"""Longest gap that is decoded as one clip."""
MIN_PART_S = 2.0
"""Shortest part of a gap that is decoded by itself."""
MIN_CONFIDENCE = 0.3
"""Words that only one decode found need this confidence on average: in noise a decoder invents some."""


class FinalRequest(msgspec.Struct, frozen=True):
    """A stretch of audio to decode."""

    samples: npt.NDArray[np.float32]
    """16 kHz mono, -1 to 1: the context, then the stretch; at most 30 s."""
    start_s: float
    """Time of the first sample."""
    base_s: float
    """Where the stretch starts; words before it are known."""
    speech: tuple[Span, ...]
    """Where the detector found speech, from `base_s` on."""
    before: tuple[RecognisedWord, ...] = ()
    """The known words in the context."""
    previous: tuple[RecognisedWord, ...] = ()
    """What an earlier decode found at the start of the stretch."""
    earlier: str = ""
    """The known words before the context, as the recogniser's own batch decode passes them from window to window."""
    languages: tuple[str, ...] = ("en",)
    prompt: str = ""
    """As `Clip.prompt`."""


class FinalText(msgspec.Struct, frozen=True):
    """The words of a stretch."""

    words: tuple[RecognisedWord, ...]
    language: str
    decoded_again: int = 0
    """Decodes beyond the first."""
    rejected: tuple[str, ...] = ()
    """Reasons for which outputs of the model were discarded."""
    uncovered: tuple[Span, ...] = ()
    """Speech without words after all decodes."""
    language_confidence: float | None = None
    """As `Transcription.language_confidence`."""


def decode_final(recogniser: Recogniser, request: FinalRequest) -> FinalText:
    """Return the words of a stretch, such that they account for its speech as far as the recogniser can.

    Raises:
        RuntimeError, ValueError: the recogniser cannot process it.
    """
    return _Decoding(recogniser, request).run()


class _Decoding:
    """The decodes of one request."""

    def __init__(self, recogniser: Recogniser, request: FinalRequest) -> None:
        self._recogniser = recogniser
        self._request = request
        self._decodes = 0
        self._rejected: list[str] = []
        self._language = request.languages[0] if request.languages else "en"
        self._language_confidence: float | None = None

    @property
    def _end_s(self) -> float:
        return self._request.start_s + len(self._request.samples) / RATE

    def run(self) -> FinalText:
        """Return the words and the counts."""
        request = self._request
        words = self._decode(request.start_s, request.prompt, request.earlier)
        if request.prompt:
            words = self._checked_without_prompt(words)
        # Prompts and context can make the decoder skip speech.
        for start_s in self._fewer_hints():
            if uncovered(words, request.speech):
                words = self._better(words, self._decode(start_s))
        words = self._with_previous(words)
        for gap in uncovered(words, request.speech):
            words = self._filled(words, gap)
        return FinalText(
            words,
            self._language,
            self._decodes - 1,
            tuple(self._rejected),
            tuple(uncovered(words, request.speech)),
            self._language_confidence,
        )

    def _fewer_hints(self) -> Iterator[float]:
        """Return where to start decodes without a prompt: at the context, at the stretch."""
        request = self._request
        has_context, has_text = request.start_s < request.base_s, bool(request.prompt or request.earlier)
        if has_context and has_text:
            yield request.start_s
        if has_context or has_text:
            yield request.base_s

    def _checked_without_prompt(self, words: tuple[RecognisedWord, ...]) -> tuple[RecognisedWord, ...]:
        """Return the words, or a decode without the client's prompt if that made the recogniser lose some."""
        request = self._request
        plain = self._decode(request.start_s, earlier=request.earlier, final=False)
        lost = len(words) < len(plain) - 1 or misses_start(_texts(words), _texts(plain))
        return self._decode(request.start_s, earlier=request.earlier) if lost else words

    def _decode(
        self, start_s: float, prompt: str = "", earlier: str = "", *, final: bool = True
    ) -> tuple[RecognisedWord, ...]:
        """Decode from a time on; return the words after the known ones."""
        request = self._request
        words = self._words(start_s, self._end_s, prompt, earlier, final=final)
        known = request.before if start_s < request.base_s else ()
        return continuation(known, words, request.base_s) if start_s < request.base_s else words

    def _words(
        self, start_s: float, end_s: float, prompt: str = "", earlier: str = "", *, final: bool = True
    ) -> tuple[RecognisedWord, ...]:
        """Decode a span of the samples."""
        request = self._request
        first, last = (max(0, round((at_s - request.start_s) * RATE)) for at_s in (start_s, end_s))
        [transcription] = self._recogniser.transcribe(
            [
                Clip(
                    request.samples[first:last],
                    final,
                    request.languages,
                    prompt,
                    earlier,
                    context_s=max(0.0, request.base_s - request.start_s - first / RATE),
                )
            ]
        )
        self._note(transcription)
        return tuple(shifted(word, request.start_s + first / RATE) for word in transcription.words)

    def _note(self, transcription: Transcription) -> None:
        if not self._decodes:
            self._language = transcription.language
            self._language_confidence = transcription.language_confidence
        self._decodes += 1
        if transcription.rejected:
            self._rejected.append(transcription.rejected)

    def _with_previous(self, words: tuple[RecognisedWord, ...]) -> tuple[RecognisedWord, ...]:
        """Return the words, or those of the earlier decode and what follows them if this decode skipped some of them.

        The aligner may stretch words over skipped speech, which then does not look uncovered.
        """
        previous = self._request.previous
        if not previous or not skips(words, previous) or _confidence(previous) < MIN_CONFIDENCE:
            return words
        end_s = previous[-1].end_s
        found = self._words(max(self._request.base_s, end_s - AROUND_S), self._end_s)
        return (*previous, *continuation(previous, found, end_s))

    def _better(
        self, words: tuple[RecognisedWord, ...], others: tuple[RecognisedWord, ...]
    ) -> tuple[RecognisedWord, ...]:
        """Return the text that leaves less speech uncovered; the first of equal ones."""
        return others if self._uncovered_s(others) < self._uncovered_s(words) else words

    def _uncovered_s(self, words: Sequence[RecognisedWord]) -> float:
        return sum(speech_s(self._request.speech, gap) for gap in uncovered(words, self._request.speech))

    def _filled(self, words: tuple[RecognisedWord, ...], gap: Span) -> tuple[RecognisedWord, ...]:
        """Return the words with those that a decode of the gap alone finds."""
        spans = _parts(gap, int((gap[1] - gap[0]) // MAX_GAP_S) + 1)
        while spans:
            span = spans.pop(0)
            rejected = len(self._rejected)
            found = self._words(max(self._request.base_s, span[0] - AROUND_S), span[1] + AROUND_S)
            if len(self._rejected) > rejected and span[1] - span[0] >= 2 * MIN_PART_S:
                # A decoder that loops over a clip seldom loops over its halves.
                spans = [*_parts(span, 2), *spans]
            inside = [word for word in found if span[0] <= middle_s(word) <= span[1]]
            if inside and _confidence(inside) >= MIN_CONFIDENCE:
                words = fill(words, span, found)
        return words


def _parts(span: Span, count: int) -> list[Span]:
    """Return a span in equal parts."""
    length_s = (span[1] - span[0]) / count
    return [(span[0] + part * length_s, span[0] + (part + 1) * length_s) for part in range(count)]


def _confidence(words: Sequence[RecognisedWord]) -> float:
    """Return the mean."""
    return sum(word.confidence for word in words) / len(words)


def _texts(words: Sequence[RecognisedWord]) -> list[str]:
    return [word.text for word in words]
