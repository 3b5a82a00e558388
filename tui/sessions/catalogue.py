"""Catalogue of the stored sessions: summaries, lookup by name, selection, deletion."""

import contextlib
import os
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from tui.errors import SessionError, UsageError, file_error_hint
from tui.model.events import State
from tui.model.session_state import SessionState
from tui.sessions import integrity
from tui.sessions.journal import fold
from tui.sessions.metadata import SessionMetadata, read_metadata
from tui.sessions.store import Store, StoredSession

LAST = "last"
"""Selects the newest session."""
MAX_FIRST_WORDS_CHARACTERS = 120
"""Maximum length of the first words in a summary, in characters."""
ID_TIME_FORMAT = "%Y-%m-%dT%H-%M-%S"


class Summary(msgspec.Struct, frozen=True, rename={"problem": "trouble", "reason": "why"}):
    """Summary of a stored session."""

    id: str
    path: str
    started_at: str
    """ISO 8601 with the offset from UTC."""
    length_s: float
    """Seconds recorded."""
    turns: int
    """Final turns."""
    gists: int
    """Gists with text, about turns, the session or questions."""
    bookmarks: int
    state: State
    reason: str
    live: bool
    """Whether a process is writing it now."""
    first_words: str
    name: str
    tags: tuple[str, ...]
    note: str
    version_of: str
    source: str
    size_bytes: int
    """Of all its files."""
    lost_lines: int
    """Lines of the journal that cannot be read."""
    problem: str = ""
    """Damage to the session's files, for a person; empty if there is none."""

    @property
    def started(self) -> datetime:
        """Start of the session, with the offset from UTC."""
        return datetime.fromisoformat(self.started_at)


def summarise(stored: StoredSession) -> Summary:
    """Return the summary of a session; errors are reported in `problem` and never raised."""
    problems: list[str] = []
    try:
        metadata = read_metadata(stored.path)
    except SessionError as error:
        metadata = SessionMetadata()
        problems.append(error.message.rstrip("."))
    try:
        contents = stored.read()
    except SessionError as error:
        contents = None
        problems.append(error.message.rstrip("."))
    state = fold(contents.entries if contents else ())
    length_s = max((entry.at for entry in contents.entries), default=0.0) if contents else 0.0
    live = stored.live
    if live:
        length_s = max(length_s, integrity.recorded_s(stored.audio))
    else:
        problems.append(integrity.journal_damage(contents.lost if contents else 0))
        # A folder without permission is reported above.
        with contextlib.suppress(OSError):
            problems += recording_problems(stored, state, length_s)
    finals = state.finals
    session = state.session
    return Summary(
        id=stored.id,
        path=str(stored.path),
        started_at=session.started_at if session else _folder_time(stored).isoformat(timespec="seconds"),
        length_s=length_s,
        turns=len(finals),
        gists=sum(1 for gist in state.gists.values() if gist.text),
        bookmarks=len(state.bookmarks),
        state=state.state,
        reason=state.reason,
        live=live,
        first_words=" ".join(turn.text for turn in finals[:5])[:MAX_FIRST_WORDS_CHARACTERS],
        name=metadata.name,
        tags=metadata.tags,
        note=metadata.note,
        version_of=metadata.version_of,
        source=state.source,
        size_bytes=_size(stored.path),
        lost_lines=contents.lost if contents else 0,
        problem="; ".join(filter(None, problems)),
    )


def recording_problems(stored: StoredSession, state: SessionState, length_s: float) -> list[str]:
    """Return the damage to each recording of a session, for a person; empty texts for intact ones.

    Args:
        stored: the session.
        state: its state.
        length_s: seconds recorded, according to the journal.
    """
    if len(state.tracks) < 2:
        return [integrity.recording_damage(stored.audio, length_s)]
    lengths = {track.name: track.elapsed_s for track in state.stats.tracks}
    problems = []
    for at, track in enumerate(state.tracks):
        problem = integrity.recording_damage(stored.audio_of(at), lengths.get(track.name, 0.0))
        problems.append(f"{track.name}: {problem}" if problem else "")
    return problems


