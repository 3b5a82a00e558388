"""Sessions that are over and of which the disk did not take all: memory holds the rest until it does."""

import asyncio
from collections.abc import Callable

RETRY_S = 1.0
"""Seconds between two tries."""


class PendingSaves:
    """Has sessions saved, each until that is done or the engine ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __bool__(self) -> bool:
        """Return whether anything is still to be saved."""
        return bool(self._tasks)

    def add(self, save: Callable[[], bool], then: Callable[[], None]) -> None:
        """Save a session, and do what comes after it.

        Args:
            save: tries, and returns whether nothing is left.
            then: called once that is so.
        """
        if save():
            then()
            return
        task = asyncio.ensure_future(_save(save, then))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Try no more: what is not saved is lost."""
        for task in self._tasks:
            task.cancel()


async def _save(save: Callable[[], bool], then: Callable[[], None]) -> None:
    saved = False
    while not saved:
        await asyncio.sleep(RETRY_S)
        saved = save()
    then()
