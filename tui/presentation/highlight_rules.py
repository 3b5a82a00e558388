"""Rules of highlights: words and expressions of the config's `[highlights]`, and what a match does. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tui.config.schema import Highlight, Style
from tui.errors import ConfigError


class Rule(NamedTuple):
    """One highlight: what to find, and what to do with a match."""

    text: str
    """The key in the config."""
    pattern: re.Pattern[str]
    action: Highlight


def compile_rules(table: Mapping[str, Style | Highlight]) -> tuple[list[Rule], list[ConfigError]]:
    """Return the rules of a table, and an error for each entry that was left out.

    Args:
        table: highlights by words, found regardless of case, or by a regular expression between slashes.
    """
    rules: list[Rule] = []
    problems: list[ConfigError] = []
    for key, value in table.items():
        try:
            pattern = _pattern(key)
        except re.error as error:
            problems.append(
                ConfigError(
                    f"[highlights]: {key} is not a valid regular expression: {error}.", "Correct it in the config file."
                )
            )
            continue
        rules.append(Rule(key, pattern, value if isinstance(value, Highlight) else Highlight(style=value)))
    return rules, problems


def _pattern(key: str) -> re.Pattern[str]:
    if len(key) > 2 and key[0] == key[-1] == "/":
        return re.compile(key[1:-1])
    words = r"\s+".join(map(re.escape, key.split())) or r"(?!)"
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)


def matching_rules(text: str, rules: Iterable[Rule]) -> list[Rule]:
    """Return the rules that match a text."""
    return [rule for rule in rules if any(found.group() for found in rule.pattern.finditer(text))]
