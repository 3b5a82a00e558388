"""Search in all rooms of the wall, or in their bookmarks: matches while a person types, the newest first."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.presentation.room import Room
from tui.presentation.room_search import RoomHit, excerpt, find_hits
from tui.text import clock, one_line
from tui.viewer.screens.dialog import Dialog
from tui.viewer.styled_text import Line, Span, pad
from tui.viewer.widgets.box import Box
from tui.viewer.widgets.choices import Choices

KEYS = "enter open the room there · F1 keys · esc back"
NAME_CELLS = 14
"""Cells of the name of a room."""
SIGNS = {"turn": " ", "gist": "◆", "bookmark": "★"}


class RoomSearchScreen(Dialog[RoomHit | None]):
    """A field and the hits. Its result is a hit, or `None` if it was cancelled.

    Args:
        rooms: where to search.
        bookmarks: whether to list bookmarks instead of turns and gists.
    """

    NAME = "Search in all rooms"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", "previous match", show=False, priority=True, key_display="↑"),
        Binding("down,tab", "step(1)", "next match", show=False, priority=True, key_display="↓"),
        Binding("pageup", "step(-8)", "eight matches up", show=False, priority=True),
        Binding("pagedown", "step(8)", "eight matches down", show=False, priority=True),
        Binding("enter", "choose", "open the room at the selected turn", show=False),
        Binding("escape", "cancel", "back to the wall", show=False, priority=True, key_display="esc"),
    ]

    def __init__(self, rooms: Sequence[Room], *, bookmarks: bool = False) -> None:
        super().__init__()
        self._rooms = rooms
        self._bookmarks = bookmarks
        self._hits: list[RoomHit] = []
        self.needle = ""
        """Text of the field."""

    def compose(self) -> ComposeResult:
        """Lay out the field and the list."""
        title = "Bookmarks of all rooms" if self._bookmarks else "Search in all rooms"
        with Box(title, KEYS, classes="wide"):
            yield Input(placeholder="words, all of which occur", id="filter", compact=True)
            yield Choices(id="hits")

    def on_mount(self) -> None:
        """Show the bookmarks, or what can be typed."""
        self._show("")

    @on(Input.Changed)
    def search(self, event: Input.Changed) -> None:
        """Show what contains the words so far."""
        self._show(event.value)

    @on(Input.Submitted)
    def submit(self) -> None:
        """Return the selected hit."""
        self.action_choose()

    def action_choose(self) -> None:
        """Return the selected hit."""
        if self._hits:
            self.dismiss(self._hits[self.query_one(Choices).selected])

    def _show(self, words: str) -> None:
        self.needle = words
        self._hits = find_hits(self._rooms, words, bookmarks=self._bookmarks)
        self.query_one(Choices).show(
            [hit_row(hit, words) for hit in self._hits] or [(Span(self._empty(words), "muted"),)]
        )

    def _empty(self, words: str) -> str:
        if self._bookmarks:
            return "No bookmark contains the words." if words else "No bookmarks. Press m on the wall to add one."
        return "Nothing contains all the words." if words.strip() else "Type words that were said, or written in gists."


def hit_row(hit: RoomHit, words: str) -> Line:
    """Return room, time and excerpt of a hit."""
    where = pad((Span(one_line(hit.room.name, 60), "strong"),), NAME_CELLS)
    at = Span(f" {clock(hit.at_s):>7} {SIGNS[hit.kind]} ", "muted")
    found = [Span(part, "accent strong" if odd % 2 else "") for odd, part in enumerate(excerpt(hit.text, words))]
    return (*where, at, *found)
