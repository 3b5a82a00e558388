"""Base of the dashboard's widgets: lines of styled text, of which only changed cells are repainted."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.viewer.styled_text import Line, cells, changed_cells, pad, truncate


class CellWidget(Widget):
    """Lines of styled text. A subclass returns them; `touch` repaints the cells that changed.

    Every style is a component class `style-NAME`, so colours stay in the TCSS. A click runs the action of a span.
    """

    ALLOW_SELECT = False
    STYLES: ClassVar[frozenset[str]] = frozenset()
    """Styles that the lines may use."""

    DEFAULT_CSS = ""

    def __init_subclass__(cls, **options: object) -> None:
        cls.COMPONENT_CLASSES = {f"style-{style}" for style in cls.STYLES}
        super().__init_subclass__(**options)  # type: ignore[arg-type]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = []
        self._strips: dict[int, Strip] = {}
        self._strips_width = 0
        self._styles_of: dict[str, Style] = {}
        self._touched = False

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the lines for a content area of `columns` by `rows` cells. Called after each `touch`."""
        raise NotImplementedError

    def touch(self) -> None:
        """Schedule a repaint of the changed cells; several calls are merged, and a hidden widget is not painted."""
        if not self._touched and self.is_mounted:
            self._touched = True
            self.call_later(self._paint)

    def _paint(self) -> None:
        self._touched = False
        columns, rows = self.size
        if not columns or not rows or not self.is_on_screen:
            return
        old, self._lines = self._lines, self._fitted_lines(columns, rows)
        dirty: list[Region] = []
        for y, line in enumerate(self._lines):
            runs = changed_cells(old[y] if y < len(old) else (), line)
            if runs:
                self._strips.pop(y, None)
                dirty += [Region(start, y, end - start, 1) for start, end in runs]
        if dirty:
            self.refresh(*dirty)

    def _fitted_lines(self, columns: int, rows: int) -> list[Line]:
        lines = [truncate(line, columns) for line in self.lines(columns, rows)[:rows]]
        return lines + [()] * (rows - len(lines))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the rows of a region; strips are cached until their row changes.

        A cell widget has no border, padding or links, so it needs none of Textual's general and five times slower code.
        """
        columns = self.size.width
        if columns != self._strips_width:
            self._strips.clear()
            self._strips_width = columns
        rows = [self._strip(y) for y in crop.line_range]
        if crop.column_span == (0, columns):
            return rows
        return [strip.crop(crop.x, crop.right) for strip in rows]

    def _strip(self, y: int) -> Strip:
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strips[y] = self.render_line(y)
        return strip

    def render_line(self, y: int) -> Strip:
        """Return a row."""
        columns, rows = self.size
        if len(self._lines) != rows:
            self._lines = self._fitted_lines(columns, rows)
        line = self._lines[y] if y < len(self._lines) else ()
        return Strip([Segment(span.text, self.style_of(span.style)) for span in pad(line, columns)], columns)

    def style_of(self, names: str) -> Style:
        """Return the combination of named styles, later ones over earlier ones.

        Args:
            names: separated by spaces; empty for the widget's own style.
        """
        found = self._styles_of.get(names)
        if found is None:
            found = self.rich_style
            for name in names.split():
                found += self.get_component_rich_style(f"style-{name}", partial=True)
            for line_filter in self.get_line_filters():
                [segment] = line_filter.apply([Segment(" ", found)], self.background_colors[1])
                found = segment.style or Style.null()
            self._styles_of[names] = found
        return found

    def notify_style_update(self) -> None:
        """Clear the cached styles after a change of the theme or of a class."""
        super().notify_style_update()
        self._styles_of.clear()
        self._strips.clear()

    def on_resize(self, event: events.Resize) -> None:
        """Repaint everything."""
        self._redraw()

    def on_show(self) -> None:
        """Repaint what changed while the widget was hidden."""
        self._redraw()

    def _redraw(self) -> None:
        self._lines = []
        self._strips.clear()
        self.refresh()

    async def on_click(self, event: events.Click) -> None:
        """Run the action of the span under the pointer."""
        at = 0
        offset = event.get_content_offset(self)
        if offset is None or offset.y >= len(self._lines):
            return
        for span in self._lines[offset.y]:
            at += cells(span.text)
            if offset.x < at:
                if span.action:
                    event.stop()
                    await self.run_action(span.action)
                return
