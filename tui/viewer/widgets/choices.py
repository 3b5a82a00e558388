"""A list to choose from, and text to read, as canvases."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.viewer.styled_text import Line, Span, justify, pad, restyle, width, wrap
from tui.viewer.widgets.cell_widget import CellWidget


class Choices(CellWidget):
    """Rows of which one is marked. The screen around it moves the mark."""

    STYLES: ClassVar[frozenset[str]] = frozenset(
        {"selected", "muted", "accent", "strong", "good", "warn", "bad", "track"}
    )

    class Pointed(Message):
        """A row was clicked."""

        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row

    class Rolled(Message):
        """The wheel was turned over the rows."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._first = 0
        self._rows: Sequence[Line] = ()
        self.marked = 0
        """Index of the marked row."""

    def show(self, rows: Sequence[Line], marked: int = 0) -> None:
        """Offer these rows."""
        self._rows = rows
        self.marked = max(0, min(marked, len(rows) - 1))
        self.touch()

    def step(self, step: int) -> None:
        """Mark another row."""
        self.show(self._rows, self.marked + step)

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the rows around the marked one; signs at the right say that there are more."""
        first = self._first = max(0, min(self.marked - rows // 2, len(self._rows) - rows))
        last = first + rows
        page = [
            restyle(pad((Span("▸ "), *row), columns), "selected") if at == self.marked else (Span("  "), *row)
            for at, row in list(enumerate(self._rows))[first:last]
        ]
        if first > 0:
            page[0] = justify(page[0], (Span(f" ↑ {first}", "muted"),), columns)
        if last < len(self._rows) and page:
            page[-1] = justify(page[-1], (Span(f" ↓ {len(self._rows) - last}", "muted"),), columns)
        return page

    async def on_click(self, event: events.Click) -> None:
        """Tell which row was clicked."""
        offset = event.get_content_offset(self)
        if offset is not None and (row := self._first + offset.y) < len(self._rows):
            event.stop()
            self.post_message(self.Pointed(row))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Tell that the next row is wanted."""
        event.stop()
        self.post_message(self.Rolled(1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Tell that the row before is wanted."""
        event.stop()
        self.post_message(self.Rolled(-1))


class Reader(CellWidget):
    """Text that scrolls if it is longer than its space."""

    STYLES: ClassVar[frozenset[str]] = frozenset({"muted", "accent", "strong", "good", "warn", "bad"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll(-1)", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
    ]

    def __init__(
        self, text: Sequence[Line] = (), *, hang: int = 0, focusable: bool = False, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._hang = hang
        """Cells of a first span below which a paragraph's further lines stay clear."""
        self.can_focus = focusable
        self._text = text
        self._top = 0

    def show(self, text: Sequence[Line]) -> None:
        """Show another text from its start."""
        self._text, self._top = text, 0
        self.touch()

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the visible part; a sign says that more is below."""
        wrapped = [line for spans in self._text for line in self._wrapped(spans, columns - 1)]
        self._top = max(0, min(self._top, len(wrapped) - rows))
        page = wrapped[self._top : self._top + rows]
        if self._top + rows < len(wrapped) and page:
            page[-1] = (Span("↓ more", "accent"),)
        return page

    def _wrapped(self, spans: Line, columns: int) -> list[Line]:
        if not spans:
            return [()]
        if not self._hang or width(spans[:1]) != self._hang:
            return wrap(spans, columns)
        body = wrap(spans[1:], columns - self._hang)
        return [(spans[0] if at == 0 else Span(" " * self._hang), *line) for at, line in enumerate(body)]

    def action_scroll(self, lines: int) -> None:
        """Scroll down, or up if negative."""
        self._top += lines
        self.touch()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll on."""
        self.action_scroll(2)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll back."""
        self.action_scroll(-2)
