"""The end of a recording: what is waited for, for how long, and what stays untranscribed."""

import asyncio

from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.integration.reconnecting_harness import EventLog, linked, spoken_once
from tui.audio.recording import Recording
from tui.stream import events


async def test_audio_that_the_endpoint_does_not_transcribe_in_time_stays_untranscribed(
    server: Endpoint, recording: Recording
) -> None:
    server.finish_s = 60.0
    log = EventLog()
    way = linked(recording, server, log, drain_s=1.0)
    running = asyncio.create_task(way.run())
    recording.append(speech(1, 2, pause=0))
    recording.close()
    await running
    assert server.calls[0].terminated
    assert log.finals == [said(1)]
    assert way.untranscribed == len(speech(2, pause=0)) // 2, "it can be sent later"


async def test_a_drain_that_is_shorter_than_the_wait_ends_without_another_attempt(
    server: Endpoint, recording: Recording
) -> None:
    server.refuse_status, server.retry_after = 429, "3600"
    log = EventLog()
    way = linked(recording, server, log)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await log.until(lambda: bool(log.of(events.ConnectionLost)))
    server.refuse_status = 0
    recording.close()
    way.give_up_after(0.5)
    async with asyncio.timeout(30):
        await running
    assert not server.calls
    assert way.untranscribed == len(speech(1)) // 2, "it can be sent later"


async def test_giving_up_ends_a_session_that_never_connected(server: Endpoint, recording: Recording) -> None:
    server.refuse_status = 503
    log = EventLog()
    way = linked(recording, server, log)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await log.until(lambda: bool(log.of(events.ConnectionLost)))
    recording.close()
    way.give_up_after(1)
    async with asyncio.timeout(30):
        await running
    assert way.opened == 0
    assert way.untranscribed == len(speech(1)) // 2, "it is known to be left"
    assert not log.of(events.StreamFailed)


async def test_a_stop_does_not_wait_for_a_connection_that_is_being_opened(
    server: Endpoint, recording: Recording
) -> None:
    log = EventLog()
    way, running = await spoken_once(recording, server, log)
    server.begin_s = 60
    way.use_prompt("two")
    await server.wait_for(lambda: len(server.calls) == 2)
    recording.close()
    async with asyncio.timeout(30):
        await running
    assert log.finals == [said(1)]


async def test_a_cut_while_draining_is_resumed_and_the_open_turn_is_transcribed(
    server: Endpoint, recording: Recording
) -> None:
    server.answer_s = 1.0
    log = EventLog()
    way = linked(recording, server, log)
    running = asyncio.create_task(way.run())
    recording.append(speech(1) + speech(2)[: RATE // 2 * 2])
    await log.until(lambda: len(log.transcript) == 2)
    recording.close()
    await server.wait_for(lambda: len(server.calls[0].audio) == len(speech(1)) + RATE)
    await server.cut()
    await running
    assert log.finals == [said(1), said(2)]


async def test_a_stop_without_a_wait_is_no_lost_connection(server: Endpoint, recording: Recording) -> None:
    server.finish_s = 60.0
    log = EventLog()
    way = linked(recording, server, log)
    running = asyncio.create_task(way.run())
    recording.append(speech(1, pause=0))
    recording.close()
    await server.wait_for(lambda: bool(server.calls) and server.calls[0].terminated)
    way.abandon()
    async with asyncio.timeout(10):
        await running
    assert not log.of(events.ConnectionLost)
    assert way.untranscribed == len(speech(1, pause=0)) // 2