def find(store: Store, query: str) -> StoredSession:
    """Return the session with the given id, start of an id, name, or path; the newest one for `last`.

    Raises:
        UsageError: no session matches, or several do.
    """
    sessions = list(store)
    if not sessions:
        raise UsageError("There is no session yet.", "Record one with: livegist")
    if query == LAST:
        return sessions[0]
    query = _id_of_path(store, query)
    found = [stored for stored in sessions if stored.id == query]
    found = found or [stored for stored in sessions if query and stored.id.startswith(query)]
    found = found or [stored for stored in sessions if _folded(stored.metadata().name) == _folded(query) != ""]
    match found:
        case [stored]:
            return stored
        case []:
            raise UsageError(f"There is no session {query!r}.", "See: livegist sessions list --all")
        case _:
            ids = ", ".join(stored.id for stored in found[:4])
            raise UsageError(f"{query!r} matches {len(found)} sessions.", f"Use one of the ids: {ids}")


def _id_of_path(store: Store, query: str) -> str:
    """Return the id in the path of a session's folder, which commands print; other queries as they are."""
    path = Path(query)
    return path.name if os.sep in query and path.parent.resolve() == store.folder.resolve() else query


def _folded(name: str) -> str:
    """Return a name without case, its accents composed: macOS stores names of files decomposed."""
    return unicodedata.normalize("NFC", name.casefold())


def select(
    store: Store, *, since: datetime | None = None, until: datetime | None = None, tags: Iterable[str] = ()
) -> Iterator[Summary]:
    """Yield the sessions that started from `since` to `until` and have all of `tags`, newest first."""
    required, second = set(tags), timedelta(seconds=1)
    for stored in store:
        # The folder's name gives the start, so that only the journals of matching sessions are read.
        started = _folder_time(stored)
        if (since is not None and started < since - second) or (until is not None and started > until + second):
            continue
        summary = summarise(stored)
        if required <= set(summary.tags):
            yield summary


def disk_usage(store: Store) -> tuple[int, int]:
    """Return the number of sessions and their size in bytes; a recording shared by hard links counts once."""
    sizes: dict[tuple[int, int], int] = {}
    count = 0
    for stored in store:
        count += 1
        # Another process may delete the session meanwhile.
        with contextlib.suppress(OSError):
            for file in stored.path.iterdir():
                found = file.stat()
                sizes[found.st_dev, found.st_ino] = found.st_size
    return count, sum(sizes.values())


def expired(summaries: Iterable[Summary], *, before: datetime, keep_tagged: bool) -> list[Summary]:
    """Return the inactive sessions that started before a time, without the tagged ones if `keep_tagged`."""
    return [
        summary
        for summary in summaries
        if summary.started < before and not summary.live and not (keep_tagged and summary.tags)
    ]


def delete(stored: StoredSession) -> None:
    """Delete a session with its recording.

    Raises:
        SessionError: the session is active, or cannot be deleted.
    """
    # The lock keeps other processes from writing to the session meanwhile.
    journal = stored.open_journal()
    try:
        shutil.rmtree(stored.path)
    except OSError as error:
        raise SessionError(f"{stored.path} cannot be deleted: {error.strerror}.", file_error_hint(error)) from error
    finally:
        journal.close()


def prune(summaries: Iterable[Summary], index: Path) -> int:
    """Delete sessions and the search index, which contains their text; return the number of deleted sessions.

    Raises:
        SessionError: a session cannot be deleted.
    """
    from tui.sessions.search import delete_index

    deleted = 0
    try:
        for summary in summaries:
            stored = StoredSession(summary.id, Path(summary.path))
            # Another process may have deleted it meanwhile.
            if stored.path.is_dir():
                delete(stored)
                deleted += 1
    finally:
        if deleted:
            delete_index(index)
    return deleted


def _size(folder: Path) -> int:
    """Return the size of the files in a folder, 0 if it cannot be read."""
    try:
        return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    except OSError:
        return 0


def _folder_time(stored: StoredSession) -> datetime:
    """Return the start of a session from its folder's name, else the folder's modification time."""
    try:
        return datetime.strptime(stored.id[:19], ID_TIME_FORMAT).astimezone()
    except ValueError:
        return datetime.fromtimestamp(stored.path.stat().st_mtime).astimezone()
