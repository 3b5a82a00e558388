"""Makes untranscribed sessions from a sound file or from another session's recording.

The recording is the queue, so such a session is then transcribed in the same way as one that lost its connection.
"""

import itertools
import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from tui.audio.file_source import open_file
from tui.audio.recording import Recording
from tui.audio.sound_file import DamagedFileError
from tui.audio.sources import open_source
from tui.errors import SessionError, SourceError, file_error_hint
from tui.model.events import SessionStarted, State, StateChanged, StatsChanged
from tui.model.session import Session
from tui.model.stats import Stats, TrackStats, tenths
from tui.model.tracks import Track
from tui.sessions.metadata import SessionMetadata, clean_line, update_metadata
from tui.sessions.rest import MIN_UNTRANSCRIBED_S
from tui.sessions.store import Store, StoredSession

SAMPLE_RATE = 16_000
MIN_SAMPLES = SAMPLE_RATE // 20
"""Shortest sound that is transcribed."""
WAITING_REASON = "Recorded and not transcribed yet."


async def from_file(
    store: Store, path: Path, session: Session, claim: Callable[[str], None] = lambda _: None
) -> StoredSession:
    """Return a new session with the audio of a file as its recording, and a note if the file is damaged.

    Args:
        store: stores the session.
        path: absolute path of a sound file, a video with sound, or a named pipe.
        session: facts about the session; id and path are filled in.
        claim: receives the id of the session before its audio is copied.

    Raises:
        SourceError: the file cannot be read.
        SessionError: the session cannot be written.
    """
    times = itertools.count(0.0, 1e9)
    # A clock that advances by 1e9 s a call makes all samples due at once, so that the file is read without waiting.
    async with open_source(str(path), sample_rate=SAMPLE_RATE, clock=lambda: next(times)) as source:
        note = ""
        stored = store.create(_started(session))
        claim(stored.id)
        recording = stored.create_recording(SAMPLE_RATE)
        try:
            try:
                async for block in source:
                    recording.append(block)
            except DamagedFileError as error:
                note = error.message
            _fill_up(recording, source.name)
        except BaseException:
            recording.close()
            shutil.rmtree(stored.path, ignore_errors=True)
            raise
    recording.close()
    if recording.failure is not None:
        shutil.rmtree(stored.path, ignore_errors=True)
        raise SessionError(
            f"{source.name} cannot be saved: {recording.failure.strerror}.", file_error_hint(recording.failure)
        )
    _open_journal(stored, session, recording.position)
    update_metadata(stored.path, lambda _: SessionMetadata(clean_line(path.stem), note=note))
    return stored


def _fill_up(recording: Recording, name: str) -> None:
    """Append silence to a short recording, so that it has the second from which one is transcribed.

    Raises:
        SourceError: it is too short for a word.
    """
    if recording.position < MIN_SAMPLES:
        raise SourceError(
            f"{name} contains less than {1000 * MIN_SAMPLES // SAMPLE_RATE} ms of audio.",
            "Check the program that recorded it, or choose another file.",
        )
    missing = round(MIN_UNTRANSCRIBED_S * SAMPLE_RATE) - recording.position
    if missing > 0:
        recording.append(bytes(2 * missing))


async def from_session(store: Store, original: StoredSession, session: Session) -> StoredSession:
    """Return a new version of a session: the same recording, not transcribed yet.

    Raises:
        SessionError: the session is active, or its recording cannot be read.
    """
    if original.live:
        raise SessionError(f"The session {original.id} is active.", "Stop it first: livegist stop")
    metadata = original.metadata()
    tracks = _tracks_of(original)
    if original.audio.suffix == ".wav" or len(tracks) > 1:
        session = replace(session, tracks=tracks)
        stored = store.create(_started(session))
        try:
            lengths = [await _copy_recording(original, stored, track) for track in range(max(1, len(tracks)))]
        except (OSError, SessionError, SourceError) as error:
            shutil.rmtree(stored.path, ignore_errors=True)
            reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is damaged"
            raise SessionError(
                f"The recording of {original.id} cannot be used: {reason}.", "The session is unchanged."
            ) from error
        _open_journal(stored, session, *lengths)
    else:
        stored = await from_file(store, original.audio, session)
    update_metadata(stored.path, lambda _: replace(metadata, note="", version_of=metadata.version_of or original.id))
    return stored


async def _copy_recording(original: StoredSession, stored: StoredSession, track: int) -> int:
    """Copy the recording of a track, a FLAC as a WAV; return its length in samples.

    Raises:
        OSError: the recording cannot be read or written.
        SessionError: the recording cannot be used.
    """
    source, target = original.audio_of(track), stored.audio_of(track)
    if source.suffix == ".wav":
        _link_or_copy(source, target)
        return Recording.open(target).position
    recording = stored.create_recording(SAMPLE_RATE, track)
    try:
        await _append_file(source, recording)
    finally:
        recording.close()
    if recording.failure is not None:
        raise recording.failure
    return recording.position


async def _append_file(path: Path, recording: Recording) -> None:
    """Append the audio of a file to a recording.

    Raises:
        SourceError: the file cannot be read.
    """
    times = itertools.count(0.0, 1e9)
    # A clock that advances by 1e9 s a call makes all samples due at once, so that the file is read without waiting.
    async with open_file(path, sample_rate=SAMPLE_RATE, clock=lambda: next(times)) as source:
        async for block in source:
            recording.append(block)


def _tracks_of(original: StoredSession) -> tuple[Track, ...]:
    """Return the tracks of a session; without a readable journal, a numbered one for each of several recordings."""
    try:
        return tuple(Track(track.name, track.source, start_s=track.start_s) for track in original.load().tracks)
    except SessionError:
        recordings = original.recordings
        return tuple(Track(f"track {at}") for at in range(1, len(recordings) + 1)) if len(recordings) > 1 else ()


def _link_or_copy(old: Path, new: Path) -> None:
    """Hard-link a recording, or copy it if that is not possible; a finished recording is never written again."""
    try:
        os.link(old, new)
    except OSError:
        shutil.copyfile(old, new)
        new.chmod(0o600)


def _open_journal(stored: StoredSession, session: Session, *samples: int) -> None:
    length_s = max(samples) / SAMPLE_RATE
    tracks = tuple(
        TrackStats(track.name, tenths(each / SAMPLE_RATE), untranscribed_s=round(each / SAMPLE_RATE, 1))
        for track, each in zip(session.tracks, samples, strict=False)
    )
    stats = Stats(
        elapsed_s=tenths(length_s),
        untranscribed_s=round(length_s, 1),
        tracks=tracks if len(tracks) > 1 else (),
    )
    journal = stored.open_journal()
    journal.append(SessionStarted(replace(session, id=stored.id, path=str(stored.path))), 0.0)
    journal.append(StatsChanged(stats), length_s)
    journal.append(StateChanged(State.FAILED, WAITING_REASON), length_s)
    journal.close()


def _started(session: Session) -> datetime:
    return datetime.fromisoformat(session.started_at)
