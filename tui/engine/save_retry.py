"""Pending saves: retries writing the rest of finished sessions that the disk did not accept."""

import asyncio
from collections.abc import Callable

RETRY_S = 1.0
"""Seconds between two attempts."""


class PendingSaves:
    """Saves finished sessions, with retries until the engine exits."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __bool__(self) -> bool:
        """Return whether a session is still to be saved."""
        return bool(self._tasks)

    def add(self, save: Callable[[], bool], then: Callable[[], None]) -> None:
        """Save a session now or, if that fails, every `RETRY_S` until it succeeds.

        Args:
            save: makes one attempt, and returns whether everything is saved.
            then: called once everything is saved.
        """
        if save():
            then()
            return
        task = asyncio.ensure_future(_save(save, then))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Stop all retries; data that is not saved is lost."""
        for task in self._tasks:
            task.cancel()


async def _save(save: Callable[[], bool], then: Callable[[], None]) -> None:
    saved = False
    while not saved:
        await asyncio.sleep(RETRY_S)
        saved = save()
    then()
