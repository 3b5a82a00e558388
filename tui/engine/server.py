"""An engine behind its socket: found, started, watched by any number of viewers, leaving when nobody needs it."""

import asyncio
import contextlib
import logging
import math
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

from tui.engine.process import SNAPSHOT_PATH, SOCKET_NAME, lock, remove_stale_socket
from tui.engine.viewer_queue import CoalescingQueue
from tui.errors import EngineError, LivegistError
from tui.model.commands import COMMAND_BYTES, Command, Stop
from tui.model.commands import decode as decode_command
from tui.model.events import Event, Notice, Rejected, Snapshot, TurnChanged
from tui.model.events import encode as encode_event
from tui.model.transcript import without_words

IDLE_S = 30.0
"""Seconds without session and viewer after which the engine leaves."""
CHECK_INTERVAL_S = 1.0
"""Seconds between two looks at who is there."""
REJOIN_GRACE_S = 10.0
"""Time for a viewer to come back that was lost without taking its leave, before its session may be stopped for it."""
FLUSH_S = 1.0
"""Longest time that the last events may take to reach the viewers."""
SIGNAL_S = 12.0
"""Time, from a signal on, for a session and what is done after it; with what runs around it that is under 15 s."""

log = logging.getLogger(__name__)


class ServedEngine(Protocol):
    """What a host serves: an engine, or something that is like one to a viewer."""

    unattended_minutes: float

    @property
    def busy(self) -> bool:
        """Whether a session is under way."""
        ...

    @property
    def unsaved(self) -> bool:
        """Whether leaving would lose something."""
        ...

    def snapshot(self) -> Snapshot:
        """Return all there is to know now."""
        ...

    def pop_notices(self) -> list[Notice]:
        """Return what happened while nobody watched, once."""
        ...

    def set_viewer_count(self, viewers: int) -> None:
        """Note how many viewers there are."""
        ...

    async def execute(self, command: Command) -> Event | None:
        """Do what is asked; return what this viewer alone is told."""
        ...

    async def run(self) -> None:
        """Live until told to quit."""
        ...

    def quit(self, within_s: float = math.inf) -> None:
        """End, within so many seconds if that matters."""
        ...


