"""Makes untranscribed sessions from a sound file or from another session's recording.

The recording is the queue, so such a session is then transcribed in the same way as one that lost its connection.
"""

import itertools
import os
import shutil
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from tui.audio.file_source import open_file
from tui.audio.recording import Recording
from tui.errors import SessionError, file_error_hint
from tui.model.events import Session, SessionStarted, State, StateChanged, StatsChanged
from tui.model.stats import Stats, tenths
from tui.sessions.metadata import SessionMetadata, update_metadata
from tui.sessions.store import Store, StoredSession

SAMPLE_RATE = 16_000
WAITING_REASON = "Recorded and not transcribed yet."


async def from_file(store: Store, path: Path, session: Session) -> StoredSession:
    """Return a new session with the audio of a file as its recording.

    Args:
        store: stores the session.
        path: a sound file, or a video with sound.
        session: facts about the session; id and path are filled in.

    Raises:
        SourceError: the file cannot be read.
        SessionError: the session cannot be written.
    """
    times = itertools.count(0.0, 1e9)
    # A clock that advances by 1e9 s a call makes all samples due at once, so that the file is read without waiting.
    async with open_file(path, sample_rate=SAMPLE_RATE, clock=lambda: next(times)) as source:
        stored = store.create(_started(session))
        recording = stored.create_recording(SAMPLE_RATE)
        try:
            async for block in source:
                recording.append(block)
        except BaseException:
            recording.close()
            shutil.rmtree(stored.path, ignore_errors=True)
            raise
    recording.close()
    if recording.failure is not None:
        shutil.rmtree(stored.path, ignore_errors=True)
        raise SessionError(
            f"{path.name} cannot be saved: {recording.failure.strerror}.", file_error_hint(recording.failure)
        )
    _open_journal(stored, session, recording.position)
    update_metadata(stored.path, lambda _: SessionMetadata(path.stem))
    return stored


async def from_session(store: Store, original: StoredSession, session: Session) -> StoredSession:
    """Return a new version of a session: the same recording, not transcribed yet.

    Raises:
        SessionError: the session is active, or its recording cannot be read.
    """
    if original.live:
        raise SessionError(f"The session {original.id} is active.", "Stop it first: livegist stop")
    metadata = original.metadata()
    if original.audio.suffix == ".wav":
        stored = store.create(_started(session))
        try:
            _link_or_copy(original.audio, stored.audio)
            samples = Recording.open(stored.audio).position
        except (OSError, SessionError) as error:
            shutil.rmtree(stored.path, ignore_errors=True)
            reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is damaged"
            raise SessionError(
                f"The recording of {original.id} cannot be used: {reason}.", "The session is unchanged."
            ) from error
        _open_journal(stored, session, samples)
    else:
        stored = await from_file(store, original.audio, session)
    update_metadata(stored.path, lambda _: replace(metadata, note="", version_of=metadata.version_of or original.id))
    return stored


def _link_or_copy(old: Path, new: Path) -> None:
    """Hard-link a recording, or copy it if that is not possible; a finished recording is never written again."""
    try:
        os.link(old, new)
    except OSError:
        shutil.copyfile(old, new)
        new.chmod(0o600)


def _open_journal(stored: StoredSession, session: Session, samples: int) -> None:
    length_s = samples / SAMPLE_RATE
    journal = stored.open_journal()
    journal.append(SessionStarted(replace(session, id=stored.id, path=str(stored.path))), 0.0)
    journal.append(StatsChanged(Stats(elapsed_s=tenths(length_s), untranscribed_s=round(length_s, 1))), length_s)
    journal.append(StateChanged(State.FAILED, WAITING_REASON), length_s)
    journal.close()


def _started(session: Session) -> datetime:
    return datetime.fromisoformat(session.started_at)
