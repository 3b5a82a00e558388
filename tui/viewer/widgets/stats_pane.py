"""Pane of statistics: six figures and what is abnormal; on request, or where there is room, all of them."""

from collections.abc import Sequence
from itertools import islice
from typing import ClassVar

from tui.model.stats import Stats
from tui.presentation.formatting import dollars, milliseconds, seconds, speaker_style
from tui.presentation.trends import gist_latencies, sparkline, speaking_rates, talk_times, talking_shares
from tui.presentation.view_model import ViewModel
from tui.text import clock, one_line, plural, size
from tui.viewer.styled_text import Line, Span, cells, justify, pad, truncate, width, wrap
from tui.viewer.widgets.cell_widget import CellWidget
from tui.viewer.widgets.pane_title import boxed_lines, pane_bottom, pane_title

NOTABLE_LAG_S = 2.0
"""Lag of the sender, in seconds, from which the header and the stats point it out."""
SLOW_FACTOR = 1.0
"""Real-time factor from which the endpoint is slower than the speech."""

TEXTS = frozenset({"device", "talking time"})
"""Labels of values that are cut if they do not fit; numbers are left out."""
TREND_TURNS = 200
"""Newest turns and gists that the sparklines may show."""
TALK_ROWS = 8
"""Free rows from which the talking time has a bar for each speaker, and no row in the table."""
SHOWN_BOOKMARKS = 6
FIGURE_CELLS = 20
"""Least cells of one of the six figures."""
Row = tuple[str, str, str]
"""Label, value and style of a statistic."""


def key_figures(stats: Stats) -> list[Row]:
    """Return the six most important statistics."""
    return [
        ("turns", f"{stats.turns:,}", ""),
        ("words/min", f"{stats.words_per_minute:.0f}", ""),
        ("lag", seconds(stats.lag_s), "warn" if stats.lag_s >= NOTABLE_LAG_S else ""),
        ("latency", milliseconds(stats.final_p50_ms), ""),
        ("cost", dollars(stats.cost_usd), ""),
        ("recording", size(stats.recording_bytes), "bad" if stats.unsaved_s else ""),
    ]


def abnormal(stats: Stats) -> list[Span]:
    """Return what is not as it should be; empty if all is well."""
    found: list[Span] = []
    if stats.unsaved_s:
        found.append(Span(f"{seconds(stats.unsaved_s)} not on disk", "bad strong"))
    if stats.overflows:
        found.append(Span(plural(stats.overflows, "input overflow"), "bad strong"))
    if stats.gists_missing:
        found.append(Span(f"{plural(stats.gists_missing, 'gist')} missing", "warn"))
    if stats.reconnects:
        found.append(Span(plural(stats.reconnects, "reconnect"), "warn"))
    if stats.realtime_factor is not None and stats.realtime_factor > SLOW_FACTOR:
        found.append(Span(f"endpoint at {stats.realtime_factor:.2f} × real time", "warn"))
    if stats.untranscribed_s:
        found.append(Span(f"{seconds(stats.untranscribed_s)} not transcribed", "warn"))
    return found


