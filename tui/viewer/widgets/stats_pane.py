"""Pane of statistics: counts, latencies, cost and the state of the connection."""

from typing import ClassVar

from rich.cells import cell_len

from tui.model.stats import Stats
from tui.presentation.formatting import dollars, milliseconds, seconds
from tui.text import clock, one_line, plural, size
from tui.viewer.styled_text import Line, Span, justify, pad, width
from tui.viewer.widgets.cell_widget import CellWidget
from tui.viewer.widgets.pane_title import pane_title

NOTABLE_LAG_S = 2.0
"""Lag of the sender, in seconds, from which the header and the stats point it out."""

TEXTS = frozenset({"device"})
"""Labels of values that are cut if they do not fit; numbers are left out."""


def stats_rows(stats: Stats) -> list[tuple[str, str, str]]:
    """Return label, value and style of each statistic, the most important first."""
    lag = "warn" if stats.lag_s >= NOTABLE_LAG_S else ""
    missing = f" +{stats.gists_missing} missing" if stats.gists_missing else ""
    unsaved = f"  {seconds(stats.unsaved_s)} unsaved" if stats.unsaved_s else ""
    rows = [
        ("turns", f"{stats.turns:,}", ""),
        ("words", f"{stats.words:,}  {stats.words_per_minute:.0f}/min", ""),
        ("speech → final", f"{milliseconds(stats.final_p50_ms)}  p95 {milliseconds(stats.final_p95_ms)}", ""),
        ("final → gist", milliseconds(stats.gist_p50_ms), ""),
        ("gists", f"{stats.gists:,}{missing}", "warn" if missing else ""),
        ("estimated cost", dollars(stats.cost_usd), ""),
        ("tokens in/out", f"{stats.input_tokens:,} / {stats.output_tokens:,}", ""),
        ("sent", f"{clock(stats.sent_s)}  lag {seconds(stats.lag_s)}", lag),
        (
            "reconnects",
            f"{stats.reconnects}  of {plural(stats.connections, 'connection')}",
            "warn" if stats.reconnects else "",
        ),
        ("round trip", milliseconds(stats.round_trip_ms), ""),
        ("recording", f"{size(stats.recording_bytes)}{unsaved}", "bad" if unsaved else ""),
        ("input overflows", f"{stats.overflows:,}", "bad" if stats.overflows else ""),
        ("expires in", clock(stats.expires_s) if stats.expires_s is not None else "–", ""),
        ("device", one_line(stats.device, 80) or "–", ""),
        # Whoever reads this is one, also before the engine's first statistics.
        ("viewers", str(max(1, stats.viewers)), ""),
    ]
    if stats.realtime_factor is not None:
        rows.insert(10, ("real-time factor", f"{stats.realtime_factor:.2f}", ""))
    return rows


def whole_parts(value: str, columns: int) -> str:
    """Return the first parts of a value, which two spaces separate, that fit: a number that is cut is a wrong one."""
    while cell_len(value) > columns:
        value = value.rpartition("  ")[0]
    return value


class StatsPane(CellWidget):
    """All statistics in a table; on a small screen the most important ones in a row."""

    STYLES: ClassVar[frozenset[str]] = frozenset({"muted", "warn", "bad", "rule", "accent", "strong"})
    LABEL: ClassVar[int] = 16
    """Cells of a label."""
    COLUMN: ClassVar[int] = 40
    """Cells of one column of the table."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._stats = Stats()

    def show(self, stats: Stats) -> None:
        """Show other statistics."""
        if stats != self._stats:
            self._stats = stats
            self.touch()

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the title and the table, or one row."""
        table_rows = stats_rows(self._stats)
        if rows < 4:
            return [self._row(table_rows, columns)]
        body = rows - 1
        across = max(1, min(columns // self.COLUMN, -(-len(table_rows) // body)))
        share = columns // across
        table: list[Line] = []
        for at in range(min(body, -(-len(table_rows) // across))):
            cells = [
                self._cell(table_rows[at + body * n], share) for n in range(across) if at + body * n < len(table_rows)
            ]
            table.append(tuple(span for cell in cells for span in cell))
        return [pane_title("Stats", "", columns, focused=False), *table]

    def _cell(self, entry: tuple[str, str, str], columns: int) -> Line:
        label, value, style = entry
        if label not in TEXTS:
            value = whole_parts(value, columns - self.LABEL - 1)
        return pad((Span(f" {label:<{self.LABEL}}", "muted"), Span(value, style)), columns)

    @staticmethod
    def _row(entries: list[tuple[str, str, str]], columns: int) -> Line:
        row: Line = ()
        for label, value, style in entries:
            item = (Span(f" {label} ", "muted"), Span(value, style), Span(" "))
            if width(row) + width(item) <= columns:
                row += item
        return justify(row, (), columns)
