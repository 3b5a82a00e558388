"""Rows of a message that is shown one row at a time: in the footer, or in the border of a dialog. Pure."""

import re

from tui.viewer.styled_text import Span, cells, wrap

CONTINUED = " …"
"""End of a row after which another one is shown."""
_SENTENCE_END = re.compile(r"(?<=[.?]) ")


def message_rows(text: str, columns: int) -> list[str]:
    """Return the rows of a message; a sentence that fits in a row is not broken.

    Args:
        text: one line; sanitised by the caller.
        columns: cells of a row.
    """
    rows: list[str] = []
    *others, last = _SENTENCE_END.split(text)
    for sentence in others:
        rows = _added(rows, sentence, columns - len(CONTINUED), columns - len(CONTINUED))
    rows = _added(rows, last, columns, columns - len(CONTINUED))
    return [*(f"{row}{CONTINUED}" for row in rows[:-1]), *rows[-1:]]


def _added(rows: list[str], sentence: str, columns: int, broken: int) -> list[str]:
    """Return the rows with a sentence: in the last row, in a row of its own, or broken into several.

    Args:
        rows: the rows before it.
        sentence: the sentence.
        columns: cells of a row that ends with it.
        broken: cells of the rows into which it is broken.
    """
    if rows and cells(f"{rows[-1]} {sentence}") <= columns:
        return [*rows[:-1], f"{rows[-1]} {sentence}"]
    width = columns if cells(sentence) <= columns else broken
    return [*rows, *("".join(span.text for span in row) for row in wrap([Span(sentence)], width))]
