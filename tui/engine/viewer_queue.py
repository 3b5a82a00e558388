"""What one viewer is still to be told. Pure.

Levels, figures and partial turns are replaced by newer ones of their kind, growing answers are joined; finals and
whole answers are never dropped. A viewer that falls too far behind is better served by a fresh snapshot.
"""

from collections.abc import Hashable

from msgspec.structs import replace

from tui.model.events import DeviceLevels, Event, GistDelta, LevelChanged, StatsChanged, TurnChanged

MAX_EVENTS = 1000
"""Events a viewer may be behind."""


class CoalescingQueue:
    """Events in the order to send them."""

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        self._max_events = max_events
        self._events: dict[Hashable, Event] = {}
        self._next = 0
        self.overflowed = False
        """Whether it held too much: the viewer has to start again from a snapshot."""

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        """Add an event; what it replaces is not sent any more. Once it held too much, it holds nothing more."""
        if self.overflowed:
            return
        match event:
            case LevelChanged() as level:
                old = self._events.pop("level", None)
                clipped = level.clipped or (isinstance(old, LevelChanged) and old.clipped)
                self._events["level"] = replace(level, clipped=clipped)
            case DeviceLevels():
                self._events.pop("devices", None)
                self._events["devices"] = event
            case StatsChanged():
                self._events.pop("stats", None)
                self._events["stats"] = event
            case TurnChanged(turn=turn):
                self._events.pop(("partial", turn.number), None)
                self._events[("final" if turn.final else "partial", turn.number)] = event
            case GistDelta() as grown:
                self._grow(grown)
            case _:
                self._events[self._next] = event
                self._next += 1
        if len(self._events) > self._max_events:
            self.overflowed = True
            self._events.clear()

    def get(self) -> Event | None:
        """Return the next event, `None` if there is none."""
        for key in self._events:
            return self._events.pop(key)
        return None

    def _grow(self, grown: GistDelta) -> None:
        """Join the text to what is the newest event, if that is of the same answer; order matters for answers."""
        newest = next(reversed(self._events), None)
        last = self._events[newest] if newest is not None else None
        if isinstance(last, GistDelta) and last.number == grown.number and newest is not None:
            self._events[newest] = GistDelta(grown.number, last.text + grown.text)
        else:
            self._events[self._next] = grown
            self._next += 1
