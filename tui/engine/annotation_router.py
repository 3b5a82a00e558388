"""Annotation router: executes a person's additions on the active session, the last one, or a stored one."""

from collections.abc import Callable
from pathlib import Path

from tui.engine.reopened_sessions import ReopenedSessions
from tui.engine.session_slot import SessionSlot
from tui.model.commands import Analyse, AnnotateSession, SessionAnnotation
from tui.model.events import Event, StoredChange, StoredSessionChanged
from tui.sessions.catalogue import find
from tui.sessions.store import Store, StoredSession


class AnnotationRouter:
    """Finds the session that a person adds to.

    Args:
        slot: the active session, or the last one.
        reopened: stored sessions.
        store: the sessions on disk.
        publish: receives every event.
    """

    def __init__(
        self,
        slot: SessionSlot,
        reopened: ReopenedSessions,
        store: Store,
        publish: Callable[[Event], None],
    ) -> None:
        self._slot = slot
        self._reopened = reopened
        self._store = store
        self._publish = publish

    async def execute(self, command: SessionAnnotation | AnnotateSession) -> None:
        """Execute a command on the session in the slot, or on the stored session that it names.

        Raises:
            LivegistError: there is no such session, it is active elsewhere, or the command is not possible.
        """
        if not isinstance(command, AnnotateSession):
            await self._annotate(command)
            return
        id, info = command.session, self._slot.state.session
        if info is not None and info.id == id:
            await self._annotate(command.command)
            return

        def publish(event: Event) -> None:
            if isinstance(event, StoredChange):
                self._publish(StoredSessionChanged(id, event))

        await self._reopened.execute(find(self._store, id), command.command, publish)

    async def release_interrupted(self) -> None:
        """Cancel the requests about the session whose engine was killed, before another one takes its place."""
        if (stored := self._interrupted) is not None:
            await self._reopened.close(stored.id)

    async def close(self) -> None:
        """Cancel the requests about stored sessions."""
        await self._reopened.close()

    @property
    def _interrupted(self) -> StoredSession | None:
        """The session whose engine was killed, while no other one has taken its place; `None` without one."""
        info = self._slot.idle.session
        if info is None or self._slot.session is not None or self._slot.busy:
            return None
        return StoredSession(info.id, Path(info.path))

    async def _annotate(self, command: SessionAnnotation) -> None:
        if (stored := self._interrupted) is not None:
            await self._reopened.execute(stored, command, self._publish, self._slot.idle)
            return
        session = self._slot.require_session()
        if isinstance(command, Analyse):
            await session.analyse(command.prompt)
        else:
            session.annotations.execute(command)
