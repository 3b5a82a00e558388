"""Playback of a stored session: the time of each event, reconstructed partial turns, and the state at a time. Pure."""

import bisect
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from tui.model.events import (
    Event,
    GistChanged,
    SessionStarted,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
)
from tui.model.session import Session
from tui.model.session_state import SessionState
from tui.model.stats import Stats, tenths
from tui.model.transcript import Turn
from tui.sessions.journal import Entry

PARTIAL_S = 0.25
"""Seconds of speech between two partials of a turn, as with a typical endpoint."""


class TimedEvent(msgspec.Struct, frozen=True):
    """An event with its time in the session, in seconds."""

    at_s: float
    event: Event


class Playback:
    """The events of a session in order of time.

    Args:
        entries: entries of the session's journal.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        timed = _with_live_times(list(entries))
        self.session: Session | None = None
        """Facts about the session; `None` if the journal does not contain them."""
        self.end_s = max((entry.at for entry in timed), default=0.0)
        """Length of the session in seconds."""
        events: list[TimedEvent] = []
        started_turns: set[int] = set()
        for entry in timed:
            match entry.event:
                case SessionStarted(session=session):
                    self.session = session
                    continue
                case TurnChanged(turn=turn) if turn.number not in started_turns:
                    started_turns.add(turn.number)
                    events += [partial for partial in _partials(turn) if partial.at_s < entry.at]
            events.append(TimedEvent(entry.at, entry.event))
        events.sort(key=lambda event: event.at_s)
        self._events = events
        self._times = [event.at_s for event in events]

    def between(self, after_s: float, until_s: float) -> Sequence[Event]:
        """Return the events after `after_s` up to and including `until_s`, in seconds."""
        first, last = bisect.bisect_right(self._times, after_s), bisect.bisect_right(self._times, until_s)
        return [timed.event for timed in self._events[first:last]]

    def at(self, position_s: float) -> SessionState:
        """Return the state of the session at a time, in seconds."""
        state = SessionState()
        if self.session is not None:
            state.apply(SessionStarted(self.session))
        for event in self.between(-1.0, position_s):
            state.apply(event)
        return state


def _with_live_times(entries: list[Entry]) -> list[Entry]:
    """Return the entries with the times they would have in a live session.

    Turns and gists that were made after the recording (of a file, or of an interrupted session) get the times of their
    words, and the changes of state in between are omitted.
    """
    ends = [at for at, entry in enumerate(entries) if _ends_session(entry)]
    if not ends:
        return entries
    live = entries[: ends[0]]
    turn_ends: dict[int, float] = {}
    later: list[Entry] = []
    for entry in entries[ends[0] + 1 : ends[-1]]:
        match entry.event:
            case StateChanged():
                continue
            case TurnChanged(turn=turn):
                turn_ends[turn.number] = turn.end_s
                later.append(msgspec.structs.replace(entry, at=min(entry.at, turn.end_s)))
            case GistChanged(gist=gist) if gist.turn in turn_ends:
                later.append(msgspec.structs.replace(entry, at=min(entry.at, turn_ends[gist.turn] + gist.latency_s)))
            case _:
                later.append(entry)
    if turn_ends and not any(_starts_live(entry) for entry in live):
        live.append(Entry(0.0, StateChanged(State.LIVE)))

    return [*live, *later, *entries[ends[-1] :]]


def _ends_session(entry: Entry) -> bool:
    return isinstance(entry.event, StateChanged) and entry.event.state.over


def _starts_live(entry: Entry) -> bool:
    return isinstance(entry.event, StateChanged) and entry.event.state is State.LIVE


def stats_at(state: SessionState, position_s: float) -> Stats:
    """Return the statistics of a session replayed up to `position_s`, in seconds; at its end, the original ones."""
    if not state.state.active:
        return state.stats
    finals = state.transcript.finals
    words = sum(len(turn.text.split()) for turn in finals)
    speech_s = sum(turn.end_s - turn.start_s for turn in finals)
    gists = [gist for gist in state.gists.values() if gist.text]
    return Stats(
        elapsed_s=tenths(position_s),
        sent_s=round(position_s, 1),
        turns=len(finals),
        words=words,
        words_per_minute=round(words * 60 / speech_s, 1) if speech_s > 0 else 0.0,
        gists=len(gists),
        input_tokens=sum(gist.input_tokens for gist in gists),
        output_tokens=sum(gist.output_tokens for gist in gists),
        device="a recording",
    )


def is_stats(event: Event) -> bool:
    """Return whether an event contains only statistics, which a replay computes itself."""
    return isinstance(event, StatsChanged)


def _partials(turn: Turn) -> Iterator[TimedEvent]:
    """Yield the partials of a turn, reconstructed from the times of its words."""
    formatted = turn.text.split()
    words = formatted if len(formatted) == len(turn.words) else [word.text for word in turn.words]
    last_partial_s = turn.start_s
    for count, word in enumerate(turn.words, 1):
        if word.end_s - last_partial_s >= PARTIAL_S:
            last_partial_s = word.end_s
            partial = Turn(
                turn.number,
                " ".join(words[:count]),
                False,
                turn.start_s,
                word.end_s,
                turn.words[:count],
                turn.speaker,
                track=turn.track,
            )
            yield TimedEvent(word.end_s, TurnChanged(partial))
