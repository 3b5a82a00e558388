"""The sessions on disk: a folder each, with `audio.wav` and `events.jsonl`."""

import os
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tui.audio.recording import Recording
from tui.errors import SessionError, file_error_hint
from tui.file_lock import is_locked
from tui.model.events import State, StateChanged, StatsChanged
from tui.model.session_state import SessionState
from tui.paths import private_dir
from tui.sessions.journal import FORMAT, Journal, JournalContents, SessionJournal, fold, read, read_end
from tui.sessions.metadata import SessionMetadata, read_metadata_or_empty
from tui.text import plural

AUDIO = "audio.wav"
FLAC = "audio.flac"
"""Takes the recording's place once the session is over, if that is wanted."""
EVENTS = "events.jsonl"
MIN_UNTRANSCRIBED_S = 1.0
"""Seconds that were never transcribed from which on it is offered to send them."""


class StoredSession(msgspec.Struct, frozen=True):
    """A session on disk."""

    id: str
    """The name of its folder."""
    path: Path

    @property
    def audio(self) -> Path:
        """The recording: a WAV, unless it has become a FLAC."""
        wav, flac = self.path / AUDIO, self.path / FLAC
        return flac if flac.exists() and not wav.exists() else wav

    @property
    def events(self) -> Path:
        """The journal."""
        return self.path / EVENTS

    @property
    def live(self) -> bool:
        """Whether a process is writing it now."""
        return is_locked(self.events)

    @property
    def on_disk(self) -> bool:
        """Whether there is a folder; a private session has none."""
        return True

    def create_recording(self, sample_rate: int) -> Recording:
        """Start its recording.

        Raises:
            SessionError: it cannot be written.
        """
        return Recording.create(self.audio, sample_rate)

    def metadata(self) -> SessionMetadata:
        """Return what a person said of it; nothing if that cannot be read."""
        return read_metadata_or_empty(self.path)

    def load(self, state: SessionState | None = None) -> SessionState:
        """Return what its journal tells, in `record` if there is one.

        Raises:
            SessionError: the journal cannot be read.
        """
        return fold(self.read().entries, state)

    def read(self) -> JournalContents:
        """Return its journal.

        Raises:
            SessionError: the journal cannot be read, or a later livegist wrote it.
        """
        try:
            reading = read(self.events)
        except FileNotFoundError as error:
            raise SessionError(
                f"The journal of {self.id} is missing.",
                f"What was recorded can be heard again: livegist transcribe {self.id}",
            ) from error
        except OSError as error:
            raise SessionError(f"{self.events} cannot be read: {error.strerror}.", file_error_hint(error)) from error
        if reading.format > FORMAT:
            raise SessionError(
                f"{self.events} is of format {reading.format}, written by a later livegist; this one reads {FORMAT}.",
                "Update livegist.",
            )
        return reading

    def open_journal(self) -> SessionJournal:
        """Open its journal to append to it.

        Raises:
            SessionError: another process writes it, or it cannot be written.
        """
        try:
            return Journal(self.events)
        except BlockingIOError as error:
            raise SessionError(f"The session {self.id} is under way.", "Stop it first: livegist stop") from error
        except OSError as error:
            raise SessionError(f"{self.events} cannot be written: {error.strerror}.", file_error_hint(error)) from error


class RepairReport(msgspec.Struct, frozen=True):
    """A session that ended without having been ended, made whole again."""

    session: StoredSession
    lost_lines: int
    """Events that could not be read."""
    recorded_s: float
    transcribed_s: float
    """End of the last final turn: what was recorded after it was never transcribed."""
    lost_s: float = 0.0
    """Seconds of sound at the end that the journal tells of and the recording does not hold."""

    @property
    def untranscribed(self) -> bool:
        """Whether there is something to be transcribed yet."""
        return self.recorded_s - self.transcribed_s >= MIN_UNTRANSCRIBED_S

    @property
    def summary(self) -> str:
        """What there is of it and what is lost, in words for a person."""
        parts = [f"{self.recorded_s:.0f} s are recorded, {self.transcribed_s:.0f} s are transcribed"]
        if self.lost_s >= MIN_UNTRANSCRIBED_S:
            parts.append(f"{self.lost_s:.0f} s of sound are lost")
        if self.lost_lines:
            parts.append(f"{plural(self.lost_lines, 'line')} of its journal are lost")
        return ", ".join(parts)


