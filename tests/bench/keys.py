"""How long a key takes to be painted."""

from collections.abc import Mapping
from itertools import cycle

from tests.bench.terminal import Terminal

PRESSED = 150
"""Keys that are pressed for one figure."""
PAUSE_S = 0.12
"""Least pause between two keys; some are longer, so that no rhythm of a program's own decides."""
ANSWER_S = 2.0
"""Longest wait for a key to be painted."""


def key_ms(terminal: Terminal, keys: Mapping[str, str]) -> list[float]:
    """Return how long each of many keys took until what it changes was painted, whatever else is painted meanwhile.

    Args:
        terminal: where they are pressed.
        keys: keys that take turns, and text that is painted for each and for nothing else.
    """
    taken: list[float] = []
    for at, (key, painted) in zip(range(PRESSED), cycle(keys.items()), strict=False):
        terminal.watch(PAUSE_S + at % 7 * 0.013)
        taken.append(1000 * terminal.answer_s(key, painted.encode(), ANSWER_S))
    return taken
