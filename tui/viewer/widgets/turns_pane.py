"""Pane of turns: the transcript, with speakers, times and bookmarks."""

import contextlib
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from tui.model.transcript import Turn
from tui.presentation.finishing import is_finishing
from tui.presentation.formatting import speaker_style
from tui.presentation.highlight_rules import Rule
from tui.presentation.view_model import ViewModel
from tui.text import clock, one_line, sanitize
from tui.viewer.highlights import apply_rules
from tui.viewer.styled_text import Line, Span, pad, truncate, width, wrap
from tui.viewer.widgets.entry_list import AIR_FROM
from tui.viewer.widgets.pane import Pane

BOOKMARK = "★"
NOW = "now"
"""Text in place of the number of an open turn."""
UNSTABLE = "unstable"
"""Style of words of a partial that may still change."""
COPY_LIMIT = 1_000_000
"""Maximum number of characters of one turn that are copied; real turns are shorter."""
WIDE_FROM = 40
"""Columns of the pane from which numbers, times and speaker names are shown."""
MAX_NAME_CELLS = 10
"""Maximum width of a speaker's name."""
NUMBER_CELLS = 4
CLOCK_CELLS = 8
"""Cells of a time of the day, `14:32:10`."""
HOUR_S = 3600.0
BAR = "▎"
"""Sign at the left of each line of a turn, in the colour of its speaker."""


