"""Captions of readable length and duration, made from the times of words. Pure."""

import itertools
import re
import textwrap
from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from tui.model.transcript import Turn, Word
from tui.text import file_text

MAX_LINE_CHARACTERS = 42
"""Maximum length of a line, after the subtitle guides of Netflix and the BBC."""
MAX_LINES = 2
"""Maximum number of lines in a caption."""
MAX_CUE_S = 7.0
"""Maximum duration of a caption's words, in seconds."""
MIN_CUE_S = 1.0
"""Minimum time that a caption is shown, in seconds, unless the next one starts earlier."""
MIN_SENTENCE_CHARACTERS = 10
"""Minimum length of a caption that is split off at the end of a sentence."""
SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！")
ABBREVIATIONS = frozenset({"Dr.", "Mr.", "Mrs.", "Ms.", "Prof.", "St.", "e.g.", "i.e.", "vs.", "z.B."})
INITIAL = re.compile(r"[A-Z]\.")
CLAUSE_ENDS = (",", ";", ":", "–", "—", "、", "，", "；")
PAUSE_S = 1.0
"""Minimum pause between words that starts a new caption, in seconds."""


class Caption(msgspec.Struct, frozen=True):
    """Lines of text with the times at which they are shown."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]
    speaker: str | None
    """The speaker; `None` if unknown."""


def captions(turns: Iterable[Turn], *, with_speakers: bool = False) -> list[Caption]:
    """Return the captions of final turns in order of time, without overlap.

    Args:
        turns: final turns in any order.
        with_speakers: whether the text of a turn starts with the speaker's name.
    """
    found = [caption for turn in turns for caption in _turn_captions(turn, with_speaker=with_speakers)]
    found.sort(key=lambda caption: caption.start_s)
    shown: list[Caption] = []
    for caption in found:
        if shown and caption.start_s < shown[-1].end_s:
            # Overlapping speech: the earlier caption is cut short, or the later one delayed if both start together.
            if caption.start_s - shown[-1].start_s >= MIN_CUE_S:
                shown[-1] = replace(shown[-1], end_s=caption.start_s)
            else:
                start_s = shown[-1].end_s
                caption = replace(caption, start_s=start_s, end_s=max(caption.end_s, start_s + MIN_CUE_S))
        shown.append(caption)
    return [
        replace(caption, end_s=_readable_end(caption, after.start_s if after else None))
        for caption, after in itertools.zip_longest(shown, shown[1:])
    ]


def _readable_end(caption: Caption, next_s: float | None) -> float:
    """Return the end of a caption: at least `MIN_CUE_S` after its start, but before the next caption."""
    end_s = max(caption.end_s, caption.start_s + MIN_CUE_S)
    return end_s if next_s is None else min(end_s, next_s)


def _turn_captions(turn: Turn, *, with_speaker: bool) -> Iterator[Caption]:
    timed_words = _timed_words(turn)
    if with_speaker and turn.voice and timed_words:
        timed_words[0] = replace(timed_words[0], text=f"{file_text(turn.voice)}: {timed_words[0].text}")
    words: list[Word] = []
    for word in timed_words:
        while words and _starts_new_caption(words, word):
            head = words if _paused(words, word) else words[: _break_index(words)]
            yield _caption(turn, head)
            words = words[len(head) :]
        words.append(word)
    if words:
        yield _caption(turn, words)


def _starts_new_caption(words: list[Word], word: Word) -> bool:
    """Return whether `word` starts a new caption after a caption of `words`."""
    current = " ".join(each.text for each in words)
    longer = f"{current} {word.text}"
    full = (
        len(longer) > MAX_LINE_CHARACTERS
        and len(textwrap.wrap(longer, MAX_LINE_CHARACTERS, break_on_hyphens=False)) > MAX_LINES
    )
    long = word.end_s - words[0].start_s > MAX_CUE_S
    sentence = _ends(words[-1], SENTENCE_ENDS) and len(current) > MAX_LINE_CHARACTERS // 2
    return full or long or sentence or _paused(words, word)


def _paused(words: list[Word], word: Word) -> bool:
    return word.start_s - words[-1].end_s >= PAUSE_S


def _ends(word: Word, signs: tuple[str, ...]) -> bool:
    """Return whether a word ends a sentence or a clause; abbreviations and initials do not."""
    return word.text.endswith(signs) and word.text not in ABBREVIATIONS and not INITIAL.fullmatch(word.text)


def _break_index(words: list[Word]) -> int:
    """Return the number of words up to the last end of a sentence, else of a clause, else all of them."""
    lengths = list(itertools.accumulate(len(word.text) + 1 for word in words))
    for ends, shortest in ((SENTENCE_ENDS, MIN_SENTENCE_CHARACTERS), (CLAUSE_ENDS, MAX_LINE_CHARACTERS // 2)):
        found = [at for at, word in enumerate(words, 1) if _ends(word, ends) and lengths[at - 1] > shortest]
        if found:
            return found[-1]
    return len(words)


def _caption(turn: Turn, words: list[Word]) -> Caption:
    lines = tuple(_wrap(" ".join(word.text for word in words)))
    return Caption(words[0].start_s, max(word.end_s for word in words), lines, turn.voice or None)


def _wrap(text: str) -> list[str]:
    """Return the lines of a text, balanced in length if there are two."""
    lines = textwrap.wrap(text, MAX_LINE_CHARACTERS, break_on_hyphens=False)
    if len(lines) != MAX_LINES:
        return lines
    for width in range(len(text) // 2, MAX_LINE_CHARACTERS):
        balanced = textwrap.wrap(text, max(1, width), break_on_hyphens=False, break_long_words=False)
        if len(balanced) == MAX_LINES and max(map(len, balanced)) <= MAX_LINE_CHARACTERS:
            return balanced
    return lines


def _timed_words(turn: Turn) -> list[Word]:
    """Return the words of a turn's text with their times, each at most a line long.

    The text of a final turn is often reformatted: if its words do not match `words` one to one, they are distributed
    over the turn's time in proportion to their length.
    """
    written = file_text(turn.text).split()
    if len(written) == len(turn.words):
        timed = [
            Word(text, word.start_s, max(word.start_s, word.end_s))
            for text, word in zip(written, turn.words, strict=True)
        ]
    else:
        timed = _spread_evenly(written, turn.start_s, max(turn.start_s, turn.end_s))
    return [part for word in timed for part in _split_word(word)]


def _split_word(word: Word) -> list[Word]:
    """Split a word into parts that fit on a line."""
    return _spread_evenly(
        [word.text[at : at + MAX_LINE_CHARACTERS] for at in range(0, len(word.text), MAX_LINE_CHARACTERS)],
        word.start_s,
        word.end_s,
    )


def _spread_evenly(written: list[str], start_s: float, end_s: float) -> list[Word]:
    total = sum(map(len, written)) or 1
    words: list[Word] = []
    at = start_s
    for text in written:
        until = at + (end_s - start_s) * len(text) / total
        words.append(Word(text, at, until))
        at = until
    return words
