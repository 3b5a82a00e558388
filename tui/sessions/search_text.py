"""Text as the search index holds it: folded, with the signs of scripts that are written without spaces apart. Pure.

FTS5 finds whole words. In Chinese, Japanese, Thai and the like it would take a sentence for one word, so each sign is
made a word of its own there, and a query of several signs becomes a phrase. Korean has spaces, but glues particles to
its words, so it is treated alike.

Folding removes differences that do not matter to a search: the width of East Asian characters and other compatibility
forms (NFKC), forms of Arabic letters and digits, vowel marks, and characters without a width.
"""

import re
import unicodedata
from collections.abc import Iterator

BEGIN_MARK, END_MARK = "\x02", "\x03"
"""Characters around a match in a snippet; no indexed text contains them."""
ELLIPSIS = "…"
"""Stands in a snippet for text that is left out; NFKC leaves none in folded text."""

_SEPARATOR = "\x1f"
"""Stands between signs; no other text contains it."""
_SIGN = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Myanmar, Khmer
    "\u3005-\u3007\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff"  # Japanese, Bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\uac00-\ud7a3"  # Korean
    "]"
)
_REMOVED = (
    *(0x00AD, 0x200D, 0x2060),  # soft hyphen, joiners
    0x0640,  # tatweel
    *range(0x0610, 0x061B), *range(0x064B, 0x0660), 0x0670, *range(0x06D6, 0x06DD),  # Arabic vowel marks
)  # fmt: skip
_FOLDED = (
    dict.fromkeys(_REMOVED)
    | {
        ord(letter): folded
        for letters, folded in (("آأإٱ", "ا"), ("ىیې", "ي"), ("کڪ", "ك"), ("ة", "ه"))
        for letter in letters
    }
    | {zero + digit: str(digit) for zero in (0x0660, 0x06F0) for digit in range(10)}
)
_CONTINUING = re.compile("[\u1160-\u11ff\uff9e\uff9f]")
"""Characters that join the one before them, beside combining marks: Korean letters, half-width voicing marks."""


def fold(text: str) -> str:
    """Return `text` as it is indexed and searched."""
    if text.isascii():
        return text
    return _SIGN.sub(rf"{_SEPARATOR}\g<0>{_SEPARATOR}", unicodedata.normalize("NFKC", text).translate(_FOLDED))


def unfold_snippet(snippet: str, text: str) -> tuple[str, ...]:
    """Return a snippet of folded text with the spelling of the text it is from.

    Args:
        snippet: part of `fold(text)`, with `BEGIN_MARK` and `END_MARK` around each match, and `ELLIPSIS` at its ends.
        text: the text before folding.

    Returns:
        The snippet in parts: every second one is a match.
    """
    parts = split_snippet(snippet)
    folded, starts, ends = _align(text)
    parts_folded = [part.strip(ELLIPSIS) for part in parts]
    at = folded.find("".join(parts_folded))
    if at < 0:
        return tuple(part.replace(_SEPARATOR, "") for part in parts)
    spelled: list[str] = []
    start = starts[at]
    for number, part in enumerate(parts_folded):
        at += len(part)
        is_before_match = number % 2 == 0 and number + 1 < len(parts)
        end = starts[at] if is_before_match else ends[at]
        spelled.append(text[start:end])
        start = end
    if snippet.startswith(ELLIPSIS):
        spelled[0] = ELLIPSIS + spelled[0]
    if snippet.endswith(ELLIPSIS):
        spelled[-1] += ELLIPSIS
    return tuple(spelled)


def split_snippet(snippet: str) -> tuple[str, ...]:
    """Return the parts of a snippet: every second one is a match."""
    return tuple(re.split(f"[{BEGIN_MARK}{END_MARK}]", snippet))


def _align(text: str) -> tuple[str, list[int], list[int]]:
    """Return the folded text, and for each position in it one in `text`: where a match starts, and where one ends."""
    folded = ""
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _characters(text):
        piece = fold(text[start:end])
        folded += piece
        starts += [start] * len(piece)
        ends += [start, *[end] * (len(piece) - 1)][: len(piece)]
    return folded, [*starts, len(text)], [*ends, len(text)]


def _characters(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each character of `text` with its combining marks."""
    start = 0
    for position in range(1, len(text)):
        character = text[position]
        if not (unicodedata.category(character).startswith("M") or _CONTINUING.match(character)):
            yield start, position
            start = position
    if text:
        yield start, len(text)
