"""Coalescing of updates of entries that still grow: partial turns and streaming gists. Pure."""

from tui.model.events import Event, GistDelta, SessionStarted, Snapshot, TurnChanged, TurnRemoved


class UpdateCoalescer:
    """The newest update of each growing entry, held back on a slow terminal."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, int], Event] = {}

    def hold(self, event: Event) -> bool:
        """Hold back an update of a growing entry; return whether it was held back.

        It replaces an earlier update of the same entry.
        """
        match event:
            case TurnChanged(turn=turn) if not turn.final:
                self._held["turn", turn.number] = event
            case GistDelta(number=number):
                self._held["gist", number] = event
            case _:
                return False
        return True

    def discard_superseded(self, event: Event) -> None:
        """Discard held updates that a later event makes obsolete."""
        match event:
            case TurnChanged(turn=turn):
                self._held.pop(("turn", turn.number), None)
            case TurnRemoved(number=number):
                self._held.pop(("turn", number), None)
            case Snapshot() | SessionStarted():
                self._held.clear()

    def take(self) -> list[Event]:
        """Return the held updates, oldest entry first, and hold none."""
        held, self._held = self._held, {}
        return list(held.values())

    def __bool__(self) -> bool:
        """Return whether an update is held back."""
        return bool(self._held)
