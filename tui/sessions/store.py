"""The sessions on disk: a folder each, with `audio.wav` and `events.jsonl`."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tui.audio.recording import Recording
from tui.errors import SessionError
from tui.model.events import State, StateChanged, StatsChanged
from tui.paths import private_dir
from tui.sessions.about import About, read_about
from tui.sessions.journal import FORMAT, Journal, Reading, fold, read, read_end
from tui.sessions.record import Record

AUDIO = "audio.wav"
FLAC = "audio.flac"
"""Takes the recording's place once the session is over, if that is wanted."""
EVENTS = "events.jsonl"
UNHEARD_S = 1.0
"""Seconds that were never transcribed from which on it is offered to send them."""


class Stored(msgspec.Struct, frozen=True):
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

    @property
    def kept(self) -> bool:
        """Whether there is a folder; a private session has none."""
        return True

    def record(self, sample_rate: int) -> Recording:
        """Start its recording.

        Raises:
            SessionError: it cannot be written.
        """
        return Recording.create(self.audio, sample_rate)

    def about(self) -> About:
        """Return what a person said of it.

        Raises:
            SessionError: that cannot be read.
        """
        return read_about(self.path)

    def load(self) -> Record:
        """Return what its journal tells.

        Raises:
            SessionError: the journal cannot be read.
        """
        return fold(self.read().entries)

    def read(self) -> Reading:
        """Return its journal.

        Raises:
            SessionError: the journal cannot be read, or a later livegist wrote it.
        """
        try:
            reading = read(self.events)
        except OSError as error:
            raise SessionError(f"{self.events} cannot be read: {error.strerror}.", "Is the disk there?") from error
        if reading.format > FORMAT:
            raise SessionError(
                f"{self.events} is of format {reading.format}, written by a later livegist; this one reads {FORMAT}.",
                "Update livegist.",
            )
        return reading

    def journal(self) -> Journal:
        """Open its journal to append to it.

        Raises:
            SessionError: another process writes it, or it cannot be written.
        """
        try:
            return Journal(self.events)
        except BlockingIOError as error:
            raise SessionError(f"The session {self.id} is under way.", "Stop it first: livegist stop") from error
        except OSError as error:
            raise SessionError(f"{self.events} cannot be written: {error.strerror}.", "Is the disk full?") from error


class Repaired(msgspec.Struct, frozen=True):
    """A session that ended without having been ended, made whole again."""

    stored: Stored
    lost_lines: int
    """Events that could not be read."""
    recorded_s: float
    heard_s: float
    """End of the last final turn: what was recorded after it was never transcribed."""

    @property
    def unheard(self) -> bool:
        """Whether there is something to be transcribed yet."""
        return self.recorded_s - self.heard_s >= UNHEARD_S


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
            if not stored.live and _end(stored).state not in (State.ENDED, State.FAILED):
                yield stored

    def left_over(self) -> Iterator[Stored]:
        """Yield the sessions of which not all was transcribed, also those that are still to be repaired."""
        for stored in self:
            if not stored.live:
                end = _end(stored)
                if end.stats.unheard_s >= UNHEARD_S or end.state not in (State.ENDED, State.FAILED):
                    yield stored

    def unheard(self) -> Iterator[Stored]:
        """Yield the sessions that are over and of which something was recorded but never transcribed, newest first."""
        for stored in self:
            if not stored.live and _end(stored).stats.unheard_s >= UNHEARD_S:
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
            stats = replace(
                record.stats,
                elapsed_s=recorded_s,
                turns=len(record.transcript.finals),
                unheard_s=round(max(0.0, recorded_s - heard_s), 1),
            )
            journal.append(StatsChanged(stats), recorded_s)
            journal.append(StateChanged(State.FAILED, why), recorded_s)
            journal.close()
            if journal.failure is not None:
                raise journal.failure
        except OSError as error:
            raise SessionError(f"{stored.path} cannot be repaired: {error.strerror}.", "Is the disk full?") from error
        return Repaired(stored, reading.lost, recorded_s, heard_s)


def _end(stored: Stored) -> Record:
    """Return what the last events of a session tell; one that cannot be read counts as over."""
    try:
        return fold(read_end(stored.events))
    except OSError:
        over = Record()
        over.state = State.FAILED
        return over
