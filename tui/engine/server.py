"""Engine server: serves an engine to any number of viewers on a unix socket, and stops it when idle."""

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
from tui.model.commands import COMMAND_BYTES, AddTrack, Command, ListDevices, Stop
from tui.model.commands import decode as decode_command
from tui.model.edits import TurnEdit
from tui.model.events import Event, Notice, Rejected, Snapshot, TranscriptEdited, TurnChanged, ViewersChanged
from tui.model.events import encode as encode_event
from tui.model.transcript import without_words

IDLE_S = 30.0
"""Seconds without a session and a viewer after which the engine exits."""
CHECK_INTERVAL_S = 1.0
"""Seconds between two checks for idleness."""
REJOIN_GRACE_S = 10.0
"""Time for a viewer whose connection was lost to reconnect, before its session may be stopped as unattended."""
FLUSH_S = 1.0
"""Longest wait, on exit, for the last events to be sent to the viewers."""
SIGNAL_S = 12.0
"""Time, from a signal on, for ending the session and its post-session tasks; the whole exit takes less than 15 s."""
SOUND_COMMANDS = (ListDevices, AddTrack)
"""Commands that wait for the sound system, which may hang; those after them do not wait."""

log = logging.getLogger(__name__)


class ServedEngine(Protocol):
    """What a server serves: an engine or a replay."""

    unattended_minutes: float

    @property
    def busy(self) -> bool:
        """Whether a session is active."""
        ...

    @property
    def unsaved(self) -> bool:
        """Whether exiting now would lose a part of a recording."""
        ...

    def snapshot(self) -> Snapshot:
        """Return the engine's whole state."""
        ...

    def pop_notices(self) -> list[Notice]:
        """Return the notices that no viewer has received, and forget them."""
        ...

    def set_viewer_count(self, viewers: int) -> None:
        """Set the number of viewers."""
        ...

    async def execute(self, command: Command) -> Event | None:
        """Execute a command. Return an event for the requesting viewer only, or None."""
        ...

    async def run(self) -> None:
        """Run until `quit` is called."""
        ...

    def quit(self, within_s: float = math.inf) -> None:
        """Make `run` return, within `within_s` seconds."""
        ...


