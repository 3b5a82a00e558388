"""Widgets of dialogs: a list to choose from, and scrollable text."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message

from tui.viewer.styled_text import Line, Span, justify, pad, restyle, width, wrap
from tui.viewer.widgets.cell_widget import CellWidget


class Choices(CellWidget):
    """A list with one selected row. The screen moves the selection."""

    STYLES: ClassVar[frozenset[str]] = frozenset(
        {"selected", "muted", "accent", "strong", "good", "warn", "bad", "track"}
    )

    class RowClicked(Message):
        """A row was clicked."""

        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row

    class WheelTurned(Message):
        """The mouse wheel was turned over the list."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step
            """1 for down, -1 for up."""

    def __init__(self, *, heading: Line = (), id: str | None = None) -> None:
        super().__init__(id=id)
        self._heading = heading
        """Row above the list with the names of its columns; empty for none."""
        self._first = 0
        self._rows: Sequence[Line] = ()
        self.selected = 0
        """Index of the selected row; 0 for an empty list."""

    def show(self, rows: Sequence[Line], selected: int = 0, heading: Line | None = None) -> None:
        """Show other rows.

        Args:
            rows: from the top.
            selected: index of the row to select.
            heading: names of the columns; `None` for those before.
        """
        self._heading = self._heading if heading is None else heading
        if len(rows) != len(self._rows):
            self.refresh(layout=True)
        self._rows = rows
        self.selected = max(0, min(selected, len(rows) - 1))
        self.touch()

    def step(self, step: int) -> None:
        """Move the selection down, or up if negative."""
        self.show(self._rows, self.selected + step)

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the heading, and the rows around the selected one; arrows count the rows above and below."""
        if self._heading:
            return [(Span("  "), *restyle(self._heading, "muted")), *self._page(columns, rows - 1)]
        return self._page(columns, rows)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the height of all rows."""
        return max(1, len(self._rows)) + bool(self._heading)

    def row_of(self, index: int) -> int:
        """Return the line, counted from the top of the widget, that shows a row."""
        return index - self._first + bool(self._heading)

    def _page(self, columns: int, rows: int) -> list[Line]:
        first = self._first = max(0, min(self.selected - rows // 2, len(self._rows) - rows))
        last = first + rows
        page = [
            restyle(pad((Span("▸ "), *row), columns), "selected") if at == self.selected else (Span("  "), *row)
            for at, row in list(enumerate(self._rows))[first:last]
        ]
        if first > 0:
            page[0] = justify(page[0], (Span(f" ↑ {first}", "muted"),), columns)
        if last < len(self._rows) and page:
            page[-1] = justify(page[-1], (Span(f" ↓ {len(self._rows) - last}", "muted"),), columns)
        return page

    async def on_click(self, event: events.Click) -> None:
        """Post which row was clicked."""
        offset = event.get_content_offset(self)
        if offset is not None and 0 <= (row := self._first + offset.y - bool(self._heading)) < len(self._rows):
            event.stop()
            self.post_message(self.RowClicked(row))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Post that the wheel was turned down."""
        event.stop()
        self.post_message(self.WheelTurned(1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Post that the wheel was turned up."""
        event.stop()
        self.post_message(self.WheelTurned(-1))


class Reader(CellWidget):
    """Text that scrolls if it does not fit."""

    STYLES: ClassVar[frozenset[str]] = frozenset({"muted", "accent", "strong", "good", "warn", "bad"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll(-1)", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
    ]

    def __init__(
        self,
        text: Sequence[Line] = (),
        *,
        hang: int = 0,
        focusable: bool = False,
        more: str = "↓ more",
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._more = more
        """What stands in the last row if text follows."""
        self._hang = hang
        """Cells of a first span that makes its paragraph a hanging one: further lines are indented by as many."""
        self.can_focus = focusable
        self._text = text
        self._top = 0

    def show(self, text: Sequence[Line]) -> None:
        """Show another text, scrolled to its start."""
        rows = self._height(self.size.width)
        self._text, self._top = text, 0
        if self.styles.auto_dimensions and self._height(self.size.width) != rows:
            self.refresh(layout=True)
        self.touch()

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the visible lines; the last one says `more` if text follows."""
        wrapped = [line for spans in self._text for line in self._wrapped(spans, columns - 1)]
        self._top = max(0, min(self._top, len(wrapped) - rows))
        page = wrapped[self._top : self._top + rows]
        if self._top + rows < len(wrapped) and page:
            page[-1] = (Span(self._more, "accent"),)
        return page

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the height of the whole text."""
        return self._height(width)

    def _height(self, width: int) -> int:
        return max(1, sum(len(self._wrapped(spans, width - 1)) for spans in self._text))

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
        """Scroll down."""
        self.action_scroll(2)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up."""
        self.action_scroll(-2)
