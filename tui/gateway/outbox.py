"""What waits to be sent to one client: bounded, the newest partial instead of all of them."""

import asyncio
from collections import deque

from starlette.websockets import WebSocket

from tui.stream.protocol import ServerMessage, WireTurn, encode

LONGEST = 2_000
"""Messages that may wait; a client that reads nothing for so long is let go."""
SEND_S = 20.0
"""Longest a single message may take to leave."""


class Congested(Exception):
    """The client does not read what it is sent."""


class Outbox:
    """Sends in order. A partial that still waits gives way to a newer one of its turn."""

    def __init__(self) -> None:
        self._messages: deque[ServerMessage] = deque()
        self._changed = asyncio.Event()
        self._closed = False
        self._congested = False

    def put(self, message: ServerMessage) -> None:
        """Queue a message; if too many wait already, `send_all` fails."""
        last = self._messages[-1] if self._messages else None
        if isinstance(message, WireTurn) and isinstance(last, WireTurn) and _replaces(message, last):
            self._messages.pop()
        if len(self._messages) < LONGEST:
            self._messages.append(message)
        else:
            self._congested = True
        self._changed.set()

    def close(self) -> None:
        """Let `send_all` return when everything has left."""
        self._closed = True
        self._changed.set()

    async def send_all(self, websocket: WebSocket) -> None:
        """Send until closed and empty.

        Raises:
            Congested: a message did not leave in time, or too many waited.
            WebSocketDisconnect: the client is gone.
        """
        while True:
            while self._messages:
                try:
                    async with asyncio.timeout(SEND_S):
                        await websocket.send_text(encode(self._messages.popleft()))
                except TimeoutError as error:
                    raise Congested from error
                if self._congested:
                    raise Congested
            if self._closed:
                return
            self._changed.clear()
            await self._changed.wait()


def _replaces(new: WireTurn, old: WireTurn) -> bool:
    return new.turn_order == old.turn_order and not old.end_of_turn
