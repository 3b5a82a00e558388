"""Footer: the keys of the actions that are possible now."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.binding import Binding

from tui.viewer.styled_text import Line, Span, width
from tui.viewer.widgets.cell_widget import CellWidget

ALWAYS = {"screen.help", "screen.keys"}
"""Actions that are shown at any width: they show all others."""


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
    """One row of keys with what they do; a click runs the action, too."""

    STYLES: ClassVar[frozenset[str]] = frozenset({"accent", "strong"})

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: Sequence[FooterKey] = ()

    def show(self, keys: Sequence[FooterKey]) -> None:
        """Show as many of the keys as fit.

        Args:
            keys: the most useful first.
        """
        if keys != self._keys:
            self._keys = tuple(keys)
            self.touch()

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the row; keys that do not fit are in the help and the command palette."""
        items = [
            (Span(f" {key}", "accent strong", action), Span(f" {description} ", "", action))
            for key, description, action in self._keys
        ]
        always = [item for item, found in zip(items, self._keys, strict=True) if found.action in ALWAYS]
        room = columns - sum(width(item) for item in always)
        row: Line = ()
        for item in items:
            if item in always:
                row += item
            elif width(item) <= room:
                row += item
                room -= width(item)
        return [row]