class Store:
    """All sessions of a user.

    Args:
        folder: holds a folder a session; it may not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, started: datetime) -> StoredSession:
        """Make the folder of a new session, named by when it starts.

        Raises:
            SessionError: it cannot be made.
        """
        id = f"{started:%Y-%m-%dT%H-%M-%S}-{secrets.token_hex(2)}"
        try:
            private_dir(self._folder)
            return StoredSession(id, private_dir(self._folder / id))
        except OSError as error:
            raise SessionError(
                f"No session can be kept in {self._folder}: {error.strerror}.",
                "Make room or make it writable, or set LIVEGIST_HOME to another folder.",
            ) from error

    def __iter__(self) -> Iterator[StoredSession]:
        """Yield the sessions, newest first; one that lost its journal has its recording yet.

        Raises:
            SessionError: the folder may not be read.
        """
        try:
            folders = sorted(self._folder.iterdir(), reverse=True) if self._folder.is_dir() else []
        except OSError as error:
            raise SessionError(f"{self._folder} cannot be read: {error.strerror}.", file_error_hint(error)) from error
        for path in folders:
            if _is_session_folder(path):
                yield StoredSession(path.name, path)

    def interrupted(self) -> Iterator[StoredSession]:
        """Yield the sessions that nobody writes and that have no end: their engine was killed."""
        for stored in self:
            if not stored.live and not _last_state(stored).state.over:
                yield stored

    def incomplete(self) -> Iterator[StoredSession]:
        """Yield the sessions of which not all was transcribed, also those that are still to be repaired."""
        for stored in self:
            if not stored.live:
                end = _last_state(stored)
                if end.stats.untranscribed_s >= MIN_UNTRANSCRIBED_S or not end.state.over:
                    yield stored

    def untranscribed(self) -> Iterator[StoredSession]:
        """Yield the sessions that are over and of which something was recorded but never transcribed, newest first."""
        for stored in self:
            if not stored.live and _last_state(stored).stats.untranscribed_s >= MIN_UNTRANSCRIBED_S:
                yield stored

    def repair(self, stored: StoredSession, recorded_s: float) -> RepairReport | None:
        """Cut off a half-written line and write the end that is missing.

        Args:
            stored: a session that has no end.
            recorded_s: length of its recording, in seconds.

        Returns:
            What was done; `None` if another process writes it, or has given it an end meanwhile.

        Raises:
            SessionError: the journal cannot be written.
        """
        try:
            # Locked before it is read: what somebody else adds to it must not be cut off.
            journal = Journal(stored.events)
            try:
                reading = read(stored.events)
                record = fold(reading.entries)
                if record.state.over:
                    return None
                os.truncate(stored.events, reading.intact_bytes)
                heard_s = max((turn.end_s for turn in record.transcript.finals), default=0.0)
                told_s = max((entry.at for entry in reading.entries), default=0.0)
                repaired = RepairReport(stored, reading.lost, recorded_s, heard_s, max(0.0, told_s - recorded_s))
                stats = replace(
                    record.stats,
                    elapsed_s=recorded_s,
                    turns=len(record.transcript.finals),
                    untranscribed_s=round(max(0.0, recorded_s - heard_s), 1),
                )
                journal.append(StatsChanged(stats), recorded_s)
                journal.append(StateChanged(State.FAILED, f"The engine was killed; {repaired.summary}."), recorded_s)
            finally:
                journal.close()
            if journal.failure is not None:
                raise journal.failure
        except BlockingIOError:
            return None
        except OSError as error:
            raise SessionError(
                f"{stored.path} cannot be repaired: {error.strerror}.", file_error_hint(error)
            ) from error
        return repaired


def _is_session_folder(path: Path) -> bool:
    """Return whether a folder is a session's; one that may not be entered is taken for one, so that it is told of."""
    try:
        return any((path / name).is_file() for name in (EVENTS, AUDIO, FLAC))
    except OSError:
        return path.is_dir()


def _last_state(stored: StoredSession) -> SessionState:
    """Return what the last events of a session tell; one that cannot be read, or is not yet there, counts as over."""
    try:
        return fold(read_end(stored.events))
    except OSError:
        over = SessionState()
        over.state = State.FAILED
        return over
