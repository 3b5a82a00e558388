"""Base of the turns and gists panes: a list of entries with a title, a search, a selection, and keys to move."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.text import one_line
from tui.viewer.styled_text import Line
from tui.viewer.virtual_list import Position
from tui.viewer.widgets.entry_list import EntryList
from tui.viewer.widgets.pane_title import between_sides, pane_bottom, pane_title

GROW_EVERY_S = 0.1
"""Seconds between two layouts of growing entries: a streaming gist changes up to a hundred times a second."""
WHEEL_LINES = 3


class Pane(EntryList, can_focus=True):
    """A titled list of entries. A subclass lays out one entry."""

    class EntrySelected(Message):
        """A person selected an entry."""

        def __init__(self, pane: "Pane", key: int, *, focus: bool = False) -> None:
            super().__init__()
            self.pane = pane
            self.key = key
            """Key of the entry: the number of a turn or a gist."""
            self.focus = focus
            """Whether the focus moves to the pane of the counterpart."""

        def __rich_repr__(self) -> Iterator[tuple[str, object]]:
            yield "pane", self.pane.id
            yield "key", self.key
            yield "focus", self.focus

    class FollowChanged(Message):
        """The pane may have begun or stopped to follow its newest entry."""

    NAME: ClassVar[str] = ""
    KEYS: ClassVar[str] = "↑ ↓ select"
    """Keys in the lower border while the pane has the focus."""
    KEYS_OF_SEVERAL: ClassVar[str] = "y copy"
    """The same while several entries are selected."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "up,k", "step(-1)", "previous entry", show=False, id="previous-entry", tooltip="Select the previous entry"
        ),
        Binding("down,j", "step(1)", "next entry", show=False, id="next-entry", tooltip="Select the next entry"),
        Binding(
            "shift+up",
            "extend(-1)",
            "extend the selection up",
            show=False,
            id="extend-up",
            tooltip="Select the previous entry, too",
        ),
        Binding(
            "shift+down",
            "extend(1)",
            "extend the selection down",
            show=False,
            id="extend-down",
            tooltip="Select the next entry, too",
        ),
        Binding("pageup", "page(-1)", "page up", show=False, id="page-up", tooltip="Scroll up one page"),
        Binding("pagedown", "page(1)", "page down", show=False, id="page-down", tooltip="Scroll down one page"),
        Binding("home,g", "first", "first entry", show=False, id="first-entry", tooltip="Select the first entry"),
        Binding(
            "end,G", "last", "last entry", show=False, id="last-entry", tooltip="Go to the newest entry and follow"
        ),
        Binding(
            "enter",
            "show_counterpart",
            "show counterpart",
            show=False,
            id="show-counterpart",
            tooltip="Go to the gist of a turn, or the turn of a gist",
        ),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._before_search: tuple[Position, int | None] = (Position(), None)
        """Scroll position and cursor before the search, which its end restores."""
        self._matches: set[int] = set()
        self.grows = True
        """Whether newer entries may come, which `f` follows."""
        self._growing: set[int] = set()
        """Keys of entries that have grown since their last layout."""

    @property
    def title(self) -> str:
        """The text at the left of the upper border."""
        return self.NAME

    # For the parent

    def reset(self, keys: Iterable[int] = ()) -> None:
        """Replace all entries.

        Args:
            keys: of the new entries.
        """
        self._cache.clear()
        self._growing.clear()
        self.cursor = self.range_start = None
        self._measure_page()
        known = sorted((key for key in keys if self._is_listed(key)), key=self.rank)
        self._list.reset(zip(known, self._heights(known), strict=True))
        self._before_search = (self._list.position, None)
        self.search(self.needle)
        self._notify_moved()

    def put(self, key: int) -> None:
        """Show an entry that is new or has changed; remove it if it is not listed any more."""
        if not self._is_listed(key):
            self.drop(key)
            return
        self._cache.discard(key)
        self._growing.discard(key)
        self._estimated.pop(key, None)
        self._list.put(key, self._height(key))
        if self._matches_needle(key):
            self._matches.add(key)
        else:
            self._matches.discard(key)
        self.touch()

    def grow(self, key: int) -> None:
        """Show an entry that grows often by little, at most every `GROW_EVERY_S`."""
        if not self._growing:
            self.set_timer(GROW_EVERY_S, self._show_grown)
        self._growing.add(key)

    def _show_grown(self) -> None:
        grown, self._growing = self._growing, set()
        for key in grown:
            self.put(key)

    def drop(self, key: int) -> None:
        """Remove an entry."""
        self._cache.discard(key)
        self._matches.discard(key)
        self._growing.discard(key)
        self._estimated.pop(key, None)
        if self.cursor == key:
            self.cursor = self.range_start = None
        self._list.drop(key)
        self.touch()

    def refresh_entries(self) -> None:
        """Lay out all entries anew and keep the scroll position."""
        self._list.resize(self._list.page, self._heights(self._list.keys))
        self.search(self.needle)

    def follow(self) -> None:
        """Go to the newest entry and follow."""
        self.cursor = self.range_start = None
        self._list.follow()
        self._notify_moved()

    def stop_following(self) -> None:
        """Stop following the newest entry."""
        self._list.scroll_by(-1)
        self._notify_moved()

    def select(self, key: int | None) -> None:
        """Select an entry and scroll to it, or clear the selection for `None`; post no `EntrySelected`."""
        self.cursor, self.range_start = key, None
        self._show_cursor()

    def _show_cursor(self) -> None:
        key = self.cursor
        if key is not None:
            self._list.show(key)
            self._measure_visible()
            self._list.show(key)
        self._notify_moved()

    def search(self, needle: str) -> None:
        """Highlight a text in all entries; an empty text ends the search and restores position and cursor."""
        if needle and not self.needle:
            self._before_search = (self._list.position, self.cursor)
        elif self.needle and not needle:
            position, cursor = self._before_search
            self._list.return_to(position)
            self.cursor = cursor if cursor in self._list.keys else None
            self._notify_moved()
        self.needle = needle
        self._matches = {key for key in self._list.keys if self._matches_needle(key)}
        self._cache.clear()
        self.touch()

    @property
    def matches(self) -> list[int]:
        """Keys of the entries that contain the search text, in order."""
        return [key for key in self._list.keys if key in self._matches]

    def _is_listed(self, key: int) -> bool:
        return not self.filter.active or self.admitted(key)

    def _matches_needle(self, key: int) -> bool:
        return bool(self.needle) and self.needle.casefold() in self.plain(key).casefold()

    def go_to_match(self, step: int) -> None:
        """Select the next match, or the previous one if negative, from the selection or the page; wrap around."""
        found = self.matches
        if not found:
            return
        keys = self._list.keys
        at = None if self.cursor is None else self._list.place(self.cursor)
        if at is None:
            page = [key for key, _, _ in self._list.visible()] or keys[:1]
            at = keys.index(page[0]) - 1 if step > 0 else keys.index(page[-1]) + 1
        after = set(keys[at + 1 :] if step > 0 else keys[: max(0, at)])
        later = [key for key in found if key in after]
        self._select_and_post((later or found)[0 if step > 0 else -1])

    def text_to_copy(self) -> str:
        """Return the selected entry as text, or all entries if none is selected."""
        keys = self._list.keys if self.cursor is None else self.selected
        return "\n".join(self.plain(key) for key in keys)

    @property
    def following(self) -> bool:
        """Whether the pane follows the newest entry."""
        return self._list.following

    @property
    def count(self) -> int:
        """Number of entries."""
        return len(self._list.keys)

    # Painting

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the borders, the visible entries, and the lines below them."""
        head = pane_title(self.title, self._status(), columns, focused=self.has_focus, boxed=self.boxed)
        page = self._page()
        tail = self.tail(self._columns, self.tail_rows(rows))
        if not self.boxed:
            return [head, *page, *tail]
        bottom = pane_bottom(self._keys if self.has_focus else "", columns, focused=self.has_focus)
        return [head, *page, *(between_sides(line, columns) for line in tail), bottom]

    @property
    def _several(self) -> int:
        """How many entries are selected if they are several, otherwise 0."""
        count = len(self.selected) if self.range_start is not None else 0
        return count if count > 1 else 0

    @property
    def _keys(self) -> str:
        return self.KEYS_OF_SEVERAL if self._several else self.KEYS

    def _status(self) -> str:
        if self.needle:
            found = self.matches
            place = f"{found.index(self.cursor) + 1} of " if self.cursor in found else ""
            return f"{place}{len(found):,} with “{one_line(self.needle, 20)}” · n N · esc"
        if self._several:
            return f"{self._several:,} selected · esc"
        if self.filter.active:
            return self.filter.status
        if self._list.unseen:
            return f"↓ {self._list.unseen:,} new"
        if self._list.following:
            return ""
        return f"{self._percent()} % · f follows" if self.grows else f"{self._percent()} %"

    def _percent(self) -> int:
        return round(100 * min(1, (self._list.top + self._list.page) / max(1, self._list.total)))

    def _notify_moved(self) -> None:
        self.touch()
        self.post_message(self.FollowChanged())

    def on_resize(self, event: events.Resize) -> None:
        """Lay out all entries anew if their width changed, and keep the scroll position."""
        before = (self._columns, self.boxed, self.air)
        self._measure_page()
        if before != (self._columns, self.boxed, self.air):
            self._cache.clear()
            self._list.resize(self._list.page, self._heights(self._list.keys))
        super().on_resize(event)

    def on_focus(self, event: events.Focus) -> None:
        """Repaint the title only; Textual would repaint the whole pane."""
        event.prevent_default()
        self._set_focused(focused=True)

    def on_blur(self, event: events.Blur) -> None:
        """Repaint the title only."""
        event.prevent_default()
        self._set_focused(focused=False)

    def _set_focused(self, *, focused: bool) -> None:
        # Without its watcher, which computes every style of the pane anew: none depends on the focus.
        self.set_reactive(Pane.has_focus, focused)
        self.touch()

    # Keys and mouse

    def action_step(self, step: int) -> None:
        """Select the next entry, or the previous one if negative."""
        key = self._list.neighbour(self.cursor, step)
        if key is not None:
            self._select_and_post(key)

    def action_extend(self, step: int) -> None:
        """Select the next entry, too, or the previous one if negative; back towards the first one, select fewer."""
        key = self._list.neighbour(self.cursor, step)
        if key is None:
            return
        range_start = self.cursor if self.range_start is None else self.range_start
        self.cursor, self.range_start = key, range_start if range_start is not None else key
        self._show_cursor()

    def action_page(self, pages: int) -> None:
        """Scroll down by pages that overlap by one line, or up if negative."""
        self._list.scroll_by(pages * max(1, self._list.page - 1))
        self._notify_moved()

    def action_first(self) -> None:
        """Select the first entry."""
        if self._list.keys:
            self._select_and_post(self._list.keys[0])

    def action_last(self) -> None:
        """Go to the newest entry and follow."""
        self.follow()

    def action_show_counterpart(self) -> None:
        """Go to the gist of the selected turn, or the turn of the selected gist."""
        if self.cursor is not None:
            self.post_message(self.EntrySelected(self, self.cursor, focus=True))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up."""
        event.stop()
        self._list.scroll_by(-WHEEL_LINES)
        self._notify_moved()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down."""
        event.stop()
        self._list.scroll_by(WHEEL_LINES)
        self._notify_moved()

    async def on_click(self, event: events.Click) -> None:
        """Select the entry under the pointer."""
        await super().on_click(event)
        offset = event.get_content_offset(self)
        if offset is None or not 1 <= offset.y <= self._list.page:
            return
        line = offset.y - 1
        if not self.SLACK:
            line -= max(0, self._list.page - self._list.total)
        for key, first, last in self._list.visible():
            if 0 <= line < last - first:
                self._select_and_post(key)
                return
            line -= last - first

    def _select_and_post(self, key: int) -> None:
        self.select(key)
        self.post_message(self.EntrySelected(self, key))
