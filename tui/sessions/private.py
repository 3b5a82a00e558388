"""A session of which nothing is ever written to a disk: its recording is memory that goes with the process."""

import secrets
from datetime import datetime
from pathlib import Path

from tui.audio.recording import Recording
from tui.model.events import Event
from tui.sessions.journal import SessionJournal
from tui.sessions.store import Store, StoredSession


class PrivateStore(Store):
    """Keeps nothing, and says of every session that it is a private one."""

    def __init__(self) -> None:
        super().__init__(Path())

    def create(self, started: datetime) -> "PrivateSession":
        """Return a session that has no folder."""
        return PrivateSession(f"{started:%Y-%m-%dT%H-%M-%S}-{secrets.token_hex(2)}", Path())


class PrivateSession(StoredSession, frozen=True):
    """A session that is not kept; its path is empty."""

    @property
    def on_disk(self) -> bool:
        """Whether there is a folder."""
        return False

    def create_recording(self, sample_rate: int) -> Recording:
        """Start its recording in memory.

        Raises:
            SessionError: this system has no such memory.
        """
        return Recording.in_memory(sample_rate)

    def open_journal(self) -> SessionJournal:
        """Return a journal that forgets."""
        return NullJournal()


class NullJournal:
    """A journal that forgets at once."""

    failure: OSError | None = None
    pending = False

    def append(self, event: Event, at: float) -> None:
        """Forget an event."""

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
