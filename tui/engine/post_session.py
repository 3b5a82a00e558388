"""Post-session tasks: compress the recording, run hooks and delete old sessions."""

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
from tui.sessions.rest import MIN_UNTRANSCRIBED_S
from tui.sessions.store import Store, StoredSession

MAX_WAIT_S = 25.0
"""Longest time that an exiting engine waits for the tasks."""

log = logging.getLogger(__name__)


class PostSessionTasks:
    """Runs the tasks that follow a session, in the background of the next one.

    Args:
        store: the sessions on disk.
        publish: receives a notice for each task that fails.
        now: the date and time.
    """

    def __init__(self, store: Store, publish: Callable[[Event], None], now: Callable[[], datetime]) -> None:
        self._store = store
        self._publish = publish
        self._now = now
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, stored: StoredSession, config: Config) -> None:
        """Start the configured tasks for a session that has just ended."""
        task = asyncio.ensure_future(self._run(stored, config))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait(self, within_s: float = MAX_WAIT_S) -> None:
        """Wait until all tasks are done, at most `within_s` seconds and at most `MAX_WAIT_S`; then cancel them."""
        if not self._tasks:
            return
        _, pending = await asyncio.wait(self._tasks, timeout=max(0.0, min(within_s, MAX_WAIT_S)))
        for task in pending:
            log.warning("a post-session task did not finish in time")
            task.cancel()
        if pending:
            await asyncio.wait(pending)

    async def _run(self, stored: StoredSession, config: Config) -> None:
        if config.flac:
            await self._try(asyncio.to_thread(_compress_transcribed, stored))
        if config.hook_command:
            from tui.sessions.hooks import run_command

            await self._try(run_command(config.hook_command, stored))
        if config.hook_url:
            await self._try(self._post(config.hook_url, stored))
        if config.keep_days:
            await self._try(asyncio.to_thread(self._prune, config))

    async def _try(self, step: Awaitable[object]) -> None:
        try:
            await step
        except LivegistError as error:
            log.warning("%s %s", error.message, error.hint)
            self._publish(Notice(Severity.WARNING, error.message, error.hint))

    async def _post(self, url: str, stored: StoredSession) -> None:
        from tui.sessions.hooks import post

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
    """Compress a recording to FLAC, unless its end is still to be transcribed, which needs the WAV."""
    from tui.sessions.flac import compress

    if stored.load().stats.untranscribed_s < MIN_UNTRANSCRIBED_S:
        compress(stored)
