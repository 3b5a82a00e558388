"""What is done once a session is over: FLAC in place of the WAV, hooks, and old sessions deleted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from tui import credentials
from tui.config.schema import Config
from tui.credentials import redacted
from tui.errors import LivegistError
from tui.model.events import Event, Notice, Severity
from tui.paths import data_dir
from tui.sessions import catalogue
from tui.sessions.flac import compress
from tui.sessions.hooks import post, run_command
from tui.sessions.store import MIN_UNTRANSCRIBED_S, Store, StoredSession

MAX_WAIT_S = 25.0
"""Longest time that an engine which is told to end waits for it."""

log = logging.getLogger(__name__)


class PostSessionTasks:
    """Looks after sessions that are over; the next one need not wait for it.

    Args:
        store: the sessions.
        tell: gets a notice of what could not be done.
        now: the date and time.
    """

    def __init__(self, store: Store, publish: Callable[[Event], None], now: Callable[[], datetime]) -> None:
        self._store = store
        self._publish = publish
        self._now = now
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, stored: StoredSession, config: Config) -> None:
        """Do what the settings want done of a session that has just ended."""
        task = asyncio.ensure_future(self._run(stored, config))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait(self, within_s: float = MAX_WAIT_S) -> None:
        """Wait until all is done, but no longer than `within_s` seconds, nor than `AT_MOST_S`."""
        if not self._tasks:
            return
        _, left = await asyncio.wait(self._tasks, timeout=max(0.0, min(within_s, MAX_WAIT_S)))
        for task in left:
            log.warning("what is done after a session was not finished in time")
            task.cancel()
        if left:
            await asyncio.wait(left)

    async def _run(self, stored: StoredSession, config: Config) -> None:
        if config.flac:
            await self._try(asyncio.to_thread(_compress_transcribed, stored))
        if config.hook_command:
            await self._try(run_command(config.hook_command, stored))
        if config.hook_url:
            await self._try(self._post(config.hook_url, stored))
        if config.keep_days:
            await self._try(asyncio.to_thread(self._prune, config))

    async def _try(self, doing: Awaitable[object]) -> None:
        try:
            await doing
        except LivegistError as error:
            log.warning("%s %s", error.message, error.hint)
            self._publish(Notice(Severity.WARNING, error.message, error.hint))

    async def _post(self, url: str, stored: StoredSession) -> None:
        secret = credentials.find(credentials.Key.HOOK)
        try:
            await post(url, secret.value if secret else "", stored)
        except LivegistError as error:
            error.message = redacted(error.message, secret.value if secret else "")
            raise

    def _prune(self, config: Config) -> None:
        from tui.sessions.search import INDEX

        before = self._now() - timedelta(days=config.keep_days)
        old = catalogue.expired(
            catalogue.select(self._store, until=before), before=before, keep_tagged=config.keep_tagged
        )
        catalogue.prune(old, data_dir() / INDEX)


def _compress_transcribed(stored: StoredSession) -> None:
    """Compress a recording, unless the end of it is still to be transcribed."""
    if stored.load().stats.untranscribed_s < MIN_UNTRANSCRIBED_S:
        compress(stored)
