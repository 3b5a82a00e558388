"""How long a key takes to be painted."""

from collections.abc import Callable
from itertools import cycle

from tests.bench.terminal import Terminal

PRESSED = 150
"""Keys that are pressed for one figure."""
PAUSE_S = 0.12
"""Least pause between two keys; some are longer, so that no rhythm of a program's own decides."""
ANSWER_S = 2.0
"""Longest wait for a key to be painted."""


def key_ms(terminal: Terminal, keys: str, told: Callable[[str], object]) -> list[float]:
    """Return how long each of many keys took until the screen had changed.

    Args:
        terminal: where they are pressed.
        keys: names of the keys that take turns, a space between.
        told: what of the screen they change, whatever else changes on it.
    """
    taken: list[float] = []
    for at, key in zip(range(PRESSED), cycle(keys.split())):
        terminal.watch(PAUSE_S + at % 7 * 0.013)
        before = told(terminal.text)

        def changed(text: str, before: object = before) -> bool:
            return told(text) != before

        terminal.press(key)
        taken.append(1000 * terminal.wait_for(changed, ANSWER_S))
    return taken
