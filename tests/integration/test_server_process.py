"""One engine at a time: start, lock, socket, signals, idle exit and quit."""

import asyncio
import fcntl
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.fake_endpoint import Endpoint, said, speech
from tests.faults.engines import options
from tests.server_harness import PATIENCE_S, Hosted, hosting, watching
from tests.terminal import LIVEGIST
from tui.engine import server as engine_server
from tui.engine.client import STARTING_S, EngineClient
from tui.engine.process import LOCK_NAME, SOCKET_NAME, is_running, lock, remove_stale_socket
from tui.errors import EngineError
from tui.model.commands import Quit, Start, Stop
from tui.model.events import Rejected, Snapshot, State, StateChanged, StatsChanged
from tui.paths import runtime_dir, sessions_dir
from tui.sessions.store import Store


async def test_an_idle_engine_exits_and_removes_its_socket() -> None:
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
    reported = client.events()
    assert isinstance(await anext(reported), Snapshot)
    engine.send_signal(end)
    assert [event async for event in reported] == [], "the viewer's events end"
    await engine.wait()
    if starts:
        reported = client.events()
        assert isinstance(await anext(reported), Snapshot)
        await client.send(Quit())
        assert [event async for event in reported] == []
    else:
        with pytest.raises(EngineError, match="No engine is running"):
            await anext(client.events())
    assert len(started) == starts
    await asyncio.gather(*started)


async def test_a_viewer_that_comes_while_an_engine_exits_starts_another() -> None:
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


async def test_an_engine_does_not_start_while_another_process_holds_the_lock() -> None:
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
        os.kill(os.getpid(), signum)
        await asyncio.wait_for(task, PATIENCE_S)
        await viewer.until(lambda: viewer.record.state is State.ENDED)
        (text,) = viewer.finals
        (stored,) = Store(sessions_dir())
        assert text == f"turn 1 of {(stored.audio.stat().st_size - 44) // 2} samples"


async def test_a_signal_does_not_wait_long_for_post_session_tasks(
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


async def test_quit_ends_the_engine_for_all(server: Endpoint, tmp_path: Path) -> None:
    hosted = Hosted()
    task = asyncio.create_task(hosted.host.run())
    async with watching(hosted.socket) as one, watching(hosted.socket) as two:
        await one.send(Start(options(speech(1, 2, 3), server.url, tmp_path)))
        await two.until(lambda: any(isinstance(event, StatsChanged) for event in two.events))
        await one.send(Quit())
        await asyncio.wait_for(task, PATIENCE_S)
        await two.until(lambda: any(isinstance(e, StateChanged) and e.state is State.ENDED for e in two.events))
    (stored,) = Store(sessions_dir())
    record = stored.load()
    assert record.state is State.ENDED
    assert record.stats.untranscribed_s == 0
    assert [turn.text for turn in record.transcript.finals] == two.finals == one.finals
    assert bytes(server.calls[0].audio) == stored.audio.read_bytes()[44:]
    assert not hosted.socket.exists()
