"""Viewers of one engine: what each gets, and what a faulty or slow one cannot do to the others."""

import asyncio
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosedError

from tests.fake_endpoint import Endpoint, said, speech
from tests.faults.engines import fast, options
from tests.server_harness import PATIENCE_S, Hosted, Viewer, hosted_until, hosting, read_to_the_end, watching
from tests.session_fixtures import store_session
from tui.engine import server as engine_server
from tui.model.commands import COMMAND_BYTES, Mute, Recover, Start, Stop
from tui.model.events import Notice, Rejected, Severity, Snapshot, State, StateChanged, StatsChanged, TurnChanged
from tui.paths import sessions_dir
from tui.sessions.store import Store


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


async def test_a_viewer_that_attaches_later_gets_all_turns(server: Endpoint, tmp_path: Path) -> None:
    async with hosting() as hosted:
        async with watching(hosted.socket) as one:
            await one.send(Start(options(speech(1, 2, 3), server.url, tmp_path)))
            await one.until(lambda: len(one.finals) == 1)
        async with watching(hosted.socket) as two:
            assert two.finals[0] == said(1)
            await two.until(lambda: two.record.state is State.ENDED)
            assert two.finals == [said(1), said(2), said(3)]


@pytest.mark.parametrize("nonsense", ["", "{", "[]", '{"type":"rm"}', b"\xff\x00", '{"type":"start","options":3}'])
async def test_an_invalid_command_is_rejected_and_other_viewers_receive_nothing(nonsense: str | bytes) -> None:
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
                hosted.publish(Notice(Severity.INFO, f"notice {number} " + "x" * 500))
                if number % 100 == 0:
                    await other.until(lambda: len(other.events) > number - 500)  # noqa: B023
            slow.transport.resume_reading()
            async with asyncio.timeout(PATIENCE_S):
                assert await read_to_the_end(slow) < 4000
            await other.until(lambda: len(other.events) == 4001)
        async with watching(hosted.socket) as again:
            assert isinstance(again.events[0], Snapshot)


async def test_levels_and_partials_never_crowd_out_finals(server: Endpoint, tmp_path: Path) -> None:
    async with hosting(engine_clock=fast) as hosted, watching(hosted.socket) as viewer:
        await viewer.send(Start(options(speech(*range(1, 7)), server.url, tmp_path)))
        await viewer.until(lambda: viewer.record.state is State.LIVE)
        await viewer.until(lambda: viewer.record.state is State.ENDED)
        finals = [event.turn for event in viewer.events if isinstance(event, TurnChanged) and event.turn.final]
        assert [turn.text for turn in finals] == [said(n) for n in range(1, 7)]
        assert all(not turn.words for turn in finals), "what is not shown is not sent"


async def test_a_snapshot_can_be_read_without_counting_as_a_viewer(server: Endpoint, tmp_path: Path) -> None:
    async with hosting() as hosted:
        async with watching(hosted.socket) as viewer:
            await viewer.send(Start(options(speech(1, 2, 3, 4), server.url, tmp_path)))
            await viewer.until(lambda: viewer.record.state is State.LIVE)
            snapshot_only = Viewer(hosted.socket, snapshot_only=True)
            await snapshot_only.watch()
            (reported,) = snapshot_only.events
            assert isinstance(reported, Snapshot)
            assert (reported.state, reported.viewers, reported.unattended_s) == (State.LIVE, 1, 0.0)
        await hosted_until(hosted, lambda reported: reported.viewers == 0 and reported.unattended_s > 0)


async def test_a_viewer_that_stops_a_recovery_at_once_stays_connected_and_the_rest_stays_untranscribed(
    server: Endpoint,
) -> None:
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


async def test_the_last_events_reach_a_slow_viewer_before_the_engine_exits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_server, "FLUSH_S", PATIENCE_S)
    hosted = Hosted()
    task = asyncio.create_task(hosted.host.run())
    await hosted_until(hosted, lambda _: True)
    async with unix_connect(str(hosted.socket), max_queue=1) as slow:
        await slow.recv()
        slow.transport.pause_reading()
        for number in range(900):
            hosted.publish(Notice(Severity.INFO, f"notice {number} {'x' * 2000}"))
        hosted.engine.quit()
        # By then an engine that did not wait for it has left.
        await asyncio.wait({task}, timeout=1.0)
        slow.transport.resume_reading()
        assert await read_to_the_end(slow) == 900
    await asyncio.wait_for(task, PATIENCE_S)


async def test_a_snapshot_of_another_session_still_counts_the_other_viewers(server: Endpoint) -> None:
    stored = store_session(Store(sessions_dir()), untranscribed_s=5.0)
    async with hosting() as hosted, watching(hosted.socket) as one, watching(hosted.socket) as other:
        await one.send(Recover(stored.id, {"url": server.url, "analyse_at_end": False}))
        for viewer in (one, other):
            await viewer.until(lambda: viewer.record.state is State.DRAINING)  # noqa: B023
            newest = [event for event in viewer.events if isinstance(event, Snapshot)][-1]
            assert newest.session is not None
            assert newest.viewers == 1
        await one.send(Stop())
