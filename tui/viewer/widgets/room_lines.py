"""Lines of one room on the wall: name, state, level, what calls for attention, newest turn and gist. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tui.model.gists import Gist
from tui.model.transcript import Turn, with_speaker_name
from tui.presentation.ballistics import Condition, Reading
from tui.presentation.formatting import seconds, speaker_style, state_pill, without_markup
from tui.presentation.highlight_rules import Rule
from tui.presentation.room import Room
from tui.presentation.session_commands import is_silent
from tui.text import clock, one_line
from tui.viewer.highlights import apply_rules
from tui.viewer.styled_text import Line, Span, pad, truncate, width, wrap
from tui.viewer.widgets.meter import bar
from tui.viewer.widgets.stats_pane import NOTABLE_LAG_S

MAX_ROWS = 12
"""Maximum number of rows of a room."""
SPACED_ROWS = 4
"""Rows of a room from which the last one is blank."""
PILL_CELLS = 16
"""Cells of the widest state: RECONNECTING with its sign, between spaces."""
WORDS_READ = 400
"""Characters at the end of a text that are laid out: more than any room shows."""
CUT_CELLS = 6
"""Cells from which a note is cut instead of left out."""
MAX_GIST_ROWS = 3
"""Maximum number of rows of the newest gist."""
MAX_ALARM = 24
"""Maximum number of characters of an alarm."""


class Columns(NamedTuple):
    """Widths of the columns of a room's first row."""

    name: int
    pill: int
    """Cells of the state; 3 for its sign alone."""
    time: int
    """Cells of the elapsed time; 0 to leave it out."""
    bar: int


