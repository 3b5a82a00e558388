"""WebSocket connection that detects a silent peer. Imports `websockets`, so import it late."""

import asyncio
import socket
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.protocol import CONNECTING

UNSENT = getattr(socket, "TCP_NOTSENT_LOWAT", None)
"""Socket option that bounds the unsent bytes in the kernel (Linux, macOS); the default allows megabytes."""
MIN_CHECK_INTERVAL_S = 0.1
"""Shortest time between two checks, in seconds."""


class WatchdogConnection(ClientConnection):
    """Connection that aborts when nothing arrives for `timeout_s`, not even a pong.

    A deadline for pongs alone would mistake a slow network for a dead one: there a pong queues behind the audio, while
    turns still arrive.
    """

    timeout_s = 4.2
    """Longest silence of the peer, in seconds; pings must be more frequent."""
    max_unsent_bytes = 16 * 1024
    """Bytes the kernel may hold unsent: pings queue behind them and they cannot be withdrawn."""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the watchdog."""
        super().connection_made(transport)
        if UNSENT is not None:
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, UNSENT, self.max_unsent_bytes)
        self._received_at = self.loop.time()
        self._check()

    def data_received(self, data: bytes) -> None:
        """Reset the watchdog: any data proves that the peer is alive."""
        self._received_at = self.loop.time()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the watchdog."""
        if self._timer is None:
            # The TLS handshake with a proxy's server failed: websockets counts on a connection that was made.
            return
        self._timer.cancel()
        super().connection_lost(exc)

    def _check(self) -> None:
        left_s = self._received_at + self.timeout_s - self.loop.time()
        if left_s > 0 or self.protocol.state is CONNECTING:
            # The handshake has a deadline of its own, and no pings.
            self._timer = self.loop.call_later(max(left_s, MIN_CHECK_INTERVAL_S), self._check)
        else:
            self.transport.abort()
