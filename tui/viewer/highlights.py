"""What a person wants to stand out when it is said: words and expressions from the config's `[highlights]`. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tui.config.schema import Highlight, Style
from tui.errors import ConfigError
from tui.viewer.styled_text import Line, Span, restyle_ranges

STYLES: dict[Style, str] = {
    "mark": "found",
    "accent": "accent strong",
    "good": "good strong",
    "warn": "warn strong",
    "bad": "bad strong",
    "strong": "strong",
}
"""Inks by the names of styles."""


class Rule(NamedTuple):
    """What to look for, and what to do when it is there."""

    text: str
    """As the config says it."""
    pattern: re.Pattern[str]
    action: Highlight


def compiled(table: Mapping[str, Style | Highlight]) -> tuple[list[Rule], list[ConfigError]]:
    """Return the rules of a table, and what is wrong with those that were left out.

    Args:
        table: by what is sought: a word or several, whatever their capitals, or an expression between slashes.
    """
    rules: list[Rule] = []
    problems: list[ConfigError] = []
    for sought, wanted in table.items():
        try:
            pattern = _pattern(sought)
        except re.error as error:
            problems.append(ConfigError(f"highlights: {sought} is no expression: {error}.", "Left out until mended."))
            continue
        rules.append(Rule(sought, pattern, wanted if isinstance(wanted, Highlight) else Highlight(style=wanted)))
    return rules, problems


def _pattern(sought: str) -> re.Pattern[str]:
    if len(sought) > 2 and sought[0] == sought[-1] == "/":
        return re.compile(sought[1:-1])
    words = r"\s+".join(map(re.escape, sought.split())) or r"(?!)"
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)


def styled(spans: Sequence[Span], rules: Iterable[Rule]) -> Line:
    """Return the text with each rule's style laid over what it finds; an expression that finds nothing lays none."""
    line = tuple(spans)
    text = "".join(span.text for span in line)
    for rule in rules:
        places = [found.span() for found in rule.pattern.finditer(text) if found.end() > found.start()]
        line = restyle_ranges(line, places, STYLES[rule.action.style])
    return line


def matching_rules(text: str, rules: Iterable[Rule]) -> list[Rule]:
    """Return the rules that find something in a text."""
    return [rule for rule in rules if any(found.group() for found in rule.pattern.finditer(text))]
