"""Whether a clip needs a second decoding pass, and the combination of the texts of both. Pure.

The two decodes get different hints, so they seldom make the same mistake, and a decoder is less sure of a mistake than
of what was said: of two texts that differ somewhere, the more confident one is more often right there. The combination
of several recognisers by their confidence is known as ROVER (Fiscus, 1997, "A post-processing system to yield reduced
word error rates").
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from tui.gateway.coverage import MIN_LOST, inside, normalized
from tui.gateway.recogniser import RecognisedWord

MIN_CONFIDENCE = 0.5
"""A text with a word of lower confidence gets a second pass: about a third of them. With 0.6 it is half of them, for
few more correct words."""
_LOOP = re.compile(r"(.{1,4}?)\1{4}")
"""A syllable five times: a loop inside a word, of which the decoder is very sure."""


def is_uncertain(words: Sequence[RecognisedWord], context_s: float) -> bool:
    """Return whether a second decode of the clip may find likelier words.

    Args:
        words: of the clip, in order.
        context_s: as `Clip.context_s`.
    """
    new = [word for word in words if word.end_s > context_s]
    return bool(new) and _lowest_confidence(new) < MIN_CONFIDENCE


def combine(words: Sequence[RecognisedWord], others: Sequence[RecognisedWord]) -> tuple[RecognisedWord, ...]:
    """Return the words, with those of the other text in place of less confident ones; insertions change nothing.

    Args:
        words: of a clip, in order.
        others: of the same clip.
    """
    texts, other_texts = ([normalized(word.text) for word in text] for text in (words, others))
    chosen: list[RecognisedWord] = []
    matcher = SequenceMatcher(None, texts, other_texts, autojunk=False)
    for change, start, end, other_start, other_end in matcher.get_opcodes():
        ours, theirs = words[start:end], others[other_start:other_end]
        # A text that skips speech may be confident of the rest.
        complete = abs(len(ours) - len(theirs)) < MIN_LOST
        if change == "replace" and complete and _lowest_confidence(theirs) > _lowest_confidence(ours):
            chosen += inside(theirs, chosen, words[end:])
        else:
            chosen += ours
    return tuple(chosen)


def _lowest_confidence(words: Sequence[RecognisedWord]) -> float:
    """Return the lowest confidence of the words: a mistake often splits a word into a rare piece and a sure one."""
    return min(0.0 if _LOOP.search(word.text) else word.confidence for word in words)
