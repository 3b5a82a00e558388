"""Sessions on disk: one folder each, with `audio.wav` and `events.jsonl`."""

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tui.audio.recording import Recording
from tui.errors import SessionError, file_error_hint
from tui.file_lock import is_locked
from tui.model.events import Event, State, StateChanged, StatsChanged
from tui.model.session_state import SessionState
from tui.model.stats import TrackStats
from tui.model.tracks import MAX_TRACKS
from tui.paths import private_dir
from tui.sessions.journal import FORMAT, Journal, JournalContents, SessionJournal, fold, read, read_end
from tui.sessions.metadata import SessionMetadata, read_metadata_or_empty, update_metadata
from tui.sessions.rest import MIN_UNTRANSCRIBED_S, untranscribed_s
from tui.text import plural

AUDIO = "audio.wav"
FLAC = "audio.flac"
"""Replaces the WAV after compression."""
EVENTS = "events.jsonl"


class StoredSession(msgspec.Struct, frozen=True):
    """A session on disk."""

    id: str
    """Name of the session's folder."""
    path: Path
    """The folder."""

    @property
    def audio(self) -> Path:
        """Path of the first track's recording: a WAV, or a FLAC after compression."""
        return self.audio_of(0)

    def audio_of(self, track: int) -> Path:
        """Return the path of a track's recording, counted from 0: a WAV, or a FLAC after compression."""
        wav, flac = (self.path / numbered(name, track) for name in (AUDIO, FLAC))
        return flac if flac.exists() and not wav.exists() else wav

    @property
    def recordings(self) -> tuple[Path, ...]:
        """Paths of the recordings, one for each track; that of the first may be missing."""
        further = (self.audio_of(track) for track in range(1, MAX_TRACKS))
        return (self.audio, *(path for path in further if path.exists()))

    @property
    def events(self) -> Path:
        """Path of the journal."""
        return self.path / EVENTS

    @property
    def live(self) -> bool:
        """Whether a process is writing the session now."""
        return is_locked(self.events)

    @property
    def on_disk(self) -> bool:
        """Whether the session has a folder; a private session has none."""
        return True

    def create_recording(self, sample_rate: int, track: int = 0, *, silence: int = 0) -> Recording:
        """Start the recording of a track, counted from 0, after as many samples of silence.

        Raises:
            SessionError: the recording cannot be written.
        """
        return Recording.create(self.audio_of(track), sample_rate, silence=silence)

    def metadata(self) -> SessionMetadata:
        """Return name, tags and note; empty if they cannot be read."""
        return read_metadata_or_empty(self.path)

    def rename(self, name: str) -> None:
        """Set the name of the session; empty removes it.

        Raises:
            SessionError: the metadata cannot be written.
        """
        update_metadata(self.path, lambda metadata: replace(metadata, name=name))

    def append(self, event: Event) -> None:
        """Append an event to the journal of a session that is over.

        Raises:
            SessionError: another process is writing the session, or the journal cannot be read or written.
        """
        at = max((entry.at for entry in self.read().entries), default=0.0)
        journal = self.open_journal()
        journal.append(event, at)
        journal.close()
        if journal.failure is not None:
            raise SessionError(
                f"{self.events} cannot be written: {journal.failure.strerror}.", file_error_hint(journal.failure)
            )

    def load(self, state: SessionState | None = None) -> SessionState:
        """Return the state after all events of the journal; they are applied to `state` if it is given.

        Raises:
            SessionError: the journal cannot be read.
        """
        return fold(self.read().entries, state)

    def read(self) -> JournalContents:
        """Return the content of the journal.

        Raises:
            SessionError: the journal cannot be read, or has the format of a newer version.
        """
        try:
            contents = read(self.events)
        except FileNotFoundError as error:
            raise SessionError(
                f"The journal of {self.id} is missing.",
                f"Transcribe the recording again: livegist transcribe {self.id}",
            ) from error
        except OSError as error:
            raise SessionError(f"{self.events} cannot be read: {error.strerror}.", file_error_hint(error)) from error
        if contents.format > FORMAT:
            raise SessionError(
                f"{self.events} has format {contents.format}; this version of livegist reads up to format {FORMAT}.",
                "Update livegist.",
            )
        return contents

    def open_journal(self) -> SessionJournal:
        """Open the journal for appending.

        Raises:
            SessionError: another process is writing the session, or the journal cannot be written.
        """
        try:
            return Journal(self.events)
        except BlockingIOError as error:
            raise SessionError(f"The session {self.id} is active.", "Stop it first: livegist stop") from error
        except OSError as error:
            raise SessionError(f"{self.events} cannot be written: {error.strerror}.", file_error_hint(error)) from error


class RepairReport(msgspec.Struct, frozen=True):
    """The result of repairing a session whose engine was killed."""

    session: StoredSession
    lost_lines: int
    """Number of journal lines that could not be read."""
    recorded_s: float
    """Length of the recording in seconds."""
    transcribed_s: float
    """End of the last final turn in seconds; the recording after it is not transcribed."""
    untranscribed_s: float
    """Seconds at the end that are not transcribed, of the track with most of them."""
    lost_s: float = 0.0
    """Seconds at the end that the journal contains and the recording does not."""

    @property
    def untranscribed(self) -> bool:
        """Whether part of the recording is not transcribed."""
        return self.untranscribed_s >= MIN_UNTRANSCRIBED_S

    @property
    def summary(self) -> str:
        """The recorded, transcribed and lost parts of the session, for a person."""
        parts = [f"{int(self.recorded_s)} s recorded, {int(self.transcribed_s)} s transcribed"]
        if self.lost_s >= MIN_UNTRANSCRIBED_S:
            parts.append(f"{self.lost_s:.0f} s of audio lost")
        if self.lost_lines:
            parts.append(f"{plural(self.lost_lines, 'line')} of the journal lost")
        return ", ".join(parts)


