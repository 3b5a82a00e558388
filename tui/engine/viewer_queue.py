"""Coalescing queue of the events still to be sent to one viewer. Pure.

A newer level, statistic or partial turn replaces the queued one of its kind, and deltas of an answer are joined; finals
and complete answers are never dropped. A viewer that is too far behind must reconnect for a snapshot.
"""

from collections.abc import Hashable

from msgspec.structs import replace

from tui.model.events import DeviceLevels, Event, GistDelta, LevelChanged, StatsChanged, TurnChanged, ViewersChanged

MAX_EVENTS = 1000
"""Maximum number of queued events."""


class CoalescingQueue:
    """Queue of events in the order of sending."""

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        self._max_events = max_events
        self._events: dict[Hashable, Event] = {}
        self._next = 0
        self.overflowed = False
        """Whether the queue was too long: the viewer has to start again from a snapshot."""

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        """Add an event, in place of those that it replaces; do nothing after an overflow."""
        if self.overflowed:
            return
        match event:
            case LevelChanged() as level:
                old = self._events.pop(("level", level.track), None)
                clipped = level.clipped or (isinstance(old, LevelChanged) and old.clipped)
                self._events["level", level.track] = replace(level, clipped=clipped)
            case DeviceLevels():
                self._events.pop("devices", None)
                self._events["devices"] = event
            case ViewersChanged():
                self._events.pop("viewers", None)
                self._events["viewers"] = event
            case StatsChanged():
                self._events.pop("stats", None)
                self._events["stats"] = event
            case TurnChanged(turn=turn):
                self._events.pop(("partial", turn.number), None)
                self._events[("final" if turn.final else "partial", turn.number)] = event
            case GistDelta() as delta:
                self._put_delta(delta)
            case _:
                self._events[self._next] = event
                self._next += 1
        if len(self._events) > self._max_events:
            self.overflowed = True
            self._events.clear()

    def get(self) -> Event | None:
        """Remove and return the next event; return `None` if the queue is empty."""
        for key in self._events:
            return self._events.pop(key)
        return None

    def _put_delta(self, delta: GistDelta) -> None:
        """Join a delta to the newest event if that is of the same answer: deltas must stay in order."""
        newest = next(reversed(self._events), None)
        last = self._events[newest] if newest is not None else None
        if isinstance(last, GistDelta) and last.number == delta.number and newest is not None:
            self._events[newest] = GistDelta(delta.number, last.text + delta.text)
        else:
            self._events[self._next] = delta
            self._next += 1
