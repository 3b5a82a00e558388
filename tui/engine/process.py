"""Engine process: its lock, its socket's name and how to start it. Imports little: the first paint waits for it."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tui.errors import EngineError, file_error_hint
from tui.file_lock import is_locked, lock_exclusively

SOCKET_NAME = "engine.sock"
SNAPSHOT_PATH = "/glance"
"""Request path for a single snapshot; such a connection does not count as a viewer."""
LOCK_NAME = "engine.lock"
LOG_NAME = "engine.log"
ACTIVE_SESSION_NAME = "session.json"
"""File that names the active session, so that another engine can continue it after this one was killed."""


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the lock of the one engine of this user and home.

    Raises:
        EngineError: another process holds it.
    """
    fd = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            lock_exclusively(fd)
        except OSError as error:
            raise EngineError("An engine is already running.", "Attach to it with: livegist attach") from error
        os.ftruncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(fd)


def is_running(folder: Path) -> bool:
    """Return whether an engine holds the lock of this folder."""
    return is_locked(folder / LOCK_NAME)


def remove_stale_socket(path: Path) -> None:
    """Remove a socket that a killed engine left. The caller holds the lock, so no engine serves it.

    Raises:
        EngineError: the socket belongs to another user.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if status.st_uid != os.getuid():
        raise EngineError(f"{path} belongs to another user.", "Set LIVEGIST_HOME to a folder of your own.")
    path.unlink()


def spawn(folder: Path, home: Path | None = None) -> None:
    """Start an engine as a separate process, which outlives this one and its terminal.

    Args:
        folder: folder of its log.
        home: `LIVEGIST_HOME` of the engine, an absolute path; `None` for the own one.

    Raises:
        EngineError: the process cannot be started.
    """
    try:
        with (folder / LOG_NAME).open("ab") as log_file:
            os.fchmod(log_file.fileno(), 0o600)
            subprocess.Popen(
                [sys.executable, "-P", "-m", "tui", "engine"],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,
                cwd="/",
                env=None if home is None else os.environ | {"LIVEGIST_HOME": str(home)},
            )
    except OSError as error:
        raise EngineError(f"The engine cannot be started: {error.strerror}.", file_error_hint(error)) from error
