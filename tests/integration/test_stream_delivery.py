"""One connection: each sample is sent once and each turn arrives once, in messages that the service takes."""

import asyncio
import time

import pytest

from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.integration.reconnecting_harness import EventLog, linked, target
from tui.audio.recording import Recording
from tui.stream import events
from tui.stream.reconnecting import ReconnectingStream


async def test_every_sample_and_every_turn_arrives_once(server: Endpoint, recording: Recording) -> None:
    log = EventLog()
    way = linked(recording, server, log)
    running = asyncio.create_task(way.run())
    recording.append(speech(1, 2, 3))
    recording.close()
    await running
    assert bytes(server.calls[0].audio) == speech(1, 2, 3)
    assert log.finals == [said(1), said(2), said(3)]
    assert log.answers == [(n, "one", f"one: {said(n)}") for n in (1, 2, 3)]
    assert server.calls[0].terminated


async def test_answers_are_waited_for_before_the_end_is_asked_for(server: Endpoint, recording: Recording) -> None:
    server.answer_s, server.finishes_answers = 0.5, False
    log = EventLog()
    running = asyncio.create_task(linked(recording, server, log).run())
    recording.append(speech(1, 2))
    recording.close()
    await running
    assert log.answers == [(n, "one", f"one: {said(n)}") for n in (1, 2)]


async def test_chunks_are_of_a_length_that_the_service_takes(server: Endpoint, recording: Recording) -> None:
    log = EventLog()
    running = asyncio.create_task(linked(recording, server, log).run())
    recording.append(speech(1, 2) + bytes(2 * 123))
    recording.close()
    await running
    sizes = [size / 2 / RATE * 1000 for size in server.calls[0].chunks]
    assert sum(server.calls[0].chunks) == len(speech(1, 2)) + 2 * 123
    assert all(50 <= size <= 1000 for size in sizes), sizes


@pytest.mark.parametrize("samples", [1, 13 * RATE // 1000, RATE // 2 + 123])
async def test_an_end_shorter_than_a_chunk_is_padded_with_silence_that_is_not_counted(
    server: Endpoint, recording: Recording, samples: int
) -> None:
    log = EventLog()
    way = linked(recording, server, log)
    running = asyncio.create_task(way.run())
    sound = speech(1, samples=samples, pause=0)
    whole = len(sound) // 1600 * 1600
    recording.append(sound[:whole])
    async with asyncio.timeout(20), server.changed:
        await server.changed.wait_for(lambda: bool(server.calls) and len(server.calls[0].audio) == whole)
    recording.append(sound[whole:])
    recording.close()
    await running
    call = server.calls[0]
    assert min(call.chunks) >= 1600
    assert bytes(call.audio) == sound.ljust(whole + 1600, b"\0")
    assert way.sent == recording.position == samples
    assert recording.read(0, 2 * samples) == sound
    (turn,) = log.transcript.finals
    assert turn.end_s <= round(samples / RATE, 3)


async def test_the_key_and_the_query_are_those_of_the_tutorial(server: Endpoint, recording: Recording) -> None:
    running = asyncio.create_task(linked(recording, server, EventLog()).run())
    recording.close()
    await running
    call = server.calls[0]
    assert call.headers["Authorization"] == "key"
    assert call.query["sample_rate"] == "16000"
    assert call.query["format_turns"] == "True"
    assert call.query["speech_model"] == "u3-rt-pro"


async def test_catching_up_never_exceeds_four_times_real_time(server: Endpoint, recording: Recording) -> None:
    log = EventLog()
    way = linked(recording, server, log)
    recording.append(bytes(2 * RATE * 600))
    began = time.monotonic() * 10
    running = asyncio.create_task(way.run())
    await server.wait_for(lambda: bool(server.calls) and len(server.calls[0].audio) > 2 * RATE * 60)
    elapsed_s = time.monotonic() * 10 - began
    assert len(server.calls[0].audio) / 2 / RATE <= 4 * elapsed_s + 1.1
    running.cancel()


async def test_nothing_is_sent_more_than_two_minutes_ahead_of_the_clock(server: Endpoint, recording: Recording) -> None:
    def clock() -> float:
        return time.monotonic() * 50

    log = EventLog()
    way = ReconnectingStream(recording, target(server), "one", log.record, clock=clock)
    recording.append(bytes(2 * RATE * 1200))
    running = asyncio.create_task(way.run())
    await log.until(lambda: bool(log.of(events.ConnectionOpened)))
    began = clock()
    ahead_s = 0.0
    while ahead_s < 100 or clock() - began < 100:
        async with server.changed:
            await server.changed.wait()
        ahead_s = max(ahead_s, way.sent / RATE - (clock() - began))
        assert ahead_s < 122
    running.cancel()


async def test_invalid_messages_of_the_endpoint_are_ignored(server: Endpoint, recording: Recording) -> None:
    log = EventLog()
    running = asyncio.create_task(linked(recording, server, log).run())
    await log.until(lambda: bool(log.of(events.ConnectionOpened)))
    call = server.calls[0].websocket
    assert call is not None
    for nonsense in ("", "{", "[]", '{"type":"Turn"}', '{"type":"Whatever","x":1}', "null", '{"type":1}', b"\x00\xff"):
        await call.send(nonsense)
    recording.append(speech(1))
    recording.close()
    await running
    assert log.finals == [said(1)]