def columns_of(columns: int, rows: int) -> Columns:
    """Return the widths for a room of a size: a room of one row leaves most of it to the text."""
    if rows > 1:
        return Columns(10, PILL_CELLS, 0, 8) if columns < 80 else Columns(14, PILL_CELLS, 8, max(14, columns // 5))
    if columns < 100:
        return Columns(10, 3, 0, 6 if columns < 80 else 8)
    return Columns(14, PILL_CELLS, 8, 10)


def room_lines(
    room: Room, reading: Reading, columns: int, rows: int, *, selected: bool = False, rules: Sequence[Rule] = ()
) -> list[Line]:
    """Return the lines of a room, exactly `rows`.

    Args:
        room: the room.
        reading: its level.
        columns: width of the lines.
        rows: height, at least one.
        selected: whether commands go to the room.
        rules: highlights.
    """
    head = _head(room, reading, columns_of(columns, rows), selected=selected)
    notes = room_notes(room, reading, every=rows > 1)
    if rows == 1:
        fitting = _fitting(notes, max(0, (columns - width(head)) * 2 // 5))
        text = columns - width(head) - width(fitting) - 1
        return [(*head, *fitting, Span(" "), *_only_line(room, text, rules, selected=selected))]
    head = (*head, *_fitting(notes, columns - width(head)))
    body = rows - 1 - (rows >= SPACED_ROWS)
    lines = [(Span("  "), *line) for line in _body(room, max(1, columns - 2), body, rules, selected=selected)]
    return [head, *lines, *([()] * (rows - 1 - len(lines)))]


def _head(room: Room, reading: Reading, cells: Columns, *, selected: bool) -> Line:
    view_model = room.view_model
    style, sign, word = state_pill(view_model)
    name = pad((Span(one_line(room.name, 60), "strong"),), cells.name)
    marked = (Span("▸ ", "accent strong"), *(span._replace(style=f"{span.style} accent".strip()) for span in name))
    pill = f" {sign} " if cells.pill == 3 else f" {sign} {word} "
    line: Line = (*(marked if selected else (Span("  "), *name)), Span(" "), *pad((Span(pill, style),), cells.pill))
    if cells.time:
        elapsed = clock(view_model.stats.elapsed_s) if view_model.session is not None else ""
        line += (Span(f"{elapsed:>{cells.time}}", "muted"),)
    speech = ("●", "good") if view_model.speech else ("○", "muted")
    level: Line = (*bar(reading, cells.bar), Span(f" {speech[0]}", speech[1]))
    return (*line, Span(" "), *(level if room.recording else (Span(" " * (cells.bar + 2)),)))


def room_notes(room: Room, reading: Reading, *, every: bool) -> list[Span]:
    """Return what to know of a room beside its state, the most important first.

    Args:
        room: the room.
        reading: its level.
        every: whether to return what is as it should be, too: the lag of the sender.
    """
    view_model, stats = room.view_model, room.view_model.stats
    sending = view_model.state.active and not view_model.disconnected
    notes = [
        Span(f" ! {one_line(text, MAX_ALARM)}{f' ×{times}' if times > 1 else ''} ", "pill-warn")
        for text, times in reversed(room.alarms.items())
    ]
    if stats.unsaved_s:
        notes.append(Span(f"{stats.unsaved_s:.0f} s NOT ON DISK", "bad strong"))
    if view_model.state.active and is_silent(view_model):
        notes.append(Span("‖ PAUSED" if view_model.replay_speed else "⊘ MUTED", "warn strong"))
    elif reading.condition is not Condition.NONE:
        notes.append(Span(reading.condition, "warn strong" if reading.condition is Condition.QUIET else "bad strong"))
    if reading.clipped and reading.condition is not Condition.CLIPPING:
        notes.append(Span(" CLIP ", "clip"))
    if view_model.replay_speed:
        notes.append(Span(f"▶ REPLAY ×{view_model.replay_speed:g}", "accent strong"))
    if sending and stats.lag_s >= NOTABLE_LAG_S:
        behind = "switching prompt" if view_model.switching_prompt else f"{stats.lag_s:.0f} s BEHIND"
        notes.append(Span(behind, "warn strong"))
    if view_model.bookmarks:
        notes.append(Span(f"★ {len(view_model.bookmarks)}", "accent"))
    if every and sending and stats.lag_s < NOTABLE_LAG_S:
        notes.append(Span(f"lag {seconds(stats.lag_s)}", "muted"))
    if every and view_model.title:
        notes.append(Span(one_line(view_model.title, 60), "muted"))
    return notes


def _fitting(notes: Iterable[Span], columns: int) -> Line:
    """Return the notes that fit, each after two spaces; the first one is cut if it does not."""
    line: Line = ()
    for note in notes:
        room = columns - width(line) - 2
        if width((note,)) <= room or (not line and room >= CUT_CELLS):
            line = (*line, Span("  "), *truncate((note,), room))
    return line


def _only_line(room: Room, columns: int, rules: Sequence[Rule], *, selected: bool) -> Line:
    """Return the text of a room of one row: what is wrong, or the end of the newest turn."""
    style, problem = room.problem
    if problem:
        return truncate((Span(one_line(problem), style),), columns)
    turns = room.newest_turns(1)
    if not turns:
        return truncate((Span(_empty(room, selected=selected), "muted"),), columns)
    return apply_rules(_last_line(_turn_spans(room, turns[0]), columns), rules)


def _body(room: Room, columns: int, rows: int, rules: Sequence[Rule], *, selected: bool) -> list[Line]:
    """Return at most so many lines: what is wrong, the end of the newest turns, the start of the newest gist."""
    style, problem = room.problem
    gist = room.view_model.newest_gist
    if gist is None and not room.newest_turns(1):
        text = Span(one_line(problem), style) if problem else Span(_empty(room, selected=selected), "muted")
        return _wrapped(text, columns, rows)
    lines = _wrapped(Span(one_line(problem), style), columns, max(1, rows // 2)) if problem else []
    left = rows - len(lines)
    turns = room.newest_turns(left)
    gist_lines = _gist_lines(gist, columns, min(left // 2, MAX_GIST_ROWS)) if gist is not None else []
    turn_lines = _turn_lines(room, turns, columns, left - len(gist_lines))
    return [*lines, *(apply_rules(line, rules) for line in (*turn_lines, *gist_lines))]


def _wrapped(text: Span, columns: int, rows: int) -> list[Line]:
    """Return the start of a text in at most so many lines, with an ellipsis if something is left out."""
    lines = wrap([text], columns)
    if len(lines) > rows > 0:
        lines[rows - 1] = truncate((*lines[rows - 1], Span(" "), *lines[rows]), columns)
    return lines[:rows]


def _turn_lines(room: Room, turns: Sequence[Turn], columns: int, rows: int) -> list[Line]:
    """Return the end of turns, the newest of which is given first, in at most so many lines."""
    if rows == 1 and turns:
        return [_last_line(_turn_spans(room, turns[0]), columns)]
    lines: list[Line] = []
    for turn in turns:
        lines = [*wrap(_turn_spans(room, turn), columns), *lines]
        if len(lines) >= rows:
            break
    return lines[max(0, len(lines) - rows) :]


def _empty(room: Room, *, selected: bool) -> str:
    """Return the text of a room without turns."""
    if not room.view_model.synced:
        return "Connecting to the engine…"
    if room.view_model.state.active:
        return "No turns yet."
    return "No session is running: s starts one." if selected else "No session is running."


def _turn_spans(room: Room, turn: Turn) -> list[Span]:
    """Return the end of a turn after its speaker."""
    named = with_speaker_name(turn, room.view_model.speakers)
    text = one_line(turn.text, None)
    text = text if len(text) <= WORDS_READ else f"…{text[-WORDS_READ:].partition(' ')[2]}"
    voice = one_line(named.voice, 24)
    return [*([Span(f"{voice}: ", f"{speaker_style(turn.label, 0)} strong")] if voice else []), Span(text)]


def _gist_lines(gist: Gist, columns: int, rows: int) -> list[Line]:
    """Return the start of a gist without its markup, after a sign, in at most so many lines."""
    sign = "◆ " if gist.turn is not None else "┃ "
    text = one_line(without_markup(gist.text[: 2 * WORDS_READ]))
    lines = _wrapped(Span(text, "muted"), max(1, columns - 2), rows)
    return [(Span(sign if at == 0 else "  ", "accent"), *line) for at, line in enumerate(lines)]


def _last_line(spans: Sequence[Span], columns: int) -> Line:
    """Return the end of a text in one line. As the text grows, its start moves by half a line at a time."""
    if width(spans) <= columns or columns < 8:
        return truncate(spans, columns)
    halves = [line for line in wrap(spans, columns // 2 - 1) if line]
    line = (Span("…", "muted"), *halves[-2], Span(" "), *halves[-1]) if len(halves) > 1 else tuple(halves[-1])
    return truncate(line, columns)
