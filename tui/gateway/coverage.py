"""Check that words account for the speech in the audio, and put words of overlapping clips together. Pure.

Times are seconds from the connection's first sample. A decoder that skips speech leaves a hole between two words, ends
early or starts late; its alignment often stretches a word over the hole, and such a word has a low confidence.
"""

from collections.abc import Sequence

import msgspec

from tui.gateway.recogniser import RecognisedWord

Span = tuple[float, float]
"""Start and end."""
MIN_GAP_S = 0.5
"""Shortest stretch of speech that counts as missing: two or three words."""
MIN_START_S = 0.3
"""The same where a text starts: an earlier text ends there."""
MARGIN_S = 0.1
"""Error of a word's time."""
WORD_S = 0.35
LETTER_S = 0.08
"""A slowly spoken word takes no longer than the first and so much per letter; a longer one hides a hole."""
CONFIDENT = 0.5
"""A long word with a lower confidence gets half of that time."""
MIN_LOST = 3
"""So many words fewer than an earlier decode of the same audio mean skipped speech, not other words."""
JOIN_S = 0.4
"""Largest difference between the times that two decodes of the same audio give a word."""
JOIN_WORDS = 4
"""Words that are compared on each side of a join."""


def uncovered(words: Sequence[RecognisedWord], speech: Sequence[Span]) -> list[Span]:
    """Return the stretches of speech that no word accounts for, if they are long enough for one.

    Args:
        words: in order.
        speech: where the detector found speech, in order and without overlaps.
    """
    if not speech:
        return []
    gaps, position, shortest_s = [], speech[0][0], MIN_START_S
    for start, end in [*map(_claim, words), (speech[-1][1], speech[-1][1])]:
        if speech_s(speech, (position, start)) >= shortest_s:
            gaps.append((position, start))
        position, shortest_s = max(position, end), MIN_GAP_S
    return gaps


def skips(words: Sequence[RecognisedWord], previous: Sequence[RecognisedWord]) -> bool:
    """Return whether a decode has `MIN_LOST` words fewer than an earlier one in the time of that one's words."""
    again = sum(1 for word in words if middle_s(word) < previous[-1].end_s + MARGIN_S)
    return again <= len(previous) - MIN_LOST


def speech_s(speech: Sequence[Span], span: Span) -> float:
    """Return the seconds of speech in a span."""
    return sum(max(0.0, min(end, span[1]) - max(start, span[0])) for start, end in speech)


def continuation(
    before: Sequence[RecognisedWord], words: Sequence[RecognisedWord], boundary_s: float
) -> tuple[RecognisedWord, ...]:
    """Return the words that continue an earlier text; the rest repeats its end.

    Two decodes give a word slightly different times, so the texts decide near the boundary: the cut is where the words
    before it agree best with the earlier ones.

    Args:
        before: words of the earlier text, up to the boundary.
        words: a text of audio that starts before the boundary.
        boundary_s: where the earlier text ends.
    """
    # A pause may lie before the boundary: a word there is new and has a wrong time.
    end_s = min([boundary_s, *(word.end_s + MARGIN_S for word in before[-1:])])
    middles = [sum(_claim(word)) / 2 for word in words]
    by_time, first, last = (
        sum(middle < at for middle in middles) for at in (end_s, end_s - JOIN_S, boundary_s + JOIN_S)
    )
    near = range(first, last + 1)
    best = max(near, key=lambda cut: (_agreement(before, words[:cut]), -abs(cut - by_time)))
    return tuple(words[best:])


def fill(words: Sequence[RecognisedWord], gap: Span, found: Sequence[RecognisedWord]) -> tuple[RecognisedWord, ...]:
    """Return the words with those of another decode in a gap, or unchanged if that adds none.

    Args:
        words: in order, with a gap.
        gap: as `uncovered` returns it.
        found: words of a clip around the gap.
    """
    left = [word for word in words if word.end_s <= gap[0] + MARGIN_S]
    right = [word for word in words[len(left) :] if word.start_s >= gap[1] - MARGIN_S]
    replaced = words[len(left) : len(words) - len(right)]
    found = [_trimmed(word) for word in found]
    inner = continuation(left, found, left[-1].end_s if left else gap[0])
    end_s = right[0].start_s if right else gap[1]
    inner = tuple(map(_mirrored, continuation(_mirror(right), _mirror(inner), -end_s)))[::-1]
    return (*left, *inside(inner, left, right), *right) if len(inner) > len(replaced) else tuple(words)


def middle_s(word: RecognisedWord) -> float:
    """Return the middle of a word."""
    return (word.start_s + word.end_s) / 2


def shifted(word: RecognisedWord, offset_s: float) -> RecognisedWord:
    """Return a word at a later time."""
    return msgspec.structs.replace(word, start_s=word.start_s + offset_s, end_s=word.end_s + offset_s)


def normalized(text: str) -> str:
    """Return a word without case and punctuation."""
    return "".join(sign for sign in text.lower() if sign.isalnum())


def _claim(word: RecognisedWord) -> Span:
    """Return the time that a word accounts for: its end, if it is longer than a word can be."""
    longest_s = WORD_S + LETTER_S * len(word.text)
    if word.end_s - word.start_s <= longest_s:
        return word.start_s - MARGIN_S, word.end_s + MARGIN_S
    return word.end_s - longest_s * (1.0 if word.confidence >= CONFIDENT else 0.5), word.end_s + MARGIN_S


def _trimmed(word: RecognisedWord) -> RecognisedWord:
    """Return a word without the audio that it does not account for."""
    return msgspec.structs.replace(word, start_s=max(word.start_s, _claim(word)[0]))


def _agreement(before: Sequence[RecognisedWord], words: Sequence[RecognisedWord]) -> float:
    """Return the share of the last words of two texts that are the same, counted from their ends.

    It is a share since two decodes may differ in a word, and since a word said three times agrees with itself at each
    place: then the times decide.
    """
    pairs = list(zip(reversed(before[-JOIN_WORDS:]), reversed(words[-JOIN_WORDS:]), strict=False))
    return sum(normalized(one.text) == normalized(other.text) for one, other in pairs) / max(1, len(pairs))


def _mirror(words: Sequence[RecognisedWord]) -> list[RecognisedWord]:
    """Return words as in audio played backwards."""
    return [_mirrored(word) for word in reversed(words)]


def _mirrored(word: RecognisedWord) -> RecognisedWord:
    return msgspec.structs.replace(word, start_s=-word.end_s, end_s=-word.start_s)


def inside(
    words: Sequence[RecognisedWord], left: Sequence[RecognisedWord], right: Sequence[RecognisedWord]
) -> list[RecognisedWord]:
    """Return words with their times between two neighbours."""
    low = left[-1].end_s if left else float("-inf")
    high = max(low, right[0].start_s) if right else float("inf")
    return [
        msgspec.structs.replace(word, start_s=min(max(word.start_s, low), high), end_s=min(max(word.end_s, low), high))
        for word in words
    ]
