"""Detecting truncated and looping output of Whisper."""

import pytest

from tui.gateway.hallucination import misses_start, strip_repetition


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
