"""Which errors end a stream, and when a failed connection is tried again."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.fake_endpoint import Endpoint, said, speech
from tests.integration.reconnecting_harness import EventLog, linked, target
from tui.audio.recording import Recording
from tui.stream import close_codes, events
from tui.stream.close_codes import Retry
from tui.stream.connection import ConnectError, Connection
from tui.stream.events import StreamEvent
from tui.stream.reconnecting import ReconnectingStream, Target


@pytest.mark.parametrize(
    ("code", "error"),
    [(1008, "Not authorized"), (3006, "Invalid value for speech_model"), (3007, "Frame duration"), (1009, "too big")],
)
async def test_a_close_code_that_no_retry_can_help_fails_at_once_with_a_hint(
    server: Endpoint, recording: Recording, code: int, error: str
) -> None:
    server.error_first, server.close_with = error, (code, error)
    log = EventLog()
    await linked(recording, server, log).run()
    (failed,) = log.of(events.StreamFailed)
    assert isinstance(failed, events.StreamFailed)
    assert failed.close.code == code
    assert failed.close.retry is Retry.NO
    assert failed.close.hint
    assert len(server.calls) == 1


@pytest.mark.parametrize("code", [1011, 3005, 3008, 3009])
async def test_a_temporary_close_code_is_tried_again(server: Endpoint, recording: Recording, code: int) -> None:
    server.close_with = (code, "")
    log = EventLog()
    running = asyncio.create_task(linked(recording, server, log).run())
    await log.until(lambda: bool(log.of(events.ConnectionLost)))
    server.close_with = None
    lost = log.of(events.ConnectionLost)[0]
    assert isinstance(lost, events.ConnectionLost)
    assert lost.close.code == code
    assert lost.close.meaning
    recording.append(speech(1))
    recording.close()
    await running
    assert log.finals == [said(1)]


async def test_a_permanent_error_is_tried_again_once_the_endpoint_was_reached(
    server: Endpoint, recording: Recording
) -> None:
    untrusted = close_codes.CloseInfo(close_codes.LOST, "", Retry.NO, "The certificate cannot be trusted.", "Log in.")
    in_the_way = asyncio.Event()

    async def way_there(prompt: str) -> Target:
        if in_the_way.is_set():
            raise ConnectError(untrusted)
        return await target(server)(prompt)

    log = EventLog()
    running = asyncio.create_task(ReconnectingStream(recording, way_there, "one", log.record, jitter=lambda: 0.0).run())
    recording.append(speech(1))
    await log.until(lambda: len(log.finals) == 1)
    in_the_way.set()
    await server.cut()
    await log.until(lambda: events.ConnectionLost(untrusted, 0.0) in log.events)
    in_the_way.clear()
    recording.append(speech(2))
    recording.close()
    await running
    assert log.finals == [said(1), said(2)]
    assert not log.of(events.StreamFailed)


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (b"", "127.0.0.1 closed the connection before it answered."),
        (b"220 mail.example.com ESMTP\r\n", "127.0.0.1 is not a WebSocket server:"),
    ],
)
async def test_a_server_that_closes_the_connection_is_distinguished_from_one_that_is_no_websocket_server(
    answer: bytes, meaning: str
) -> None:
    async def attend(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(attend, "127.0.0.1", 0) as strange:
        port = strange.sockets[0].getsockname()[1]
        with pytest.raises(ConnectError) as refused:
            await Connection.open(f"ws://127.0.0.1:{port}/v3/ws", "")
    assert refused.value.close.meaning.startswith(meaning)
    assert refused.value.close.retry is Retry.YES


async def test_a_permanent_error_of_the_first_attempt_fails_at_once(recording: Recording) -> None:
    untrusted = close_codes.CloseInfo(
        close_codes.LOST, "", Retry.NO, "The certificate cannot be trusted.", "Check the clock."
    )

    async def way_there(_: str) -> Target:
        raise ConnectError(untrusted)

    log = EventLog()
    await ReconnectingStream(recording, way_there, "one", log.record).run()
    assert log.events == [events.StreamFailed(untrusted)]


async def test_the_waits_between_tries_double_with_full_jitter_up_to_half_a_minute(
    server: Endpoint, recording: Recording
) -> None:
    server.refuse_status = 503
    log = EventLog()
    drawn = iter([1.0] * 8 + [0.5] * 9)
    now = 0.0

    def record(event: StreamEvent) -> None:
        nonlocal now
        log.record(event)
        if isinstance(event, events.ConnectionLost):
            now += event.wait_s

    way = ReconnectingStream(recording, target(server), "one", record, clock=lambda: now, jitter=lambda: next(drawn))
    running = asyncio.create_task(way.run())
    await log.until(lambda: len(log.of(events.ConnectionLost)) >= 9)
    waits = [event.wait_s for event in log.events if isinstance(event, events.ConnectionLost)]
    assert waits[:9] == [0.5, 1, 2, 4, 8, 16, 30, 30, 15]
    running.cancel()


async def test_after_a_minute_without_a_loss_the_next_one_is_resumed_at_once(
    server: Endpoint, recording: Recording
) -> None:
    log = EventLog()
    now = 0.0
    way = ReconnectingStream(recording, target(server), "one", log.record, clock=lambda: now, jitter=lambda: 0.001)
    running = asyncio.create_task(way.run())
    waits: list[float] = []
    for lasted_s in (1, 1, 61, 1):
        await log.until(lambda: len(log.of(events.ConnectionOpened)) == len(waits) + 1)
        now += lasted_s
        await server.cut()
        await log.until(lambda: len(log.of(events.ConnectionLost)) == len(waits) + 1)
        lost = log.of(events.ConnectionLost)[-1]
        assert isinstance(lost, events.ConnectionLost)
        waits.append(lost.wait_s)
        now += 1
    assert waits == [0, 0.001, 0, 0.001]
    running.cancel()


@pytest.mark.parametrize("why", ["little time is left", "the machine slept"])
async def test_the_next_attempt_is_made_at_once_before_the_end_and_after_a_sleep(
    server: Endpoint, recording: Recording, why: str
) -> None:
    server.refuse_status = 503
    log = EventLog()
    way = ReconnectingStream(recording, target(server), "one", log.record, clock=lambda: 0.0, jitter=lambda: 1.0)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await log.until(lambda: bool(log.of(events.ConnectionLost)))
    server.refuse_status = 0
    if why == "the machine slept":
        way.reconnect()
        await log.until(lambda: bool(log.finals))
    recording.close()
    way.give_up_after(12)
    await running
    assert log.finals == [said(1)]


@pytest.mark.parametrize("then", ["the session goes on", "the recording ends", "the machine slept"])
async def test_no_attempt_is_made_before_the_time_that_the_endpoint_names(
    server: Endpoint, recording: Recording, then: str
) -> None:
    server.refuse_status, server.retry_after = 429, "1"
    log = EventLog()
    attempts: list[float] = []

    def noted(prompt: str) -> "asyncio.Future[Target]":
        attempts.append(time.monotonic())
        return target(server)(prompt)

    way = ReconnectingStream(recording, noted, "one", log.record, jitter=lambda: 0.0)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await log.until(lambda: bool(log.of(events.ConnectionLost)))
    server.refuse_status = 0
    if then == "the machine slept":
        way.reconnect()
    if then != "the recording ends":
        await log.until(lambda: bool(log.of(events.ConnectionOpened)))
    recording.close()
    way.give_up_after(100)
    await running
    (lost,) = log.of(events.ConnectionLost)
    assert isinstance(lost, events.ConnectionLost)
    assert lost.wait_s == 1.0, "a viewer shows how long it waits"
    assert attempts[1] - attempts[0] >= 1.0
    assert log.finals == [said(1)]


async def test_the_endpoint_may_name_the_time_as_a_date(server: Endpoint, recording: Recording) -> None:
    server.refuse_status, server.retry_after = 503, format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    log = EventLog()
    running = asyncio.create_task(linked(recording, server, log).run())
    await log.until(lambda: bool(log.of(events.ConnectionLost)))
    (lost,) = log.of(events.ConnectionLost)
    assert isinstance(lost, events.ConnectionLost)
    assert 3600 < lost.wait_s <= 7200
    running.cancel()
