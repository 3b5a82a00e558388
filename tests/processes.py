"""Whether processes that a test had started by others still run."""

import asyncio
import os
import sys
from pathlib import Path

ENDING_S = 30.0
"""Longest wait for killed processes to be gone."""


def runs(pid: int) -> bool:
    """Return whether a process runs; one that ended and that nobody has waited for does not."""
    try:
        os.kill(pid, 0)
        return sys.platform != "linux" or Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


async def all_ended(pids: Path, count: int) -> None:
    """Wait until the processes whose `count` ids are in a file have ended.

    Raises:
        TimeoutError: one still runs.
    """
    found = _read(pids)
    assert len(found) == count
    async with asyncio.timeout(ENDING_S):
        while any(map(runs, found)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def _read(pids: Path) -> list[int]:
    return [int(pid) for pid in pids.read_text().split()]
