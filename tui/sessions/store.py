"""The sessions on disk: a folder each, with `audio.wav` and `events.jsonl`."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from tui.errors import SessionError
from tui.model.events import State, StateChanged
from tui.paths import private_dir
from tui.sessions.journal import Entry, Journal, fold, read
from tui.sessions.record import Record

AUDIO = "audio.wav"
EVENTS = "events.jsonl"


class Stored(msgspec.Struct, frozen=True):
    """A session on disk."""

    id: str
    """The name of its folder."""
    path: Path

    @property
    def audio(self) -> Path:
        """The recording."""
        return self.path / AUDIO

    @property
    def events(self) -> Path:
        """The journal."""
        return self.path / EVENTS

    @property
    def live(self) -> bool:
        """Whether a process is writing it now."""
        try:
            fd = os.open(self.events, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        else:
            return False
        finally:
            os.close(fd)

    def load(self) -> Record:
        """Return what its journal tells.

        Raises:
            SessionError: the journal cannot be read.
        """
        try:
            return fold(read(self.events).entries)
        except OSError as error:
            raise SessionError(f"{self.events} cannot be read: {error.strerror}.", "Is the disk there?") from error


class Repaired(msgspec.Struct, frozen=True):
    """A session that ended without having been ended, made whole again."""

    stored: Stored
    lost_lines: int
    """Events that could not be read."""
    recorded_s: float
    heard_s: float
    """End of the last final turn: what was recorded after it was never transcribed."""


class Store:
    """All sessions of a user.

    Args:
        folder: holds a folder a session; it may not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, started: datetime) -> Stored:
        """Make the folder of a new session, named by when it starts.

        Raises:
            SessionError: it cannot be made.
        """
        id = f"{started:%Y-%m-%dT%H-%M-%S}-{secrets.token_hex(2)}"
        try:
            private_dir(self._folder)
            return Stored(id, private_dir(self._folder / id))
        except OSError as error:
            raise SessionError(
                f"No session can be kept in {self._folder}: {error.strerror}.",
                "Make room or make it writable, or set LIVEGIST_HOME to another folder.",
            ) from error

    def __iter__(self) -> Iterator[Stored]:
        """Yield the sessions, newest first."""
        folders = sorted(self._folder.iterdir(), reverse=True) if self._folder.is_dir() else []
        for path in folders:
            if (path / EVENTS).is_file():
                yield Stored(path.name, path)

    def broken(self) -> Iterator[Stored]:
        """Yield the sessions that nobody writes and that have no end: their engine was killed."""
        for stored in self:
            if not stored.live and _last_state(stored) not in (State.ENDED, State.FAILED):
                yield stored

    def repair(self, stored: Stored, recorded_s: float) -> Repaired:
        """Cut off a half-written line and write the end that is missing.

        Args:
            stored: a session that nobody writes.
            recorded_s: length of its recording, in seconds.

        Raises:
            SessionError: the journal cannot be written, or somebody writes it.
        """
        try:
            reading = read(stored.events)
            os.truncate(stored.events, reading.intact_bytes)
            record = fold(reading.entries)
            heard_s = max((turn.end_s for turn in record.transcript.finals), default=0.0)
            journal = Journal(stored.events)
            why = f"The engine was killed; {recorded_s:.0f} s are recorded, {heard_s:.0f} s are transcribed."
            journal.append(StateChanged(State.FAILED, why), recorded_s)
            journal.close()
        except OSError as error:
            raise SessionError(f"{stored.path} cannot be repaired: {error.strerror}.", "Is the disk full?") from error
        return Repaired(stored, reading.lost, recorded_s, heard_s)


def _last_state(stored: Stored) -> State | None:
    """Return the state a session was last said to be in; `None` if its journal cannot be read."""
    try:
        entries: tuple[Entry, ...] = read(stored.events).entries
    except OSError:
        return State.FAILED
    for entry in reversed(entries):
        if isinstance(entry.event, StateChanged):
            return entry.event.state
    return None
