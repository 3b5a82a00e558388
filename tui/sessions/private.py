"""Private sessions, which are never written to a disk: the recording is in memory, and the journal is discarded."""

from datetime import datetime
from pathlib import Path

from tui.audio.recording import Recording
from tui.model.events import Event
from tui.sessions.journal import SessionJournal
from tui.sessions.store import Store, StoredSession, new_id


class PrivateStore(Store):
    """A store that creates private sessions and contains none."""

    def __init__(self) -> None:
        super().__init__(Path())

    def create(self, started: datetime) -> "PrivateSession":
        """Return a session without a folder."""
        return PrivateSession(new_id(started), Path())


class PrivateSession(StoredSession, frozen=True):
    """A session that is not stored; its path is empty."""

    @property
    def on_disk(self) -> bool:
        """Whether the session has a folder."""
        return False

    def create_recording(self, sample_rate: int, track: int = 0, *, silence: int = 0) -> Recording:
        """Start the recording of a track in memory, after as many samples of silence.

        Raises:
            SessionError: the operating system has no files in memory.
        """
        return Recording.in_memory(sample_rate, silence=silence)

    def rename(self, name: str) -> None:
        """Do nothing: the state of the session has its title."""

    def open_journal(self) -> SessionJournal:
        """Return a journal that discards all events."""
        return NullJournal()


class NullJournal:
    """A journal that discards all events."""

    failure: OSError | None = None
    pending = False

    def append(self, event: Event, at: float) -> None:
        """Discard an event."""

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
