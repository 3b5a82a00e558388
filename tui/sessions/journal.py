"""The journal of a session: `events.jsonl`, append-only, one event per line.

Transient events are omitted: levels, partial turns, answers that are still streaming. Folding the others yields the
state of the session. A crash can lose at most an incomplete last line.
"""

import asyncio
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import msgspec

from tui.file_lock import lock_exclusively
from tui.model.events import (
    DeviceLevels,
    DevicesListed,
    Event,
    GistChanged,
    GistDelta,
    LevelChanged,
    PromptsChanged,
    Rejected,
    SessionStarted,
    Snapshot,
    StatsChanged,
    StoredSessionChanged,
    TurnChanged,
    UntranscribedChanged,
)
from tui.model.session_state import SessionState
from tui.model.tracks import TracksChanged

FORMAT = 2
"""Incremented when older versions can no longer read the journal. Format 2 has tracks."""
END_BYTES = 64 * 1024
"""Bytes at the end of a journal that contain the session's last state."""
MAX_PENDING = 10_000
"""Maximum number of entries kept in memory while writes fail."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a journal."""

    at: float
    """Time in the session in seconds: recorded samples divided by the sample rate."""
    event: Event
    format: int = 0
    """Format of the file, on its first line and on one from which it is another; 0 on the others."""


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def is_persistent(event: Event) -> bool:
    """Return whether an event is written to the journal."""
    match event:
        case LevelChanged() | GistDelta() | StatsChanged() | PromptsChanged() | Snapshot():
            return False
        case DevicesListed() | DeviceLevels() | Rejected() | UntranscribedChanged() | StoredSessionChanged():
            return False
        case TurnChanged(turn=turn):
            return turn.final
        case GistChanged(gist=gist):
            return gist.status.over
        case _:
            return True


def _format_with(event: Event, *, first: bool) -> int:
    """Return the format of a journal from an event on: older versions can read a session with one track.

    Args:
        event: the event.
        first: whether it is the first one of the journal.
    """
    tracks = event.session.tracks if isinstance(event, SessionStarted) else ()
    if isinstance(event, TracksChanged) or len(tracks) > 1:
        return FORMAT
    return 1 if first else 0


class SessionJournal(Protocol):
    """A journal that the events of a session are appended to."""

    @property
    def failure(self) -> OSError | None:
        """The error of the last write; `None` if it succeeded."""

    @property
    def pending(self) -> bool:
        """Whether there are entries that are not written."""

    def append(self, event: Event, at: float) -> None:
        """Append a persistent event; `at` is its time in the session in seconds."""

    def flush(self) -> None:
        """Write the pending entries."""

    def close(self) -> None:
        """Write the pending entries and close the journal."""


class Journal:
    """Appends events to a file that is locked until `close`.

    Args:
        path: path of the file; created with mode 0600 if it is missing.

    Raises:
        OSError: the file cannot be opened, or another process has locked it (`BlockingIOError`).
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            lock_exclusively(self._fd)
        except OSError:
            os.close(self._fd)
            raise
        self._pending: list[bytes] = []
        self._first = os.fstat(self._fd).st_size == 0
        self._syncing = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._synced: asyncio.Future[None] | None = None
        self._dirty = False
        self._closed = False
        self.failure: OSError | None = None
        """The error of the last write, after which entries are kept in memory; `None` if it succeeded."""

    def append(self, event: Event, at: float) -> None:
        """Write a persistent event and start a sync to the disk; never raises for a failed write."""
        entry = Entry(round(at, 3), event, _format_with(event, first=self._first))
        self._first = False
        if len(self._pending) < MAX_PENDING:
            self._pending.append(_encoder.encode(entry) + b"\n")
        self.flush()

    def flush(self) -> None:
        """Write the pending entries as far as possible."""
        try:
            while self._pending:
                line = self._pending[0]
                size = os.fstat(self._fd).st_size
                written = os.write(self._fd, line)
                if written < len(line):
                    os.ftruncate(self._fd, size)
                    raise OSError(28, os.strerror(28))
                self._pending.pop(0)
        except OSError as error:
            self.failure = error
            return
        self.failure = None
        self._sync()

    @property
    def pending(self) -> bool:
        """Whether there are entries that are not written."""
        return bool(self._pending)

    def close(self) -> None:
        """Write and sync the pending entries and release the lock; entries that cannot be written are lost."""
        self.flush()
        self._closed = True
        self._syncing.shutdown(wait=True)
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            self.failure = error
        os.close(self._fd)

    def _sync(self) -> None:
        """Sync the file in a thread, and once more afterwards if entries were appended meanwhile."""
        if self._synced is not None and not self._synced.done():
            self._dirty = True
            return
        self._dirty = False
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._synced = loop.run_in_executor(self._syncing, os.fdatasync, self._fd)
        self._synced.add_done_callback(self._after_sync)

    def _after_sync(self, synced: "asyncio.Future[None]") -> None:
        error = None if synced.cancelled() else synced.exception()
        if isinstance(error, OSError):
            self.failure = error
        elif self._dirty and not self._closed:
            self._sync()


class JournalContents(msgspec.Struct, frozen=True):
    """The content of a journal."""

    entries: tuple[Entry, ...]
    lost: int
    """Number of lines that are not valid: the last one after a crash, others if the file was edited."""
    intact_bytes: int
    """Length of the file up to the end of the last complete line."""

    @property
    def format(self) -> int:
        """Format of the file; 1 if no line gives one."""
        return max((entry.format for entry in self.entries), default=1) or 1


def read(path: Path) -> JournalContents:
    """Return the entries of a journal without the lines that are not valid.

    Raises:
        OSError: the file cannot be read.
    """
    entries: list[Entry] = []
    lost = intact = offset = 0
    with path.open("rb") as lines:
        for line in lines:
            offset += len(line)
            if line.endswith(b"\n"):
                intact = offset
            elif not line.strip():
                continue
            try:
                entries.append(_decoder.decode(line))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                lost += 1
    return JournalContents(tuple(entries), lost, intact)


def read_end(path: Path) -> list[Entry]:
    """Return the last entries of a journal, which contain the session's last state; fast for many sessions.

    Raises:
        OSError: the file cannot be read.
    """
    entries: list[Entry] = []
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - END_BYTES))
        for line in file.read().split(b"\n"):
            try:
                entries.append(_decoder.decode(line))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                # An incomplete line at either end.
                continue
    return entries


def fold(entries: Iterable[Entry], state: SessionState | None = None) -> SessionState:
    """Return the state after the entries; they are applied to `state` if it is given."""
    state = state or SessionState()
    for entry in entries:
        state.apply(entry.event)
    return state
