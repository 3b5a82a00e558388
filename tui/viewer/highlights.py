"""Styles of highlighted words and expressions. Pure."""

from collections.abc import Iterable, Sequence

from tui.config.schema import Style
from tui.presentation.highlight_rules import Rule
from tui.viewer.styled_text import Line, Span, restyle_ranges

STYLES: dict[Style, str] = {
    "mark": "found",
    "accent": "accent strong",
    "good": "good strong",
    "warn": "warn strong",
    "bad": "bad strong",
    "strong": "strong",
}
"""Component styles of the styles that the config names."""


def apply_rules(spans: Sequence[Span], rules: Iterable[Rule]) -> Line:
    """Return the spans with each rule's style added to its matches; empty matches are ignored."""
    line = tuple(spans)
    text = "".join(span.text for span in line)
    for rule in rules:
        ranges = [found.span() for found in rule.pattern.finditer(text) if found.end() > found.start()]
        line = restyle_ranges(line, ranges, STYLES[rule.action.style])
    return line
