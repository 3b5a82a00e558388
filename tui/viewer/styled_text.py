"""Lines of inked text: wrapping, cutting, and which cells differ between two of them. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size

MERGE_GAP = 10
"""Unchanged cells between two changed stretches that cost less to paint again than to jump over."""


class Span(NamedTuple):
    """A stretch of text in one ink."""

    text: str
    style: str = ""
    """Names of component classes without their `style-`, a space between; empty for the widget's own style."""
    action: str = ""
    """Action that a click on it runs; empty for none."""


Line = tuple[Span, ...]


def width(line: Iterable[Span]) -> int:
    """Return how many cells the line takes."""
    return sum(cell_len(span.text) for span in line)


def wrap(spans: Sequence[Span], columns: int) -> list[Line]:
    """Return the text as lines of at most `columns` cells, broken at spaces where there are any.

    A character wider than `columns` gets a line of its own.
    """
    text = "".join(span.text for span in spans)
    ends = list(_breaks(text, max(1, columns)))
    if len(spans) == 1:
        (only,) = spans
        return [(only._replace(text=text[start:end]),) for start, end in ends]
    return [tuple(_cut(spans, start, end)) for start, end in ends]


def _breaks(text: str, columns: int) -> Iterator[tuple[int, int]]:
    """Yield where each line starts and ends."""
    start = 0
    for paragraph in text.split("\n"):
        stop = start + len(paragraph)
        single = paragraph.isascii() or all(get_character_cell_size(character) == 1 for character in paragraph)
        position = start
        while True:
            limit = position + columns if single else _fit(text, position, stop, columns)
            if limit >= stop:
                yield position, stop
                break
            space = text.rfind(" ", position, limit + 1)
            if space <= position:
                yield position, limit
                position = limit
            else:
                yield position, space
                position = space + 1
        start = stop + 1


def _fit(text: str, start: int, stop: int, columns: int) -> int:
    """Return the end of the longest piece from `start` that `columns` cells hold, one character at least."""
    taken = 0
    for index in range(start, stop):
        taken += get_character_cell_size(text[index])
        if taken > columns:
            return max(index, start + 1)
    return stop


def _cut(spans: Iterable[Span], start: int, end: int) -> Iterator[Span]:
    """Yield what the spans hold between two positions of their joined text."""
    at = 0
    for span in spans:
        after = at + len(span.text)
        if after > start and at < end:
            yield span._replace(text=span.text[max(0, start - at) : end - at])
        at = after


def truncate(line: Sequence[Span], columns: int) -> Line:
    """Return the line cut to `columns` cells, an ellipsis at its end if something is missing."""
    if width(line) <= columns:
        return tuple(line)
    kept: list[Span] = []
    left = columns - 1
    for span in line:
        size = cell_len(span.text)
        if size > left:
            end = _fit(span.text, 0, len(span.text), left) if left > 0 else 0
            text = span.text[:end] if cell_len(span.text[:end]) <= left else ""
            kept.append(span._replace(text=text + "…" if columns > 0 else ""))
            break
        kept.append(span)
        left -= size
    return tuple(kept)


def pad(line: Sequence[Span], columns: int, ink: str = "") -> Line:
    """Return the line cut or made longer to exactly `columns` cells."""
    line = truncate(line, columns)
    missing = columns - width(line)
    return (*line, Span(" " * missing, ink)) if missing > 0 else tuple(line)


def justify(left: Sequence[Span], right: Sequence[Span], columns: int, ink: str = "") -> Line:
    """Return one line with `left` at its start and `right` at its end; the left gives way."""
    right = truncate(right, columns)
    return (*pad(left, columns - width(right), ink), *right)


def restyle(line: Iterable[Span], ink: str) -> Line:
    """Return the line with another ink laid over its own."""
    return tuple(span._replace(style=f"{span.style} {ink}".strip()) for span in line)


def highlight(line: Line, needle: str, ink: str) -> Line:
    """Return the line with another ink laid over every place where `needle` stands, capitals or not."""
    text = "".join(span.text for span in line)
    found = re.finditer(re.escape(needle), text, re.IGNORECASE) if needle else ()
    return restyle_ranges(line, [match.span() for match in found], ink)


def restyle_ranges(line: Line, places: Iterable[tuple[int, int]], ink: str) -> Line:
    """Return the line with another ink laid over places in its text, each a start and an end, in order."""
    text = "".join(span.text for span in line)
    marked: list[Span] = []
    at = 0
    for start, end in places:
        marked += _cut(line, at, start)
        marked += restyle(_cut(line, start, end), ink)
        at = end
    return (*marked, *_cut(line, at, len(text))) if marked else line


def changed_cells(old: Line, new: Line, gap: int = MERGE_GAP) -> list[tuple[int, int]]:
    """Return the stretches of cells, as start and end, that differ between two lines."""
    if old == new:
        return []
    same = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), None)
    if same is None:
        same = min(len(old), len(new))
    offset = width(old[:same])
    before, after = _cells(old[same:]), _cells(new[same:])
    size = max(len(before), len(after))
    blank = (" ", "", "")
    before += [blank] * (size - len(before))
    after += [blank] * (size - len(after))
    runs: list[tuple[int, int]] = []
    for index in (index for index in range(size) if before[index] != after[index]):
        start, end = index, index + 1
        while start > 0 and "" in (before[start][0], after[start][0]):
            start -= 1
        while end < size and "" in (before[end][0], after[end][0]):
            end += 1
        if runs and start - runs[-1][1] < gap:
            runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
        else:
            runs.append((start, end))
    return [(start + offset, end + offset) for start, end in runs]


def _cells(line: Line) -> list[tuple[str, str, str]]:
    """Return the line cell by cell; the second half of a wide character is empty."""
    cells: list[tuple[str, str, str]] = []
    for text, ink, action in line:
        for character in text:
            size = get_character_cell_size(character)
            if size == 0 and cells:
                cells[-1] = (cells[-1][0] + character, *cells[-1][1:])
                continue
            cells.append((character, ink, action))
            cells.extend([("", ink, action)] * (size - 1))
    return cells
