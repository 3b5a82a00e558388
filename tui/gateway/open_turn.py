"""The state of an open turn, and its messages."""

from collections.abc import Sequence

import msgspec

from tui.gateway.coverage import Span, middle_s, normalized, speech_s
from tui.gateway.endpointing import Ended
from tui.gateway.hallucination import SENTENCE_ENDS
from tui.gateway.local_agreement import LocalAgreement
from tui.gateway.pcm import RATE, SampleWindow
from tui.gateway.recogniser import Clip, RecognisedWord
from tui.gateway.turn_settings import TurnSettings
from tui.stream.messages import SpeechStarted, WireTurn, WireWord

FIRST_PARTIAL_AFTER = RATE * 4 // 10
"""Samples of speech before the first partial; a word is hardly shorter."""
MAX_PARTIAL = RATE * 12
"""Longest stretch of an open turn that a partial decodes, in samples; settled words before it are not decoded again."""
KEPT_AFTER_TRIM = RATE * 5
"""Samples that are still decoded after settled words are removed."""
TAIL_S = 3.5
"""The last seconds of a decode in mid-speech are not final: a decoder needs what follows."""
SENTENCE_BONUS_S = 0.3
"""By how much farther from a change of the speaker the end of a sentence, or a silence so long, may be than a word."""
BOUNDARY_S = 0.05
"""Longest distance of a boundary from the word before it: the decoder may have skipped the next one."""


