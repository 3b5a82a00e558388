"""Detect transcriptions that start late or loop. Pure."""

from collections.abc import Sequence

from tui.gateway.recogniser import RecognisedWord

SENTENCE_ENDS = (".", "?", "!", "。", "？", "！")
MAX_LOOP_WORDS = 8
"""Longest phrase that is checked for repetition."""
MIN_WORD_S = 0.05
"""Words of a phrase take longer than this on average, also of the fastest speaker."""


def misses_start(words: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether a transcription lacks the first word of another of the same audio."""
    return bool(other) and _bare(other[0]) not in [_bare(word) for word in words[:2]]


def strip_repetition(words: Sequence[str], settled: int = 0) -> int:
    """Return how many words to keep so that they do not end with a repeated phrase.

    A single word may occur three times, as in "no, no, no". An incomplete repetition is removed as well.

    Args:
        words: of a transcription.
        settled: how many of them always stay.
    """
    bare = [_bare(word) for word in words]
    for length in range(1, MAX_LOOP_WORDS + 1):
        same = 0
        while same < len(bare) - length and bare[-1 - same] == bare[-1 - same - length]:
            same += 1
        if same >= (3 if length == 1 else length):
            return max(settled, len(words) - same)
    return len(words)


def strip_timeless_repetition(words: Sequence[RecognisedWord], settled: int = 0) -> int:
    """Return how many words to keep so that they do not end with a long phrase that is repeated in no time.

    After a short clip, Whisper may say all of it again; the aligner finds no sound for that and puts it at one moment.
    Speakers repeat long phrases, too, but take their time. Shorter ones are those of `strip_repetition`.

    Args:
        words: of a transcription.
        settled: how many of them always stay.
    """
    bare = [_bare(word.text) for word in words]
    for length in range(MAX_LOOP_WORDS + 1, len(words) // 2 + 1):
        took_s = words[-1].end_s - words[-length].start_s
        if bare[-length:] == bare[-2 * length : -length] and took_s < MIN_WORD_S * length:
            return max(settled, len(words) - length)
    return len(words)


def _bare(word: str) -> str:
    """Return a word without case and punctuation."""
    return "".join(sign for sign in word.lower() if sign.isalnum())
