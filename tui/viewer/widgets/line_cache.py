"""Cache of the laid-out lines of entries: the least recently used ones are dropped. Pure."""

from collections import OrderedDict
from collections.abc import Callable

from tui.viewer.styled_text import Line


class LineCache:
    """Lines by the key of their entry.

    Args:
        size: maximum number of entries.
        layout: returns the lines of an entry.
    """

    def __init__(self, size: int, layout: Callable[[int], list[Line]]) -> None:
        self._size = size
        self._layout = layout
        self._lines: OrderedDict[int, list[Line]] = OrderedDict()

    def get(self, key: int) -> list[Line]:
        """Return the lines of an entry; lay it out if it is not cached."""
        found = self._lines.get(key)
        if found is None:
            found = self._lines[key] = self._layout(key)
            if len(self._lines) > self._size:
                self._lines.popitem(last=False)
        else:
            self._lines.move_to_end(key)
        return found

    def discard(self, key: int) -> None:
        """Drop the lines of an entry that has changed."""
        self._lines.pop(key, None)

    def clear(self) -> None:
        """Drop all lines."""
        self._lines.clear()
