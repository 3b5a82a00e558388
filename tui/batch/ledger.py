"""Ledger of the files in folders: which session each has become, so that a later run goes on where one was killed.

It is an SQLite database, so that a folder of any size is planned without holding its files in memory.
"""

import contextlib
import itertools
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from tui.errors import LivegistError, database_error_hint, file_error_hint
from tui.file_lock import lock_exclusively
from tui.paths import private_dir
from tui.sessions.store import StoredSession

LEDGER = "folders.sqlite"
AUDIO_SUFFIXES = frozenset(
    {
        *(".aac", ".ac3", ".aif", ".aiff", ".amr", ".au", ".caf", ".flac", ".m4a", ".m4b", ".mka", ".mp2", ".mp3"),
        *(".oga", ".ogg", ".opus", ".w64", ".wav", ".wma"),
        *(".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"),
    }
)
"""Suffixes of the files in a folder that are transcribed."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS file (
    path BLOB PRIMARY KEY, size INTEGER, modified_ns INTEGER, session TEXT DEFAULT '', done INTEGER DEFAULT 0,
    error TEXT DEFAULT '', hint TEXT DEFAULT '', planned INTEGER DEFAULT 0, seen INTEGER DEFAULT 0,
    failed INTEGER DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS planned ON file (path) WHERE planned;
CREATE INDEX IF NOT EXISTS failed ON file (path) WHERE failed;
"""
"""`session` is empty without one; `done`: whether all of the file is transcribed; `planned`: still to do in this run;
`seen`: in a folder of this run; `failed`: failed in this run."""


class PlannedFile(msgspec.Struct, frozen=True):
    """A file to transcribe."""

    path: Path
    session: str
    """Id of the session that an earlier run has begun for it; empty without one."""


class Plan(msgspec.Struct, frozen=True):
    """What is to do in a run."""

    files: int = 0
    """Number of files to transcribe."""
    done: int = 0
    """Number of files that are already transcribed."""


class Ledger:
    """The ledger of a user; one process at a time may use it.

    Args:
        folder: contains the ledger.
        sessions: folder of the sessions.

    Raises:
        LivegistError: another process uses it, or it cannot be used.
    """

    def __init__(self, folder: Path, sessions: Path) -> None:
        self._sessions = sessions
        self._path = path = folder / LEDGER
        try:
            private_dir(folder)
            self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            lock_exclusively(self._lock)
            self._database = sqlite3.connect(path, isolation_level=None)
            path.chmod(0o600)
            # A killed process loses nothing; a power failure may cost the last entries, whose sessions remain.
            self._database.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; {SCHEMA}")
            self._database.execute("UPDATE file SET planned = 0, seen = 0, failed = 0 WHERE planned OR seen OR failed")
        except BlockingIOError as error:
            raise LivegistError(
                "Another livegist is transcribing a folder.", "Wait until it has ended, or name single files."
            ) from error
        except OSError as error:
            raise LivegistError(f"{path} cannot be used: {error.strerror}.", file_error_hint(error)) from error
        except sqlite3.Error as error:
            raise LivegistError(
                f"{path} cannot be used: {error}.",
                database_error_hint(error, "Remove it; the folders are then transcribed again."),
            ) from error

    def close(self) -> None:
        """Let other processes use it."""
        self._database.close()
        os.close(self._lock)

    def plan(self, folders: Iterable[Path], *, again: bool = False) -> Plan:
        """Plan the audio files in folders and their subfolders, those without a complete session.

        Args:
            folders: the folders.
            again: whether to plan the others, too.

        Raises:
            LivegistError: the ledger cannot be written.
        """
        with self._transaction():
            for entry in itertools.chain.from_iterable(map(audio_files, folders)):
                with contextlib.suppress(FileNotFoundError):
                    self._plan_file(entry, again=again)
            planned, done = self._execute("SELECT total(planned), total(seen AND NOT planned) FROM file").fetchone()
        return Plan(int(planned), int(done))

    def _plan_file(self, entry: "os.DirEntry[str]", *, again: bool) -> None:
        """Plan a file unless it is transcribed."""
        status = entry.stat()
        path, version = os.fsencode(entry.path), (status.st_size, status.st_mtime_ns)
        row = self._execute("SELECT size, modified_ns, session, done FROM file WHERE path = ?", (path,)).fetchone()
        session, done = (row[2], row[3]) if row and row[:2] == version and not again else ("", 0)
        if session and not (self._sessions / session).is_dir():
            session, done = "", 0
        if done:
            self._execute("UPDATE file SET seen = 1 WHERE path = ?", (path,))
            return
        self._execute(
            "INSERT OR REPLACE INTO file (path, size, modified_ns, session, planned, seen) VALUES (?, ?, ?, ?, 1, 1)",
            (path, *version, session),
        )

    def take(self) -> Iterator[PlannedFile]:
        """Yield the planned files in the order of their paths, each once."""
        while True:
            row = self._execute("SELECT path, session FROM file WHERE planned ORDER BY path LIMIT 1").fetchone()
            if row is None:
                return
            self._execute("UPDATE file SET planned = 0 WHERE path = ?", (row[0],))
            yield PlannedFile(Path(os.fsdecode(row[0])), row[1])

    def claim(self, path: Path, session: str) -> None:
        """Store which session a file becomes, before its audio is copied."""
        self._execute("UPDATE file SET session = ? WHERE path = ?", (session, os.fsencode(path)))

    def finish(self, path: Path, *, done: bool, error: str = "", hint: str = "") -> None:
        """Store the result of a file.

        Args:
            path: the file.
            done: whether all of it is transcribed.
            error: why not, or what is wrong with it.
            hint: what to do about that.
        """
        self._execute(
            "UPDATE file SET done = ?, error = ?, hint = ?, failed = ? WHERE path = ?",
            (done, error, hint, bool(error), os.fsencode(path)),
        )

    def failures(self) -> Iterator[tuple[Path, str, str]]:
        """Yield the files that failed in this run, with error and hint."""
        for path, error, hint in self._execute("SELECT path, error, hint FROM file WHERE failed ORDER BY path"):
            yield Path(os.fsdecode(path)), error, hint

    def resumable(self, file: PlannedFile) -> StoredSession | None:
        """Return the session that an earlier run has begun for a file; remove one whose audio was not copied wholly."""
        if not file.session:
            return None
        stored = StoredSession(file.session, self._sessions / file.session)
        if stored.events.exists():
            return stored
        # The journal is written after the audio: without it, the run was killed while copying.
        import shutil

        shutil.rmtree(stored.path, ignore_errors=True)
        return None

    def _execute(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Execute a statement.

        Raises:
            LivegistError: the ledger cannot be read or written.
        """
        try:
            return self._database.execute(statement, values)
        except sqlite3.Error as error:
            raise LivegistError(
                f"{self._path} cannot be used: {error}.", "Free disk space, and run it again."
            ) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._execute("BEGIN")
        try:
            yield
        except BaseException:
            self._execute("ROLLBACK")
            raise
        self._execute("COMMIT")


def audio_files(folder: Path) -> "Iterator[os.DirEntry[str]]":
    """Yield the audio files in a folder and its subfolders.

    Hidden ones are left out: macOS writes a file `._NAME` beside each on other systems' volumes. Folders that cannot be
    read are left out, too, and links to folders are not followed.
    """
    folders = [str(folder)]
    while folders:
        try:
            entries = os.scandir(folders.pop())
        except OSError:
            continue
        with entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif os.path.splitext(entry.name)[1].lower() in AUDIO_SUFFIXES and entry.is_file():  # noqa: PTH122
                    yield entry