class TurnsPane(Pane):
    """Final turns in the order of time, and below them the open turns of a running session.

    Words of a partial that may still change are in italics.

    Args:
        view_model: the session.
        rules: highlights.
        past: whether the session is a stored one, which has no open turns.
        id: of the widget.
    """

    NAME: ClassVar[str] = "Turns"
    KEYS: ClassVar[str] = "↑ ↓ select · enter its gist · T times · z zoom"
    KEYS_OF_SEVERAL: ClassVar[str] = "y copy · Y Markdown · J merge · : ask · e export"
    SLACK: ClassVar[int] = 0
    STYLES: ClassVar[frozenset[str]] = (
        Pane.STYLES
        | {UNSTABLE, "good", "warn", "bad", "em", "heading", "code", "session"}
        | {f"speaker-{n}" for n in range(1, 7)}
    )

    def __init__(
        self, view_model: ViewModel, *, rules: Sequence[Rule] = (), past: bool = False, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._view_model = view_model
        self._rules = rules
        self._past = past
        self._speakers: dict[str, int] = {}
        """Order in which the speakers appear, by label."""
        self._name_cells = 0
        """Cells of the longest name of a speaker; 0 without speakers."""
        self._time_cells = 5
        self.clock_times = False
        """Whether the times of the day are shown, and not the times since the start."""
        self._gists_below: Callable[[int, int], list[Line]] | None = None
        """Returns the lines of the gists of a turn in some columns; `None` to show no gists."""
        self.live = False
        """Whether open turns are shown below the list."""
        self.empty_text: list[Span] = []
        """Text to show while there are no turns."""

    def set_empty_text(self, text: list[Span]) -> None:
        """Set the text to show while there are no turns."""
        if text != self.empty_text:
            self.empty_text = text
            self.touch()

    def empty(self, columns: int) -> list[Line]:
        """Return the text to show while there are no turns."""
        text = [(), *((Span("  "), *line) for line in wrap(self.empty_text, columns - 4))]
        # At the top, where the empty gists begin, too.
        return text + [()] * (self._list.page - len(text))

    @property
    def count(self) -> int:
        """Number of turns, the open ones included."""
        open_turns = len(self._view_model.open_turns) if self.live and not self.filter.active else 0
        return super().count + open_turns

    def reset(self, keys: Iterable[int] = ()) -> None:
        """Replace all turns."""
        self.live = self._view_model.state.active and not self._past
        open_turns = self._view_model.open_turns if self.live else ()
        known = [key for key in keys if key not in open_turns]
        self._speakers.clear()
        for turn in self._view_model.transcript:
            if turn.label:
                self._speakers.setdefault(turn.label, len(self._speakers))
        self._measure_gutter()
        super().reset(known)

    def put(self, key: int) -> None:
        """Show a turn that is new or has changed: an open one below the list."""
        turn = self._view_model.transcript.get(key)
        if turn is not None:
            self._widen_gutter(turn)
        if self.live and turn is not None and not turn.final:
            self.drop(key)
        else:
            super().put(key)

    def rank(self, key: int) -> float:
        """Return the rank of a turn: its time. Of several tracks, one may be transcribed later than the others."""
        turn = self._view_model.transcript.get(key)
        return turn.start_s if turn is not None else math.inf

    def refresh_entries(self) -> None:
        """Lay out all turns anew, with a gutter that fits the names of the speakers."""
        self._measure_gutter()
        self._cache.clear()
        super().refresh_entries()

    def show_state(self) -> None:
        """Show whether the session is running: open turns stand below the list only while it is."""
        live = self._view_model.state.active and not self._past
        if live != self.live:
            self.live = live
            self._measure_page()
            for key in self._view_model.open_turns:
                self.put(key)
            self.touch()

    def show_gists(self, lines_below: Callable[[int, int], list[Line]] | None) -> None:
        """Show gists below their turns, or no longer.

        Args:
            lines_below: returns the lines of the gists of a turn, by its number, in some columns; `None` for no gists.
        """
        if (lines_below is None) != (self._gists_below is None):
            self._gists_below = lines_below
            self.refresh_entries()

    def toggle_clock(self) -> None:
        """Show times of the day, or times since the start."""
        self.clock_times = not self.clock_times
        self.refresh_entries()

    def tail_rows(self, rows: int) -> int:
        """Return the rows of the open turns."""
        return 0 if not self.live else 3 if rows >= AIR_FROM else 2 if rows > 4 else 0

    def tail(self, columns: int, rows: int) -> list[Line]:
        """Return the open turns: the last lines of one, or the last line of each of several."""
        if not rows:
            return []
        known = (self._view_model.transcript.get(key) for key in self._view_model.open_turns)
        # The speaker of an open turn may not be known yet.
        turns = [turn for turn in known if turn is not None and (not turn.label or self.admitted(turn.number))]
        if not turns:
            now: Line = () if is_finishing(self._view_model) else (Span(f"{NOW:>{NUMBER_CELLS + 1}}", "muted"),)
            return [now, *[()] * (rows - 1)]
        shown = turns[-rows:]
        lines: list[Line] = []
        for at, turn in enumerate(shown):
            share = rows - len(lines) - (len(shown) - 1 - at) if len(shown) > 1 else rows
            lines += self._turn_lines(turn, columns, last=share)
        return lines + [()] * (rows - len(lines))

    def entry(self, key: int, columns: int) -> list[Line]:
        """Return a turn: number, time, speaker if the endpoint labels it, words; then the note of its bookmark."""
        lines = [
            line for gap in self._view_model.gaps_before(key) for line in wrap([Span(f" ╌ {gap} ╌", "warn")], columns)
        ]
        lines += [line for part in self._parts(key) for line in self._turn_lines(part, columns)]
        if self._gists_below is not None:
            names = self._name_cells + 1 if self._name_cells else 0
            indent = NUMBER_CELLS + 2 + self._time_cells + 1 + names if columns >= WIDE_FROM else 1
            lines += [(Span(" " * indent), *line) for line in self._gists_below(key, columns - indent)]
        return [*lines, *([()] if self.air else [])] or [()]

    def _turn_lines(self, turn: Turn, columns: int, *, last: int = 0) -> list[Line]:
        """Return the lines of a turn between its gutter and the right edge.

        Args:
            turn: the turn.
            columns: cells of a line.
            last: maximum number of lines, the last ones; 0 for all.
        """
        gutter = self._gutter(turn, wide=columns >= WIDE_FROM)
        indent = width(gutter)
        bar = gutter[-1]
        text = wrap(apply_rules(turn_spans(turn), self._rules), columns - indent - 1)
        if note := self._view_model.bookmarks.get(turn.number):
            text += wrap([Span(one_line(note), "accent em")], columns - indent - 1)
        blank = (Span(" " * (indent - width((bar,)))), bar)
        return [(*(gutter if at == 0 else blank), *line) for at, line in enumerate(text[-last:])]

    def _gutter(self, turn: Turn, *, wide: bool) -> Line:
        """Return number or `now`, time and speaker in fixed columns, and a bar in the speaker's colour."""
        name, style = "", "rule"
        if turn.label:
            name, style = self._speaker(turn.label, full_name=wide)
        cells = self._name_cells if wide else min(self._name_cells, 2)
        speaker = (*pad((Span(name, f"{style} strong"),), cells), Span(" ")) if cells else ()
        bar = Span(BAR, style)
        sign = Span(BOOKMARK if turn.number in self._view_model.bookmarks else " ", "accent")
        if not wide:
            return (sign, *speaker, bar)
        open_turn = not turn.final
        number = Span(
            f"{NOW if open_turn else turn.number:>{NUMBER_CELLS}} ", "accent strong" if open_turn else "muted"
        )
        return (sign, number, Span(f"{self._time(turn):>{self._time_cells}} ", "muted"), *speaker, bar)

    def _time(self, turn: Turn) -> str:
        """Return when a turn begins: since the start of the session, or the time of the day."""
        session = self._view_model.session
        if self.clock_times and session is not None:
            with contextlib.suppress(ValueError):
                started = datetime.fromisoformat(session.started_at)
                return f"{started + timedelta(seconds=turn.start_s):%H:%M:%S}"
        return clock(turn.start_s)

    def _measure_gutter(self) -> None:
        """Fit the gutter to the names of the speakers and to the times."""
        self._name_cells = max((width((Span(self._speaker(label)[0]),)) for label in self._speakers), default=0)
        newest = self._view_model.newest_final()
        late = newest is not None and newest.start_s >= HOUR_S
        self._time_cells = CLOCK_CELLS if self.clock_times else 7 if late else 5

    def _widen_gutter(self, turn: Turn) -> None:
        """Lay out all turns anew if the speaker or the time of a new one does not fit the gutter."""
        before = (self._name_cells, self._time_cells)
        if turn.label and turn.label not in self._speakers:
            self._speakers[turn.label] = len(self._speakers)
            self._name_cells = max(self._name_cells, width((Span(self._speaker(turn.label)[0]),)))
        if turn.start_s >= HOUR_S and self._time_cells == 5:
            self._time_cells = 7
        if before != (self._name_cells, self._time_cells):
            self._cache.clear()
            super().refresh_entries()

    def estimate(self, key: int, columns: int) -> int:
        """Return an estimate of a turn's height in lines."""
        turn = self._view_model.transcript.get(key)
        if self._gists_below is not None:
            return len(self.entry(key, columns))
        return 1 if turn is None else 1 + len(turn.text) // max(1, columns - 16 - self._name_cells) + int(self.air)

    def plain(self, key: int) -> str:
        """Return a turn as one line for each of its parts: time, speaker, words; then its bookmark."""
        lines = []
        for turn in self._parts(key):
            name = self._view_model.speakers.get(turn.speaker or "", turn.label)
            speaker = f"{one_line(name, 40)}: " if name else ""
            lines.append(f"{clock(turn.start_s)} {speaker}{one_line(turn.text, COPY_LIMIT)}")
        note = self._view_model.bookmarks.get(key)
        bookmark = "" if note is None else f"  {BOOKMARK} {one_line(note)}".rstrip()
        return "\n".join(lines) + bookmark

    def _parts(self, key: int) -> tuple[Turn, ...]:
        """Return a turn as a person edited it; none if there is no such turn, or another one contains it."""
        turn = self._view_model.transcript.get(key)
        return self._view_model.parts(turn) if turn is not None else ()

    def _is_listed(self, key: int) -> bool:
        return super()._is_listed(key) and bool(self._parts(key))

    def admitted(self, key: int) -> bool:
        """Return whether the filter admits the turn."""
        return self.filter.admits(self._view_model, key)

    def _speaker(self, label: str, *, full_name: bool = True) -> tuple[str, str]:
        """Return a speaker's name, or else the label, and a style by the letter, else by the order of appearance."""
        style = speaker_style(label, self._speakers.setdefault(label, len(self._speakers)))
        name = one_line(self._view_model.speakers.get(label, ""))
        if full_name and name:
            return "".join(span.text for span in truncate((Span(name),), MAX_NAME_CELLS)), style
        short = one_line(label, 12)
        return short if 0 < len(short) <= 12 else "?", style


def turn_spans(turn: Turn) -> list[Span]:
    """Return a turn's words; those that may still change have the style `UNSTABLE`."""
    text = " ".join(sanitize(turn.text).split())
    if turn.final or not text:
        return [Span(text)]
    words = text.split(" ")
    stable, unstable = " ".join(words[: turn.stable]), " ".join(words[turn.stable :])
    if not stable:
        return [Span(unstable, UNSTABLE)]
    return [Span(stable), Span(f" {unstable}", UNSTABLE)] if unstable else [Span(stable)]
