"""Exclusive locks of files and folders with `flock`, and a probe for them.

A `flock` lock can be detected only by taking one: on Linux `F_GETLK` reports `fcntl` locks alone, and `/proc/locks` is
missing on macOS and omits holders in other containers. The probe therefore takes a shared lock for some microseconds,
and `lock_exclusively` waits for probes to finish.
"""

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROBE_TIMEOUT_S = 2.0
"""Maximum time to wait for probes, in seconds."""
MAX_PAUSE_S = 0.001
"""Maximum pause between two attempts, in seconds; each is random, so that two processes do not retry in step."""


def lock_exclusively(fd: int) -> None:
    """Lock a file until it is closed; wait for probes, but fail at once if another process holds an exclusive lock.

    Args:
        fd: descriptor open for reading and writing (NFS needs reading for shared and writing for exclusive locks).

    Raises:
        OSError: another process holds the exclusive lock (`BlockingIOError`), or the file cannot be locked.
    """
    give_up_at = time.monotonic() + PROBE_TIMEOUT_S
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Fails if another process holds an exclusive lock; succeeds if probes hold shared ones.
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(fd, fcntl.LOCK_UN)
            if time.monotonic() > give_up_at:
                raise
        time.sleep(random.uniform(0, MAX_PAUSE_S))  # noqa: S311


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a `with` block on the same folder; wait for those inside it.

    Raises:
        OSError: the folder cannot be opened or locked.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def is_locked(path: Path) -> bool:
    """Return whether a process holds an exclusive lock on a file; `False` if it cannot be opened or locked."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    else:
        return False
    finally:
        os.close(fd)
