"""What sessions of before left to be done: to be made whole after their engine was killed, and to be transcribed."""

import asyncio
import threading
from collections.abc import Callable

from tui.audio.recording import DEFAULT_RATE, repair
from tui.errors import LivegistError
from tui.model.events import Event, Notice, Severity, UntranscribedChanged
from tui.sessions.store import Store, StoredSession


class SessionRecovery:
    """Looks after sessions that are over.

    Args:
        store: the sessions on disk.
        tell: gets every change of what is to be transcribed.
    """

    def __init__(self, store: Store, publish: Callable[[Event], None]) -> None:
        self._store = store
        self._publish = publish
        self._one_at_a_time = threading.Lock()
        """Two that repair the same session would each take it for one that is under way."""
        self._scanning: asyncio.Task[None] | None = None
        self.untranscribed: tuple[str, ...] = ()
        """Ids of those that were not transcribed to their end, newest first, as it was when they were looked for."""

    def repair(self) -> list[Notice]:
        """Repair sessions whose engine was killed; return what a person should know of it."""
        with self._one_at_a_time:
            return self._mend()

    def find(self, session: str) -> tuple[list[Notice], list[StoredSession]]:
        """Repair what is cut off, and return the notices of that and what was not transcribed to its end.

        Args:
            session: the id of the only one to return, whether or not it has a recording; empty returns all that have
                one, newest first.
        """
        repaired = self.repair()
        if not session:
            return repaired, self._transcribable()
        return repaired, [stored for stored in self._store.untranscribed() if stored.id == session]

    def _mend(self) -> list[Notice]:
        told = []
        for stored in list(self._store.interrupted()):
            try:
                samples = repair(stored.audio) if stored.audio.exists() else 0
                repaired = self._store.repair(stored, samples / DEFAULT_RATE)
            except LivegistError as error:
                told.append(Notice(Severity.WARNING, error.message, error.hint))
                continue
            if repaired is None:
                continue
            told.append(
                Notice(
                    Severity.WARNING,
                    f"The session {stored.id} had been cut off and is whole again: {repaired.summary}.",
                    f"t sends the rest, or: livegist recover {stored.id}"
                    if repaired.untranscribed
                    else f"It is in {stored.path}.",
                )
            )
        return told

    def scan(self) -> None:
        """Look in the background for what was not transcribed to its end, and tell if it is others than before."""
        self.close()
        self._scanning = asyncio.ensure_future(self._scan())

    def close(self) -> None:
        """Look no more."""
        if self._scanning is not None:
            self._scanning.cancel()

    async def _scan(self) -> None:
        found = await asyncio.to_thread(self._transcribable)
        ids = tuple(stored.id for stored in found)
        if ids != self.untranscribed:
            self.untranscribed = ids
            self._publish(UntranscribedChanged(ids))

    def _transcribable(self) -> list[StoredSession]:
        """Return the sessions that are not transcribed to their end and still have a recording, newest first."""
        return [stored for stored in self._store.untranscribed() if stored.audio.exists()]
