"""Sessions as text: a row of a list, and the facts above a session's turns."""

import itertools
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence

from tui.sessions.catalogue import Summary
from tui.text import clock, plural, size, terminal_line


def row(summary: Summary) -> str:
    """Return a session as a row of a list."""
    marks = f"★{summary.bookmarks} " if summary.bookmarks else ""
    tags = "".join(f"#{tag} " for tag in summary.tags)
    title = ": ".join(filter(None, (summary.name, summary.first_words)))
    damaged = f"! {summary.problem}" if summary.problem else ""
    text = "; ".join(filter(None, (damaged, title))) or "no speech"
    turns = f"{summary.turns:>4} {'turn ' if summary.turns == 1 else 'turns'}"
    figures = f"{clock(summary.length_s, padded=True):>7}  {turns}  {size(summary.size_bytes):>8}  {state(summary):<11}"
    return terminal_line(f"{summary.id}  {figures}  {marks}{tags}{text}".rstrip())


def state(summary: Summary) -> str:
    """Return the state of a session; `interrupted` if its engine was killed and none has repaired it yet."""
    if summary.live:
        return "live"
    return "interrupted" if summary.state.active else str(summary.state)


def facts(summary: Summary, versions: Sequence[str]) -> Iterator[str]:
    """Yield a session's metadata, a line each.

    Args:
        summary: the session.
        versions: ids of the sessions that transcribed its recording again.
    """
    yield terminal_line(summary.name or summary.id)
    yield terminal_line(
        f"started {summary.started_at}, {clock(summary.length_s, padded=True)} long, {plural(summary.turns, 'turn')}"
    )
    why = f": {summary.reason}" if summary.reason else ""
    yield terminal_line(f"source {summary.source or 'unknown'}, {state(summary)}{why}")
    if summary.tags:
        yield terminal_line("tags " + " ".join("#" + tag for tag in summary.tags))
    if summary.note:
        yield terminal_line(f"note {summary.note}")
    if summary.version_of:
        yield terminal_line(f"another transcript of {summary.version_of}")
    if versions:
        yield terminal_line(f"transcribed again as {', '.join(versions)}")
    yield terminal_line(f"stored in {summary.path}, {size(summary.size_bytes)}")
    if summary.problem:
        yield terminal_line(f"! {summary.problem}")


def on_a_terminal() -> bool:
    """Return whether stdout is a terminal; `False` if it is closed."""
    return sys.stdout is not None and sys.stdout.isatty()


def fit_to_terminal(line: str) -> str:
    """Return a line cut to the width of the terminal; whole if stdout is none."""
    if not on_a_terminal():
        return line
    columns = shutil.get_terminal_size().columns
    if sum(map(_cells, line)) <= columns:
        return line
    taken = itertools.accumulate(map(_cells, line))
    return line[: sum(1 for upto in taken if upto < columns)] + "…"


def _cells(character: str) -> int:
    """Return the terminal cells that a character takes."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