def stats_rows(stats: Stats, words: int) -> list[Row]:
    """Return label, value and style of each statistic, the most important first.

    Args:
        stats: the statistics.
        words: number of words, those of open turns included.
    """
    lag = "warn" if stats.lag_s >= NOTABLE_LAG_S else ""
    missing = f"  +{stats.gists_missing} missing" if stats.gists_missing else ""
    unsaved = f"  {seconds(stats.unsaved_s)} unsaved" if stats.unsaved_s else ""
    rows = [
        ("turns", f"{stats.turns:,}", ""),
        ("words", f"{words:,}  {stats.words_per_minute:.0f}/min", ""),
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
    for track in stats.tracks:
        parts = (plural(track.turns, "turn"), f"lag {seconds(track.lag_s)}", plural(track.reconnects, "reconnect"))
        troubled = track.reconnects or track.lag_s >= NOTABLE_LAG_S
        rows.append((one_line(track.name, 14), "  ".join(parts), "warn" if troubled else ""))
    if stats.realtime_factor is not None:
        rows.insert(10, ("endpoint at", f"{stats.realtime_factor:.2f}  × real time", ""))
    return rows


def whole_parts(value: str, columns: int) -> str:
    """Return the first parts of a value, which two spaces separate, that fit: a number that is cut is a wrong one."""
    while value and cells(value) > columns:
        value = value.rpartition("  ")[0]
    return value


class StatsPane(CellWidget):
    """Six figures and what is abnormal, in a box or in one row; or a table of all, with trends where they fit.

    Args:
        view_model: the session, for the trends.
        id: of the widget.
    """

    STYLES: ClassVar[frozenset[str]] = frozenset({"muted", "warn", "bad", "rule", "accent", "strong", "good"}) | {
        f"speaker-{n}" for n in range(1, 7)
    }
    LABEL: ClassVar[int] = 16
    """Cells of a label of the table."""
    COLUMN: ClassVar[int] = 28
    """Cells of one column of the table."""

    def __init__(self, view_model: ViewModel, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view_model = view_model
        self._stats = Stats()
        self.all = False
        """Whether all statistics are shown."""
        self._whole = False
        """Whether the table of all statistics was painted last."""
        self._trends: list[Line] = []
        self._share_text = ""
        self._shares_of = (0, 0)
        """Version of the transcript, and names of the speakers, of which `_share_text` is."""
        self._trends_of: tuple[int, int, int, int] = (0, 0, 0, 0)

    def show(self, stats: Stats) -> None:
        """Show other statistics."""
        if stats != self._stats:
            self._stats = stats
            self.touch()

    def show_words(self) -> None:
        """Show the words of open turns, if the number of words is shown."""
        if self._whole:
            self.touch()

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return a box with a table or with six figures; one row of figures if there is no room for a box."""
        if rows < 4:
            return [self._row(columns)]
        table = stats_rows(self._stats, self._view_model.words)
        if rows - 2 - len(table) < TALK_ROWS:
            table += self._shares()
        whole = self._whole = self.all or rows >= len(table) + 2
        body = self._table(table, columns - 2, rows - 2) if whole else self._figures(columns - 2)
        if rows - 2 - len(body) > 3:
            body += self._trend_lines(columns - 2, rows - 2 - len(body))
        keys = "" if rows >= len(table) + 2 and not self.all else "i less" if self.all else "i all"
        head = pane_title("Stats", "", columns, focused=False, boxed=True)
        return boxed_lines(head, body, pane_bottom(keys, columns, focused=False), columns, rows)

    def _shares(self) -> list[Row]:
        """Return the row with each speaker's share of the talking time; none without speakers."""
        view_model = self._view_model
        known = (view_model.transcript.version, hash(tuple(view_model.speakers.items())))
        if known != self._shares_of:
            self._shares_of, self._share_text = known, "  ".join(talking_shares(view_model.finals))
        return [("talking time", self._share_text, "")] if self._share_text else []

    def _figures(self, columns: int) -> list[Line]:
        """Return the six figures in two columns, or in one, and what is abnormal below them."""
        figures = key_figures(self._stats)
        across = 2 if columns >= 2 * FIGURE_CELLS else 1
        lines: list[Line] = [
            tuple(
                span
                for label, value, style in figures[at : at + across]
                for span in _cell(label, value, style, 11, columns // across)
            )
            for at in range(0, len(figures), across)
        ]
        return lines + self._abnormal(columns)

    def _abnormal(self, columns: int) -> list[Line]:
        spans = [part for span in abnormal(self._stats) for part in (Span(" · ", "muted"), span)][1:]
        return wrap([Span(" ! ", "warn strong"), *spans], columns) if spans else []

    def _table(self, table: Sequence[Row], columns: int, rows: int) -> list[Line]:
        across = max(1, min(columns // self.COLUMN, -(-len(table) // rows)))
        share = columns // across
        down = -(-len(table) // across)
        return [
            tuple(
                span
                for label, value, style in table[at::down]
                for span in _cell(label, value, style, self.LABEL, share)
            )
            for at in range(min(rows, down))
        ]

    def _row(self, columns: int) -> Line:
        row: Line = ()
        entries = [
            (Span(f" {label} ", "muted"), Span(value, style)) for label, value, style in key_figures(self._stats)
        ]
        problems = [(Span("  "), span) for span in abnormal(self._stats)]
        for item in (*entries[:2], *problems, *entries[2:]):
            if width(row) + width(item) + 1 <= columns:
                row += (*item, Span(" "))
        return justify(row, (), columns)

    # Trends

    def _trend_lines(self, columns: int, rows: int) -> list[Line]:
        """Return talk time, sparklines and bookmarks; computed anew only when turns, gists or names have changed."""
        view_model = self._view_model
        state = (
            view_model.transcript.version,
            len(view_model.gists),
            columns,
            hash((*view_model.speakers.items(), *view_model.bookmarks.items())),
        )
        if state != self._trends_of:
            self._trends_of = state
            self._trends = [*self._talk(columns), *self._sparklines(columns), *self._bookmarks(columns)]
        return self._trends[:rows]

    def _talk(self, columns: int) -> list[Line]:
        times = talk_times(self._view_model.transcript.finals)
        total = sum(spoken for _, spoken in times)
        if not total:
            return []
        lines: list[Line] = [(), (Span(" Talk time", "strong"),)]
        order = list(dict.fromkeys(turn.label for turn in self._view_model.transcript if turn.label))
        for label, spoken in times[:6]:
            name = one_line(self._view_model.speakers.get(label, label), 40)
            style = speaker_style(label, order.index(label))
            room = max(0, columns - 11 - 14)
            bar = "━" * max(1, round(room * spoken / times[0][1]))
            figures = f"{clock(spoken):>7} {100 * spoken / total:3.0f} %"
            left = (Span(" "), *pad(truncate((Span(name, style),), 9), 10), Span(bar, style))
            lines.append(justify(left, (Span(figures),), columns - 1))
        return lines

    def _sparklines(self, columns: int) -> list[Line]:
        view_model = self._view_model
        turns = list(islice(reversed(view_model.transcript.finals), TREND_TURNS))[::-1]
        gists = [view_model.gists[number] for number in sorted(view_model.gists)[-TREND_TURNS:]]
        lines: list[Line] = []
        for title, values, unit in (
            ("Words a minute, by turn", speaking_rates(turns), ""),
            ("Latency of gists", [1000 * latency for latency in gist_latencies(gists)], " ms"),
        ):
            shown = values[-(columns - 2) :]
            if len(shown) > 1:
                most = Span(f"max {max(shown):,.0f}{unit}", "muted")
                lines += [(), justify((Span(f" {title}", "strong"),), (most,), columns - 1)]
                lines.append((Span(f" {sparkline(shown)}", "accent"),))
        return lines

    def _bookmarks(self, columns: int) -> list[Line]:
        found = sorted(self._view_model.bookmarks.items())[-SHOWN_BOOKMARKS:]
        if not found:
            return []
        rows = [(Span(f" ★{number:>4} ", "accent"), Span(one_line(note, 80), "")) for number, note in found]
        return [(), (Span(" Bookmarks", "strong"),), *(truncate(row, columns - 1) for row in rows)]


def _cell(label: str, value: str, style: str, label_cells: int, columns: int) -> Line:
    """Return a label and its value in `columns` cells; a number that does not fit is left out."""
    if label not in TEXTS:
        value = whole_parts(value, columns - label_cells - 1)
    return pad((Span(f" {label:<{label_cells}}", "muted"), Span(value, style)), columns)
