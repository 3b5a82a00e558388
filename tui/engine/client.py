"""Client of a local engine: receives events, sends commands, starts the engine and reconnects to it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tui.engine.process import SNAPSHOT_PATH, is_running
from tui.errors import EngineError, UsageError, VersionError
from tui.model.commands import Command, ListSessions, SearchSessions, ShowSession
from tui.model.commands import encode as encode_command
from tui.model.events import PROTOCOL_VERSION, Event, Snapshot
from tui.model.events import decode as decode_event

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

CONNECT_S = 10.0
"""Longest wait for an engine that is being started."""
STARTING_S = 2.0
"""Wait for an engine that another process is starting, or that is exiting, before one is started."""
RETRY_S = 0.05
"""Seconds between two attempts to connect."""


class EngineClient:
    """A connection to the engine of this user and home.

    Args:
        socket: path of the engine's unix socket.
        connect_s: longest wait for the engine to listen, in seconds.
        snapshot_only: whether to receive one snapshot and no other event; such a client does not count as a viewer.
        start: starts an engine. It is called if none is running for `STARTING_S`, immediately if the engine was killed,
            and, if the engine exited after this client was connected, only after `revive`. `None` starts none.
    """

    def __init__(
        self,
        socket: Path,
        *,
        connect_s: float = CONNECT_S,
        snapshot_only: bool = False,
        start: Callable[[], None] | None = None,
    ) -> None:
        self._uri = f"ws://localhost{SNAPSHOT_PATH if snapshot_only else '/'}"
        self._socket = socket
        self._connect_s = connect_s
        self._start = start
        self._was_connected = False
        """Whether a connection was open before."""
        self._revive = False
        self._websocket: ClientConnection | None = None

    async def events(self) -> AsyncIterator[Event]:
        """Connect and yield a `Snapshot`, then every event, until the connection closes.

        Call it again to reconnect: it starts with a new snapshot.

        Raises:
            EngineError: no engine answers in time, or it is another version.
        """
        from websockets.exceptions import ConnectionClosed

        websocket = await self._connect()
        self._websocket = websocket
        try:
            while True:
                try:
                    raw = await websocket.recv()
                except ConnectionClosed:
                    return
                yield read_event(raw)
        finally:
            self._websocket = None
            await websocket.close()

    async def send(self, command: Command) -> bool:
        """Send a command; return whether there was a connection to send it over.

        Raises:
            UsageError: the command is too long.
        """
        from websockets.exceptions import ConnectionClosed

        if self._websocket is None:
            return False
        with contextlib.suppress(ConnectionClosed):
            await self._websocket.send(encode_command(command))
            return True
        return False

    def revive(self) -> None:
        """Start an engine in place of one that has exited, in the current or the next attempt to connect."""
        self._revive = True

    async def _connect(self) -> "ClientConnection":
        from websockets.asyncio.client import unix_connect
        from websockets.exceptions import InvalidHandshake

        clock = asyncio.get_running_loop().time
        began, started = clock(), False
        while True:
            try:
                owner = self._socket.stat().st_uid
                if owner != os.getuid():
                    raise EngineError(
                        f"{self._socket} belongs to another user.", "Set LIVEGIST_HOME to a folder of your own."
                    )
                websocket = await unix_connect(
                    str(self._socket), self._uri, compression=None, max_size=None, ping_interval=None
                )
                self._was_connected, self._revive = True, False
                return websocket
            except InvalidHandshake as error:
                # The engine was killed, or exited, after it accepted the connection.
                if clock() - began > self._connect_s:
                    raise EngineError(f"Not an engine: {error}.", f"Remove {self._socket}.") from error
                await asyncio.sleep(RETRY_S)
            except OSError as error:
                waited_s = clock() - began
                if not started and self._is_missing(error, waited_s):
                    if self._start is not None and self._should_start(error):
                        started = True
                        self._start()
                    elif waited_s > STARTING_S:
                        raise EngineError(
                            "No engine is running.", "" if self._was_connected else "Start one with: livegist"
                        ) from error
                if waited_s > self._connect_s:
                    raise EngineError(
                        f"The engine does not respond on {self._socket}: {error.strerror or error}.",
                        f"See its log: {self._socket.with_name('engine.log')}",
                    ) from error
                await asyncio.sleep(RETRY_S)

    def _is_missing(self, error: OSError, waited_s: float) -> bool:
        """Return whether no engine is running and no other process is starting one."""
        killed = self._was_connected and isinstance(error, ConnectionRefusedError)
        return (killed or self._revive or waited_s > STARTING_S) and not is_running(self._socket.parent)

    def _should_start(self, error: OSError) -> bool:
        """Return whether to start an engine: later only on request, or if it was killed and left its socket behind."""
        return not self._was_connected or self._revive or isinstance(error, ConnectionRefusedError)


class WatchOnlyClient:
    """A connection that shows an engine and sends no command that changes anything.

    Args:
        client: the connection.
    """

    def __init__(self, client: EngineClient) -> None:
        self._client = client

    def events(self) -> AsyncIterator[Event]:
        """Yield the events of the connection; see `EngineClient.events`."""
        return self._client.events()

    async def send(self, command: Command) -> bool:
        """Send a command that reads stored sessions; return whether it was sent.

        Raises:
            UsageError: it is another command.
        """
        if not isinstance(command, ListSessions | SearchSessions | ShowSession):
            raise UsageError("Command refused: this page only shows the session.", "It was opened with --watch.")
        return await self._client.send(command)

    def revive(self) -> None:
        """Start no engine."""


def read_event(raw: str | bytes) -> Event:
    """Decode an event of the engine.

    Raises:
        EngineError: the event is unknown, or the engine is another version.
    """
    try:
        event = decode_event(raw)
    except msgspec.MsgspecError as error:
        raise VersionError(f"The engine sent an unknown event: {error}.", "Stop it with: livegist stop") from error
    if isinstance(event, Snapshot) and event.protocol != PROTOCOL_VERSION:
        raise VersionError(
            f"The running engine is another version: livegist {event.version}.",
            "Stop it with: livegist stop",
        )
    return event
