"""Rooms of the wall below each other, as many lines each as fit; painted a few times a second at most."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, NamedTuple

from textual import events
from textual.message import Message

from tui.presentation.ballistics import Reading
from tui.presentation.highlight_rules import Rule
from tui.presentation.room import Room
from tui.viewer.styled_text import Line
from tui.viewer.widgets.cell_widget import CellWidget
from tui.viewer.widgets.meter import with_deadband
from tui.viewer.widgets.room_lines import MAX_ROWS, SPACED_ROWS, room_lines

TALL_ROWS = SPACED_ROWS
"""Rows of the selected room at least, and of every room where more of each is shown than fits at once."""


class Place(NamedTuple):
    """A visible room and its height."""

    at: int
    """Its place in the list."""
    rows: int


def visible_rooms(count: int, rows: int, selected: int, *, first: int = 0, tall: bool = False) -> list[Place]:
    """Return the visible rooms with their heights: all if they fit; rows that are left go to the selected room.

    Args:
        count: number of rooms.
        rows: height of the list.
        selected: place of the selected room, which is always visible.
        first: place of the room that was at the top before.
        tall: whether every room has `TALL_ROWS` at least.
    """
    if not count or rows < 1:
        return []
    each = max(1, min(MAX_ROWS, rows // count))
    each = min(rows, max(each, TALL_ROWS)) if tall else each
    left = rows - each * (count - 1)
    chosen = min(rows, MAX_ROWS, max(each, left if left > 0 else TALL_ROWS))
    visible = min(count, 1 + (rows - chosen) // each)
    first = max(0, min(max(first, selected - visible + 1), selected, count - visible))
    return [Place(at, chosen if at == selected else each) for at in range(first, first + visible)]


class RoomList(CellWidget):
    """All rooms, one of which is selected. The screen moves the selection and sends commands.

    Args:
        rooms: in the order of the wall.
        rules: highlights.
        fps: maximum frames per second.
        clock: monotonic seconds.
    """

    STYLES: ClassVar[frozenset[str]] = frozenset(
        {"accent", "muted", "good", "warn", "bad", "strong", "track", "clip", "found"}
        | {"pill-muted", "pill-warn", "pill-bad"}
        | {f"speaker-{number}" for number in range(1, 7)}
    )

    class RoomClicked(Message):
        """A room was clicked."""

        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row
            """Its place in the list."""

        def __rich_repr__(self) -> Iterator[tuple[str, object]]:
            yield "row", self.row

    class Scrolled(Message):
        """The mouse wheel was turned, or the page has another size."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step
            """Rooms down; negative for up."""

    def __init__(
        self,
        rooms: Sequence[Room],
        *,
        rules: Sequence[Rule] = (),
        fps: int,
        clock: Callable[[], float] = time.monotonic,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._rooms = rooms
        self._rules = rules
        self.fps = fps
        """Maximum frames per second; may change at any time."""
        self._clock = clock
        self.selected = 0
        """Place of the selected room."""
        self.all_selected = False
        """Whether commands go to all rooms."""
        self.tall = False
        """Whether more of each room is shown than fits at once."""
        self.paused = False
        """Whether nothing is painted, because a dashboard covers the list."""
        self._first = 0
        self._shown: dict[int, Reading] = {}
        """Levels as they are painted, by the room's place."""
        self._timer: asyncio.TimerHandle | None = None
        self._next_at = 0.0

    def on_unmount(self) -> None:
        """Cancel the timer."""
        self.rest()

    def rest(self) -> None:
        """Paint no frame until the next change."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def select(self, row: int) -> None:
        """Select a room, the first or the last one for a place beyond them."""
        self.selected = max(0, min(row, len(self._rooms) - 1))
        self.touch()

    @property
    def places(self) -> list[Place]:
        """The visible rooms and their heights."""
        return visible_rooms(len(self._rooms), self.size.height, self.selected, first=self._first, tall=self.tall)

    @property
    def page(self) -> range:
        """Places of the visible rooms."""
        places = self.places
        return range(places[0].at, places[-1].at + 1) if places else range(0)

    def show_change(self) -> None:
        """Show what an event has changed, in the next frame that is due."""
        if self._timer is None and not self.paused and self.is_mounted:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, self._next_at - loop.time()), self._frame)

    def _frame(self) -> None:
        """Paint, and again after a frame while needles fall."""
        self._timer = None
        if self.paused or not self.is_mounted:
            return
        self._next_at = asyncio.get_running_loop().time() + 1 / self.fps
        self.touch()
        if not all(self._rooms[at].at_rest for at in self.page):
            self.show_change()

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the lines of the visible rooms."""
        places = self.places
        self._first = places[0].at if places else 0
        return [line for place in places for line in self._room(place.at, columns, place.rows)]

    def _room(self, at: int, columns: int, rows: int) -> list[Line]:
        room = self._rooms[at]
        reading = with_deadband(self._shown.get(at, Reading()), room.reading(self._clock()))
        self._shown[at] = reading
        selected = self.all_selected or at == self.selected
        return room_lines(room, reading, columns, rows, selected=selected, rules=self._rules)

    async def on_click(self, event: events.Click) -> None:
        """Post which room was clicked."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        below = offset.y
        for place in self.places:
            below -= place.rows
            if below < 0:
                event.stop()
                self.post_message(self.RoomClicked(place.at))
                return

    def on_resize(self, event: events.Resize) -> None:
        """Repaint everything, and post that the page has another size."""
        super().on_resize(event)
        self.post_message(self.Scrolled(0))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Post that the wheel was turned down."""
        event.stop()
        self.post_message(self.Scrolled(1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Post that the wheel was turned up."""
        event.stop()
        self.post_message(self.Scrolled(-1))
