"""Close connections that send no request in time."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_TIMEOUT_S = 20.0
"""Longest time from the connection to the end of the first request's headers."""


class RequestTimeoutProtocol(H11Protocol):
    """Closes a connection that sends no request.

    Uvicorn waits without limit, so idle connections could use up the process's file descriptors.
    """

    _deadline: asyncio.TimerHandle

    def connection_made(self, transport: Any) -> None:
        """Start the timeout."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(REQUEST_TIMEOUT_S, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timeout."""
        self._deadline.cancel()
        super().connection_lost(exc)

    def _close_if_idle(self) -> None:
        # After its handshake a WebSocket has its own protocol on the transport.
        if self.cycle is None and self.transport.get_protocol() is self:
            self.transport.close()
