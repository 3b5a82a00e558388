"""Session recovery: repairs interrupted sessions, and finds sessions that are not fully transcribed."""

import asyncio
import threading
from collections.abc import Callable

from tui.audio.recording import DEFAULT_RATE, repair
from tui.errors import LivegistError, SessionError
from tui.model.events import Event, Notice, Severity, UntranscribedChanged
from tui.sessions import catalogue
from tui.sessions.store import Store, StoredSession


class SessionRecovery:
    """Repairs and finds sessions on disk.

    Args:
        store: the sessions on disk.
        publish: receives an event whenever the list of untranscribed sessions changes.
    """

    def __init__(self, store: Store, publish: Callable[[Event], None]) -> None:
        self._store = store
        self._publish = publish
        self._repairing = threading.Lock()
        """Held while repairing: a second repair of the same session would take it for an active one."""
        self._scanning: asyncio.Task[None] | None = None
        self.untranscribed: tuple[str, ...] = ()
        """Ids of the sessions that the last scan found not fully transcribed, newest first."""

    def repair(self, unreported: str = "") -> list[Notice]:
        """Repair sessions whose engine was killed; return a notice for each but the one of the id `unreported`."""
        with self._repairing:
            return self._repair_interrupted(unreported)

    def find(self, session: str) -> tuple[list[Notice], list[StoredSession]]:
        """Repair interrupted sessions; return the notices of that and the sessions that are not fully transcribed.

        Args:
            session: id of the only session to return, whether or not it has a recording; empty returns all sessions
                that have one, newest first.

        Raises:
            UsageError: the session does not exist.
            SessionError: another process is recording the session.
        """
        if session and catalogue.find(self._store, session).live:
            raise SessionError(f"The session {session} is active.", "Stop it first: livegist stop")
        notices = self.repair()
        if not session:
            return notices, self._transcribable()
        return notices, [stored for stored in self._store.untranscribed() if stored.id == session]

    def _repair_interrupted(self, unreported: str) -> list[Notice]:
        notices = []
        for stored in list(self._store.interrupted()):
            try:
                lengths_s = [repair(path) / DEFAULT_RATE if path.exists() else 0.0 for path in stored.recordings]
                repaired = self._store.repair(stored, lengths_s)
            except LivegistError as error:
                notices.append(Notice(Severity.WARNING, error.message, error.hint))
                continue
            if repaired is None or stored.id == unreported:
                continue
            notices.append(
                Notice(
                    Severity.WARNING,
                    f"The session {stored.id} was interrupted and has been repaired: {repaired.summary}.",
                    "To transcribe the rest, press t or run: livegist recover"
                    if repaired.untranscribed
                    else f"It is in {stored.path}.",
                )
            )
        return notices

    def scan(self) -> None:
        """Find the sessions that are not fully transcribed, in the background; publish the list if it has changed."""
        self.close()
        self._scanning = asyncio.ensure_future(self._scan())

    def close(self) -> None:
        """Cancel a running scan."""
        if self._scanning is not None:
            self._scanning.cancel()

    async def _scan(self) -> None:
        ids = tuple(stored.id for stored in await asyncio.to_thread(self._transcribable))
        if ids != self.untranscribed:
            self.untranscribed = ids
            self._publish(UntranscribedChanged(ids))

    def _transcribable(self) -> list[StoredSession]:
        """Return the sessions that are not fully transcribed and still have a recording, newest first."""
        return [stored for stored in self._store.untranscribed() if stored.audio.exists()]
