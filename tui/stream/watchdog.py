"""A websocket that notices when the other end has gone without a word. It is imported with `websockets`, so late."""

import asyncio
import socket
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.protocol import CONNECTING

UNSENT = getattr(socket, "TCP_NOTSENT_LOWAT", None)
"""Option that bounds what the system holds back unsent (Linux, macOS); without it, it takes megabytes."""
MIN_CHECK_INTERVAL_S = 0.1
"""Shortest time between two looks."""


class WatchdogConnection(ClientConnection):
    """Cuts itself when nothing was heard for `silence_s`, not even a pong.

    A deadline for pongs alone would take a narrow line for a dead one: there a pong waits behind the audio, while turns
    arrive all the same.
    """

    timeout_s = 4.2
    """Longest silence, in seconds; pings have to come more often."""
    max_unsent_bytes = 16 * 1024
    """Bytes that the system may hold back: a ping waits behind them, and nobody can take them back."""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start to listen for signs of life."""
        super().connection_made(transport)
        if UNSENT is not None:
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, UNSENT, self.max_unsent_bytes)
        self._heard_at = self.loop.time()
        self._check()

    def data_received(self, data: bytes) -> None:
        """Take in anything: it is a sign of life."""
        self._heard_at = self.loop.time()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to listen for signs of life."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _check(self) -> None:
        left_s = self._heard_at + self.timeout_s - self.loop.time()
        if left_s > 0 or self.protocol.state is CONNECTING:
            # The handshake has a deadline of its own, and no pings.
            self._timer = self.loop.call_later(max(left_s, MIN_CHECK_INTERVAL_S), self._check)
        else:
            self.transport.abort()
