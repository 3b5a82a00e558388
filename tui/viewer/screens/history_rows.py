"""Rows of the list of past sessions, and of the matches of a search in them. Pure."""

from collections.abc import Callable

from tui.model.events import SessionInfo, State
from tui.model.session_hits import SessionHit
from tui.text import clock, one_line, plural, sanitize
from tui.viewer.styled_text import Line, Span, pad


def heading(*, matches: bool = False, narrow: bool = False) -> Line:
    """Return the names of the columns: of matches or of sessions, in a `narrow` terminal fewer."""
    if matches:
        return (Span(f"{'session':<11}{'time':>7}  turn" if narrow else f"  {'session':<18}{'time':>7}  turn"),)
    if narrow:
        return (Span(f"  {'started':<13}{'length':>7}  title"),)
    return (Span(f"  {'started':<18}{'length':>7}  {'turns':>5}  {'★':>2}  title"),)


def title_of(session: SessionInfo) -> str:
    """Return the title of a session; without one, its first words."""
    return session.name or session.first_words or "(no turns)"


ORDERS: tuple[tuple[str, Callable[[SessionInfo], tuple[object, ...]], bool], ...] = (
    ("newest first", lambda session: (session.started_at,), True),
    ("longest first", lambda session: (session.length_s,), True),
    ("most turns first", lambda session: (session.turns,), True),
    ("by title", lambda session: (one_line(title_of(session), 80).casefold(),), False),
)
"""Sort orders: name, key, whether the highest comes first."""


def searchable(session: SessionInfo) -> str:
    """Return the text that a filter matches: date, title, first words and tags."""
    tags = " ".join(f"#{tag}" for tag in session.tags)
    return f"{session.started_at.replace('T', ' ')} {session.name} {session.first_words} {tags}".casefold()


def hit_row(hit: SessionHit, *, narrow: bool) -> Line:
    """Return the row of a match: start of its session, time, turn and words around it; `narrow` without the year."""
    # The id of a session begins with the time of its start.
    when = f"{hit.session[:10]} {hit.session[11:16].replace('-', ':')}"
    where = f"turn {hit.turn}" if hit.turn else "session"
    if narrow:
        return (*pad((Span(f"{when[5:]:<11}{clock(hit.at_s):>7}  {where}", "muted"),), 29), *snippet(hit))
    return (*pad((Span(f"  {when:<18}{clock(hit.at_s):>7}  {where}", "muted"),), 38), *snippet(hit))


def snippet(hit: SessionHit) -> list[Span]:
    """Return the words around a match; the matching ones stand out."""
    parts = [" ".join(sanitize(part).split("\n")) for part in hit.parts]
    return [Span(part, "accent strong" if at % 2 else "") for at, part in enumerate(parts)]


def preview_of(session: SessionInfo) -> list[Line]:
    """Return a session's title and facts, what is wrong with it, and its first words."""
    facts = [session.started_at[:16].replace("T", " "), clock(session.length_s), plural(session.turns, "turn")]
    facts += [plural(session.bookmarks, "bookmark")] if session.bookmarks else []
    name = one_line(session.name, 200)
    title: Line = (Span(f"{name}  " if name else "", "strong"), Span(" · ".join(facts), "muted"))
    problem: list[Line] = [(Span(f"! {one_line(session.problem, 200)}", "warn"),)] if session.problem else []
    words = one_line(session.first_words, 400)
    if words and not words.endswith((".", "?", "!")):
        words += " …"
    return [title, *problem, *([(Span(words),)] if words else [])]


def status(session: SessionInfo) -> str:
    """Return a session's state or problem; empty for one that ended normally."""
    if session.live:
        return "live  "
    if session.state.active:
        return "interrupted  "
    problem = f"! {one_line(session.problem, 40)}  " if session.problem else ""
    return problem or ("failed  " if session.state is State.FAILED else "")
