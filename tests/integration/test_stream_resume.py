"""A connection that is lost is resumed at the end of the last final turn."""

import asyncio
import tracemalloc

import pytest

from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.integration.reconnecting_harness import EventLog, linked
from tui.audio.recording import Recording
from tui.stream import connection, events
from tui.stream.watchdog import WatchdogConnection


async def test_a_cut_in_the_middle_of_a_turn_loses_and_doubles_nothing(server: Endpoint, recording: Recording) -> None:
    log = EventLog()
    running = asyncio.create_task(linked(recording, server, log).run())
    recording.append(speech(1) + speech(2)[: RATE // 2])
    await log.until(lambda: len(log.transcript) == 2)
    await server.cut()
    recording.append(speech(2)[RATE // 2 :] + speech(3))
    recording.close()
    await running
    assert log.finals == [said(1), said(2), said(3)]
    assert [turn.number for turn in log.transcript] == [1, 2, 3]
    assert len(server.calls) == 2
    assert log.of(events.ConnectionLost)


async def test_a_resumed_connection_starts_at_the_end_of_the_last_final_turn(
    server: Endpoint, recording: Recording
) -> None:
    log = EventLog()
    running = asyncio.create_task(linked(recording, server, log).run())
    recording.append(speech(1, 2))
    await log.until(lambda: len(log.finals) == 2)
    end = round(log.transcript.finals[-1].end_s * RATE)
    await server.cut()
    await log.until(lambda: len(log.of(events.ConnectionOpened)) == 2)
    recording.append(speech(3))
    recording.close()
    await running
    whole = speech(1, 2, 3)
    assert bytes(server.calls[1].audio) == whole[end * 2 :]
    assert bytes(server.calls[0].audio) == whole[: len(server.calls[0].audio)]


async def test_times_stay_on_the_session_clock_over_connections(server: Endpoint, recording: Recording) -> None:
    log = EventLog()
    running = asyncio.create_task(linked(recording, server, log).run())
    recording.append(speech(1))
    await log.until(lambda: len(log.finals) == 1)
    await server.cut()
    recording.append(speech(2, 3))
    recording.close()
    await running
    assert [turn.start_s for turn in log.transcript.finals] == pytest.approx([0, 1, 2], abs=0.002)


async def test_a_partial_that_no_later_connection_receives_is_removed_at_the_end(
    server: Endpoint, recording: Recording
) -> None:
    log = EventLog()
    way = linked(recording, server, log)
    running = asyncio.create_task(way.run())
    recording.append(speech(1) + speech(2)[: RATE // 2])
    await log.until(lambda: len(log.transcript) == 2)
    server.mute_after = 0
    await server.cut()
    await log.until(lambda: len(log.of(events.ConnectionOpened)) == 2)
    recording.close()
    way.abandon()
    await running
    assert [turn.text for turn in log.transcript] == [said(1)]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the watchdog wait for little more than a ping."""
    monkeypatch.setattr(WatchdogConnection, "timeout_s", 1.5 * connection.PING_S)


@pytest.mark.usefixtures("impatient")
async def test_a_silent_black_hole_is_noticed_and_loses_nothing(server: Endpoint, recording: Recording) -> None:
    log = EventLog()
    running = asyncio.create_task(linked(recording, server, log).run())
    recording.append(speech(1))
    await log.until(lambda: len(log.finals) == 1)
    call = server.calls[0].websocket
    assert call is not None
    call.transport.pause_reading()
    await log.until(lambda: bool(log.of(events.ConnectionLost)))
    recording.append(speech(2))
    recording.close()
    await running
    assert log.finals == [said(1), said(2)]


@pytest.mark.usefixtures("impatient")
async def test_memory_does_not_grow_while_an_endpoint_reads_nothing(server: Endpoint, recording: Recording) -> None:
    server.mute_after = 1
    log = EventLog()
    way = linked(recording, server, log, drain_s=1.0)
    running = asyncio.create_task(way.run())
    await log.until(lambda: bool(log.of(events.ConnectionOpened)))
    tracemalloc.start()
    try:
        for _ in range(600):
            recording.append(bytes(2 * RATE))
            await asyncio.sleep(0)
        await log.until(lambda: bool(log.of(events.ConnectionLost)))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert way.sent < 60 * RATE, "the system's buffers take no more"
    assert way.behind > 540 * RATE
    assert most < 2_000_000
    way.give_up_after(0)
    recording.close()
    await running