class EngineServer:
    """Serves an engine on a unix socket.

    Args:
        folder: folder of socket, lock and log, accessible only by its owner.
        build: builds the engine, given the function that receives its events.
        idle_s: seconds without a session and a viewer after which the engine exits.
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
        self._last_needed_at = clock()
        self._last_viewed_at = clock()
        self._grace_until = -math.inf
        """Time, on the clock, until which a lost viewer may reconnect."""
        self._early: list[Notice] | None = []
        """Notices published before the first viewer connected, which receives them; `None` from then on."""
        self._stopped_session = ""
        """Id of the session that was stopped as unattended, once."""
        self._engine = build(self._broadcast)

    @property
    def viewers(self) -> int:
        """Number of connected viewers."""
        return len(self._viewers)

    async def run(self) -> None:
        """Serve until the engine quits or is idle.

        Raises:
            EngineError: another engine holds the lock, or the socket belongs to another user.
        """
        with lock(self._folder):
            path = self._folder / SOCKET_NAME
            remove_stale_socket(path)
            loop = asyncio.get_running_loop()
            for signum in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(signum, self._engine.quit, SIGNAL_S)
            # A login session that ends sends SIGHUP right after SIGTERM; without a handler it would kill the engine.
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
        if isinstance(event, Notice) and self._early is not None:
            self._early.append(event)
        if isinstance(event, Snapshot):
            # A viewer counts itself besides those that the snapshot names.
            event = msgspec.structs.replace(event, viewers=max(0, len(self._viewers) - 1))
        event = _without_words(event)
        for viewer in self._viewers:
            viewer.put(event)

    async def _handle_connection(self, websocket: ServerConnection) -> None:
        """Serve a viewer until it disconnects or is too far behind; for `SNAPSHOT_PATH`, send only a snapshot."""
        if websocket.request is not None and websocket.request.path == SNAPSHOT_PATH:
            await websocket.send(encode_event(self._snapshot()))
            return
        viewer = ViewerConnection(websocket)
        viewer.put(self._snapshot())
        for notice in [*self._engine.pop_notices(), *(self._early or ())]:
            viewer.put(notice)
        self._early = None
        # The snapshot tells the new viewer.
        self._count_viewers(len(self._viewers) + 1)
        self._viewers.add(viewer)
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
            self._count_viewers(len(self._viewers))

    def _count_viewers(self, viewers: int) -> None:
        self._engine.set_viewer_count(viewers)
        self._broadcast(ViewersChanged(viewers))

    def _snapshot(self) -> Event:
        unattended_s = 0.0 if self._viewers else round(self._clock() - self._last_viewed_at, 1)
        snapshot = self._engine.snapshot()
        return _without_words(msgspec.structs.replace(snapshot, viewers=self.viewers, unattended_s=unattended_s))

    async def _command_loop(self, viewer: "ViewerConnection") -> None:
        """Execute a viewer's commands, in order except for those that wait for the sound system."""
        waiting: set[asyncio.Task[None]] = set()
        try:
            async for raw in viewer.websocket:
                try:
                    command = _parse_command(raw)
                except EngineError as error:
                    viewer.put(Rejected(error.message, error.hint))
                    continue
                executing = self._execute(viewer, command)
                if isinstance(command, SOUND_COMMANDS):
                    waiting.add(task := asyncio.create_task(executing))
                    task.add_done_callback(waiting.discard)
                else:
                    await executing
        finally:
            if waiting:
                await asyncio.wait(waiting)

    async def _execute(self, viewer: "ViewerConnection", command: Command) -> None:
        """Execute a command; send its reply, or the error, to this viewer only."""
        try:
            answer = await self._engine.execute(command)
        except LivegistError as error:
            answer = Rejected(error.message, error.hint)
        if answer is not None:
            viewer.put(answer)

    async def _watch(self) -> None:
        """Stop a session that is unattended for too long, and exit when idle."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            now = self._clock()
            if self._viewers:
                self._last_viewed_at = now
            if self._viewers or self._engine.busy or self._engine.unsaved:
                self._last_needed_at = now
            if self._engine.busy and not self._viewers and now >= self._grace_until:
                await self._stop_unattended(now - self._last_viewed_at)
            if now - self._last_needed_at > self._idle_s:
                log.info("exiting: no session and no viewer for %.0f s", self._idle_s)
                self._engine.quit()

    async def _stop_unattended(self, unattended_s: float) -> None:
        minutes = self._engine.unattended_minutes
        if minutes < 0 or unattended_s < minutes * 60:
            return
        session = self._engine.snapshot().session
        if session is None or session.id == self._stopped_session:
            return
        log.info("stopping the session: unattended for %.0f s", unattended_s)
        with contextlib.suppress(LivegistError):
            await self._engine.execute(Stop())
            self._stopped_session = session.id

    async def _flush(self) -> None:
        """Wait until the viewers have received the last events, at most `FLUSH_S`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                for viewer in list(self._viewers):
                    await viewer.drained.wait()


class ViewerConnection:
    """One viewer's connection and the events still to be sent to it."""

    def __init__(self, websocket: ServerConnection) -> None:
        self.websocket = websocket
        self._queue = CoalescingQueue()
        self._more = asyncio.Event()
        self.drained = asyncio.Event()
        """Set while no event waits to be sent."""

    def put(self, event: Event) -> None:
        """Queue an event; disconnect a viewer that is too far behind, which then reconnects for a snapshot."""
        self._queue.put(event)
        if self._queue.overflowed:
            # A stalled viewer reads nothing, not even a close frame.
            self.websocket.transport.abort()
        self.drained.clear()
        self._more.set()

    async def send(self) -> None:
        """Send queued events as fast as the viewer reads them."""
        while True:
            while (event := self._queue.get()) is not None:
                await self.websocket.send(encode_event(event))
            self.drained.set()
            self._more.clear()
            await self._more.wait()


def _without_words(event: Event) -> Event:
    """Return the event without the word timings of turns, which viewers do not use."""
    match event:
        case TurnChanged(turn=turn):
            return TurnChanged(without_words(turn))
        case Snapshot(turns=turns, edits=edits):
            shown = tuple(without_words(turn) for turn in turns)
            return msgspec.structs.replace(event, turns=shown, edits=tuple(map(_edit_without_words, edits)))
        case TranscriptEdited(edits=edits):
            return msgspec.structs.replace(event, edits=tuple(map(_edit_without_words, edits)))
        case _:
            return event


def _edit_without_words(edit: TurnEdit) -> TurnEdit:
    parts = edit.parts
    return edit if parts is None else TurnEdit(edit.number, tuple(without_words(part) for part in parts))


def _parse_command(raw: str | bytes) -> Command:
    """Decode a viewer's command.

    Raises:
        EngineError: the command is not valid.
    """
    try:
        return decode_command(raw)
    except msgspec.MsgspecError as error:
        raise EngineError(
            f"Not a valid command: {error}.", "The viewer may be another version than the engine."
        ) from error