class OpenTurn:
    """An open turn: partials from its newest audio, and its final text, which is decoded in pieces.

    Args:
        start: its first sample, padding included.
        speech: first sample of speech.
        probability: of speech there; `None` if the turn continues a split one.
    """

    def __init__(self, start: int, speech: int, probability: float | None = None) -> None:
        self.start = start
        self.speech_started = SpeechStarted(
            speech * 1000 // RATE, None if probability is None else round(probability, 3)
        )
        """The message that precedes the turn's first."""
        self.base = start
        """Position from which partials are decoded."""
        self.agreement = LocalAgreement()
        self.language: str | None = None
        """Language of the settled words; `None` if there are none."""
        self.due = speech + FIRST_PARTIAL_AFTER
        """Position from which the next partial is due."""
        self.order: int | None = None
        """Its number, assigned with its first message."""
        self.done: tuple[RecognisedWord, ...] = ()
        """The final words up to `done_until`; times of final words are seconds of the connection."""
        self.done_until = start
        """Position up to which the final text is decoded."""
        self.rest: tuple[RecognisedWord, ...] | None = None
        """The final words from there to the current pause; `None` if they are not decoded."""
        self.previous: tuple[RecognisedWord, ...] = ()
        """The words from there on that were found at the newest pause."""
        self.final_language: str | None = None
        """Language of the newest final text; `None` until some is decoded. Finished pieces fix it for the rest."""
        self.language_confidence: float | None = None
        """Probability of the language when it was last detected; `None` if it never was."""
        self.finished: float | None = None
        """Probability, by a turn model, that the speaker had finished at the newest pause; `None` without one."""
        self._speech = speech
        self._kept: tuple[WireWord, ...] = ()

    @property
    def partial_words(self) -> tuple[WireWord, ...]:
        """All words of the partials so far, those before `base` included."""
        offset_s, settled = self.base / RATE, self.agreement.settled
        current = (_wire(word, offset_s, final=at < settled) for at, word in enumerate(self.agreement.words))
        return _from(self._speech, (*self._kept, *current))

    @property
    def is_sentence(self) -> bool:
        """Whether the final words so far end with a sentence."""
        words = (*self.done, *(self.rest or ()))
        return bool(words) and words[-1].text.endswith(SENTENCE_ENDS)

    def note_language_confidence(self, confidence: float | None) -> None:
        """Take the confidence of a decode that detected the language."""
        if confidence is not None:
            self.language_confidence = confidence

    def partial_clip(self, audio: SampleWindow, end: int, settings: TurnSettings) -> Clip:
        """Return the audio up to a position for the next partial."""
        self.trim(end)
        # A prefix fixes the language.
        languages = (self.language,) if self.language else settings.languages
        samples = audio.read(self.base, end)
        return Clip(samples, False, languages, settings.prompt, prefix_tokens=self.agreement.tokens)

    def trim(self, position: int) -> None:
        """Stop decoding settled words when the turn is long, so that partials stay cheap."""
        if position - self.base < MAX_PARTIAL:
            return
        settled = self.agreement.words[: self.agreement.settled]
        latest_s = (position - self.base - KEPT_AFTER_TRIM) / RATE
        count = sum(1 for word in settled if word.end_s <= latest_s)
        if count:
            removed = self.agreement.pop(count)
            self._kept += tuple(_wire(word, self.base / RATE, final=True) for word in removed)
            self.base += int(removed[-1].end_s * RATE)

    def finish_piece(
        self, words: Sequence[RecognisedWord], speech: Sequence[Span], end: int
    ) -> tuple[RecognisedWord, ...]:
        """Take a decode of the audio from `done_until` to `end`; return the words that become final.

        Args:
            words: of the decode.
            speech: where the detector found speech.
            end: last sample.
        """
        count, boundary_s = piece(words, speech, end / RATE)
        return self._take(words, count, min(end, round(boundary_s * RATE)))

    def finish_at(
        self, words: Sequence[RecognisedWord], speech: Sequence[Span], position: int
    ) -> tuple[RecognisedWord, ...]:
        """Take a decode of the audio from `done_until` on; return the words before a place between two words.

        Args:
            words: of the decode.
            speech: where the detector found speech.
            position: sample near that place.
        """
        count, boundary_s = nearest_boundary(words, speech, position / RATE)
        return self._take(words, count, round(boundary_s * RATE))

    def split_at(self, speech: Sequence[Span], position: int) -> "OpenTurn":
        """Return the words after the boundary that is nearest to a sample as a turn of their own; keep those before it.

        If there are none before it, this turn is left without words, and the other one takes its number.
        """
        words = (*self.done, *(self.rest or ()))
        count, boundary_s = nearest_boundary(words, speech, position / RATE)
        boundary = max(self.start, round(boundary_s * RATE))
        rest = OpenTurn(boundary, boundary)
        rest.done, rest.rest = words[count:], ()
        rest.final_language, rest.language_confidence = self.final_language, self.language_confidence
        self.done, self.rest = words[:count], ()
        if not count:
            rest.order, self.order = self.order, None
        return rest

    def _take(self, words: Sequence[RecognisedWord], count: int, boundary: int) -> tuple[RecognisedWord, ...]:
        """Make the first words final, up to a sample."""
        self.done += tuple(words[:count])
        self.done_until = max(self.done_until, boundary)
        self.previous = tuple(word for word in self.previous if middle_s(word) > boundary / RATE)
        self.rest = None if self.rest is None else tuple(words[count:])
        return tuple(words[:count])

    def final_words(self, ended: Ended) -> tuple[WireWord, ...]:
        """Return the final words, within the bounds of the turn's speech, which the detector measures more exactly.

        A client that reconnects resumes at the last word's end: if that were too early, the word would occur twice.
        """
        final = (_wire(word, 0.0, final=True) for word in (*self.done, *(self.rest or ())))
        words = _from(ended.speech, tuple(final))
        if not words:
            return ()
        end = ended.speech_end * 1000 // RATE
        if ended.continues:
            return words
        return (*words[:-1], msgspec.structs.replace(words[-1], end=max(end, words[-1].start)))

    def contradicts(self, words: Sequence[WireWord], end: int) -> bool:
        """Return whether the settled words of the partials differ from the final ones by more than punctuation.

        Args:
            words: the final ones.
            end: sample after the turn's last.
        """
        end_ms = end * 1000 // RATE
        settled = [normalized(word.text) for word in self.partial_words if word.word_is_final and word.end <= end_ms]
        return settled != [normalized(word.text) for word in words][: len(settled)]

    def message(
        self,
        words: tuple[WireWord, ...],
        confidence: float,
        language: str,
        *,
        final: bool,
        unformatted: bool,
        speaker: str | None = None,
    ) -> WireTurn:
        """Return the turn's message; `unformatted` removes capitals and punctuation.

        As from the service, only the words of a final turn have the speaker's label too.
        """
        assert self.order is not None
        if final and speaker:
            words = tuple(msgspec.structs.replace(word, speaker=speaker) for word in words)
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
            utterance=text if final else "",
            language_code=language,
            speaker_label=speaker,
            language_confidence=1.0 if self.language_confidence is None else round(self.language_confidence, 3),
        )


