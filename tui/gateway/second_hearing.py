"""Whether a text of a clip is doubtful, and what a second text of the same clip makes better. Pure.

The two decodes get different hints, so they seldom make the same mistake, and a decoder is less sure of a mistake than
of what was said: of two texts that differ somewhere, the more confident one is more often right there. The combination
of several recognisers by their confidence is known as ROVER (Fiscus, 1997, "A post-processing system to yield reduced
word error rates").
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

import msgspec

from tui.gateway.coverage import normalized
from tui.gateway.recogniser import RecognisedWord

DOUBT = 0.5
"""A text with a word of lower confidence is doubtful: about a third of them. With 0.6 it is half of them, for few more
words."""
MAX_DIFFERENCE = 2
"""Two texts differ by more words where one of them skips speech, which its confidence does not show."""
_LOOP = re.compile(r"(.{1,4}?)\1{4}")
"""A syllable five times: a loop inside a word, of which the decoder is very sure."""


def is_doubtful(words: Sequence[RecognisedWord], known_s: float) -> bool:
    """Return whether a second decode of the clip may hear something better.

    Args:
        words: of the clip, in order.
        known_s: as `Clip.known_s`.
    """
    new = [word for word in words if word.end_s > known_s]
    return bool(new) and _confidence(new) < DOUBT


def more_confident(words: Sequence[RecognisedWord], others: Sequence[RecognisedWord]) -> tuple[RecognisedWord, ...]:
    """Return the words, with those of the other text where they replace less confident ones; none is added or left out.

    Args:
        words: of a clip, in order.
        others: of the same clip.
    """
    texts, other_texts = ([normalized(word.text) for word in text] for text in (words, others))
    chosen: list[RecognisedWord] = []
    for change, start, end, other_start, other_end in SequenceMatcher(
        None, texts, other_texts, autojunk=False
    ).get_opcodes():
        ours, theirs = words[start:end], others[other_start:other_end]
        near = abs(len(ours) - len(theirs)) <= MAX_DIFFERENCE
        if change == "replace" and near and _confidence(theirs) > _confidence(ours):
            high_s = words[end].start_s if end < len(words) else max(ours[-1].end_s, theirs[-1].end_s)
            chosen += _between(theirs, chosen[-1].end_s if chosen else 0.0, high_s)
        else:
            chosen += ours
    return tuple(chosen)


def _confidence(words: Sequence[RecognisedWord]) -> float:
    """Return the lowest confidence of the words: a mistake often splits a word into a rare piece and a sure one."""
    return min(0.0 if _LOOP.search(word.text) else word.confidence for word in words)


def _between(words: Sequence[RecognisedWord], low_s: float, high_s: float) -> list[RecognisedWord]:
    """Return words with their times between those of their new neighbours."""
    return [
        msgspec.structs.replace(
            word, start_s=min(max(word.start_s, low_s), high_s), end_s=min(max(word.end_s, low_s), high_s)
        )
        for word in words
    ]
