"""A turn that somebody is speaking, and how it is told."""

import msgspec

from tui.gateway.agreement import Agreement
from tui.gateway.endpointing import Ended
from tui.gateway.pcm import RATE
from tui.gateway.recogniser import Heard, HeardWord
from tui.stream.protocol import WireTurn, WireWord

FIRST_PARTIAL = RATE * 4 // 10
"""Samples of speech before it is worth hearing; a word is hardly shorter."""
LONGEST_PARTIAL = RATE * 12
"""Samples of an open turn that are heard again; settled words before them are left as they are."""
KEPT_PARTIAL = RATE * 5
"""Samples that stay to be heard again when settled words are left."""


class Guess:
    """A final heard ahead, in the silence in which a turn probably ends.

    Args:
        speech_end: sample after the last frame of speech; more speech makes the guess worthless.
    """

    def __init__(self, speech_end: int) -> None:
        self.speech_end = speech_end
        self.heard: Heard | None = None
        """What was heard; `None` as long as it is being heard."""
        self.ended: tuple[Ended, float] | None = None
        """The turn's end and when it was decided, if that came first."""


class OpenTurn:
    """What is known of an open turn.

    Args:
        start: its first sample, padding included.
        speech: the sample at which speech began.
    """

    def __init__(self, start: int, speech: int) -> None:
        self.start = start
        self.base = start
        """Position from which it is heard again."""
        self.agreement = Agreement()
        self.language: str | None = None
        """The language of its settled words; `None` before there are any."""
        self.due = speech + FIRST_PARTIAL
        """Position from which it is worth hearing again."""
        self.order: int | None = None
        """Its number, given when something is first told of it."""
        self.guess: Guess | None = None
        self._speech = speech
        self._kept: tuple[WireWord, ...] = ()

    @property
    def words(self) -> tuple[WireWord, ...]:
        """The words heard so far, those before `base` included."""
        agreement = self.agreement
        heard = (_wire(word, self.base, settled=at < agreement.settled) for at, word in enumerate(agreement.words))
        return _from(self._speech, (*self._kept, *heard))

    def shorten(self, position: int) -> None:
        """Leave settled words behind when the turn grows long, so that hearing it again stays cheap."""
        if position - self.base < LONGEST_PARTIAL:
            return
        settled = self.agreement.words[: self.agreement.settled]
        latest_s = (position - self.base - KEPT_PARTIAL) / RATE
        count = sum(1 for word in settled if word.end_s <= latest_s)
        if count:
            gone = self.agreement.cut(count)
            self._kept += tuple(_wire(word, self.base, settled=True) for word in gone)
            self.base += int(gone[-1].end_s * RATE)

    def told(
        self, words: tuple[WireWord, ...], confidence: float, language: str, *, final: bool, plain: bool
    ) -> WireTurn:
        """Return the turn as the client is told of it, `plain` without capitals and punctuation."""
        assert self.order is not None
        if plain:
            words = tuple(msgspec.structs.replace(word, text=_plain(word.text)) for word in words)
        text = " ".join(word.text for word in words)
        return WireTurn(
            turn_order=self.order,
            transcript=text,
            end_of_turn=final,
            turn_is_formatted=final and not plain,
            end_of_turn_confidence=round(confidence, 3),
            words=words,
            utterance=text if final else None,
            language_code=language,
        )


def final_words(heard: Heard, turn: Ended) -> tuple[WireWord, ...]:
    """Return a finished turn's words between the beginning and the end of its speech, which the detector knows better.

    A client that comes back goes on from the last word's end: a word that seems to end early would be heard twice.
    """
    words = _from(turn.speech, tuple(_wire(word, turn.start, settled=True) for word in heard.words))
    if not words:
        return ()
    end = turn.speech_end * 1000 // RATE
    return (*words[:-1], msgspec.structs.replace(words[-1], end=max(end, words[-1].start)))


def _from(speech: int, words: tuple[WireWord, ...]) -> tuple[WireWord, ...]:
    """Return words of which none begins before speech itself did."""
    begin = speech * 1000 // RATE
    return tuple(
        word if word.start >= begin else msgspec.structs.replace(word, start=begin, end=max(begin, word.end))
        for word in words
    )


def _plain(text: str) -> str:
    return text.strip('.,?!;:…"“”()').lower()


def _wire(word: HeardWord, base: int, *, settled: bool) -> WireWord:
    """Return a word as it is told; `base` is the clip's first sample."""
    return WireWord(
        text=word.text,
        start=base * 1000 // RATE + round(word.start_s * 1000),
        end=base * 1000 // RATE + round(word.end_s * 1000),
        confidence=round(word.confidence, 3),
        word_is_final=settled,
    )
