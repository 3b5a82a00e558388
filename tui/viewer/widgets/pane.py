"""A pane: a titled, virtual list of entries. Only what is on the page is laid out for painting."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from tui.text import one_line
from tui.viewer.messages import EntrySelected, FollowChanged
from tui.viewer.styled_text import Line, Span, highlight, justify, pad, restyle, width
from tui.viewer.virtual_list import VirtualList
from tui.viewer.widgets.cell_widget import CellWidget

CACHED = 160
"""Entries whose lines are kept: a few pages."""
MEASURED = 120
"""Entries at the end that are measured at once when all are shown anew."""
MENDED = 100
"""Entries that are measured in one go afterwards: a few milliseconds."""
MEND_EVERY_S = 0.02
"""Pause between two goes."""
GROW_EVERY_S = 0.1
"""Seconds between two looks at entries that grow: a streaming answer is laid out ten times a second, not a hundred."""
WHEEL_LINES = 3
NO_MARKS: list[Line] = [(), (Span("  Nothing is marked yet: m marks a turn.", "muted"),)]


def title(name: str, aside: str, columns: int, *, focused: bool) -> Line:
    """Return the title row of a pane; the one with the keyboard has a heavy rule and a sign."""
    stroke = "━" if focused else "─"
    ink = "accent" if focused else "rule"
    name_ink = "accent strong" if focused else "strong"
    left = (Span(stroke, ink), Span(f" {'▸ ' if focused else ''}{name} ", name_ink))
    right = (Span(f" {aside} ", "accent" if focused else "muted"), Span(stroke, ink)) if aside else ()
    gap = columns - width(left) - width(right)
    if gap < 1:
        return justify(left, right, columns)
    return (*left, Span(stroke * gap, ink), *right)


class Pane(CellWidget, can_focus=True):
    """Entries in the order of their keys; a subclass says how one looks."""

    STYLES: ClassVar[frozenset[str]] = frozenset({"accent", "rule", "muted", "strong", "selected", "found"})
    NAME: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "up,k", "step(-1)", "previous entry", show=False, id="previous-entry", tooltip="Select the previous entry"
        ),
        Binding("down,j", "step(1)", "next entry", show=False, id="next-entry", tooltip="Select the next entry"),
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
        self._roll = VirtualList()
        self._cache: OrderedDict[int, list[Line]] = OrderedDict()
        self._columns = 0
        self.cursor: int | None = None
        """Key of the selected entry."""
        self.needle = ""
        """What is searched for; empty for nothing."""
        self._matches: set[int] = set()
        self._growing: set[int] = set()
        """Keys of entries that have grown and are not laid out anew yet."""
        self._guessed: dict[int, None] = {}
        """Keys of entries whose height is a guess, oldest first."""
        self.narrowed = False
        """Whether only what belongs to a bookmark is shown."""

    # What a subclass says

    def entry(self, key: int, columns: int) -> list[Line]:
        """Return the lines of one entry, at least one."""
        raise NotImplementedError

    def plain(self, key: int) -> str:
        """Return an entry as plain text, for searching and copying."""
        raise NotImplementedError

    def guess(self, key: int, columns: int) -> int:
        """Return about how many lines an entry takes, without laying it out; at least one."""
        raise NotImplementedError

    def empty(self, columns: int) -> list[Line]:
        """Return what to say while there is no entry."""
        raise NotImplementedError

    def marked(self, key: int) -> bool:
        """Return whether an entry stays when only bookmarks are shown."""
        raise NotImplementedError

    # What a parent does

    def reset(self, keys: Iterable[int] = ()) -> None:
        """Show other entries, by their keys in order."""
        self._cache.clear()
        self._growing.clear()
        self.cursor = None
        self._roll.page = max(0, self.size.height - 1)
        self._columns = self.size.width
        known = [key for key in keys if self._belongs(key)]
        self._roll.reset(zip(known, self._measured(known), strict=True))
        self.search(self.needle)
        self._moved()

    def put(self, key: int) -> None:
        """Show an entry that is new or has changed."""
        if not self._belongs(key):
            self.drop(key)
            return
        self._cache.pop(key, None)
        self._growing.discard(key)
        self._guessed.pop(key, None)
        self._roll.put(key, self._height(key))
        if self._matching(key):
            self._matches.add(key)
        else:
            self._matches.discard(key)
        self.touch()

    def grow(self, key: int) -> None:
        """Show an entry that grows by little and often, at a pace that can be read and paid for."""
        if not self._growing:
            self.set_timer(GROW_EVERY_S, self._show_grown)
        self._growing.add(key)

    def _show_grown(self) -> None:
        grown, self._growing = self._growing, set()
        for key in grown:
            self.put(key)

    def drop(self, key: int) -> None:
        """Take out an entry."""
        self._cache.pop(key, None)
        self._matches.discard(key)
        self._growing.discard(key)
        self._guessed.pop(key, None)
        if self.cursor == key:
            self.cursor = None
        self._roll.drop(key)
        self.touch()

    def anew(self) -> None:
        """Lay out all entries anew, and stay in place."""
        self._roll.resize(self._roll.page, self._measured(self._roll.keys))
        self.search(self.needle)

    def follow(self) -> None:
        """Go to the newest entry and stay with it."""
        self.cursor = None
        self._roll.follow()
        self._moved()

    def stay(self) -> None:
        """Follow no longer."""
        self._roll.scroll_by(-1)
        self._moved()

    def select(self, key: int | None) -> None:
        """Mark an entry and bring it onto the page; tell nobody."""
        self.cursor = key
        if key is not None:
            self._roll.show(key)
            self._settle()
            self._roll.show(key)
        self._moved()

    def search(self, needle: str) -> None:
        """Mark what is searched for, or nothing."""
        self.needle = needle
        self._matches = {key for key in self._roll.keys if self._matching(key)}
        self._cache.clear()
        self.touch()

    @property
    def matches(self) -> list[int]:
        """Keys of the entries that hold what is searched for."""
        return sorted(self._matches)

    def _belongs(self, key: int) -> bool:
        return not self.narrowed or self.marked(key)

    def _matching(self, key: int) -> bool:
        return bool(self.needle) and self.needle.casefold() in self.plain(key).casefold()

    def to_match(self, step: int) -> None:
        """Select the next match or the one before, seen from the selected entry, else from the page.

        After the last comes the first.
        """
        found = self.matches
        if not found:
            return
        at = self.cursor
        if at is None:
            page = [key for key, _, _ in self._roll.visible()] or [0]
            at = page[0] - 1 if step > 0 else page[-1] + 1
        later = [key for key in found if (key > at if step > 0 else key < at)]
        self._pick((later or found)[0 if step > 0 else -1])

    def copied(self) -> str:
        """Return what a copy takes: the selected entry, or all of them."""
        keys = self._roll.keys if self.cursor is None else [self.cursor]
        return "\n".join(self.plain(key) for key in keys)

    @property
    def following(self) -> bool:
        """Whether the newest entry is kept on the page."""
        return self._roll.following

    @property
    def count(self) -> int:
        """How many entries there are."""
        return len(self._roll.keys)

    # Painting

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the title and the page."""
        head = title(self.NAME, self._aside(), columns, focused=self.has_focus)
        if not self._roll.keys:
            return [head, *(NO_MARKS if self.narrowed else self.empty(columns))]
        self._settle()
        page: list[Line] = []
        for key, first, last in self._roll.visible():
            lines = self._entry(key)[first:last]
            if key == self.cursor:
                lines = [restyle(pad(line, columns), "selected") if line else line for line in lines]
            page += lines
        return [head, *page]

    def _aside(self) -> str:
        if self.needle:
            found = self.matches
            place = f"{found.index(self.cursor) + 1} of " if self.cursor in found else ""
            return f"{place}{len(found):,} with “{one_line(self.needle, 20)}” · n N · esc"
        if self.narrowed:
            return "★ only · M shows all"
        if self._roll.unseen:
            return f"↓ {self._roll.unseen:,} new"
        return "" if self._roll.following else f"{self._percent()} % · f follows"

    def _percent(self) -> int:
        return round(100 * min(1, (self._roll.top + self._roll.page) / max(1, self._roll.total)))

    def _entry(self, key: int) -> list[Line]:
        found = self._cache.get(key)
        if found is None:
            lines = self.entry(key, max(1, self._columns))
            found = self._cache[key] = (
                [highlight(line, self.needle, "found") for line in lines] if self.needle else lines
            )
            if len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(key)
        return found

    def _height(self, key: int) -> int:
        return len(self._entry(key))

    def _measured(self, keys: list[int]) -> list[int]:
        """Return heights of entries: true ones at the end, where one looks, and guesses to be mended before that."""
        true = max(0, len(keys) - MEASURED)
        self._guessed = dict.fromkeys(keys[:true])
        if self._guessed:
            self.call_later(self._mend)
        guesses = [self.guess(key, max(1, self._columns)) for key in keys[:true]]
        return guesses + [self._height(key) for key in keys[true:]]

    def _mend(self) -> None:
        """Measure some of what was guessed, the newest first, and go on with that when others had their turn."""
        some = [self._guessed.popitem()[0] for _ in range(min(MENDED, len(self._guessed)))]
        self._roll.correct({key: len(self.entry(key, max(1, self._columns))) for key in some})
        if self._guessed:
            self.set_timer(MEND_EVERY_S, self._mend)
        self.touch()

    def _settle(self) -> None:
        """Measure what is on the page: a guess there would show."""
        while guessed := [key for key, _, _ in self._roll.visible() if key in self._guessed]:
            for key in guessed:
                del self._guessed[key]
            self._roll.correct({key: self._height(key) for key in guessed})

    def _moved(self) -> None:
        self.touch()
        self.post_message(FollowChanged())

    def on_resize(self, event: events.Resize) -> None:
        """Lay out anew what got another width, and stay in place."""
        columns, rows = self.size
        page = max(0, rows - 1)
        if columns != self._columns:
            self._columns = columns
            self._cache.clear()
            self._roll.resize(page, self._measured(self._roll.keys))
        else:
            self._roll.resize(page)
        super().on_resize(event)

    def on_focus(self, event: events.Focus) -> None:
        """Show that the keyboard is here, and paint no more than that: Textual would paint the whole pane."""
        event.prevent_default()
        self._turn_to(focused=True)

    def on_blur(self, event: events.Blur) -> None:
        """Show that the keyboard is elsewhere."""
        event.prevent_default()
        self._turn_to(focused=False)

    def _turn_to(self, *, focused: bool) -> None:
        # Without its watcher, which has every style of the pane worked out anew: none depends on the focus.
        self.set_reactive(Pane.has_focus, focused)
        self.touch()

    # Keys and mouse

    def action_step(self, step: int) -> None:
        """Select the entry before or after."""
        key = self._roll.neighbour(self.cursor, step)
        if key is not None:
            self._pick(key)

    def action_page(self, pages: int) -> None:
        """Scroll by a page, one line of it kept."""
        self._roll.scroll_by(pages * max(1, self._roll.page - 1))
        self._moved()

    def action_first(self) -> None:
        """Go to the first entry."""
        if self._roll.keys:
            self._pick(self._roll.keys[0])

    def action_last(self) -> None:
        """Go to the newest entry and follow."""
        self.follow()

    def action_show_counterpart(self) -> None:
        """Go to the counterpart of the selected entry."""
        if self.cursor is not None:
            self.post_message(EntrySelected(self.id or "", self.cursor, go=True))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll back."""
        event.stop()
        self._roll.scroll_by(-WHEEL_LINES)
        self._moved()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll on."""
        event.stop()
        self._roll.scroll_by(WHEEL_LINES)
        self._moved()

    async def on_click(self, event: events.Click) -> None:
        """Select the entry under the pointer."""
        await super().on_click(event)
        offset = event.get_content_offset(self)
        if offset is None or offset.y < 1:
            return
        line = offset.y - 1
        for key, first, last in self._roll.visible():
            if line < last - first:
                self._pick(key)
                return
            line -= last - first

    def _pick(self, key: int) -> None:
        self.select(key)
        self.post_message(EntrySelected(self.id or "", key))
