"""An engine server in this process, and viewers that record its events."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tui.engine.client import EngineClient
from tui.engine.engine import Engine
from tui.engine.process import SOCKET_NAME
from tui.engine.server import EngineServer
from tui.model.commands import Command
from tui.model.events import Event, Snapshot, ViewersChanged
from tui.model.session_state import SessionState
from tui.paths import PACKAGE, log_file, runtime_dir, sessions_dir
from tui.sessions.store import Store

PATIENCE_S = 60.0


class Hosted:
    """A server in this process.

    Args:
        idle_s: seconds without a session and a viewer after which it exits.
        clock: monotonic seconds of the server.
        engine_clock: monotonic seconds of the engine.
    """

    def __init__(
        self,
        *,
        idle_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        engine_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine_clock = engine_clock
        self.folder = runtime_dir()
        self.publish: Callable[[Event], None]
        self.host = EngineServer(self.folder, self._build, idle_s=idle_s, clock=clock)
        self.engine: Engine

    def _build(self, publish: Callable[[Event], None]) -> Engine:
        self.publish = publish
        folders = (PACKAGE / "prompts", runtime_dir() / "prompts")
        self.engine = Engine(
            publish, store=Store(sessions_dir()), prompt_folders=folders, log_file=log_file(), clock=self._engine_clock
        )
        return self.engine

    @property
    def socket(self) -> Path:
        return self.folder / SOCKET_NAME


@asynccontextmanager
async def hosting(
    *, clock: Callable[[], float] = time.monotonic, engine_clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[Hosted]:
    """Run a server until the end of the block."""
    hosted = Hosted(clock=clock, engine_clock=engine_clock)
    task = asyncio.create_task(hosted.host.run())
    try:
        yield hosted
    finally:
        hosted.engine.quit()
        await task


class Viewer:
    """A viewer that records its events."""

    def __init__(self, path: Path, *, snapshot_only: bool = False) -> None:
        self.client = EngineClient(path, snapshot_only=snapshot_only)
        self.events: list[Event] = []
        self.record = SessionState()
        self.others = 0
        """Number of other viewers."""
        self._changed = asyncio.Event()

    async def watch(self) -> None:
        async for event in self.client.events():
            if isinstance(event, ViewersChanged):
                self.others = event.viewers - 1
                continue
            self.events.append(event)
            self.record.apply(event)
            if isinstance(event, Snapshot):
                self.record.state = event.state
                for turn in event.turns:
                    self.record.transcript.upsert(turn)
            self._changed.set()
        self._changed.set()

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not what():
                self._changed.clear()
                await self._changed.wait()

    async def send(self, command: Command) -> None:
        assert await self.client.send(command)

    @property
    def finals(self) -> list[str]:
        return [turn.text for turn in self.record.transcript.finals]


@asynccontextmanager
async def watching(path: Path) -> AsyncIterator[Viewer]:
    viewer = Viewer(path)
    task = asyncio.create_task(viewer.watch())
    try:
        await viewer.until(lambda: bool(viewer.events))
        yield viewer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def read_to_the_end(connection: ClientConnection) -> int:
    """Return the number of messages before the connection was closed."""
    read = 0
    with suppress(ConnectionClosed):
        while await connection.recv():
            read += 1
    return read


async def hosted_until(hosted: Hosted, what: Callable[[Snapshot], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            snapshot_only = Viewer(hosted.socket, snapshot_only=True)
            await snapshot_only.watch()
            if isinstance(snapshot_only.events[0], Snapshot) and what(snapshot_only.events[0]):
                return