class EngineServer:
    """Serves an engine on a unix socket in a folder that only its owner may enter.

    Args:
        folder: holds socket, lock and log.
        build: makes the engine, given what is to be told of its events.
        idle_s: seconds without session and viewer after which it leaves.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        folder: Path,
        build: Callable[[Callable[[Event], None]], ServedEngine],
        *,
        idle_s: float = IDLE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._idle_s = idle_s
        self._clock = clock
        self._viewers: set[ViewerConnection] = set()
        self._needed_at = clock()
        self._watched_at = clock()
        self._grace_until = -math.inf
        """Until when, on the clock, a viewer that was lost may come back."""
        self._stopped = ""
        """Id of the session that was told to stop for being unattended: told again it would wait for nothing."""
        self._engine = build(self._broadcast)

    @property
    def viewers(self) -> int:
        """How many watch."""
        return len(self._viewers)

    async def run(self) -> None:
        """Serve until told to quit or until nobody needs it.

        Raises:
            EngineError: another engine holds the lock, or the socket cannot be made.
        """
        with lock(self._folder):
            path = self._folder / SOCKET_NAME
            remove_stale_socket(path)
            loop = asyncio.get_running_loop()
            for signum in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(signum, self._engine.quit, SIGNAL_S)
            # A login that ends sends it right after SIGTERM, and means the same.
            loop.add_signal_handler(signal.SIGHUP, self._engine.quit, SIGNAL_S)
            try:
                async with unix_serve(
                    self._handle_connection,
                    str(path),
                    compression=None,
                    max_size=COMMAND_BYTES,
                    ping_interval=None,
                    close_timeout=1,
                ):
                    path.chmod(0o600)
                    async with asyncio.TaskGroup() as tasks:
                        watching = tasks.create_task(self._watch(), name="watch")
                        await self._engine.run()
                        watching.cancel()
                        await self._flush()
            finally:
                path.unlink(missing_ok=True)

    def _broadcast(self, event: Event) -> None:
        told = _without_words(event)
        for viewer in self._viewers:
            viewer.put(told)

    async def _handle_connection(self, websocket: ServerConnection) -> None:
        """Serve one viewer until it leaves or falls too far behind; who only asks how it stands is told that."""
        if websocket.request is not None and websocket.request.path == SNAPSHOT_PATH:
            await websocket.send(encode_event(self._snapshot()))
            return
        viewer = ViewerConnection(websocket)
        viewer.put(self._snapshot())
        for notice in self._engine.pop_notices():
            viewer.put(notice)
        self._viewers.add(viewer)
        self._engine.set_viewer_count(len(self._viewers))
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(viewer.send(), name="events")
                await self._command_loop(viewer)
                sending.cancel()
        except* ConnectionClosedOK:
            pass
        except* ConnectionClosedError:
            self._grace_until = self._clock() + REJOIN_GRACE_S
        finally:
            self._viewers.discard(viewer)
            self._engine.set_viewer_count(len(self._viewers))

    def _snapshot(self) -> Event:
        unattended_s = 0.0 if self._viewers else round(self._clock() - self._watched_at, 1)
        snapshot = self._engine.snapshot()
        return _without_words(msgspec.structs.replace(snapshot, viewers=self.viewers, unattended_s=unattended_s))

    async def _command_loop(self, viewer: "ViewerConnection") -> None:
        """Carry out a viewer's commands; what is refused is said to this viewer alone."""
        async for raw in viewer.websocket:
            try:
                answer = await self._engine.execute(_parse_command(raw))
            except LivegistError as error:
                answer = Rejected(error.message, error.hint)
            if answer is not None:
                viewer.put(answer)

    async def _watch(self) -> None:
        """Stop a session that is unattended for too long, and leave when idle."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            now = self._clock()
            if self._viewers:
                self._watched_at = now
            if self._viewers or self._engine.busy or self._engine.unsaved:
                self._needed_at = now
            if self._engine.busy and not self._viewers and now >= self._grace_until:
                await self._stop_unattended(now - self._watched_at)
            if now - self._needed_at > self._idle_s:
                log.info("leaving: nobody needs the engine")
                self._engine.quit()

    async def _stop_unattended(self, unattended_s: float) -> None:
        minutes = self._engine.unattended_minutes
        if minutes < 0 or unattended_s < minutes * 60:
            return
        session = self._engine.snapshot().session
        if session is None or session.id == self._stopped:
            return
        log.info("stopping the session: unattended for %.0f s", unattended_s)
        with contextlib.suppress(LivegistError):
            await self._engine.execute(Stop())
            self._stopped = session.id

    async def _flush(self) -> None:
        """Give viewers a moment to hear the last events."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                for viewer in list(self._viewers):
                    await viewer.drained.wait()


class ViewerConnection:
    """One viewer's connection and what it is still to be told."""

    def __init__(self, websocket: ServerConnection) -> None:
        self.websocket = websocket
        self._queue = CoalescingQueue()
        self._more = asyncio.Event()
        self.drained = asyncio.Event()
        """Set while nothing waits to be sent."""

    def put(self, event: Event) -> None:
        """Tell it an event, as soon as it takes it; one that is too far behind is cut off and comes back."""
        self._queue.put(event)
        if self._queue.overflowed:
            # It may take nothing at all, not even a closing frame.
            self.websocket.transport.abort()
        self.drained.clear()
        self._more.set()

    async def send(self) -> None:
        """Send events as fast as the viewer takes them."""
        while True:
            while (event := self._queue.get()) is not None:
                await self.websocket.send(encode_event(event))
            self.drained.set()
            self._more.clear()
            await self._more.wait()


def _without_words(event: Event) -> Event:
    """Return the event as viewers need it: the single words of turns are not."""
    match event:
        case TurnChanged(turn=turn):
            return TurnChanged(without_words(turn))
        case Snapshot(turns=turns):
            return msgspec.structs.replace(event, turns=tuple(without_words(turn) for turn in turns))
        case _:
            return event


def _parse_command(raw: str | bytes) -> Command:
    """Return the command that a viewer sent.

    Raises:
        EngineError: it is none.
    """
    try:
        return decode_command(raw)
    except msgspec.MsgspecError as error:
        raise EngineError(f"That is no command: {error}.", "Is the viewer of another version?") from error
