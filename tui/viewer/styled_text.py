"""Lines of styled text: wrapping, truncation, alignment, and the cells that differ between two lines. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size

MERGE_GAP = 10
"""Unchanged cells between two changed ranges that cost less to repaint than a cursor movement."""


class Span(NamedTuple):
    """A piece of text in one style."""

    text: str
    style: str = ""
    """Names of component classes without `style-`, separated by spaces; empty for the widget's own style."""
    action: str = ""
    """Action that a click on the text runs; empty for none."""


Line = tuple[Span, ...]


def cells(text: str) -> int:
    """Return the width of a text in cells."""
    # Rich keeps each text that it has measured.
    return len(text) if text.isascii() and text.isprintable() else cell_len(text)


def width(line: Iterable[Span]) -> int:
    """Return the width of a line in cells."""
    return sum(cells(span.text) for span in line)


def wrap(spans: Sequence[Span], columns: int) -> list[Line]:
    """Return the text as lines of at most `columns` cells, broken at spaces if possible.

    A character that is wider than `columns` gets a line of its own.
    """
    text = "".join(span.text for span in spans)
    ends = list(_breaks(text, max(1, columns)))
    if len(spans) == 1:
        (only,) = spans
        return [(only._replace(text=text[start:end]),) for start, end in ends]
    return [tuple(_cut(spans, start, end)) for start, end in ends]


def _breaks(text: str, columns: int) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each line, as positions in the text."""
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
    """Return the end of the longest piece from `start` that fits `columns` cells, at least one character long."""
    taken = 0
    for index in range(start, stop):
        taken += get_character_cell_size(text[index])
        if taken > columns:
            return max(index, start + 1)
    return stop


def _cut(spans: Iterable[Span], start: int, end: int) -> Iterator[Span]:
    """Yield the part of the spans between two positions of their joined text."""
    at = 0
    for span in spans:
        after = at + len(span.text)
        if after > start and at < end:
            yield span._replace(text=span.text[max(0, start - at) : end - at])
        at = after


def truncate(line: Sequence[Span], columns: int) -> Line:
    """Return the line cut to `columns` cells, with an ellipsis if something was cut."""
    if width(line) <= columns:
        return tuple(line)
    parts: list[Span] = []
    left = columns - 1
    for span in line:
        size = cells(span.text)
        if size > left:
            end = _fit(span.text, 0, len(span.text), left) if left > 0 else 0
            text = span.text[:end] if cells(span.text[:end]) <= left else ""
            parts.append(span._replace(text=text + "…" if columns > 0 else ""))
            break
        parts.append(span)
        left -= size
    return tuple(parts)


def pad(line: Sequence[Span], columns: int, style: str = "") -> Line:
    """Return the line truncated or padded to exactly `columns` cells.

    Args:
        line: the line.
        columns: width of the result.
        style: style of the padding.
    """
    line = truncate(line, columns)
    missing = columns - width(line)
    return (*line, Span(" " * missing, style)) if missing > 0 else tuple(line)


def justify(left: Sequence[Span], right: Sequence[Span], columns: int, style: str = "") -> Line:
    """Return one line with `left` at its start and `right` at its end; `left` is truncated to fit."""
    right = truncate(right, columns)
    return (*pad(left, columns - width(right), style), *right)


def restyle(line: Iterable[Span], style: str) -> Line:
    """Return the line with a style added to each span."""
    return tuple(span._replace(style=f"{span.style} {style}".strip()) for span in line)


def highlight(line: Line, needle: str, style: str) -> Line:
    """Return the line with a style added to each occurrence of `needle`, regardless of case."""
    text = "".join(span.text for span in line)
    found = re.finditer(re.escape(needle), text, re.IGNORECASE) if needle else ()
    return restyle_ranges(line, [match.span() for match in found], style)


def restyle_ranges(line: Line, ranges: Iterable[tuple[int, int]], style: str) -> Line:
    """Return the line with a style added to ranges of its text.

    Args:
        line: the line.
        ranges: start and end of each range, in order, without overlap.
        style: style to add.
    """
    text = "".join(span.text for span in line)
    result: list[Span] = []
    at = 0
    for start, end in ranges:
        result += _cut(line, at, start)
        result += restyle(_cut(line, start, end), style)
        at = end
    return (*result, *_cut(line, at, len(text))) if result else line


def changed_cells(old: Line, new: Line, gap: int = MERGE_GAP) -> list[tuple[int, int]]:
    """Return the ranges of cells that differ between two lines, as start and end.

    Args:
        old: one line.
        new: the other line.
        gap: ranges with fewer unchanged cells between them are merged.
    """
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
    """Return character, style and action of each cell; the second cell of a wide character is empty."""
    cells: list[tuple[str, str, str]] = []
    for text, style, action in line:
        for character in text:
            size = get_character_cell_size(character)
            if size == 0 and cells:
                cells[-1] = (cells[-1][0] + character, *cells[-1][1:])
                continue
            cells.append((character, style, action))
            cells.extend([("", style, action)] * (size - 1))
    return cells
