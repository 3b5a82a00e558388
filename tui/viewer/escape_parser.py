"""Parser of keys that tells escape and a following key from an alt chord.

A terminal sends both as the same two characters, and a slow line delivers them at once. Textual takes them for a chord,
so the escape is lost. Terminals with the kitty keyboard protocol send chords as sequences of their own.
"""

from collections.abc import Iterable

from textual._xterm_parser import XTermParser
from textual.events import Key

ESCAPE = "\x1b"
INTRODUCERS = "[]OP"
"""Characters that begin a control sequence after an escape (ECMA-48); they are keys only if nothing follows."""
WORD_CHORDS = {"b": "ctrl+left", "f": "ctrl+right"}
"""What Textual calls alt+b and alt+f, which macOS terminals send for option and an arrow."""


class EscapeThenKey(Key):
    """An alt chord, or escape and another key."""

    def __init__(self, chord: str, following: Key) -> None:
        super().__init__(chord, None)
        self.following = following
        """The other key."""


class EscapeParser(XTermParser):
    """Textual's parser with `EscapeThenKey` for an escape directly before another key."""

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[Key]:
        """Yield the keys of a sequence; nothing if it is incomplete.

        Args:
            sequence: one character, or an escape and more.
            alt: whether an escape came directly before.
        """
        begins = len(sequence) == 2 and sequence[0] == ESCAPE
        if not alt and not (begins and sequence[1].isprintable() and sequence[1] not in INTRODUCERS):
            yield from super()._sequence_to_key_events(sequence)
            return
        for key in super()._sequence_to_key_events(sequence[-1]):
            name = f"shift+{key.key.lower()}" if key.key.isupper() else key.key
            yield EscapeThenKey(WORD_CHORDS.get(key.key, f"alt+{name}"), key)
