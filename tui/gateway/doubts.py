"""What of a hearing is not to be believed: what it lacks, where it begins, whether it loops. Pure; words are texts."""

from collections.abc import Sequence

SENTENCE_ENDS = (".", "?", "!", "。", "？", "！")
LONGEST_LOOP = 8
"""Words of a phrase that a decoder says again and again."""


def lacks(heard: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether a hearing has fewer words than another of the same sound, or breaks off where that ends."""
    return len(heard) < len(other) or (len(heard) == len(other) and _ends(other) and not _ends(heard))


def begins_late(heard: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether a hearing leaves out how another of the same sound begins."""
    return bool(other) and _bare(other[0]) not in [_bare(word) for word in heard[:2]]


def unlooped(words: Sequence[str], settled: int = 0) -> int:
    """Return how many of the words to keep so that they do not end with a phrase that is there again and again.

    A single word may be there three times, as in "no, no, no". What begins the phrase once more goes with it.

    Args:
        words: of a hearing.
        settled: how many of them are to stay whatever follows.
    """
    bare = [_bare(word) for word in words]
    for length in range(1, LONGEST_LOOP + 1):
        same = 0
        while same < len(bare) - length and bare[-1 - same] == bare[-1 - same - length]:
            same += 1
        if same >= (3 if length == 1 else length):
            return max(settled, len(words) - same)
    return len(words)


def _ends(words: Sequence[str]) -> bool:
    return bool(words) and words[-1].endswith(SENTENCE_ENDS)


def _bare(word: str) -> str:
    """Return a word without case and punctuation."""
    return "".join(sign for sign in word.lower() if sign.isalnum())
