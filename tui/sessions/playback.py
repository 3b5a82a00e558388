"""A session that is over, told again: when each event comes, partial turns too, and how it stood at a moment. Pure."""

import bisect
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from tui.model.events import (
    Event,
    GistChanged,
    Session,
    SessionStarted,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
)
from tui.model.session_state import SessionState
from tui.model.stats import Stats
from tui.model.transcript import Turn
from tui.sessions.journal import Entry

PARTIAL_S = 0.25
"""Seconds of speech between two partials of a turn: about as often as an endpoint tells them."""


class TimedEvent(msgspec.Struct, frozen=True):
    """An event and when it comes."""

    at_s: float
    event: Event


class Playback:
    """A session in the order of time.

    Args:
        entries: of its journal.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        told = _with_live_times(list(entries))
        self.session: Session | None = None
        """What is known of it; `None` if its journal does not say."""
        self.end_s = max((entry.at for entry in told), default=0.0)
        """Seconds recorded."""
        moments: list[TimedEvent] = []
        spoken: set[int] = set()
        for entry in told:
            match entry.event:
                case SessionStarted(session=session):
                    self.session = session
                    continue
                case TurnChanged(turn=turn) if turn.number not in spoken:
                    spoken.add(turn.number)
                    moments += [moment for moment in _partials(turn) if moment.at_s < entry.at]
            moments.append(TimedEvent(entry.at, entry.event))
        moments.sort(key=lambda moment: moment.at_s)
        self._moments = moments
        self._times = [moment.at_s for moment in moments]

    def between(self, after_s: float, until_s: float) -> Sequence[Event]:
        """Return what comes after one moment, and until another one included."""
        first, last = bisect.bisect_right(self._times, after_s), bisect.bisect_right(self._times, until_s)
        return [moment.event for moment in self._moments[first:last]]

    def at(self, position_s: float) -> SessionState:
        """Return how the session stood at a moment."""
        record = SessionState()
        if self.session is not None:
            record.apply(SessionStarted(self.session))
        for event in self.between(-1.0, position_s):
            record.apply(event)
        return record


def _with_live_times(entries: list[Entry]) -> list[Entry]:
    """Return the entries as if all had been heard while it was said.

    What was transcribed or asked once the recording was over (a file, the end of a session that was cut off) comes with
    the words it is about, and how the session stood meanwhile is not told.
    """
    ends = [at for at, entry in enumerate(entries) if _ends_session(entry)]
    if not ends:
        return entries
    live = entries[: ends[0]]
    said: dict[int, float] = {}
    late: list[Entry] = []
    for entry in entries[ends[0] + 1 : ends[-1]]:
        match entry.event:
            case StateChanged():
                continue
            case TurnChanged(turn=turn):
                said[turn.number] = turn.end_s
                late.append(msgspec.structs.replace(entry, at=min(entry.at, turn.end_s)))
            case GistChanged(gist=gist) if gist.turn in said:
                late.append(msgspec.structs.replace(entry, at=min(entry.at, said[gist.turn] + gist.latency_s)))
            case _:
                late.append(entry)
    if said and not any(_starts_live(entry) for entry in live):
        live.append(Entry(0.0, StateChanged(State.LIVE)))
    return [*live, *late, *entries[ends[-1] :]]


def _ends_session(entry: Entry) -> bool:
    return isinstance(entry.event, StateChanged) and entry.event.state.over


def _starts_live(entry: Entry) -> bool:
    return isinstance(entry.event, StateChanged) and entry.event.state is State.LIVE


def stats_at(state: SessionState, position_s: float) -> Stats:
    """Return the figures of a session that has come so far; at its end, those that it had."""
    if not state.state.active:
        return state.stats
    finals = state.transcript.finals
    words = sum(len(turn.text.split()) for turn in finals)
    speech_s = sum(turn.end_s - turn.start_s for turn in finals)
    gists = [gist for gist in state.gists.values() if gist.text]
    return Stats(
        elapsed_s=round(position_s, 1),
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
    """Return whether an event only tells the figures, which a replay counts itself."""
    return isinstance(event, StatsChanged)


def _partials(turn: Turn) -> Iterator[TimedEvent]:
    """Yield a turn as it grows, as far as the times of its words are known."""
    written = turn.text.split()
    said = written if len(written) == len(turn.words) else [word.text for word in turn.words]
    told_s = turn.start_s
    for count, word in enumerate(turn.words, 1):
        if word.end_s - told_s >= PARTIAL_S:
            told_s = word.end_s
            growing = Turn(
                turn.number,
                " ".join(said[:count]),
                False,
                turn.start_s,
                word.end_s,
                turn.words[:count],
                turn.speaker,
            )
            yield TimedEvent(word.end_s, TurnChanged(growing))
