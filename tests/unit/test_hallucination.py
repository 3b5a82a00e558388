"""Detecting truncated and looping output of Whisper."""

import pytest

from tui.gateway.hallucination import misses_start, strip_repetition, strip_timeless_repetition
from tui.gateway.recogniser import RecognisedWord


@pytest.mark.parametrize(
    ("text", "other", "late"),
    [
        ("the search page.", "I finished the search page.", True),
        ("I finished the search page.", "I finish the", False),
        ("And I finished.", "I finished.", False),
        ("", "So.", True),
        ("So.", "", False),
    ],
)
def test_a_text_without_the_first_word_of_another_is_detected(text: str, other: str, late: bool) -> None:
    assert misses_start(text.split(), other.split()) is late


@pytest.mark.parametrize(
    ("looping", "settled", "kept"),
    [
        ("Good morning. Good morning. Good morning. Good", 0, "Good morning."),
        ("The only open. The only open. The", 0, "The only open."),
        ("Perfect. Perfect. Perfect. Perfect", 0, "Perfect."),
        ("no, no, no", 0, "no, no, no"),
        ("we ship it we ship it on Monday", 0, "we ship it we ship it on Monday"),
        ("we ship it we ship it", 5, "we ship it we ship"),
        ("that that", 0, "that that"),
        ("", 0, ""),
    ],
)
def test_a_repetition_at_the_end_is_removed_except_for_settled_words(looping: str, settled: int, kept: str) -> None:
    words = looping.split()
    assert words[: strip_repetition(words, settled)] == kept.split()


SENTENCE = "God bless them, I hope I'll go on seeing them forever."


def timed(text: str, start_s: float, word_s: float) -> list[RecognisedWord]:
    """Return words that take so many seconds each."""
    return [
        RecognisedWord(word, start_s + at * word_s, start_s + (at + 1) * word_s, 0.9)
        for at, word in enumerate(text.split())
    ]


@pytest.mark.parametrize(
    ("word_s", "settled", "kept"),
    [(0.0, 0, 11), (0.04, 0, 11), (0.06, 0, 22), (0.0, 15, 15)],
    ids=["in no time", "faster than anybody speaks", "spoken twice", "settled words stay"],
)
def test_a_sentence_that_is_repeated_in_no_time_is_removed(word_s: float, settled: int, kept: int) -> None:
    words = [*timed(SENTENCE, 0.0, 0.25), *timed(SENTENCE.lower(), 2.75, word_s)]
    assert strip_timeless_repetition(words, settled) == kept


@pytest.mark.parametrize("text", ["God bless you", "forever"], ids=["other words", "the last word again"])
def test_other_words_in_no_time_stay(text: str) -> None:
    words = [*timed(SENTENCE, 0.0, 0.25), *timed(text, 2.75, 0.0)]
    assert strip_timeless_repetition(words) == len(words)
    assert strip_timeless_repetition([]) == 0
