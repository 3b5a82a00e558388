"""A client's bounded queue of outgoing messages; a newer partial replaces an older one."""

import asyncio
from collections import deque

from starlette.websockets import WebSocket

from tui.stream.messages import ServerMessage, WireTurn, encode

MAX_QUEUED = 2_000
"""Most messages that may wait; a client that falls further behind is disconnected."""
SEND_TIMEOUT_S = 20.0
"""Longest time for sending one message."""


class SlowClientError(Exception):
    """The client does not read its messages."""


class SendQueue:
    """Sends in order. A partial that still waits is replaced by a newer one of its turn."""

    def __init__(self) -> None:
        self._messages: deque[ServerMessage] = deque()
        self._changed = asyncio.Event()
        self._closed = False
        self._overflowed = False

    def put(self, message: ServerMessage) -> None:
        """Queue a message; if too many wait, `send_all` fails."""
        last = self._messages[-1] if self._messages else None
        if isinstance(message, WireTurn) and isinstance(last, WireTurn) and _replaces(message, last):
            self._messages.pop()
        if len(self._messages) < MAX_QUEUED:
            self._messages.append(message)
        else:
            self._overflowed = True
        self._changed.set()

    def close(self) -> None:
        """Let `send_all` return when the queue is empty."""
        self._closed = True
        self._changed.set()

    async def send_all(self, websocket: WebSocket) -> None:
        """Send until closed and empty.

        Raises:
            SlowClientError: a message was not sent in time, or too many waited.
            WebSocketDisconnect: the client disconnected.
        """
        while True:
            while self._messages:
                try:
                    async with asyncio.timeout(SEND_TIMEOUT_S):
                        await websocket.send_text(encode(self._messages.popleft()))
                except TimeoutError as error:
                    raise SlowClientError from error
                if self._overflowed:
                    raise SlowClientError
            if self._closed:
                return
            self._changed.clear()
            await self._changed.wait()


def _replaces(new: WireTurn, old: WireTurn) -> bool:
    return new.turn_order == old.turn_order and not old.end_of_turn
