"""List of entries with a title, of which only the visible ones are laid out."""

from typing import ClassVar

from tui.presentation.turn_filter import TurnFilter
from tui.viewer.styled_text import Line, Span, highlight
from tui.viewer.virtual_list import VirtualList, by_key
from tui.viewer.widgets.cell_widget import CellWidget
from tui.viewer.widgets.line_cache import LineCache
from tui.viewer.widgets.pane_title import BOXED_FROM, between_sides, select_line

MAX_CACHED = 160
"""Entries whose lines are cached: a few pages."""
MEASURED_AT_ONCE = 120
"""Entries at the end of the list that are measured at once when all are laid out anew."""
MEASURE_BATCH = 100
"""Entries that are measured in one batch later: a few milliseconds."""
MEASURE_PAUSE_S = 0.02
"""Pause between two batches."""
AIR_FROM = 18
"""Rows of a pane from which a blank line stands after each entry."""
NO_BOOKMARKS: list[Line] = [(), (Span("  No bookmarks. Press m to bookmark a turn.", "muted"),)]


class EntryList(CellWidget):
    """The entries of a pane, laid out for its size. A subclass lays out one entry."""

    STYLES: ClassVar[frozenset[str]] = frozenset({"accent", "rule", "muted", "strong", "selected", "found"})
    SLACK: ClassVar[int] = 4
    """Share of the page that may be free below the newest entry: one in so many; 0 for none."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._list = VirtualList(slack=self.SLACK, rank=self.rank)
        self._cache = LineCache(MAX_CACHED, self._layout)
        self._columns = 0
        """Cells of a line of an entry."""
        self.boxed = False
        """Whether the pane has borders at all sides."""
        self.air = True
        """Whether a blank line stands after each entry."""
        self.cursor: int | None = None
        """Key of the selected entry; `None` if none is."""
        self.range_start: int | None = None
        """Key of the entry at the other end of a selection of several; `None` if one entry is selected, or none."""
        self.needle = ""
        """Text that is searched for; empty for none."""
        self._estimated: dict[int, None] = {}
        """Keys of entries whose height is an estimate, oldest first."""
        self.filter = TurnFilter()
        """Which turns are shown, or gists about them."""

    # For subclasses

    def entry(self, key: int, columns: int) -> list[Line]:
        """Return the lines of one entry, at least one."""
        raise NotImplementedError

    def plain(self, key: int) -> str:
        """Return an entry as plain text, to search and to copy."""
        raise NotImplementedError

    def estimate(self, key: int, columns: int) -> int:
        """Return an estimate of an entry's height in lines, at least one, without laying it out."""
        raise NotImplementedError

    def empty(self, columns: int) -> list[Line]:
        """Return the lines to show while there are no entries."""
        raise NotImplementedError

    def admitted(self, key: int) -> bool:
        """Return whether the filter admits an entry."""
        raise NotImplementedError

    def rank(self, key: int) -> float:
        """Return the rank of an entry, by which the list is ordered."""
        return by_key(key)

    def tail_rows(self, rows: int) -> int:
        """Return how many rows of a pane of `rows` rows lie below its list."""
        return 0

    def tail(self, columns: int, rows: int) -> list[Line]:
        """Return the lines below the list."""
        return []

    # Layout

    def _measure_page(self) -> None:
        """Derive borders, width of the entries and height of the page from the size of the pane."""
        columns, rows = self.size
        self.boxed = self.app.size.width >= BOXED_FROM and rows > 4
        self.air = rows >= AIR_FROM
        self._columns = max(0, columns - 2) if self.boxed else columns
        self._list.resize(max(0, rows - (2 if self.boxed else 1) - self.tail_rows(rows)))

    def _page(self) -> list[Line]:
        """Return the visible lines of the list, between the side borders, if there are any."""
        blank = self._side_by_side(())
        if not self._list.keys:
            empty = NO_BOOKMARKS if self.filter.bookmarks_only else self.empty(self._columns)
            page = [self._side_by_side(line) for line in empty[: self._list.page]]
            return page + [blank] * (self._list.page - len(page))
        self._measure_visible()
        selected = frozenset(self.selected)
        page = []
        for key, first, last in self._list.visible():
            lines = self._cache.get(key)[first:last]
            if key in selected:
                lines = [select_line(line, self.size.width, boxed=self.boxed) if line else line for line in lines]
            page += lines
        free = [blank] * (self._list.page - len(page))
        return [*page, *free] if self.SLACK else [*free, *page]

    @property
    def selected(self) -> list[int]:
        """Keys of the selected entries, in order."""
        if self.cursor is None:
            return []
        return self._list.between(self.cursor if self.range_start is None else self.range_start, self.cursor)

    def _side_by_side(self, line: Line) -> Line:
        return between_sides(line, self._columns + 2) if self.boxed else line

    def _layout(self, key: int) -> list[Line]:
        lines = self.entry(key, max(1, self._columns))
        if self.needle:
            lines = [highlight(line, self.needle, "found") for line in lines]
        return [between_sides(line, self._columns + 2) for line in lines] if self.boxed else lines

    def _height(self, key: int) -> int:
        return len(self._cache.get(key))

    def _heights(self, keys: list[int]) -> list[int]:
        """Return the heights of entries: measured ones at the end, estimates before, which are measured later."""
        first_measured = max(0, len(keys) - MEASURED_AT_ONCE)
        self._estimated = dict.fromkeys(keys[:first_measured])
        if self._estimated:
            self.call_later(self._measure_batch)
        estimates = [self.estimate(key, max(1, self._columns)) for key in keys[:first_measured]]
        return estimates + [self._height(key) for key in keys[first_measured:]]

    def _measure_batch(self) -> None:
        """Measure some estimated entries, the newest first, and schedule the next batch."""
        batch = [self._estimated.popitem()[0] for _ in range(min(MEASURE_BATCH, len(self._estimated)))]
        self._list.correct({key: len(self.entry(key, max(1, self._columns))) for key in batch})
        if self._estimated:
            self.set_timer(MEASURE_PAUSE_S, self._measure_batch)
        self.touch()

    def _measure_visible(self) -> None:
        """Measure the visible entries whose height is an estimate: a wrong height would be seen."""
        while estimated := [key for key, _, _ in self._list.visible() if key in self._estimated]:
            for key in estimated:
                del self._estimated[key]
            self._list.correct({key: self._height(key) for key in estimated})