def new_id(started: datetime) -> str:
    """Return an id for a session, which another session of the same second may have."""
    return f"{started:%Y-%m-%dT%H-%M-%S}-{secrets.token_hex(2)}"


class Store:
    """All sessions of a user.

    Args:
        folder: contains one folder per session; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        """The folder of all sessions."""
        return self._folder

    def create(self, started: datetime) -> StoredSession:
        """Create the folder of a new session, named after its start.

        Raises:
            SessionError: the folder cannot be created.
        """
        try:
            private_dir(self._folder)
            while True:
                id = new_id(started)
                # Of forty sessions in a second, two get the same id in one of eighty seconds.
                with contextlib.suppress(FileExistsError):
                    (self._folder / id).mkdir(mode=0o700)
                    return StoredSession(id, self._folder / id)
        except OSError as error:
            raise SessionError(
                f"No session can be created in {self._folder}: {error.strerror}.",
                "Free disk space, make the folder writable, or set LIVEGIST_HOME to another folder.",
            ) from error

    def __iter__(self) -> Iterator[StoredSession]:
        """Yield the sessions, newest first, including those with a recording and no journal.

        Raises:
            SessionError: the folder cannot be read.
        """
        try:
            folders = sorted(self._folder.iterdir(), reverse=True) if self._folder.is_dir() else []
        except OSError as error:
            raise SessionError(f"{self._folder} cannot be read: {error.strerror}.", file_error_hint(error)) from error
        for path in folders:
            if _is_session_folder(path):
                yield StoredSession(path.name, path)

    def interrupted(self) -> Iterator[StoredSession]:
        """Yield the inactive sessions without a final state: their engine was killed."""
        for stored in self:
            if not stored.live and not _last_state(stored).state.over:
                yield stored

    def incomplete(self) -> Iterator[StoredSession]:
        """Yield the inactive sessions that are not transcribed to their end, or that need a repair."""
        for stored in self:
            if not stored.live:
                end = _last_state(stored)
                if end.stats.untranscribed_s >= MIN_UNTRANSCRIBED_S or not end.state.over:
                    yield stored

    def untranscribed(self) -> Iterator[StoredSession]:
        """Yield the ended sessions that are not transcribed to their end, newest first."""
        for stored in self:
            if not stored.live and _last_state(stored).stats.untranscribed_s >= MIN_UNTRANSCRIBED_S:
                yield stored

    def repair(self, stored: StoredSession, lengths_s: Sequence[float]) -> RepairReport | None:
        """Remove an incomplete line at the end of a journal and write the missing final state.

        Args:
            stored: a session without a final state.
            lengths_s: length of the recording of each track, in seconds.

        Returns:
            The result; `None` if another process is writing the session, or has written a final state meanwhile.

        Raises:
            SessionError: the journal cannot be written.
        """
        try:
            # Locked before reading, so that no lines of another process are removed.
            journal = Journal(stored.events)
            try:
                contents = read(stored.events)
                state = fold(contents.entries)
                if state.state.over:
                    return None
                os.truncate(stored.events, contents.intact_bytes)
                finals = state.transcript.finals
                recorded_s = max(lengths_s, default=0.0)
                transcribed_s = max((turn.end_s for turn in finals), default=0.0)
                journal_s = max((entry.at for entry in contents.entries), default=0.0)
                lost_s = max(0.0, journal_s - recorded_s)
                rests_s = untranscribed_s(state, lengths_s)
                rest_s = max(rests_s, default=0.0)
                report = RepairReport(stored, contents.lost, recorded_s, transcribed_s, rest_s, lost_s)
                stats = replace(
                    state.stats,
                    elapsed_s=recorded_s,
                    turns=len(finals),
                    connected_s=max(state.stats.connected_s, transcribed_s),
                    words=sum(len(turn.text.split()) for turn in finals),
                    recording_bytes=sum(path.stat().st_size for path in stored.recordings if path.exists()),
                    untranscribed_s=rest_s,
                    tracks=tuple(
                        TrackStats(track.name, length_s, untranscribed_s=rest)
                        for track, length_s, rest in zip(state.tracks, lengths_s, rests_s, strict=False)
                    )
                    if len(state.tracks) > 1
                    else (),
                )
                journal.append(StatsChanged(stats), recorded_s)
                journal.append(StateChanged(State.FAILED, f"The engine was killed: {report.summary}."), recorded_s)
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

        return report


def numbered(name: str, track: int) -> str:
    """Return the file name of a track's recording: `audio.wav` of the first, `audio-2.wav` of the second."""
    stem, dot, suffix = name.partition(".")
    return f"{stem}-{track + 1}{dot}{suffix}" if track else name


def _is_session_folder(path: Path) -> bool:
    """Return whether a folder contains a session; one without permission counts, so that it is reported."""
    try:
        return any((path / name).is_file() for name in (EVENTS, AUDIO, FLAC))
    except OSError:
        return path.is_dir()


def _last_state(stored: StoredSession) -> SessionState:
    """Return the state after the last events of a session; an unreadable or missing journal counts as failed."""
    try:
        return fold(read_end(stored.events))
    except OSError:
        failed = SessionState()
        failed.state = State.FAILED
        return failed
