"""The state of an open turn, and its messages."""

import msgspec

from tui.gateway.endpointing import Ended
from tui.gateway.local_agreement import LocalAgreement
from tui.gateway.pcm import RATE
from tui.gateway.recogniser import RecognisedWord, Transcription
from tui.stream.messages import WireTurn, WireWord

FIRST_PARTIAL_AFTER = RATE * 4 // 10
"""Samples of speech before the first partial; a word is hardly shorter."""
MAX_PARTIAL = RATE * 12
"""Longest stretch of an open turn that a partial decodes, in samples; settled words before it are not decoded again."""
KEPT_AFTER_TRIM = RATE * 5
"""Samples that are still decoded after settled words are removed."""


class SpeculativeFinal:
    """A final decoded before the turn's end is decided, in a pause that probably ends it.

    Args:
        speech_end: sample after the last frame of speech; further speech invalidates it.
    """

    def __init__(self, speech_end: int) -> None:
        self.speech_end = speech_end
        self.transcription: Transcription | None = None
        """The text; `None` until it is decoded."""
        self.ended: tuple[Ended, float] | None = None
        """The turn's end and the time of that decision, if it came before the text."""


class OpenTurn:
    """An open turn.

    Args:
        start: its first sample, padding included.
        speech: first sample of speech.
    """

    def __init__(self, start: int, speech: int) -> None:
        self.start = start
        self.base = start
        """Position from which partials are decoded."""
        self.agreement = LocalAgreement()
        self.language: str | None = None
        """Language of the settled words; `None` if there are none."""
        self.due = speech + FIRST_PARTIAL_AFTER
        """Position from which the next partial is due."""
        self.order: int | None = None
        """Its number, assigned with its first message."""
        self.speculative: SpeculativeFinal | None = None
        self._speech = speech
        self._kept: tuple[WireWord, ...] = ()

    @property
    def words(self) -> tuple[WireWord, ...]:
        """All words so far, those before `base` included."""
        agreement = self.agreement
        current = (_wire(word, self.base, settled=at < agreement.settled) for at, word in enumerate(agreement.words))
        return _from(self._speech, (*self._kept, *current))

    def trim(self, position: int) -> None:
        """Stop decoding settled words when the turn is long, so that partials stay cheap."""
        if position - self.base < MAX_PARTIAL:
            return
        settled = self.agreement.words[: self.agreement.settled]
        latest_s = (position - self.base - KEPT_AFTER_TRIM) / RATE
        count = sum(1 for word in settled if word.end_s <= latest_s)
        if count:
            removed = self.agreement.pop(count)
            self._kept += tuple(_wire(word, self.base, settled=True) for word in removed)
            self.base += int(removed[-1].end_s * RATE)

    def message(
        self, words: tuple[WireWord, ...], confidence: float, language: str, *, final: bool, unformatted: bool
    ) -> WireTurn:
        """Return the turn's message; `unformatted` removes capitals and punctuation."""
        assert self.order is not None
        if unformatted:
            words = tuple(msgspec.structs.replace(word, text=_unformatted(word.text)) for word in words)
        text = " ".join(word.text for word in words)
        return WireTurn(
            turn_order=self.order,
            transcript=text,
            end_of_turn=final,
            turn_is_formatted=final and not unformatted,
            end_of_turn_confidence=round(confidence, 3),
            words=words,
            utterance=text if final else None,
            language_code=language,
        )


def final_words(transcription: Transcription, turn: Ended) -> tuple[WireWord, ...]:
    """Return a finished turn's words, within the bounds of its speech, which the detector measures more exactly.

    A client that reconnects resumes at the last word's end: if that were too early, the word would occur twice.
    """
    words = _from(turn.speech, tuple(_wire(word, turn.start, settled=True) for word in transcription.words))
    if not words:
        return ()
    end = turn.speech_end * 1000 // RATE
    return (*words[:-1], msgspec.structs.replace(words[-1], end=max(end, words[-1].start)))


def _from(speech: int, words: tuple[WireWord, ...]) -> tuple[WireWord, ...]:
    """Return the words with none starting before speech."""
    begin = speech * 1000 // RATE
    return tuple(
        word if word.start >= begin else msgspec.structs.replace(word, start=begin, end=max(begin, word.end))
        for word in words
    )


def _unformatted(text: str) -> str:
    return text.strip('.,?!;:…"“”()').lower()


def _wire(word: RecognisedWord, base: int, *, settled: bool) -> WireWord:
    """Return a word of the message; `base` is the position of the clip."""
    return WireWord(
        text=word.text,
        start=base * 1000 // RATE + round(word.start_s * 1000),
        end=base * 1000 // RATE + round(word.end_s * 1000),
        confidence=round(word.confidence, 3),
        word_is_final=settled,
    )
