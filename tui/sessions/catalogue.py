"""The sessions as a person looks at them: what each is in a line, which is meant by a word, which are too old."""

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from tui.errors import SessionError, UsageError, file_error_hint
from tui.model.events import State
from tui.sessions import integrity
from tui.sessions.journal import fold
from tui.sessions.metadata import SessionMetadata, read_metadata
from tui.sessions.store import Store, StoredSession

LAST = "last"
"""The word that means the newest session."""
MAX_FIRST_WORDS_CHARACTERS = 120
"""Most characters of what was said first."""
ID_TIME_FORMAT = "%Y-%m-%dT%H-%M-%S"


class Summary(msgspec.Struct, frozen=True, rename={"problem": "trouble", "reason": "why"}):
    """A session in a line."""

    id: str
    path: str
    started_at: str
    """ISO 8601 with the offset from UTC."""
    length_s: float
    """Seconds recorded."""
    turns: int
    """Final turns."""
    gists: int
    """Answers there are, of whatever kind."""
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
    """What of it is damaged or cannot be read; empty if nothing is."""

    @property
    def started(self) -> datetime:
        """When it started, with the offset from UTC."""
        return datetime.fromisoformat(self.started_at)


def summarise(stored: StoredSession) -> Summary:
    """Return a session in a line; what cannot be read is told in `trouble`, never raised."""
    troubles: list[str] = []
    try:
        about = read_metadata(stored.path)
    except SessionError as error:
        about = SessionMetadata()
        troubles.append(error.message.rstrip("."))
    try:
        reading = stored.read()
    except SessionError as error:
        reading = None
        troubles.append(error.message.rstrip("."))
    record = fold(reading.entries if reading else ())
    length_s = max((entry.at for entry in reading.entries), default=0.0) if reading else 0.0
    live = stored.live
    if not live:
        troubles.append(integrity.journal_damage(reading.lost if reading else 0))
        # Of a folder that may not be entered that is told already.
        with contextlib.suppress(OSError):
            troubles.append(integrity.recording_damage(stored.audio, length_s))
    finals = record.transcript.finals
    session = record.session
    return Summary(
        id=stored.id,
        path=str(stored.path),
        started_at=session.started_at if session else _folder_time(stored).isoformat(timespec="seconds"),
        length_s=length_s,
        turns=len(finals),
        gists=sum(1 for gist in record.gists.values() if gist.text),
        bookmarks=len(record.bookmarks),
        state=record.state,
        reason=record.reason,
        live=live,
        first_words=" ".join(turn.text for turn in finals[:5])[:MAX_FIRST_WORDS_CHARACTERS],
        name=about.name,
        tags=about.tags,
        note=about.note,
        version_of=about.version_of,
        source=session.source if session else "",
        size_bytes=_size(stored.path),
        lost_lines=reading.lost if reading else 0,
        problem="; ".join(filter(None, troubles)),
    )


def find(store: Store, query: str) -> StoredSession:
    """Return the session that is meant: `last`, an id, the start of an id, or a name.

    Raises:
        UsageError: there is none, or there are several.
    """
    there = list(store)
    if not there:
        raise UsageError("There is no session yet.", "Record one with: livegist")
    if query == LAST:
        return there[0]
    found = [stored for stored in there if stored.id == query]
    found = found or [stored for stored in there if query and stored.id.startswith(query)]
    found = found or [stored for stored in there if stored.metadata().name.casefold() == query.casefold() != ""]
    match found:
        case [stored]:
            return stored
        case []:
            raise UsageError(f"There is no session {query!r}.", "See: livegist sessions list --all")
        case _:
            ids = ", ".join(stored.id for stored in found[:4])
            raise UsageError(f"{query!r} may be any of {len(found)} sessions.", f"Say more: {ids}")


def select(
    store: Store, *, since: datetime | None = None, until: datetime | None = None, tags: Iterable[str] = ()
) -> Iterator[Summary]:
    """Yield the sessions that started at `since` or later, not after `until`, and have all of `tags`, newest first."""
    wanted, second = set(tags), timedelta(seconds=1)
    for stored in store:
        # Told by the name of the folder, so that only the journals of those that count are read.
        started = _folder_time(stored)
        if (since is not None and started < since - second) or (until is not None and started > until + second):
            continue
        summary = summarise(stored)
        if wanted <= set(summary.tags):
            yield summary


def disk_usage(store: Store) -> tuple[int, int]:
    """Return how many sessions there are and the bytes they take; a recording that several share counts once."""
    taken: dict[tuple[int, int], int] = {}
    count = 0
    for stored in store:
        count += 1
        # One may be deleted meanwhile.
        with contextlib.suppress(OSError):
            for file in stored.path.iterdir():
                found = file.stat()
                taken[found.st_dev, found.st_ino] = found.st_size
    return count, sum(taken.values())


def expired(summaries: Iterable[Summary], *, before: datetime, keep_tagged: bool) -> list[Summary]:
    """Return the sessions that may go: started before a moment, not under way, and not tagged if tagged ones stay."""
    return [
        summary
        for summary in summaries
        if summary.started < before and not summary.live and not (keep_tagged and summary.tags)
    ]


def delete(stored: StoredSession) -> None:
    """Remove a session with its recording.

    Raises:
        SessionError: it is under way, or cannot be removed.
    """
    # Held meanwhile, so that nobody starts to write what is being removed.
    journal = stored.open_journal()
    try:
        shutil.rmtree(stored.path)
    except OSError as error:
        raise SessionError(f"{stored.path} cannot be removed: {error.strerror}.", file_error_hint(error)) from error
    finally:
        journal.close()


def prune(summaries: Iterable[Summary], index: Path) -> int:
    """Delete sessions, and the index in which their words would go on to stand; return how many.

    Raises:
        SessionError: one cannot be deleted.
    """
    from tui.sessions.search import delete_index

    deleted = 0
    try:
        for summary in summaries:
            stored = StoredSession(summary.id, Path(summary.path))
            # Somebody else may have deleted it since.
            if stored.path.is_dir():
                delete(stored)
                deleted += 1
    finally:
        if deleted:
            delete_index(index)
    return deleted


def _size(folder: Path) -> int:
    """Return the bytes of the files in a folder, as far as they can be told."""
    try:
        return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    except OSError:
        return 0


def _folder_time(stored: StoredSession) -> datetime:
    """Return when a session's folder says that it started, else when the folder was last changed."""
    try:
        return datetime.strptime(stored.id[:19], ID_TIME_FORMAT).astimezone()
    except ValueError:
        return datetime.fromtimestamp(stored.path.stat().st_mtime).astimezone()
