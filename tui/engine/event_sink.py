"""What becomes of a session: applied to what is known, kept in the journal, told, in this order."""

from collections.abc import Callable

from msgspec.structs import replace

from tui.credentials import redacted
from tui.engine.compressed_store import WordStore
from tui.engine.state_machine import TRANSITIONS, InvalidTransitionError
from tui.errors import SessionError
from tui.model.events import Event, Notice, Severity, State, StateChanged, TurnChanged
from tui.model.session_state import SessionState
from tui.model.transcript import Turn
from tui.sessions.journal import is_persistent
from tui.sessions.store import StoredSession


class EventSink:
    """The one way by which anything about a session is said.

    Args:
        record: what is known of it.
        tell: gets every event.
        keys: are never repeated, even if a server's own words do.
        stored: whose journal takes what lasts.
        at: seconds on the session's clock.

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
        """Why the disk does not take the journal; `None` if it does."""
        return self._journal.failure

    def flush(self) -> None:
        """Write what the disk did not take before."""
        if self._journal.failure is not None:
            self._journal.flush()

    def close(self) -> bool:
        """End the journal, and return whether that is done: not while the disk refuses what it holds.

        What is asked for afterwards is added to it all the same.
        """
        if not self._closed:
            self.flush()
            if self._journal.pending:
                return False
            self._journal.close()
            self._closed = True
        return True

    def emit(self, event: Event, *, persist: bool = False) -> None:
        """Apply an event to the record, keep it if it lasts or `keep` says so, tell it."""
        event = self._redact(event)
        match event:
            case TurnChanged(turn=Turn(final=True) as turn):
                self.state.apply(TurnChanged(self._words.store(turn)))
            case _:
                self.state.apply(event)
        if persist or is_persistent(event):
            self._append(event)
        self._publish(event)

    def transition(self, new: State, why: str = "", hint: str = "") -> None:
        """Make a legal move and tell it.

        Raises:
            IllegalTransition: the table does not allow it.
        """
        if new not in TRANSITIONS[self.state.state]:
            raise InvalidTransitionError(self.state.state, new)
        self.emit(StateChanged(new, why, hint))

    def set_reason(self, why: str, hint: str = "") -> None:
        """Say more about the state that the session is in."""
        self.emit(StateChanged(self.state.state, why, hint))

    def turn(self, number: int) -> Turn | None:
        """Return a turn with all its words, `None` if there is none of that number."""
        known = self.state.transcript.get(number)
        return None if known is None else self._words.restore(known)

    def _append(self, event: Event) -> None:
        if not self._closed:
            self._journal.append(event, self._at())
            return
        try:
            journal = self.stored.open_journal()
        except SessionError as error:
            self._publish(Notice(Severity.WARNING, error.message, error.hint))
            return
        journal.append(event, self._at())
        journal.close()

    def _redact(self, event: Event) -> Event:
        """Return an event whose reasons, which may be a server's own words, do not repeat a key."""
        match event:
            case StateChanged(reason=why) if why:
                return replace(event, reason=redacted(why, *self._keys))
            case Notice(text=text):
                return replace(event, text=redacted(text, *self._keys))
            case _:
                return event
