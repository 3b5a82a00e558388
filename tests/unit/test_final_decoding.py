"""What a final makes of a recogniser that skips speech."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from tui.gateway.final_decoding import FinalRequest, decode_final
from tui.gateway.recogniser import RATE, Clip, RecognisedWord, Transcription

CONTEXT_S, STRETCH_S = 10, 10


class Scripted:
    """A recogniser that returns what a test gives it, and keeps which clips it got.

    Args:
        words: returns the words of a clip, given where it starts and ends.
    """

    name = "scripted"
    languages = ("en",)
    workers = 1

    def __init__(self, words: Callable[[Clip, int, int], Sequence[RecognisedWord]]) -> None:
        self._words = words
        self.clips: list[tuple[int, int, str]] = []
        """Start and end in seconds of the connection, and the prompt."""
        self.context_s: list[float] = []
        """`Clip.context_s` of each clip."""

    def transcribe(self, clips: Sequence[Clip]) -> list[Transcription]:
        [clip] = clips
        # The value of a sample is its time.
        first, last = round(float(clip.samples[0])), round(float(clip.samples[-1]))
        self.clips.append((first, last, clip.prompt + clip.earlier))
        self.context_s.append(clip.context_s)
        words = (
            msgspec.structs.replace(word, start_s=word.start_s - first, end_s=word.end_s - first)
            for word in self._words(clip, first, last)
        )
        return [Transcription(tuple(words), "en")]


def spoken(first_s: int, last_s: int) -> list[RecognisedWord]:
    """Return the words that are said: two each second."""
    return [
        RecognisedWord(f"word{half}", half / 2, half / 2 + 0.5, 0.9, (half,)) for half in range(2 * first_s, 2 * last_s)
    ]


def skipping(first_s: int, last_s: int) -> list[RecognisedWord]:
    """Return a text without most of the words, stretched over all of the time, as an aligner does that is sure."""
    return [RecognisedWord(f"considerably{at}", at, at + 1.0, 0.9, (at,)) for at in range(first_s, last_s)]


def request(**changes: object) -> FinalRequest:
    samples = np.repeat(np.arange(CONTEXT_S + STRETCH_S, dtype=np.float32), RATE)
    speech = ((float(CONTEXT_S), float(CONTEXT_S + STRETCH_S)),)
    whole = FinalRequest(samples, 0.0, float(CONTEXT_S), speech, tuple(spoken(0, CONTEXT_S)), earlier="said before")
    return msgspec.structs.replace(whole, **changes)


def texts(words: Sequence[RecognisedWord]) -> list[str]:
    return [word.text for word in words]


def test_a_decode_that_stops_early_is_made_again_without_its_hints_one_after_the_other() -> None:
    def stops(clip: Clip, first: int, last: int) -> list[RecognisedWord]:
        return spoken(first, CONTEXT_S if clip.earlier else last + 1)

    recogniser = Scripted(stops)
    final = decode_final(recogniser, request())
    assert texts(final.words) == texts(spoken(CONTEXT_S, CONTEXT_S + STRETCH_S))
    assert recogniser.clips == [(0, 19, "said before"), (0, 19, "")]


def test_a_decode_that_stops_early_with_context_is_made_again_without() -> None:
    def stops(_: Clip, first: int, last: int) -> list[RecognisedWord]:
        return spoken(first, last + 1 if first else CONTEXT_S)

    recogniser = Scripted(stops)
    final = decode_final(recogniser, request())
    assert texts(final.words) == texts(spoken(CONTEXT_S, CONTEXT_S + STRETCH_S))
    assert recogniser.clips == [(0, 19, "said before"), (0, 19, ""), (10, 19, "")]
    assert recogniser.context_s == [CONTEXT_S, CONTEXT_S, 0]


def test_words_found_at_a_pause_stay_if_a_later_decode_skips_them() -> None:
    previous = spoken(CONTEXT_S, CONTEXT_S + 6)

    def skips_the_start(_: Clip, first: int, last: int) -> list[RecognisedWord]:
        return [*skipping(first, 16), *spoken(16, last + 1)] if first <= CONTEXT_S else spoken(first, last + 1)

    without = decode_final(Scripted(skips_the_start), request())
    assert not without.uncovered
    assert len(without.words) < 2 * STRETCH_S
    final = decode_final(Scripted(skips_the_start), request(previous=tuple(previous)))
    assert texts(final.words) == texts(spoken(CONTEXT_S, CONTEXT_S + STRETCH_S))


def test_words_of_low_confidence_do_not_stay() -> None:
    invented = tuple(msgspec.structs.replace(word, confidence=0.2) for word in spoken(CONTEXT_S, CONTEXT_S + 6))
    final = decode_final(Scripted(lambda _, first, last: skipping(first, last + 1)), request(previous=invented))
    assert texts(final.words) == texts(skipping(CONTEXT_S, CONTEXT_S + STRETCH_S))
