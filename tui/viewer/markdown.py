"""Renderer of the subset of Markdown that LLMs write, as styled spans. Pure; time is linear in the text.

It styles headings, lists, quotes, rules, fences, strong, emphasis and code; other syntax stays as written. Links show
their text and their target and cannot be clicked.
"""

import re
from collections.abc import Iterator

from tui.viewer.styled_text import Line, Span, wrap

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*$")
_ITEM = re.compile(r"(\s*)([-*+]|\d{1,3}[.)])\s+(.*)")
_QUOTE = re.compile(r"\s{0,3}>\s?(.*)")
_RULE = re.compile(r"\s{0,3}([-*_])(\s*\1){2,}\s*$")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_INLINE = re.compile(
    r"(?P<code>`(?P<code_text>[^`\n]{1,400})`)"
    r"|(?P<strong>\*\*(?P<strong_text>\S(?:[^*\n]{0,400}\S)?)\*\*)"
    r"|(?P<em>\*(?P<em_text>[^\s*](?:[^*\n]{0,400}[^\s*])?)\*)"
    r"|(?P<link>\[(?P<link_text>[^\[\]\n]{1,200})\]\((?P<link_to>[^()\s]{1,400})\))"
)

BLANK: Line = (Span(""),)


def markdown(text: str, columns: int) -> list[Line]:
    """Return Markdown as lines of at most `columns` cells.

    Args:
        text: sanitised Markdown.
        columns: maximum width of a line.
    """
    lines: list[Line] = []
    fenced = False
    for line in text.strip("\n").split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        elif fenced:
            lines += _hanging((Span("  "),), [Span(line, "code")], columns)
        elif not line.strip():
            if lines and lines[-1] != BLANK:
                lines.append(BLANK)
        else:
            lines += _block(line, columns)
    while lines and lines[-1] == BLANK:
        lines.pop()
    return lines


def _block(line: str, columns: int) -> list[Line]:
    if found := _HEADING.match(line):
        return wrap([Span(found[2], "heading")], columns)
    if _RULE.match(line):
        return [(Span("─" * min(columns, 24), "rule"),)]
    if found := _ITEM.match(line):
        sign = "•" if found[2] in "-*+" else found[2]
        indent = " " * min(len(found[1]), 8)
        return _hanging((Span(f"{indent}{sign} ", "muted"),), list(inline(found[3])), columns)
    if found := _QUOTE.match(line):
        return _hanging(
            (Span("│ ", "muted"),),
            [span._replace(style=f"{span.style} em".strip()) for span in inline(found[1])],
            columns,
        )
    return wrap(list(inline(line.strip())), columns)


def _hanging(prefix: Line, spans: list[Span], columns: int) -> list[Line]:
    """Return the spans wrapped with a hanging indent behind a prefix."""
    indent = len(prefix[0].text)
    wrapped = wrap(spans, columns - indent)
    blank = prefix if prefix[0].text == "│ " else (Span(" " * indent),)
    return [((*prefix, *line) if at == 0 else (*blank, *line)) for at, line in enumerate(wrapped)]


def inline(text: str) -> Iterator[Span]:
    """Yield spans of a line's text with strong, emphasis, code and links styled; at least one span."""
    at = 0
    for found in _INLINE.finditer(text):
        if found.start() > at:
            yield Span(text[at : found.start()])
        match found.lastgroup:
            case "code":
                yield Span(found["code_text"], "code")
            case "strong":
                yield Span(found["strong_text"], "strong")
            case "em":
                yield Span(found["em_text"], "em")
            case _:
                yield Span(found["link_text"], "strong")
                yield Span(f" ({found['link_to']})", "muted")
        at = found.end()
    if at < len(text) or at == 0:
        yield Span(text[at:])
