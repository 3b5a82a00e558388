"""Rows of the list of past sessions, and of the matches of a search in them. Pure."""

from tui.model.events import SessionInfo, State
from tui.model.session_hits import SessionHit
from tui.text import clock, one_line, sanitize
from tui.viewer.styled_text import Line, Span, pad

HEADING = f"  {'started':<18}{'length':>7}  {'turns':>5}  {'★':>2}  title"
SHORT_HEADING = f"  {'started':<13}{'length':>7}  title"
"""Names of the columns in a narrow terminal."""


def title_of(session: SessionInfo) -> str:
    """Return the title of a session; without one, its first words."""
    return session.name or session.first_words or "(no turns)"


def searchable(session: SessionInfo) -> str:
    """Return the text that a filter matches: date, title, first words and tags."""
    tags = " ".join(f"#{tag}" for tag in session.tags)
    return f"{session.started_at.replace('T', ' ')} {session.name} {session.first_words} {tags}".casefold()


def hit_row(hit: SessionHit) -> Line:
    """Return the row of a match: date, time, turn and words around it."""
    when = hit.session[:10]
    where = f"turn {hit.turn}" if hit.turn else "session"
    return (*pad((Span(f"  {when}  {clock(hit.at_s):>7}  {where}", "muted"),), 32), *snippet(hit))


def snippet(hit: SessionHit) -> list[Span]:
    """Return the words around a match; the matching ones stand out."""
    parts = [" ".join(sanitize(part).split("\n")) for part in hit.parts]
    return [Span(part, "accent strong" if at % 2 else "") for at, part in enumerate(parts)]


def status(session: SessionInfo) -> str:
    """Return a session's state or problem; empty for one that ended normally."""
    if session.live:
        return "live  "
    if session.state.active:
        return "interrupted  "
    problem = f"! {one_line(session.problem, 40)}  " if session.problem else ""
    return problem or ("failed  " if session.state is State.FAILED else "")
