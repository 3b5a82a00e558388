"""The footer: what is possible now, and with which key."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from tui.viewer.styled_text import Line, Span, width
from tui.viewer.widgets.cell_widget import CellWidget

ALWAYS = {"screen.help", "screen.keys"}
"""Actions that stand there however little room there is: they lead to all the others."""


class FooterKey(NamedTuple):
    """Something that can be done now."""

    key: str
    description: str
    action: str


class Footer(CellWidget):
    """One row of keys with what they do; a click does it too."""

    STYLES: ClassVar[frozenset[str]] = frozenset({"accent", "strong"})

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._possible: Sequence[FooterKey] = ()

    def show(self, possible: Sequence[FooterKey]) -> None:
        """Show these, the most useful first; as many as fit."""
        if possible != self._possible:
            self._possible = tuple(possible)
            self.touch()

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the row; what does not fit is in the palette and in the help."""
        items = [
            (Span(f" {key}", "accent strong", action), Span(f" {description} ", "", action))
            for key, description, action in self._possible
        ]
        always = [item for item, found in zip(items, self._possible, strict=True) if found.action in ALWAYS]
        room = columns - sum(width(item) for item in always)
        row: Line = ()
        for item in items:
            if item in always:
                row += item
            elif width(item) <= room:
                row += item
                room -= width(item)
        return [row]
