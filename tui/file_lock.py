"""Exclusive locks on files, and the probe for one: `flock`, shared for the probe and exclusive for the holder.

Nothing but taking a `flock` lock tells whether there is one: Linux answers `F_GETLK` for the locks of `fcntl` alone,
and `/proc/locks` is missing on macOS and leaves out the holders in other containers. So a probe holds a shared lock
for some microseconds, and whoever wants the exclusive one waits for probes.
"""

import fcntl
import os
import random
import time
from pathlib import Path

PROBE_TIMEOUT_S = 2.0
"""Longest wait for probes to end, in seconds."""
MAX_PAUSE_S = 0.001
"""Longest pause between two tries; each is drawn evenly, so that two openings do not try in step."""


def lock_exclusively(fd: int) -> None:
    """Lock a file until it is closed; another exclusive lock is an error at once, and probes are waited for.

    Args:
        fd: open for reading and writing (on NFS, a shared lock needs the one and an exclusive lock the other).

    Raises:
        OSError: another process holds the exclusive lock (`BlockingIOError`), or the file cannot be locked.
    """
    give_up_at = time.monotonic() + PROBE_TIMEOUT_S
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Refused beside an exclusive lock, granted beside the shared ones of probes.
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(fd, fcntl.LOCK_UN)
            if time.monotonic() > give_up_at:
                raise
        time.sleep(random.uniform(0, MAX_PAUSE_S))  # noqa: S311


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
