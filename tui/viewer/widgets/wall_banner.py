"""Header of the wall: how many rooms are in which state, where commands go, and which rooms are visible."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import ClassVar

from tui.presentation.formatting import state_pill
from tui.presentation.room import Room
from tui.text import one_line, plural
from tui.viewer.styled_text import Line, Span, justify, width
from tui.viewer.widgets.cell_widget import CellWidget

TEXT_STYLES = {"pill-bad": "bad", "pill-warn": "warn", "pill-muted": "muted"}
"""Style of a number of rooms by the style of their state."""


def state_counts(rooms: Iterable[Room]) -> list[Span]:
    """Return how many rooms are in each state; what needs attention first."""
    counts = Counter(state_pill(room.view_model) for room in rooms)
    order = sorted(counts, key=lambda pill: (tuple(TEXT_STYLES).index(pill[0]), pill[2] == "LIVE", pill))
    return [Span(f"{sign} {counts[style, sign, word]} {word}", TEXT_STYLES[style]) for style, sign, word in order]


class WallBanner(CellWidget):
    """One row: name of the wall, states of its rooms, where commands go, visible rooms.

    Args:
        name: name of the wall; empty if it has none.
        rooms: all rooms.
    """

    STYLES: ClassVar[frozenset[str]] = frozenset({"accent", "muted", "good", "warn", "bad", "strong", "pill-warn"})

    def __init__(self, name: str, rooms: Sequence[Room], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._wall_name = name
        self._rooms = rooms
        self.all_selected = False
        """Whether commands go to all rooms."""
        self.page = range(0)
        """Places of the visible rooms."""

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the row; states that do not fit are left out."""
        title = f" livegist wall {one_line(self._wall_name, 40)} " if self._wall_name else " livegist wall "
        line: Line = (Span(title, "accent strong"),)
        if self.all_selected:
            line += (Span(f" → ALL {plural(len(self._rooms), 'ROOM').upper()} ", "pill-warn"), Span(" esc", "muted"))
        alarms = sum(bool(room.alarms) for room in self._rooms)
        found = [Span(f"! {plural(alarms, 'alarm')}", "warn strong")] if alarms else []
        hidden = len(self.page) < len(self._rooms) and len(self.page) > 0
        page = f"{self.page.start + 1}–{self.page.stop} of {len(self._rooms)} " if hidden else ""
        for state in [*found, *state_counts(self._rooms)]:
            if width(line) + width((state,)) + 2 + len(page) + 1 <= columns:
                line += (Span("  "), state)
        return [justify(line, (Span(page, "muted"),), columns)]
