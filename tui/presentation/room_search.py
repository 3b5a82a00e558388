"""Search over the turns, gists and bookmarks of several rooms. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import NamedTuple

from tui.model.transcript import Turn, with_speaker_name
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
    text: str


def find_hits(rooms: Iterable[Room], words: str, *, bookmarks: bool = False) -> list[RoomHit]:
    """Return the turns and gists that contain each word, the newest first; at most `MAX_HITS`.

    Args:
        rooms: where to search.
        words: separated by spaces; without any, nothing is found but bookmarks.
        bookmarks: whether to search bookmarks, by their notes and turns, instead of turns and gists.
    """
    needles = words.casefold().split()
    if not needles and not bookmarks:
        return []
    # Each room is read from its end, so that a frequent word needs no look at hours of speech.
    found = [(_bookmarks if bookmarks else _spoken)(room, needles) for room in rooms]
    return list(islice(merge(*found, key=lambda hit: -hit.spoken_at), MAX_HITS))


def _spoken(room: Room, needles: Sequence[str]) -> Iterator[RoomHit]:
    """Yield the gists of the whole session, then the turns, each with its gists, the newest first."""
    view_model, started_s = room.view_model, _started_s(room)
    ended_s = view_model.stats.elapsed_s
    for gist in reversed([gist for gist in view_model.gists.values() if gist.turn is None]):
        if _contains(f"{gist.question} {gist.text}", needles):
            yield RoomHit(started_s + ended_s, room, 0, ended_s, "gist", without_markup(gist.text))
    for turn in view_model.transcript.newest_first():
        at_s = turn.start_s
        for part in view_model.parts(turn):
            text = _with_voice(part, view_model.speakers)
            if _contains(text, needles):
                yield RoomHit(started_s + at_s, room, turn.number, at_s, "turn", text)
        for gist in view_model.gists_of(turn.number):
            if _contains(gist.text, needles):
                yield RoomHit(started_s + at_s, room, turn.number, at_s, "gist", without_markup(gist.text))


def _bookmarks(room: Room, needles: Sequence[str]) -> Iterator[RoomHit]:
    view_model, started_s = room.view_model, _started_s(room)
    for number in sorted(view_model.bookmarks, reverse=True):
        note, turn = view_model.bookmarks[number], view_model.turn(number)
        if turn is not None and _contains(f"{note} {turn.text}", needles):
            text = f"{note} · {turn.text}" if note else turn.text
            yield RoomHit(started_s + turn.start_s, room, number, turn.start_s, "bookmark", text)


def _with_voice(turn: Turn, names: Mapping[str, str]) -> str:
    """Return a turn's text after its speaker."""
    voice = (with_speaker_name(turn, names) if turn.speaker in names else turn).voice
    return f"{voice}: {turn.text}" if voice else turn.text


def _started_s(room: Room) -> float:
    session = room.view_model.session
    with suppress(ValueError):
        return datetime.fromisoformat(session.started_at).timestamp() if session is not None else 0.0
    return 0.0


def _contains(text: str, needles: Iterable[str]) -> bool:
    folded = text.casefold()
    return all(needle in folded for needle in needles)


def excerpt(text: str, words: str) -> tuple[str, ...]:
    """Return the text around the first match in one line, cut at the matches: those are at the odd places.

    Args:
        text: what was found.
        words: what was searched for, separated by spaces.
    """
    text, needles = one_line(text, None), words.split()
    pattern = re.compile("|".join(map(re.escape, needles)) or r"(?!)", re.IGNORECASE)
    first = pattern.search(text)
    start = 0
    if first is not None and first.start() > BEFORE:
        start = text.rfind(" ", 0, first.start() - BEFORE) + 1
    shown = f"{'…' if start else ''}{text[start : start + EXCERPT]}"
    return tuple(re.split(f"({pattern.pattern})", shown, flags=re.IGNORECASE)) if needles else (shown,)
