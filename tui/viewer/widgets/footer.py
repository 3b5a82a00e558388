"""Footer: the keys of the actions that are possible now, and the newest message in their place for some seconds."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.binding import Binding
from textual.timer import Timer

from tui.text import one_line
from tui.viewer.message_rows import message_rows
from tui.viewer.styled_text import Line, Span, width
from tui.viewer.widgets.cell_widget import CellWidget

ALWAYS = {"screen.help", "screen.keys"}
"""Actions that are shown at any width: they show all others."""
MESSAGE_S = 6.0
"""Seconds for which a row of a message is shown."""
MARGINS = 3
"""Cells beside a message."""
MAX_CHARACTERS = 800
"""Maximum length of a message."""


class FooterKey(NamedTuple):
    """A key with what it does."""

    key: str
    description: str
    action: str
    """Action that a click runs, as seen from the footer."""

    @classmethod
    def of(cls, binding: Binding, key: str, description: str = "") -> "FooterKey":
        """Return the entry of a binding of the screen.

        Args:
            binding: its description and its action.
            key: the key as it is displayed.
            description: what the key does now; empty for the binding's own.
        """
        action = binding.action if "." in binding.action else f"screen.{binding.action}"
        return cls(key, description or binding.description, action)


class Footer(CellWidget):
    """One row: keys with what they do, which a click runs, too; or a message, which the next one replaces."""

    STYLES: ClassVar[frozenset[str]] = frozenset({"accent", "strong", "warn", "muted"})

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: Sequence[FooterKey] = ()
        self.message = ""
        """The message that is shown; empty for none."""
        self._warning = False
        self._row = 0
        """Number of the row of the message that is shown, from 0."""
        self._last_s = MESSAGE_S
        self._timer: Timer | None = None

    def show(self, keys: Sequence[FooterKey]) -> None:
        """Show as many of the keys as fit.

        Args:
            keys: the most useful first.
        """
        if keys != self._keys:
            self._keys = tuple(keys)
            self.touch()

    def say(self, text: str, *, warning: bool = False, seconds: float | None = None) -> None:
        """Show a message in place of the keys; of one that does not fit, row after row.

        Args:
            text: the message; sanitised here.
            warning: whether it stands out.
            seconds: how long its last row is shown; `None` for `MESSAGE_S`.
        """
        self.message, self._warning, self._row = one_line(text, MAX_CHARACTERS), warning, 0
        self._last_s = seconds or MESSAGE_S
        self._wait()
        self.touch()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        last = self._row + 1 >= len(self._rows(self.size.width))
        self._timer = self.set_timer(self._last_s if last else MESSAGE_S, self.turn_over, name="message")

    def turn_over(self) -> None:
        """Show the next row of the message; after the last one the keys."""
        self._row += 1
        if self._row < len(self._rows(self.size.width)):
            self._wait()
        else:
            self.message = ""
        self.touch()

    def _rows(self, columns: int) -> list[str]:
        return message_rows(f"{'! ' if self._warning else ''}{self.message}", max(8, columns - MARGINS))

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the row; keys that do not fit are in the help and the command palette."""
        said: Line = ()
        if self.message:
            parts = self._rows(columns)
            style = "warn strong" if self._warning else "accent"
            said = (Span(" "), Span(parts[min(self._row, len(parts) - 1)], style), Span("  "))
        return [(*said, *self._fitting_keys(columns - width(said)))]

    def _fitting_keys(self, columns: int) -> Line:
        """Return the keys that fit; a sign and the key of the help say that some do not."""
        items = [
            (Span(f" {key}", "accent strong", action), Span(f" {description} ", "", action))
            for key, description, action in self._keys
        ]
        if sum(map(width, items)) <= columns:
            return tuple(span for item in items for span in item)
        always = [item for item, found in zip(items, self._keys, strict=True) if found.action in ALWAYS]
        more: Line = (Span(" …", "muted"), *(span for item in always for span in item))
        room = columns - width(more)
        if room < 0:
            return ()
        row: Line = ()
        for item in items:
            if item not in always:
                if width(item) > room:
                    break
                row += item
                room -= width(item)
        return (*row, *more)
