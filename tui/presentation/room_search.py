"""Search over the turns, gists and bookmarks of several rooms. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from heapq import nlargest
from typing import NamedTuple

from tui.presentation.formatting import without_markup
from tui.presentation.room import Room
from tui.text import one_line

MAX_HITS = 300
"""Maximum number of hits: more than anyone reads."""
BEFORE = 24
"""Characters before the first match in an excerpt."""
EXCERPT = 200
"""Maximum number of characters of an excerpt."""


class RoomHit(NamedTuple):
    """A turn, a gist or a bookmark that was found."""

    spoken_at: float
    """Time of the turn, in seconds since the epoch of its machine's clock."""
    room: Room
    turn: int
    """Number of the turn; 0 for a gist of the whole session."""
    at_s: float
    """Time of the turn in its session."""
    kind: str
    """`turn`, `gist` or `bookmark`."""
    parts: tuple[str, ...]
    """Excerpt: parts at odd places match."""


def find_hits(rooms: Iterable[Room], words: str, *, bookmarks: bool = False) -> list[RoomHit]:
    """Return the turns and gists that contain each word, the newest first.

    Args:
        rooms: where to search.
        words: separated by spaces; without any, nothing is found but bookmarks.
        bookmarks: whether to search bookmarks, by their notes and turns, instead of turns and gists.
    """
    needles = words.casefold().split()
    found = (hit for room in rooms for hit in (_bookmarks(room, needles) if bookmarks else _spoken(room, needles)))
    return nlargest(MAX_HITS, found, key=lambda hit: (hit.spoken_at, hit.turn))


def _spoken(room: Room, needles: Sequence[str]) -> Iterator[RoomHit]:
    if not needles:
        return
    view_model, started_s = room.view_model, _started_s(room)
    for turn in view_model.spoken:
        if _contains(f"{turn.voice} {turn.text}", needles):
            text = f"{turn.voice}: {turn.text}" if turn.voice else turn.text
            yield RoomHit(started_s + turn.start_s, room, turn.number, turn.start_s, "turn", excerpt(text, needles))
    for gist in view_model.gists.values():
        if _contains(f"{gist.question} {gist.text}", needles):
            turn_of = view_model.transcript.get(gist.turn) if gist.turn is not None else None
            at_s = turn_of.start_s if turn_of is not None else view_model.stats.elapsed_s
            yield RoomHit(
                started_s + at_s, room, gist.turn or 0, at_s, "gist", excerpt(without_markup(gist.text), needles)
            )


def _bookmarks(room: Room, needles: Sequence[str]) -> Iterator[RoomHit]:
    started_s = _started_s(room)
    for number, note in room.view_model.bookmarks.items():
        turn = room.view_model.turn(number)
        if turn is not None and _contains(f"{note} {turn.text}", needles):
            text = f"{note} · {turn.text}" if note else turn.text
            yield RoomHit(started_s + turn.start_s, room, number, turn.start_s, "bookmark", excerpt(text, needles))


def _started_s(room: Room) -> float:
    session = room.view_model.session
    with suppress(ValueError):
        return datetime.fromisoformat(session.started_at).timestamp() if session is not None else 0.0
    return 0.0


def _contains(text: str, needles: Iterable[str]) -> bool:
    folded = text.casefold()
    return all(needle in folded for needle in needles)


def excerpt(text: str, needles: Sequence[str]) -> tuple[str, ...]:
    """Return the text around the first match in one line, cut at the matches: those are at the odd places."""
    text = one_line(text, None)
    pattern = re.compile("|".join(map(re.escape, needles)) or r"(?!)", re.IGNORECASE)
    first = pattern.search(text)
    start = 0
    if first is not None and first.start() > BEFORE:
        start = text.rfind(" ", 0, first.start() - BEFORE) + 1
    shown = f"{'…' if start else ''}{text[start : start + EXCERPT]}"
    return tuple(re.split(f"({pattern.pattern})", shown, flags=re.IGNORECASE)) if needles else (shown,)
