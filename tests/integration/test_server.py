"""The engine server: viewers, rejected connections, idle exit and lock."""

import asyncio
import fcntl
import os
import signal
import socket
import stat
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from tests.fake_endpoint import Endpoint, said, speech
from tests.faults.engines import options
from tests.session_fixtures import store_session
from tests.terminal import LIVEGIST
from tui.engine import server as engine_server
from tui.engine.client import STARTING_S, EngineClient
from tui.engine.engine import Engine
from tui.engine.process import LOCK_NAME, SOCKET_NAME, is_running, lock, remove_stale_socket
from tui.engine.server import EngineServer
from tui.errors import EngineError
from tui.model.commands import COMMAND_BYTES, Command, Mute, Quit, Recover, Start, Stop
from tui.model.commands import encode as encode_command
from tui.model.events import (
    Event,
    Notice,
    Rejected,
    Severity,
    Snapshot,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
    ViewersChanged,
)
from tui.model.gists import GistStatus
from tui.model.session_state import SessionState
from tui.paths import PACKAGE, log_file, runtime_dir, sessions_dir
from tui.sessions.store import Store

PATIENCE_S = 20.0


class Hosted:
    """A server in this process."""

    def __init__(self, *, idle_s: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = runtime_dir()
        self.tell: Callable[[Event], None]
        self.host = EngineServer(self.folder, self._build, idle_s=idle_s, clock=clock)
        self.engine: Engine

    def _build(self, tell: Callable[[Event], None]) -> Engine:
        self.tell = tell
        folders = (PACKAGE / "prompts", runtime_dir() / "prompts")
        self.engine = Engine(tell, store=Store(sessions_dir()), prompt_folders=folders, log_file=log_file())
        return self.engine

    @property
    def socket(self) -> Path:
        return self.folder / SOCKET_NAME


@asynccontextmanager
async def hosting(**given: float) -> AsyncIterator[Hosted]:
    hosted = Hosted(**given)  # type: ignore[arg-type]
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


async def test_two_viewers_see_the_same(server: Endpoint, tmp_path: Path) -> None:
    async with hosting() as hosted, watching(hosted.socket) as one, watching(hosted.socket) as two:
        assert stat.S_IMODE(hosted.socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(hosted.folder.stat().st_mode) == 0o700
        await one.send(Start(options(speech(1, 2), server.url, tmp_path)))
        for viewer in (one, two):
            await viewer.until(lambda: viewer.record.state is State.ENDED)  # noqa: B023
        assert one.finals == two.finals == [said(1), said(2)]
        assert one.record.gists == two.record.gists
        assert one.record.stats.viewers == 2


async def test_a_viewer_that_comes_later_is_told_all_there_is(server: Endpoint, tmp_path: Path) -> None:
    async with hosting() as hosted:
        async with watching(hosted.socket) as one:
            await one.send(Start(options(speech(1, 2, 3), server.url, tmp_path)))
            await one.until(lambda: len(one.finals) == 1)
        async with watching(hosted.socket) as two:
            assert two.finals[0] == said(1)
            await two.until(lambda: two.record.state is State.ENDED)
            assert two.finals == [said(1), said(2), said(3)]


@pytest.mark.parametrize("nonsense", ["", "{", "[]", '{"type":"rm"}', b"\xff\x00", '{"type":"start","options":3}'])
async def test_nonsense_is_refused_and_answered_and_nobody_else_notices(nonsense: str | bytes) -> None:
    async with hosting() as hosted, watching(hosted.socket) as other:
        async with unix_connect(str(hosted.socket)) as strange:
            await strange.recv()
            await strange.send(nonsense)
            assert '"rejected"' in str(await strange.recv())
            await strange.send('{"type":"stop"}')
            assert '"rejected"' in str(await strange.recv()), "it may go on"
        await other.send(Mute(True))
        await other.until(lambda: any(isinstance(event, Rejected) for event in other.events))
        assert [type(event) for event in other.events] == [Snapshot, Rejected]


async def test_a_command_that_is_too_long_ends_that_viewer_alone() -> None:
    async with hosting() as hosted, watching(hosted.socket) as other:
        strange = await unix_connect(str(hosted.socket), max_size=None)
        await strange.recv()
        with suppress(ConnectionClosedError):
            await strange.send("x" * (COMMAND_BYTES + 1))
        await strange.wait_closed()
        assert strange.close_code == 1009
        await other.send(Stop())
        await other.until(lambda: isinstance(other.events[-1], Rejected))
        assert [type(event) for event in other.events] == [Snapshot, Rejected]


async def test_a_viewer_that_reads_nothing_is_cut_off_and_comes_back_to_a_snapshot() -> None:
    async with hosting() as hosted:
        slow: ClientConnection
        async with watching(hosted.socket) as other, unix_connect(str(hosted.socket), max_queue=1) as slow:
            slow.transport.pause_reading()
            for number in range(4000):
                hosted.tell(Notice(Severity.INFO, f"notice {number} " + "x" * 500))
                if number % 100 == 0:
                    await other.until(lambda: len(other.events) > number - 500)  # noqa: B023
            slow.transport.resume_reading()
            async with asyncio.timeout(PATIENCE_S):
                assert await read_to_the_end(slow) < 4000
            await other.until(lambda: len(other.events) == 4001)
        async with watching(hosted.socket) as again:
            assert isinstance(again.events[0], Snapshot)


async def test_levels_and_partials_never_crowd_out_finals(server: Endpoint, tmp_path: Path) -> None:
    async with hosting() as hosted, watching(hosted.socket) as viewer:
        await viewer.send(Start(options(speech(*range(1, 7)), server.url, tmp_path)))
        await viewer.until(lambda: viewer.record.state is State.LIVE)
        await viewer.until(lambda: viewer.record.state is State.ENDED)
        finals = [event.turn for event in viewer.events if isinstance(event, TurnChanged) and event.turn.final]
        assert [turn.text for turn in finals] == [said(n) for n in range(1, 7)]
        assert all(not turn.words for turn in finals), "what is not shown is not sent"


async def test_a_glance_is_a_snapshot_and_no_viewer(server: Endpoint, tmp_path: Path) -> None:
    async with hosting() as hosted:
        async with watching(hosted.socket) as viewer:
            await viewer.send(Start(options(speech(1, 2, 3, 4), server.url, tmp_path)))
            await viewer.until(lambda: viewer.record.state is State.LIVE)
            snapshot_only = Viewer(hosted.socket, snapshot_only=True)
            await snapshot_only.watch()
            (told,) = snapshot_only.events
            assert isinstance(told, Snapshot)
            assert (told.state, told.viewers, told.unattended_s) == (State.LIVE, 1, 0.0)
        await hosted_until(hosted, lambda told: told.viewers == 0 and told.unattended_s > 0)


async def hosted_until(hosted: Hosted, what: Callable[[Snapshot], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            snapshot_only = Viewer(hosted.socket, snapshot_only=True)
            await snapshot_only.watch()
            if isinstance(snapshot_only.events[0], Snapshot) and what(snapshot_only.events[0]):
                return


@pytest.mark.parametrize(("minutes", "stops"), [(0.0, True), (0.02, True), (-1.0, False)])
async def test_an_unattended_session_stops_when_it_is_told_to(
    server: Endpoint, tmp_path: Path, minutes: float, stops: bool
) -> None:
    sound = speech(*range(1, 7))
    async with hosting() as hosted:
        async with watching(hosted.socket) as viewer:
            await viewer.send(Start(options(sound, server.url, tmp_path, unattended_minutes=minutes)))
            await viewer.until(lambda: viewer.record.state is State.LIVE)
        await hosted_until(hosted, lambda told: told.state is State.ENDED)
        (stored,) = Store(sessions_dir())
        recorded = stored.audio.stat().st_size - 44
        assert (recorded < len(sound)) is stops


async def test_a_viewer_that_is_lost_has_time_to_come_back(
    server: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.engine.server.CHECK_INTERVAL_S", 0.05)
    sound = speech(*range(1, 13))
    async with hosting() as hosted:
        await hosted_until(hosted, lambda told: told.state is State.IDLE)
        lost = await unix_connect(str(hosted.socket))
        await lost.send(encode_command(Start(options(sound, server.url, tmp_path, unattended_minutes=0.0))))
        await hosted_until(hosted, lambda told: told.state is State.LIVE)
        lost.transport.abort()
        await hosted_until(hosted, lambda told: told.viewers == 0)
        await hosted_until(hosted, lambda told: len(told.turns) >= 2)
        async with watching(hosted.socket) as back:
            assert back.record.state is State.LIVE
        await hosted_until(hosted, lambda told: told.state is State.ENDED)
        (stored,) = Store(sessions_dir())
        assert stored.audio.stat().st_size - 44 < len(sound)


async def test_a_session_that_stops_for_being_unattended_is_finished_as_any_other(
    server: Endpoint, tmp_path: Path
) -> None:
    server.answer_s = 3.0
    async with hosting() as hosted:
        async with watching(hosted.socket) as viewer:
            await viewer.send(Start(options(speech(1, samples=480_000), server.url, tmp_path, unattended_minutes=0.0)))
            await viewer.until(lambda: len(viewer.record.transcript) == 1)
        await hosted_until(hosted, lambda told: told.state is State.ENDED)
        (stored,) = Store(sessions_dir())
        record = stored.load()
        (text,) = [turn.text for turn in record.transcript.finals]
        assert text == f"turn 1 of {(stored.audio.stat().st_size - 44) // 2} samples"
        assert [gist.status for gist in record.gists.values()] == [GistStatus.DONE]


async def test_an_idle_engine_leaves_and_takes_its_socket_along() -> None:
    hosted = Hosted(idle_s=0.5)
    async with asyncio.timeout(PATIENCE_S):
        await hosted.host.run()
    assert not hosted.socket.exists()
    assert not is_running(hosted.folder)


@pytest.mark.parametrize(("end", "starts"), [(signal.SIGKILL, 1), (signal.SIGTERM, 0)])
async def test_an_engine_is_started_in_place_of_one_that_was_killed_but_not_of_one_that_was_stopped(
    end: int, starts: int
) -> None:
    folder = runtime_dir()
    started: list[asyncio.Task[None]] = []
    engine = await asyncio.create_subprocess_exec(*LIVEGIST, "engine")
    client = EngineClient(folder / SOCKET_NAME, start=lambda: started.append(asyncio.create_task(Hosted().host.run())))
    told = client.events()
    assert isinstance(await anext(told), Snapshot)
    engine.send_signal(end)
    assert [event async for event in told] == [], "the viewer is told that it has gone"
    await engine.wait()
    if starts:
        told = client.events()
        assert isinstance(await anext(told), Snapshot)
        await client.send(Quit())
        assert [event async for event in told] == []
    else:
        with pytest.raises(EngineError, match="No engine is running"):
            await anext(client.events())
    assert len(started) == starts
    await asyncio.gather(*started)


async def test_an_engine_that_leaves_while_one_comes_is_followed_by_another() -> None:
    folder = runtime_dir()
    started: list[asyncio.Task[None]] = []
    client = EngineClient(folder / SOCKET_NAME, start=lambda: started.append(asyncio.create_task(Hosted().host.run())))
    # One that holds the lock and has its socket closed already.
    with lock(folder):
        events = client.events()
        coming = asyncio.ensure_future(anext(events))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(coming), STARTING_S + 0.3)
        assert not started
    assert isinstance(await coming, Snapshot)
    await client.send(Quit())
    await asyncio.gather(*started)


async def test_who_stops_a_recovery_at_once_stays_connected_and_the_rest_is_left(server: Endpoint) -> None:
    stored = store_session(Store(sessions_dir()), untranscribed_s=5.0)
    recorded = stored.audio.read_bytes()
    async with hosting() as hosted, watching(hosted.socket) as viewer:
        await viewer.send(Recover(stored.id, {"url": server.url, "analyse_at_end": False}))
        await viewer.send(Stop())
        await viewer.until(lambda: any(isinstance(event, StatsChanged) for event in viewer.events))
        await viewer.until(lambda: viewer.record.state is State.ENDED)
        await viewer.send(Stop())
        await viewer.until(lambda: isinstance(viewer.events[-1], Rejected))
        states = [event.state for event in viewer.events if isinstance(event, StateChanged)]
        assert states == [State.CONNECTING, State.DRAINING, State.ENDED]
        assert len([event for event in viewer.events if isinstance(event, Rejected)]) == 1
    assert stored.load().stats.untranscribed_s > 1, "it can be sent another time"
    assert stored.audio.read_bytes() == recorded


async def test_there_are_never_two_engines() -> None:
    async with hosting() as hosted, watching(hosted.socket) as viewer:
        with pytest.raises(EngineError, match="already running"):
            await Hosted().host.run()
        await viewer.send(Stop())
        await viewer.until(lambda: isinstance(viewer.events[-1], Rejected))


async def test_a_stale_socket_is_replaced_and_a_lock_of_a_dead_process_is_free() -> None:
    folder = runtime_dir()
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(folder / SOCKET_NAME))
    dead.close()
    (folder / LOCK_NAME).write_text(f"{os.getpid()}\n")
    assert not is_running(folder), "a pid says nothing: only who holds the lock is an engine"
    async with hosting() as hosted, watching(hosted.socket) as viewer:
        assert isinstance(viewer.events[0], Snapshot)


async def test_a_socket_of_another_user_is_neither_connected_to_nor_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = runtime_dir()
    path = folder / SOCKET_NAME
    theirs = socket.socket(socket.AF_UNIX)
    theirs.bind(str(path))
    theirs.listen()
    # To be root is to own everything, so it is our own number that changes.
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(EngineError, match="another user"):
        async for _ in EngineClient(path).events():
            pass
    with pytest.raises(EngineError, match="another user"):
        remove_stale_socket(path)
    assert path.exists()
    theirs.close()


async def test_a_foreign_lock_is_respected() -> None:
    folder = runtime_dir()
    with (folder / LOCK_NAME).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(EngineError, match="already running"):
            await Hosted().host.run()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_ends_everything_properly(server: Endpoint, tmp_path: Path, signum: int) -> None:
    hosted = Hosted()
    task = asyncio.create_task(hosted.host.run())
    async with watching(hosted.socket) as viewer:
        await viewer.send(Start(options(speech(1, samples=160_000), server.url, tmp_path)))
        await viewer.until(lambda: len(viewer.record.transcript) == 1)
        began = time.monotonic()
        os.kill(os.getpid(), signum)
        await asyncio.wait_for(task, 15)
        assert time.monotonic() - began < 15
        await viewer.until(lambda: viewer.record.state is State.ENDED)
        (text,) = viewer.finals
        (stored,) = Store(sessions_dir())
        assert text == f"turn 1 of {(stored.audio.stat().st_size - 44) // 2} samples"


async def test_a_signal_does_not_wait_long_for_what_is_done_after_a_session(
    server: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_server, "SIGNAL_S", 1.0)
    hosted = Hosted()
    task = asyncio.create_task(hosted.host.run())
    async with watching(hosted.socket) as viewer:
        pid = tmp_path / "pid"
        os.mkfifo(pid)
        hook = f"sh -c 'echo $$ >{pid}; exec sleep 600'"
        await viewer.send(Start(options(speech(1), server.url, tmp_path, hook_command=hook)))
        await viewer.until(lambda: viewer.record.state is State.ENDED)
        hooked = int(await asyncio.to_thread(pid.read_text))
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(task, PATIENCE_S)
        assert viewer.finals == [said(1)]
    with pytest.raises(ProcessLookupError):
        os.kill(hooked, 0)
    assert not hosted.socket.exists()


async def test_the_last_events_reach_a_slow_viewer_before_the_engine_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_server, "FLUSH_S", PATIENCE_S)
    hosted = Hosted()
    task = asyncio.create_task(hosted.host.run())
    await hosted_until(hosted, lambda _: True)
    async with unix_connect(str(hosted.socket), max_queue=1) as slow:
        await slow.recv()
        slow.transport.pause_reading()
        for number in range(900):
            hosted.tell(Notice(Severity.INFO, f"notice {number} {'x' * 2000}"))
        hosted.engine.quit()
        # By then an engine that did not wait for it has left.
        await asyncio.wait({task}, timeout=1.0)
        slow.transport.resume_reading()
        assert await read_to_the_end(slow) == 900
    await asyncio.wait_for(task, PATIENCE_S)


async def test_quit_ends_the_engine_for_all(server: Endpoint, tmp_path: Path) -> None:
    hosted = Hosted()
    task = asyncio.create_task(hosted.host.run())
    async with watching(hosted.socket) as one, watching(hosted.socket) as two:
        await one.send(Start(options(speech(1, 2, 3), server.url, tmp_path)))
        await two.until(lambda: any(isinstance(event, StatsChanged) for event in two.events))
        await one.send(Quit())
        await asyncio.wait_for(task, 15)
        await two.until(lambda: any(isinstance(e, StateChanged) and e.state is State.ENDED for e in two.events))
    (stored,) = Store(sessions_dir())
    record = stored.load()
    assert record.state is State.ENDED
    assert record.stats.untranscribed_s == 0
    assert [turn.text for turn in record.transcript.finals] == two.finals == one.finals
    assert bytes(server.calls[0].audio) == stored.audio.read_bytes()[44:]
    assert not hosted.socket.exists()
