"""How long a client may take to say what it wants."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S = 20.0
"""Longest from the connection to the end of the first request's headers."""


class PatientProtocol(H11Protocol):
    """Closes a connection on which nothing is asked.

    Uvicorn waits for ever; who opens many and says nothing would use up what the process may hold open.
    """

    _deadline: asyncio.TimerHandle

    def connection_made(self, transport: Any) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(REQUEST_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._deadline.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        # A websocket has taken the transport over from its handshake's end.
        if self.cycle is None and self.transport.get_protocol() is self:
            self.transport.close()
