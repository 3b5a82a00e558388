"""One WebSocket to a Streaming v3 endpoint: sends chunks of audio, receives messages."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from tui.stream import close_codes, messages, query
from tui.stream.close_codes import CloseInfo, Retry
from tui.stream.messages import Begin, Error, ServerMessage, Terminate
from tui.trust import loopback_context
from tui.urls import host, may_carry_key

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.exceptions import ConnectionClosed

OPEN_S = 10.0
"""Longest wait for the TCP, TLS and websocket handshakes."""
BEGIN_S = 20.0
"""Longest wait for `Begin`: 1.2 s is usual, 11 s has been seen."""
PING_S = 1.0
"""Seconds between pings: each gets a pong, so only a dead connection is silent (see `WatchdogConnection`)."""
STALL_S = 4.5
"""Longest time, in seconds, that the endpoint may accept no audio."""
CLOSE_S = 1.0
"""Longest wait for the closing handshake."""
WRITE_LIMIT = 16 * 1024
"""Queued bytes above which `send` waits: half a second of 16 kHz audio, so a wait means congestion."""
QUEUE = 16
"""Received messages that may queue unread; beyond that, backpressure stops the endpoint."""


_log = logging.getLogger(__name__)
# At DEBUG, websockets logs the headers of the handshake, and with them the key.
_log.setLevel(logging.INFO)


class ConnectError(Exception):
    """Connecting failed; `close` holds the reason and whether to try again."""

    def __init__(self, close: CloseInfo) -> None:
        super().__init__(close.meaning)
        self.close = close


class Connection:
    """Connection that the endpoint has confirmed with `Begin`. `open` creates one."""

    def __init__(self, websocket: "ClientConnection", begin: Begin, early: deque[ServerMessage]) -> None:
        self._websocket = websocket
        self._early = early
        self._error: Error | None = None
        self.begin = begin
        self.close_info: CloseInfo | None = None
        """Why it ended; `None` while it is open."""

    @classmethod
    async def open(cls, url: str, key: str, *, open_s: float = OPEN_S, begin_s: float = BEGIN_S) -> "Connection":
        """Connect and wait for `Begin`.

        Args:
            url: with the query, as `query.connection_url` returns it.
            key: sent as it is in `Authorization`, unless empty or `url` is unencrypted and not loopback.
            open_s: longest wait for the handshakes, in seconds.
            begin_s: longest wait for `Begin`, in seconds.

        Raises:
            ConnectError: there is no connection.
        """
        from websockets.exceptions import ConnectionClosed

        from tui.stream.handshake import FAILURES, SameOriginConnect, failure, find_proxy
        from tui.stream.watchdog import WatchdogConnection

        headers = {"AssemblyAI-Version": query.API_VERSION}
        if key and may_carry_key(url):
            headers["Authorization"] = key
        context = loopback_context(url)
        # For an encrypted connection, `None` is not a valid value.
        tls: dict[str, Any] = {"ssl": context} if context else {}
        proxy = None
        try:
            proxy = find_proxy(url)
            websocket = await SameOriginConnect(
                url,
                additional_headers=headers,
                open_timeout=open_s,
                ping_interval=PING_S,
                ping_timeout=None,
                close_timeout=CLOSE_S,
                compression=None,
                max_size=8 * 1024 * 1024,
                max_queue=QUEUE,
                write_limit=WRITE_LIMIT,
                proxy=proxy,
                create_connection=WatchdogConnection,
                logger=_log,
                **tls,
            )
        except FAILURES as error:
            raise ConnectError(failure(url, proxy, error)) from error
        early: deque[ServerMessage] = deque()
        try:
            async with asyncio.timeout(begin_s):
                return cls(websocket, await _begin(websocket, early), early)
        except ConnectionClosed as closed:
            raise ConnectError(_close_info(closed)) from closed
        except TimeoutError as error:
            await _discard(websocket)
            raise ConnectError(
                CloseInfo(
                    close_codes.LOST,
                    "",
                    Retry.YES,
                    f"{host(url)} accepted the connection but sent no Begin message.",
                    "",
                )
            ) from error
        except BaseException:
            await _discard(websocket)
            raise

    async def messages(self) -> AsyncIterator[ServerMessage]:
        """Yield messages until the connection ends, then set `close_info`."""
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                message = self._early.popleft() if self._early else await _next(self._websocket)
                yield message
                if isinstance(message, Error):
                    self._error = message
                    await self._websocket.close()
        except ConnectionClosed as closed:
            self.close_info = _close_info(closed, self._error)

    async def send(self, pcm: bytes) -> bool:
        """Send audio, wait while the network is congested; return whether the connection is still open.

        A connection that accepts nothing for `STALL_S` is aborted: a ping would queue behind the audio and not notice.
        """
        from websockets.exceptions import ConnectionClosed

        try:
            async with asyncio.timeout(STALL_S):
                await self._websocket.send(pcm)
        except ConnectionClosed:
            return False
        except TimeoutError:
            self.abort()
            return False
        return True

    async def terminate(self) -> None:
        """Ask the endpoint to finish open turns and close."""
        from websockets.exceptions import ConnectionClosed

        with contextlib.suppress(ConnectionClosed):
            await self._websocket.send(messages.encode(Terminate()))

    async def close(self) -> None:
        """Close, waiting no longer than `CLOSE_S`."""
        await self._websocket.close()

    def abort(self) -> None:
        """Abort without a closing handshake."""
        self._websocket.transport.abort()

    @property
    def round_trip_s(self) -> float | None:
        """Seconds from the last ping to its pong; `None` before the first."""
        return self._websocket.latency or None


async def _next(websocket: "ClientConnection") -> ServerMessage:
    return messages.parse_server(await websocket.recv())


async def _begin(websocket: "ClientConnection", early: deque[ServerMessage]) -> Begin:
    """Wait for `Begin`; messages before it go into `early`."""
    while True:
        match await _next(websocket):
            case Begin() as begin:
                return begin
            case Error(error=text, error_code=code):
                await _discard(websocket)
                raise ConnectError(close_codes.classify_close(code or 1011, text))
            case message:
                early.append(message)


async def _discard(websocket: "ClientConnection") -> None:
    websocket.transport.abort()
    await websocket.wait_closed()


def _close_info(closed: "ConnectionClosed", error: Error | None = None) -> CloseInfo:
    """Return why a connection closed; an `Error` message before the close is more precise than its code."""
    code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (close_codes.LOST, "")
    if error is not None:
        return close_codes.classify_close(error.error_code or (code if code > 1001 else 1011), error.error)
    return close_codes.classify_close(code, reason)
