"""The journal of a session: `events.jsonl`, append-only, one event a line.

What can be told again is left out: levels, partial turns, answers that are still growing. Folding the rest gives the
session. A line cut short by a crash is the only thing a crash can cost.
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
    Snapshot,
    StatsChanged,
    TurnChanged,
    UntranscribedChanged,
)
from tui.model.session_state import SessionState

FORMAT = 1
"""Goes up when older readers cannot read what newer writers write."""
END_BYTES = 64 * 1024
"""How much of a journal's end tells how the session ended."""
MAX_PENDING = 10_000
"""Most entries kept in memory while the disk refuses."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line."""

    at: float
    """Seconds on the session's clock: samples recorded by then, over the rate."""
    event: Event
    format: int = 0
    """Of the file, on its first line; 0 on the others."""


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def is_persistent(event: Event) -> bool:
    """Return whether an event belongs in the journal."""
    match event:
        case LevelChanged() | GistDelta() | StatsChanged() | PromptsChanged() | Snapshot():
            return False
        case DevicesListed() | DeviceLevels() | Rejected() | UntranscribedChanged():
            return False
        case TurnChanged(turn=turn):
            return turn.final
        case GistChanged(gist=gist):
            return gist.status.over
        case _:
            return True


class SessionJournal(Protocol):
    """What a session's events are appended to."""

    @property
    def failure(self) -> OSError | None:
        """Why entries are not written; `None` while they are."""

    @property
    def pending(self) -> bool:
        """Whether there are entries that were not written."""

    def append(self, event: Event, at: float) -> None:
        """Write an event that lasts; `at` is in seconds on the session's clock."""

    def flush(self) -> None:
        """Write what is pending."""

    def close(self) -> None:
        """Write the rest and end."""


class Journal:
    """Appends events to a file, which it holds a lock on while the session lives.

    Args:
        path: made with mode 0600 if it is missing.

    Raises:
        OSError: it cannot be opened, or another process holds it (`BlockingIOError`).
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
        """Why the disk does not take entries; they wait in memory. `None` while it does."""

    def append(self, event: Event, at: float) -> None:
        """Write an event that lasts, and have it reach the disk soon; never raises for a full disk."""
        entry = Entry(round(at, 3), event, FORMAT if self._first else 0)
        self._first = False
        if len(self._pending) < MAX_PENDING:
            self._pending.append(_encoder.encode(entry) + b"\n")
        self.flush()

    def flush(self) -> None:
        """Write what waits in memory, as far as the disk takes it."""
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
        """Whether there are entries that the disk did not take."""
        return bool(self._pending)

    def close(self) -> None:
        """Write and sync the rest, let the lock go; what the disk refuses now is lost."""
        self.flush()
        self._closed = True
        self._syncing.shutdown(wait=True)
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            self.failure = error
        os.close(self._fd)

    def _sync(self) -> None:
        """Have a thread sync the file; what is appended meanwhile is synced once afterwards."""
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
    """What a journal holds."""

    entries: tuple[Entry, ...]
    lost: int
    """Lines that could not be read: the last one after a crash, more if somebody edited the file."""
    intact_bytes: int
    """Length of the file up to the last whole line."""

    @property
    def format(self) -> int:
        """The file's format; the first if its first line is lost or does not tell."""
        return max(1, self.entries[0].format) if self.entries else 1


def read(path: Path) -> JournalContents:
    """Return the entries of a journal, leaving out lines that are none.

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
    """Return the last entries of a journal: enough to tell how the session ended, and quick among many sessions.

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
                # A line that is cut in half at either end.
                continue
    return entries


def fold(entries: Iterable[Entry], state: SessionState | None = None) -> SessionState:
    """Return the session that the entries tell, in `record` if there is one."""
    state = state or SessionState()
    for entry in entries:
        state.apply(entry.event)
    return state
