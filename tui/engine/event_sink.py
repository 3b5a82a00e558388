"""Event sink of a session: applies each event to the state, appends it to the journal and publishes it."""

from collections.abc import Callable

from msgspec.structs import replace

from tui.credentials import redacted
from tui.engine.compressed_store import WordStore
from tui.engine.state_machine import TRANSITIONS, InvalidTransitionError
from tui.errors import SessionError
from tui.model.events import Event, Notice, Severity, State, StateChanged, StatsChanged, TitleChanged, TurnChanged
from tui.model.session_state import SessionState
from tui.model.transcript import Turn
from tui.sessions.journal import is_persistent
from tui.sessions.store import StoredSession


class EventSink:
    """Receives every event of one session.

    Args:
        state: state of the session, kept up to date.
        publish: receives every event.
        keys: secrets that are redacted from notices and reasons, which may quote a server.
        stored: session whose journal receives persistent events.
        at: returns the position in the session, in seconds.

    Raises:
        SessionError: the journal cannot be opened.
    """

    def __init__(
        self,
        state: SessionState,
        publish: Callable[[Event], None],
        keys: tuple[str, ...],
        stored: StoredSession,
        at: Callable[[], float],
    ) -> None:
        self.state = state
        self._publish = publish
        self._keys = keys
        self._words = WordStore()
        self.stored = stored
        self._journal = stored.open_journal()
        self._at = at
        self._closed = False

    @property
    def failure(self) -> OSError | None:
        """Why the journal cannot be written to disk; `None` if it can."""
        return self._journal.failure

    def flush(self) -> None:
        """Write the entries that could not be written before."""
        if self._journal.failure is not None:
            self._journal.flush()

    def close(self) -> bool:
        """Close the journal; return whether it is closed, which it is not while entries cannot be written.

        `emit` opens it again for each event that follows.
        """
        if not self._closed:
            self.flush()
            if self._journal.pending:
                return False
            self._journal.close()
            self._closed = True
        return True

    def emit(self, event: Event, *, persist: bool = False) -> None:
        """Apply an event to the state, append it to the journal if it or `persist` requires that, and publish it."""
        event = self._redact(event)
        match event:
            case TurnChanged(turn=Turn(final=True) as turn):
                self.state.apply(TurnChanged(self._words.store(turn)))
            case _:
                self.state.apply(event)
        if isinstance(event, TitleChanged):
            self._rename(event.title)
        if persist or is_persistent(event):
            self._append(event)
        self._publish(event)

    def _rename(self, title: str) -> None:
        """Store a title as the name of the session."""
        try:
            self.stored.rename(title)
        except SessionError as error:
            self._publish(Notice(Severity.WARNING, error.message, error.hint))

    def transition(self, new: State, reason: str = "", hint: str = "") -> None:
        """Change the session's state.

        Raises:
            InvalidTransitionError: `TRANSITIONS` does not allow the change.
        """
        if new not in TRANSITIONS[self.state.state]:
            raise InvalidTransitionError(self.state.state, new)
        self.emit(StateChanged(new, reason, hint))

    def set_reason(self, reason: str, hint: str = "") -> None:
        """Publish a new reason for the current state, unless it is the one before."""
        if reason != self.state.reason:
            self.emit(StateChanged(self.state.state, reason, hint))

    def turn(self, number: int) -> Turn | None:
        """Return a turn with its words, or `None` if there is no turn of that number."""
        turn = self.state.transcript.get(number)
        return None if turn is None else self._words.restore(turn)

    def _append(self, event: Event) -> None:
        if not self._closed:
            self._journal.append(event, self._at())
            return
        try:
            journal = self.stored.open_journal()
        except SessionError as error:
            self._publish(Notice(Severity.WARNING, error.message, error.hint))
            return
        # `read_end` takes the final state and statistics from the end of the journal, so they are repeated there.
        for each in (event, StatsChanged(self.state.stats), self._last_state()):
            journal.append(each, self._at())
        journal.close()

    def _last_state(self) -> StateChanged:
        return StateChanged(self.state.state, self.state.reason, self.state.hint)

    def _redact(self, event: Event) -> Event:
        """Remove keys from an event whose text may quote a server."""
        match event:
            case StateChanged(reason=reason) if reason:
                return replace(event, reason=redacted(reason, *self._keys))
            case Notice(text=text):
                return replace(event, text=redacted(text, *self._keys))
            case _:
                return event
