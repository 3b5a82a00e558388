"""The viewer's end of the engine's socket: events in, commands out, and the way back after a cut."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tui.engine.process import SNAPSHOT_PATH, is_running
from tui.errors import EngineError
from tui.model.commands import Command
from tui.model.commands import encode as encode_command
from tui.model.events import PROTOCOL_VERSION, Event, Snapshot
from tui.model.events import decode as decode_event

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

CONNECT_S = 10.0
"""Longest wait for an engine that is being started."""
STARTING_S = 2.0
"""Wait for an engine that somebody else starts, or that was about to leave, before we start one."""
RETRY_S = 0.05
"""Pause between two tries to connect."""


class EngineClient:
    """A connection to the engine of this user and home.

    Args:
        socket: path of the engine's unix socket.
        connect_s: longest wait for the engine to listen, in seconds.
        glance: whether a snapshot is all that is wanted: it is the only event, and no viewer is counted.
        start: starts an engine; called if there is none for a while, and at once in place of one that was killed, but
            not in place of one that was connected to and ended by itself. `None` starts none.
    """

    def __init__(
        self,
        socket: Path,
        *,
        connect_s: float = CONNECT_S,
        glance: bool = False,
        start: Callable[[], None] | None = None,
    ) -> None:
        self._uri = f"ws://localhost{SNAPSHOT_PATH if glance else '/'}"
        self._socket = socket
        self._connect_s = connect_s
        self._start = start
        self._was_connected = False
        """Whether it was connected before."""
        self._websocket: ClientConnection | None = None

    async def events(self) -> AsyncIterator[Event]:
        """Connect and yield a `Snapshot`, then every event, until the engine closes or the line is cut.

        Call it again to come back: it starts with a fresh snapshot.

        Raises:
            EngineError: there is no engine within the wait, or it speaks another version.
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

    async def _connect(self) -> "ClientConnection":
        from websockets.asyncio.client import unix_connect

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
                self._was_connected = True
                return websocket
            except OSError as error:
                waited_s = clock() - began
                if not started and self._is_missing(error, waited_s):
                    if self._start is not None and self._should_start(error):
                        started = True
                        self._start()
                    elif waited_s > STARTING_S:
                        raise EngineError("No engine is running.", "`livegist` starts one.") from error
                if waited_s > self._connect_s:
                    raise EngineError(
                        f"The engine does not answer on {self._socket}: {error.strerror or error}.",
                        f"Its log is {self._socket.with_name('engine.log')}.",
                    ) from error
                await asyncio.sleep(RETRY_S)

    def _is_missing(self, error: OSError, waited_s: float) -> bool:
        """Return whether there is no engine, nor one that somebody else is starting."""
        killed = self._was_connected and isinstance(error, ConnectionRefusedError)
        return (killed or waited_s > STARTING_S) and not is_running(self._socket.parent)

    def _should_start(self, error: OSError) -> bool:
        """Return whether there should be one: only an engine that was killed leaves its socket behind."""
        return not self._was_connected or isinstance(error, ConnectionRefusedError)


def read_event(raw: str | bytes) -> Event:
    """Return what the engine says.

    Raises:
        EngineError: it speaks another version.
    """
    try:
        event = decode_event(raw)
    except msgspec.MsgspecError as error:
        raise EngineError(f"The engine said something unknown: {error}", "Stop it with: livegist stop") from error
    if isinstance(event, Snapshot) and event.protocol != PROTOCOL_VERSION:
        raise EngineError(
            f"The running engine is livegist {event.version}, another version.",
            "Stop it with: livegist stop",
        )
    return event
