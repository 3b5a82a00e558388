"""What processes cost, from Linux's /proc."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20
PROC = Path("/proc")


class Stat(msgspec.Struct, frozen=True):
    """One process at one moment."""

    parent: int
    cpu_s: float
    """Seconds on a core since it started, all threads."""
    memory_mb: float
    """Resident set, with the libraries it shares."""


def stat(pid: int) -> Stat | None:
    """Return what a process has used, `None` if there is none; fields as in proc(5)."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return Stat(int(fields[1]), (int(fields[11]) + int(fields[12])) * TICK_S, int(fields[21]) * PAGE_MB)


def tree(*roots: int) -> dict[int, Stat]:
    """Return these processes and all that descend from them."""
    alive = {pid: found for pid in _pids() if (found := stat(pid)) is not None}
    members = {pid: alive[pid] for pid in roots if pid in alive}
    grown = True
    while grown:
        more = {pid: found for pid, found in alive.items() if pid not in members and found.parent in members}
        members |= more
        grown = bool(more)
    return members


class Meter:
    """CPU of some processes and their descendants from now on.

    Args:
        roots: the processes.
    """

    def __init__(self, *roots: int) -> None:
        self._roots = roots
        self._at = time.monotonic()
        self._before = tree(*roots)

    def cpu_percent(self) -> float:
        """Return the share of one core since the start, in percent."""
        nothing = Stat(0, 0.0, 0.0)
        used_s = sum(now.cpu_s - self._before.get(pid, nothing).cpu_s for pid, now in tree(*self._roots).items())
        return 100 * used_s / (time.monotonic() - self._at)


def memory_mb(pid: int) -> float:
    """Return the resident set of one process in MB."""
    found = stat(pid)
    assert found is not None, f"process {pid} has ended"
    return found.memory_mb


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