def piece(words: Sequence[RecognisedWord], speech: Sequence[Span], end_s: float) -> tuple[int, float]:
    """Return how many words of a decode in mid-speech are final, and the boundary after them.

    It lies between two words, `TAIL_S` or more before the end: after the last sentence in the later half of these
    words, else in the longest silence there.
    """
    last = [at for at in range(1, len(words)) if words[at - 1].end_s <= end_s - TAIL_S]
    if not last:
        count = sum(1 for word in words if word.end_s <= end_s - TAIL_S)
        return count, min([end_s - TAIL_S, *(word.start_s for word in words[count:])])
    later = last[len(last) // 2 :]
    sentences = [at for at in later if words[at - 1].text.endswith(SENTENCE_ENDS)]
    count = sentences[-1] if sentences else max(later, key=lambda at: (_silence_s(words, at, speech), at))
    end_s = words[count - 1].end_s
    return count, end_s + min((words[count].start_s - end_s) / 2, BOUNDARY_S)


def nearest_boundary(words: Sequence[RecognisedWord], speech: Sequence[Span], change_s: float) -> tuple[int, float]:
    """Return how many words are before a change of the speaker, and the boundary after them.

    It lies between two words near the change. A sentence's end and a silence are likelier places than others: the
    change is known to a few tenths of a second, like the times of words.
    """
    if not words:
        return 0, change_s

    def distance_s(count: int) -> float:
        if count in (0, len(words)):
            return abs((words[-1].end_s if count else words[0].start_s) - change_s)
        middle = (words[count - 1].end_s + words[count].start_s) / 2
        likely = SENTENCE_BONUS_S if words[count - 1].text.endswith(SENTENCE_ENDS) else 0.0
        return abs(middle - change_s) - likely - min(SENTENCE_BONUS_S, _silence_s(words, count, speech))

    count = min(range(len(words) + 1), key=distance_s)
    if not count:
        return 0, min(change_s, words[0].start_s)
    end_s = words[count - 1].end_s
    next_s = words[count].start_s if count < len(words) else end_s
    return count, end_s + min((next_s - end_s) / 2, BOUNDARY_S)


def _silence_s(words: Sequence[RecognisedWord], at: int, speech: Sequence[Span]) -> float:
    """Return the seconds without speech before a word."""
    gap = (words[at - 1].end_s, words[at].start_s)
    return gap[1] - gap[0] - speech_s(speech, gap)


def _from(speech: int, words: tuple[WireWord, ...]) -> tuple[WireWord, ...]:
    """Return the words in order of time, with none before speech."""
    position, kept = speech * 1000 // RATE, []
    for word in words:
        start = max(position, word.start)
        position = max(start, word.end)
        kept.append(msgspec.structs.replace(word, start=start, end=position))
    return tuple(kept)


def _unformatted(text: str) -> str:
    return text.strip('.,?!;:…"“”()').lower()


def _wire(word: RecognisedWord, offset_s: float, *, final: bool) -> WireWord:
    """Return a word of the message."""
    return WireWord(
        text=word.text,
        start=round((offset_s + word.start_s) * 1000),
        end=round((offset_s + word.end_s) * 1000),
        confidence=round(word.confidence, 3),
        word_is_final=final,
    )
