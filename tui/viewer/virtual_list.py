"""Scroll state of a long list: which lines of which entries are visible. Pure.

Adding or changing the last entry touches only that entry.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple


class Position(NamedTuple):
    """A scroll position."""

    following: bool = True
    top: int = 0
    """Number of the first visible line, from 0."""


def by_key(key: int) -> float:
    """Return the rank of an entry in the order of the keys."""
    return key


class VirtualList:
    """A list of entries in order, each some lines high, of which one page is visible.

    While the list follows, its last line is visible, with a share of the page free below it, so that the page
    seldom scrolls. Otherwise the visible lines stay in place when entries above or below change.

    Args:
        slack: one in so many lines of the page may be free below the last line; 0 for none.
        rank: returns the rank of an entry by its key, such as a time; entries of one rank are ordered by their keys.
            The rank may change.
    """

    def __init__(self, *, slack: int = 4, rank: Callable[[int], float] = by_key) -> None:
        self._slack = slack
        self.rank = rank
        """Returns the rank of an entry by its key."""
        self.keys: list[int] = []
        """Keys of the entries, in order."""
        self._rank_of: dict[int, float] = {}
        """Rank of each entry when it was put last."""
        self._heights = array("l")
        self._ends = array("l")
        """Line after each entry, from 0."""
        self.page = 0
        """Height of the page in lines."""
        self.top = 0
        """Number of the first visible line, from 0."""
        self.following = True
        """Whether the list follows its newest entry."""
        self._unseen: set[int] = set()
        """Keys of the entries added since the list stopped following."""

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        yield "entries", len(self.keys)
        yield "total", self.total
        yield "page", self.page
        yield "top", self.top
        yield "following", self.following

    @property
    def total(self) -> int:
        """Height of all entries in lines."""
        return self._ends[-1] if self._ends else 0

    @property
    def unseen(self) -> int:
        """Number of entries added since the list stopped following."""
        return 0 if self.following else len(self._unseen)

    def reset(self, entries: Iterable[tuple[int, int]] = ()) -> None:
        """Replace all entries and follow.

        Args:
            entries: keys, in order, with their heights in lines.
        """
        self.keys, self._heights, self._ends, self._rank_of = [], array("l"), array("l"), {}
        for key, height in entries:
            self.keys.append(key)
            self._rank_of[key] = self.rank(key)
            self._heights.append(height)
            self._ends.append(self.total + height)
        self.following = True
        self.top = self._bottom

    def put(self, key: int, height: int) -> None:
        """Add an entry, or change the height of one and its place if its rank has changed."""
        rank = self.rank(key)
        if self._rank_of.get(key, rank) != rank:
            self.drop(key)
        known = key in self._rank_of
        at = self._index(key, rank)
        start = self._start(at)
        before = self._heights[at] if known else 0
        if known:
            self._heights[at] = height
        else:
            self.keys.insert(at, key)
            self._rank_of[key] = rank
            if not self.following:
                self._unseen.add(key)
            self._heights.insert(at, height)
            self._ends.insert(at, start)
        self._shift(at, height - before)
        self._settle(start, before, height)

    def drop(self, key: int) -> None:
        """Remove an entry, if it exists."""
        at = self.place(key)
        if at is None:
            return
        start, height = self._start(at), self._heights[at]
        del self.keys[at], self._heights[at], self._ends[at], self._rank_of[key]
        self._unseen.discard(key)
        self._shift(at, -height)
        self._settle(start, height, 0)

    def resize(self, page: int, heights: Iterable[int] | None = None) -> None:
        """Change the height of the page and, if given, of all entries; keep the scroll position."""
        anchor = bisect_right(self._ends, self.top)
        offset = self.top - self._start(anchor)
        self.page = page
        if heights is not None:
            self._heights = array("l", heights)
            self._ends = array("l", accumulate(self._heights))
        if self.following:
            self.top = max(0, self.total - page)
        elif anchor < len(self.keys):
            self.top = min(self._start(anchor) + min(offset, self._heights[anchor] - 1), self._bottom)

    def correct(self, heights: Mapping[int, int]) -> None:
        """Change the heights of several entries; the visible lines stay in place."""
        anchor = bisect_right(self._ends, self.top)
        above = 0
        for key, height in heights.items():
            at = self.place(key)
            if at is not None:
                above += height - self._heights[at] if at < anchor else 0
                self._heights[at] = height
        self._ends = array("l", accumulate(self._heights))
        self.top = max(0, self.top + above)
        if self.following:
            self._keep_up()

    def follow(self) -> None:
        """Scroll to the last line and follow."""
        self.following = True
        self._keep_up()

    @property
    def position(self) -> Position:
        """The scroll position, to return to it later."""
        return Position(self.following, self.top)

    def return_to(self, position: Position) -> None:
        """Return to an earlier scroll position; keep following if the list follows by now."""
        if position.following:
            self.follow()
        elif not self.following:
            self.scroll_to(position.top)

    def scroll_to(self, top: int) -> None:
        """Make `top` the first visible line; at the end of the list follow again."""
        if top >= self._bottom and top >= self.top:
            self.follow()
            return
        if self.following:
            self.following = False
            self._unseen.clear()
        self.top = max(0, min(top, self._bottom))

    def scroll_by(self, lines: int) -> None:
        """Scroll down, or up if negative."""
        self.scroll_to((min(self.top, self._bottom) if lines < 0 else self.top) + lines)

    def show(self, key: int) -> None:
        """Scroll as little as needed to make an entry visible."""
        at = self.place(key)
        if at is None:
            return
        start, end = self._start(at), self._ends[at]
        if start < self.top or end - start >= self.page:
            self.scroll_to(start)
        elif end > self.top + self.page:
            self.scroll_to(end - self.page)

    def visible(self) -> Iterator[tuple[int, int, int]]:
        """Yield key, first visible line and end of the visible lines of each visible entry."""
        bottom = self.top + self.page
        at = bisect_right(self._ends, self.top)
        while at < len(self.keys) and self._start(at) < bottom:
            start = self._start(at)
            yield self.keys[at], max(0, self.top - start), min(self._heights[at], bottom - start)
            at += 1

    def neighbour(self, key: int | None, step: int) -> int | None:
        """Return the key `step` entries after another; the last visible one for `None`; `None` for an empty list."""
        if not self.keys:
            return None
        if key is None:
            return [entry for entry, _, _ in self.visible()][-1] if self.page else self.keys[-1]
        at = self._index(key, self._rank_of.get(key, self.rank(key)))
        return self.keys[max(0, min(at + step, len(self.keys) - 1))]

    def place(self, key: int) -> int | None:
        """Return the index of an entry in `keys`; `None` if there is none."""
        rank = self._rank_of.get(key)
        return None if rank is None else self._index(key, rank)

    def between(self, one: int, other: int) -> list[int]:
        """Return the keys from one entry to another, in order; none if either does not exist."""
        places = self.place(one), self.place(other)
        if places[0] is None or places[1] is None:
            return []
        return self.keys[min(places[0], places[1]) : max(places[0], places[1]) + 1]

    def _index(self, key: int, rank: float) -> int:
        """Return the index in `keys` of an entry of that rank: its own, or the one at which it is to be inserted."""
        return bisect_left(self.keys, (rank, key), key=lambda other: (self._rank_of[other], other))

    @property
    def _bottom(self) -> int:
        return max(0, self.total - self.page)

    def _start(self, at: int) -> int:
        return self._ends[at - 1] if at > 0 else 0

    def _shift(self, at: int, lines: int) -> None:
        if lines:
            for index in range(at, len(self._ends)):
                self._ends[index] += lines

    def _settle(self, start: int, before: int, height: int) -> None:
        """Keep the visible lines in place after the entry at line `start` has changed its height."""
        if start < self.top and start + before <= self.top:
            self.top += height - before
        if self.following:
            self._keep_up()
        else:
            self.top = min(self.top, self._bottom)

    def _keep_up(self) -> None:
        room = self.page // self._slack if self._slack else 0
        if self.total > self.top + self.page:
            self.top = self.total - self.page + room
        elif self.top > self._bottom + room:
            self.top = self._bottom
