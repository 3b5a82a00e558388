"""A connection to an engine that starts one where none runs, and sends it the session that was asked for."""

from collections.abc import AsyncIterator

from tui.model.commands import Command, ContinueSession, Start
from tui.model.events import Event, Snapshot
from tui.viewer.engine_connection import EngineConnection

RECONNECT_S = 0.5
"""Pause before a viewer connects to an engine again."""


class EngineLink:
    """A connection to an engine, and the session to start once it is open.

    Args:
        client: the connection.
        start: command to send after the first snapshot if no session is running; `None` for none.
    """

    def __init__(self, client: EngineConnection, start: Start | None = None) -> None:
        self._client = client
        self._start = start
        self._revived = False
        """Whether `start` was requested while no engine was running."""

    def events(self) -> AsyncIterator[Event]:
        """Yield a snapshot, then each event until the connection is lost.

        Raises:
            EngineError: the engine cannot be reached.
        """
        return self._client.events()

    def due_start(self, event: Event) -> Command | None:
        """Return the command that starts the session that was asked for, if an event makes that possible."""
        if not isinstance(event, Snapshot) or self._start is None:
            return None
        start, self._start = self._start, None
        if event.state.active:
            return None
        return ContinueSession() if self._revived and event.stopped_at else start

    async def send(self, command: Command) -> bool:
        """Send a command; if no engine is running, start one for a session. Return whether either was possible.

        Raises:
            UsageError: the command is too long.
        """
        if await self._client.send(command):
            return True
        if isinstance(command, Start):
            self._start, self._revived = command, True
            self._client.revive()
            return True
        return False
