"""The link against a real websocket server: every sample once, every turn once, whatever happens on the way."""

import asyncio
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import loop_lag
from tests.fake_endpoint import RATE, Endpoint, said, speech
from tui.audio.recording import Recording
from tui.model.transcript import Transcript
from tui.stream import active_connection, close_codes, events, query, reconnecting
from tui.stream.close_codes import Retry
from tui.stream.connection import ConnectError, Connection
from tui.stream.events import StreamEvent
from tui.stream.query import LLMGateway
from tui.stream.reconnecting import ReconnectingStream, Target


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording.create(tmp_path / "audio.wav", RATE)


class Heard:
    """What a link told, and a way to wait for it."""

    def __init__(self) -> None:
        self.events: list[StreamEvent] = []
        self.transcript = Transcript()
        self._changed = asyncio.Event()

    def tell(self, event: StreamEvent) -> None:
        self.events.append(event)
        match event:
            case events.TurnReceived(turn=turn):
                self.transcript.upsert(turn)
            case events.TurnDiscarded(number=number):
                self.transcript.remove(number)
        self._changed.set()

    async def until(self, what: Callable[[], bool], within_s: float = 20.0) -> None:
        async with asyncio.timeout(within_s):
            while not what():
                self._changed.clear()
                await self._changed.wait()

    @property
    def finals(self) -> list[str]:
        return [turn.text for turn in self.transcript.finals]

    @property
    def answers(self) -> list[tuple[int, str, str]]:
        return [
            (event.turn, event.prompt, event.completion["choices"][0]["message"]["content"])
            for event in self.events
            if isinstance(event, events.AnswerReceived)
        ]

    def of(self, kind: type[StreamEvent]) -> list[StreamEvent]:
        return [event for event in self.events if isinstance(event, kind)]


def target(server: Endpoint) -> Callable[[str], "asyncio.Future[Target]"]:
    async def answer(prompt: str) -> Target:
        asked = LLMGateway("model", ({"role": "user", "content": prompt},))
        url = query.connection_url(
            server.url, sample_rate=RATE, speech_model="u3-rt-pro", format_turns=True, llm_gateway=asked
        )
        return Target(url, "key")

    return lambda prompt: asyncio.ensure_future(answer(prompt))


def linked(recording: Recording, server: Endpoint, heard: Heard, **options: float) -> ReconnectingStream:
    """Return a link whose clock runs ten times as fast, so that it may send as much faster."""
    return ReconnectingStream(
        recording,
        target(server),
        "one",
        heard.tell,
        clock=lambda: time.monotonic() * 10,
        jitter=lambda: 0.1,
        drain_s=options.get("drain_s", 100.0),
    )


async def test_every_sample_and_every_turn_arrives_once(server: Endpoint, recording: Recording) -> None:
    heard = Heard()
    way = linked(recording, server, heard)
    running = asyncio.create_task(way.run())
    recording.append(speech(1, 2, 3))
    recording.close()
    await running
    assert bytes(server.calls[0].audio) == speech(1, 2, 3)
    assert heard.finals == [said(1), said(2), said(3)]
    assert heard.answers == [(n, "one", f"one: {said(n)}") for n in (1, 2, 3)]
    assert server.calls[0].terminated


async def test_answers_are_waited_for_before_the_end_is_asked_for(server: Endpoint, recording: Recording) -> None:
    server.answer_s, server.finishes_answers = 0.5, False
    heard = Heard()
    running = asyncio.create_task(linked(recording, server, heard).run())
    recording.append(speech(1, 2))
    recording.close()
    await running
    assert heard.answers == [(n, "one", f"one: {said(n)}") for n in (1, 2)]


async def test_chunks_are_of_a_length_that_the_service_takes(server: Endpoint, recording: Recording) -> None:
    heard = Heard()
    running = asyncio.create_task(linked(recording, server, heard).run())
    recording.append(speech(1, 2) + bytes(2 * 123))
    recording.close()
    await running
    sizes = [size / 2 / RATE * 1000 for size in server.calls[0].chunks]
    assert sum(server.calls[0].chunks) == len(speech(1, 2)) + 2 * 123
    assert all(50 <= size <= 1000 for size in sizes), sizes


@pytest.mark.parametrize("samples", [1, 13 * RATE // 1000, RATE // 2 + 123])
async def test_an_end_shorter_than_a_chunk_is_padded_with_silence_that_counts_nowhere(
    server: Endpoint, recording: Recording, samples: int
) -> None:
    heard = Heard()
    way = linked(recording, server, heard)
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
    (turn,) = heard.transcript.finals
    assert turn.end_s <= round(samples / RATE, 3)


async def test_the_key_and_the_query_are_the_tutorials(server: Endpoint, recording: Recording) -> None:
    running = asyncio.create_task(linked(recording, server, Heard()).run())
    recording.close()
    await running
    call = server.calls[0]
    assert call.headers["Authorization"] == "key"
    assert call.query["sample_rate"] == "16000"
    assert call.query["format_turns"] == "True"
    assert call.query["speech_model"] == "u3-rt-pro"


async def test_a_cut_in_the_middle_of_a_turn_loses_and_doubles_nothing(server: Endpoint, recording: Recording) -> None:
    heard = Heard()
    running = asyncio.create_task(linked(recording, server, heard).run())
    recording.append(speech(1) + speech(2)[: RATE // 2])
    await heard.until(lambda: len(heard.transcript) == 2)
    await server.cut()
    recording.append(speech(2)[RATE // 2 :] + speech(3))
    recording.close()
    await running
    assert heard.finals == [said(1), said(2), said(3)]
    assert [turn.number for turn in heard.transcript] == [1, 2, 3]
    assert len(server.calls) == 2
    assert heard.of(events.ConnectionLost)


async def test_a_resumed_connection_starts_at_the_end_of_the_last_final_turn(
    server: Endpoint, recording: Recording
) -> None:
    heard = Heard()
    running = asyncio.create_task(linked(recording, server, heard).run())
    recording.append(speech(1, 2))
    await heard.until(lambda: len(heard.finals) == 2)
    end = round(heard.transcript.finals[-1].end_s * RATE)
    await server.cut()
    await heard.until(lambda: len(heard.of(events.ConnectionOpened)) == 2)
    recording.append(speech(3))
    recording.close()
    await running
    whole = speech(1, 2, 3)
    assert bytes(server.calls[1].audio) == whole[end * 2 :]
    assert bytes(server.calls[0].audio) == whole[: len(server.calls[0].audio)]


async def test_times_stay_on_the_session_clock_over_connections(server: Endpoint, recording: Recording) -> None:
    heard = Heard()
    running = asyncio.create_task(linked(recording, server, heard).run())
    recording.append(speech(1))
    await heard.until(lambda: len(heard.finals) == 1)
    await server.cut()
    recording.append(speech(2, 3))
    recording.close()
    await running
    assert [turn.start_s for turn in heard.transcript.finals] == pytest.approx([0, 1, 2], abs=0.002)


async def test_a_swap_carries_the_new_prompt_and_the_old_answers_still_arrive(
    server: Endpoint, recording: Recording
) -> None:
    server.answer_s = 0.5
    heard = Heard()
    way = linked(recording, server, heard)
    running = asyncio.create_task(way.run())
    recording.append(speech(1) + speech(2)[: RATE // 2])
    await heard.until(lambda: len(heard.transcript) == 2)
    way.use_prompt("two")
    await heard.until(lambda: len(heard.of(events.ConnectionOpened)) == 2)
    recording.append(speech(2)[RATE // 2 :] + speech(3))
    recording.close()
    await running
    assert heard.finals == [said(1), said(2), said(3)]
    assert heard.answers == [
        (1, "one", f"one: {said(1)}"),
        (2, "two", f"two: {said(2)}"),
        (3, "two", f"two: {said(3)}"),
    ]
    assert not heard.of(events.ConnectionLost)


async def test_of_five_swaps_in_a_row_the_last_wins_over_one_connection(
    server: Endpoint, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnecting, "SETTLE_S", 2.0)
    heard = Heard()
    way = linked(recording, server, heard)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await heard.until(lambda: len(heard.finals) == 1)
    for prompt in ("two", "three", "four", "one", "five"):
        way.use_prompt(prompt)
        await asyncio.sleep(0.05)
    await heard.until(lambda: len(heard.of(events.ConnectionOpened)) >= 2)
    recording.append(speech(2))
    recording.close()
    await running
    assert heard.answers[-1][:2] == (2, "five")
    assert heard.finals == [said(1), said(2)]
    assert len(server.calls) == 2


async def test_a_connection_that_nobody_wants_any_more_when_it_is_open_is_ended(
    server: Endpoint, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_connection = Connection.open
    heard = Heard()
    way = linked(recording, server, heard)

    async def opened(url: str, key: str) -> Connection:
        connection = await open_connection(url, key)
        if len(server.calls) == 2:
            way.use_prompt("three")
        return connection

    monkeypatch.setattr(Connection, "open", opened)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await heard.until(lambda: len(heard.finals) == 1)
    way.use_prompt("two")
    await heard.until(lambda: len(heard.of(events.ConnectionOpened)) == 2)
    recording.append(speech(2))
    recording.close()
    await running
    assert [call.prompt for call in server.calls] == ["one", "two", "three"]
    assert server.calls[1].terminated, "who bills by the second is told"
    assert heard.answers[-1][:2] == (2, "three")


async def test_a_renewal_that_is_refused_is_not_tried_again_and_the_connection_goes_on(
    server: Endpoint, recording: Recording
) -> None:
    server.life_s = 6
    heard = Heard()
    running = asyncio.create_task(linked(recording, server, heard).run())
    recording.append(speech(1))
    await heard.until(lambda: len(heard.answers) == 1)
    server.error_first, server.close_with = "no more for today", (3006, "no more for today")
    await server.wait_for(lambda: len(server.calls) == 2)
    # Time for some more tries, if there were any.
    await asyncio.sleep(5 * reconnecting.SETTLE_S)
    recording.append(speech(2))
    recording.close()
    await running
    assert len(server.calls) == 2
    assert heard.answers[-1] == (2, "one", f"one: {said(2)}")
    assert not heard.of(events.PromptRefused)


async def test_a_partial_that_no_later_connection_hears_is_gone_in_the_end(
    server: Endpoint, recording: Recording
) -> None:
    heard = Heard()
    way = linked(recording, server, heard)
    running = asyncio.create_task(way.run())
    recording.append(speech(1) + speech(2)[: RATE // 2])
    await heard.until(lambda: len(heard.transcript) == 2)
    server.mute_after = 0
    await server.cut()
    await heard.until(lambda: len(heard.of(events.ConnectionOpened)) == 2)
    recording.close()
    way.abandon()
    await running
    assert [turn.text for turn in heard.transcript] == [said(1)]


async def test_a_swap_while_reconnecting_takes_the_new_prompt_along(server: Endpoint, recording: Recording) -> None:
    heard = Heard()
    way = linked(recording, server, heard)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await heard.until(lambda: len(heard.finals) == 1)
    server.refuse_status = 503
    await server.cut()
    await heard.until(lambda: len(heard.of(events.ConnectionLost)) > 1)
    way.use_prompt("two")
    server.refuse_status = 0
    recording.append(speech(2))
    recording.close()
    await running
    assert heard.answers[-1][:2] == (2, "two")
    assert heard.finals == [said(1), said(2)]


class Edited:
    """A prompt whose text is edited while a session uses it."""

    def __init__(self, server: Endpoint) -> None:
        self._server = server
        self.text = "first"

    async def target(self, _: str) -> Target:
        return await target(self._server)(self.text)


async def test_an_edit_while_the_connection_of_the_edit_before_is_opened_counts(
    server: Endpoint, recording: Recording
) -> None:
    heard, prompt = Heard(), Edited(server)
    way = ReconnectingStream(recording, prompt.target, "one", heard.tell, clock=lambda: time.monotonic() * 10)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await heard.until(lambda: len(heard.answers) == 1)
    server.begin_s = 20
    prompt.text = "second"
    way.renew()
    await server.wait_for(lambda: len(server.calls) == 2)
    prompt.text = "third"
    way.renew()
    server.let_go.set()
    await heard.until(lambda: len(heard.of(events.ConnectionOpened)) == 3)
    recording.append(speech(2))
    recording.close()
    await running
    assert heard.answers == [(1, "one", f"first: {said(1)}"), (2, "one", f"third: {said(2)}")]
    assert len(server.calls) == 3


async def test_an_edit_while_reconnecting_counts(server: Endpoint, recording: Recording) -> None:
    heard, prompt = Heard(), Edited(server)
    way = ReconnectingStream(recording, prompt.target, "one", heard.tell, clock=lambda: time.monotonic() * 10)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await heard.until(lambda: len(heard.answers) == 1)
    server.begin_s = 20
    await server.cut()
    await server.wait_for(lambda: len(server.calls) == 2)
    prompt.text = "second"
    way.renew()
    server.let_go.set()
    await heard.until(lambda: len(heard.of(events.ConnectionOpened)) == 3)
    recording.append(speech(2))
    recording.close()
    await running
    assert heard.answers == [(1, "one", f"first: {said(1)}"), (2, "one", f"second: {said(2)}")]


async def test_an_edit_that_the_endpoint_refuses_is_told_and_tried_once(server: Endpoint, recording: Recording) -> None:
    heard, prompt = Heard(), Edited(server)
    way = ReconnectingStream(recording, prompt.target, "one", heard.tell, clock=lambda: time.monotonic() * 10)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await heard.until(lambda: len(heard.answers) == 1)
    server.error_first, server.close_with = "no such model", (3006, "no such model")
    prompt.text = "second"
    way.renew()
    await heard.until(lambda: bool(heard.of(events.PromptRefused)))
    recording.append(speech(2))
    recording.close()
    await running
    (refused,) = heard.of(events.PromptRefused)
    assert isinstance(refused, events.PromptRefused)
    assert (refused.prompt, refused.kept) == ("one", "one")
    assert heard.answers[-1] == (2, "one", f"first: {said(2)}")
    assert len(server.calls) == 2


async def test_while_a_connection_is_opened_wake_ups_leave_nothing_behind(
    server: Endpoint, recording: Recording
) -> None:
    class Counted(asyncio.Task[Any]):
        callbacks = 0

        def add_done_callback(self, *args: Any, **options: Any) -> None:
            self.callbacks += 1
            super().add_done_callback(*args, **options)

    tasks: list[Counted] = []

    def counted(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Counted:
        tasks.append(Counted(coroutine, loop=loop, **options))
        return tasks[-1]

    server.begin_s = 20
    way = linked(recording, server, Heard())
    asyncio.get_running_loop().set_task_factory(counted)
    running = asyncio.create_task(way.run())
    await server.wait_for(lambda: len(server.calls) == 1)
    for _ in range(20):
        way.use_prompt("one")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    server.let_go.set()
    recording.append(speech(1))
    recording.close()
    await running
    assert max(task.callbacks for task in tasks) < 5


async def test_a_connection_is_renewed_before_it_expires(server: Endpoint, recording: Recording) -> None:
    server.life_s = 6
    heard = Heard()
    running = asyncio.create_task(linked(recording, server, heard).run())
    recording.append(speech(1))
    await heard.until(lambda: len(heard.of(events.ConnectionOpened)) == 2)
    recording.append(speech(2))
    recording.close()
    await running
    assert heard.finals == [said(1), said(2)]
    assert not heard.of(events.ConnectionLost)


@pytest.mark.parametrize("wrong_s", [-86_400, 86_400])
async def test_a_wall_clock_that_is_wrong_or_jumps_changes_nothing(
    server: Endpoint, recording: Recording, monkeypatch: pytest.MonkeyPatch, wrong_s: int
) -> None:
    monkeypatch.setattr(active_connection, "time", SimpleNamespace(time=lambda: time.time() + wrong_s))
    heard = Heard()
    way = linked(recording, server, heard)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await heard.until(lambda: len(heard.finals) == 1)
    monkeypatch.setattr(active_connection, "time", SimpleNamespace(time=lambda: time.time() - wrong_s))
    recording.append(speech(2))
    await heard.until(lambda: len(heard.finals) == 2)
    call = server.calls[0].websocket
    assert call is not None
    await call.close(3008, "Session expired")
    recording.append(speech(3))
    recording.close()
    await running
    assert heard.finals == [said(1), said(2), said(3)]
    assert len(server.calls) == 2, "only what the endpoint ended was opened again"


@pytest.mark.parametrize(
    ("code", "error"),
    [(1008, "Not authorized"), (3006, "Invalid value for speech_model"), (3007, "Frame duration"), (1009, "too big")],
)
async def test_what_cannot_mend_fails_at_once_and_says_why(
    server: Endpoint, recording: Recording, code: int, error: str
) -> None:
    server.error_first, server.close_with = error, (code, error)
    heard = Heard()
    await linked(recording, server, heard).run()
    (failed,) = heard.of(events.StreamFailed)
    assert isinstance(failed, events.StreamFailed)
    assert failed.close.code == code
    assert failed.close.retry is Retry.NO
    assert failed.close.hint
    assert len(server.calls) == 1


@pytest.mark.parametrize("code", [1011, 3005, 3008, 3009])
async def test_what_can_mend_is_tried_again(server: Endpoint, recording: Recording, code: int) -> None:
    server.close_with = (code, "")
    heard = Heard()
    running = asyncio.create_task(linked(recording, server, heard).run())
    await heard.until(lambda: bool(heard.of(events.ConnectionLost)))
    server.close_with = None
    lost = heard.of(events.ConnectionLost)[0]
    assert isinstance(lost, events.ConnectionLost)
    assert lost.close.code == code
    assert lost.close.meaning
    recording.append(speech(1))
    recording.close()
    await running
    assert heard.finals == [said(1)]


async def test_what_stands_in_the_way_for_a_while_is_waited_for_once_the_endpoint_was_reached(
    server: Endpoint, recording: Recording
) -> None:
    untrusted = close_codes.CloseInfo(close_codes.LOST, "", Retry.NO, "The certificate cannot be trusted.", "Log in.")
    in_the_way = asyncio.Event()

    async def way_there(prompt: str) -> Target:
        if in_the_way.is_set():
            raise ConnectError(untrusted)
        return await target(server)(prompt)

    heard = Heard()
    running = asyncio.create_task(ReconnectingStream(recording, way_there, "one", heard.tell, jitter=lambda: 0.0).run())
    recording.append(speech(1))
    await heard.until(lambda: len(heard.finals) == 1)
    in_the_way.set()
    await server.cut()
    await heard.until(lambda: events.ConnectionLost(untrusted, 0.0) in heard.events)
    in_the_way.clear()
    recording.append(speech(2))
    recording.close()
    await running
    assert heard.finals == [said(1), said(2)]
    assert not heard.of(events.StreamFailed)


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (b"", "127.0.0.1 closed the connection before it answered."),
        (b"220 mail.example.com ESMTP\r\n", "127.0.0.1 is not a WebSocket server:"),
    ],
)
async def test_who_hangs_up_is_told_from_who_speaks_something_else(answer: bytes, meaning: str) -> None:
    async def attend(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(attend, "127.0.0.1", 0) as strange:
        port = strange.sockets[0].getsockname()[1]
        with pytest.raises(ConnectError) as refused:
            await Connection.open(f"ws://127.0.0.1:{port}/v3/ws", "")
    assert refused.value.close.meaning.startswith(meaning)
    assert refused.value.close.retry is Retry.YES


async def test_what_stands_in_the_way_from_the_start_is_said_at_once(recording: Recording) -> None:
    untrusted = close_codes.CloseInfo(
        close_codes.LOST, "", Retry.NO, "The certificate cannot be trusted.", "Check the clock."
    )

    async def way_there(_: str) -> Target:
        raise ConnectError(untrusted)

    heard = Heard()
    await ReconnectingStream(recording, way_there, "one", heard.tell).run()
    assert heard.events == [events.StreamFailed(untrusted)]


async def test_a_refused_prompt_leaves_the_session_on_the_old_one(server: Endpoint, recording: Recording) -> None:
    heard = Heard()
    way = linked(recording, server, heard)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await heard.until(lambda: len(heard.finals) == 1)
    server.error_first, server.close_with = "no such model", (3006, "no such model")
    way.use_prompt("two")
    await heard.until(lambda: bool(heard.of(events.PromptRefused)))
    recording.append(speech(2))
    recording.close()
    await running
    assert heard.answers[-1][:2] == (2, "one")


async def test_a_silent_black_hole_is_noticed_within_five_seconds(server: Endpoint, recording: Recording) -> None:
    heard = Heard()
    running = asyncio.create_task(linked(recording, server, heard).run())
    recording.append(speech(1))
    await heard.until(lambda: len(heard.finals) == 1)
    call = server.calls[0].websocket
    assert call is not None
    async with loop_lag.measured() as machine:
        call.transport.pause_reading()
        began = time.monotonic()
        await heard.until(lambda: bool(heard.of(events.ConnectionLost)))
        assert time.monotonic() - began - machine.late_s < 5
    recording.append(speech(2))
    recording.close()
    await running
    assert heard.finals == [said(1), said(2)]


async def test_while_an_endpoint_reads_nothing_memory_stays_flat_for_the_recording_is_the_queue(
    server: Endpoint, recording: Recording
) -> None:
    server.mute_after = 1
    heard = Heard()
    way = linked(recording, server, heard, drain_s=1.0)
    running = asyncio.create_task(way.run())
    await heard.until(lambda: bool(heard.of(events.ConnectionOpened)))
    tracemalloc.start()
    try:
        for _ in range(600):
            recording.append(bytes(2 * RATE))
            await asyncio.sleep(0)
        await heard.until(lambda: bool(heard.of(events.ConnectionLost)))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert way.sent < 60 * RATE, "the system's buffers take no more"
    assert way.behind > 540 * RATE
    assert most < 2_000_000
    way.give_up_after(0)
    recording.close()
    await running


async def test_catching_up_never_exceeds_four_times_real_time(server: Endpoint, recording: Recording) -> None:
    heard = Heard()
    way = linked(recording, server, heard)
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

    heard = Heard()
    way = ReconnectingStream(recording, target(server), "one", heard.tell, clock=clock)
    recording.append(bytes(2 * RATE * 1200))
    running = asyncio.create_task(way.run())
    await heard.until(lambda: bool(heard.of(events.ConnectionOpened)))
    began = clock()
    ahead_s = 0.0
    while ahead_s < 100 or clock() - began < 100:
        async with server.changed:
            await server.changed.wait()
        ahead_s = max(ahead_s, way.sent / RATE - (clock() - began))
        assert ahead_s < 122
    running.cancel()


async def test_the_waits_between_tries_double_with_full_jitter_up_to_half_a_minute(
    server: Endpoint, recording: Recording
) -> None:
    server.refuse_status = 503
    heard = Heard()
    drawn = iter([1.0] * 8 + [0.5] * 9)
    now = 0.0

    def tell(event: StreamEvent) -> None:
        nonlocal now
        heard.tell(event)
        if isinstance(event, events.ConnectionLost):
            now += event.wait_s

    way = ReconnectingStream(recording, target(server), "one", tell, clock=lambda: now, jitter=lambda: next(drawn))
    running = asyncio.create_task(way.run())
    await heard.until(lambda: len(heard.of(events.ConnectionLost)) >= 9)
    waits = [event.wait_s for event in heard.events if isinstance(event, events.ConnectionLost)]
    assert waits[:9] == [0.5, 1, 2, 4, 8, 16, 30, 30, 15]
    running.cancel()


async def test_after_a_healthy_minute_a_loss_is_made_good_at_once_again(server: Endpoint, recording: Recording) -> None:
    heard = Heard()
    now = 0.0
    way = ReconnectingStream(recording, target(server), "one", heard.tell, clock=lambda: now, jitter=lambda: 0.001)
    running = asyncio.create_task(way.run())
    waits: list[float] = []
    for lasted_s in (1, 1, 61, 1):
        await heard.until(lambda: len(heard.of(events.ConnectionOpened)) == len(waits) + 1)
        now += lasted_s
        await server.cut()
        await heard.until(lambda: len(heard.of(events.ConnectionLost)) == len(waits) + 1)
        lost = heard.of(events.ConnectionLost)[-1]
        assert isinstance(lost, events.ConnectionLost)
        waits.append(lost.wait_s)
        now += 1
    assert waits == [0, 0.001, 0, 0.001]
    running.cancel()


@pytest.mark.parametrize("why", ["little time is left", "the machine slept"])
async def test_the_next_try_is_made_at_once_if_waiting_makes_no_sense(
    server: Endpoint, recording: Recording, why: str
) -> None:
    server.refuse_status = 503
    heard = Heard()
    way = ReconnectingStream(recording, target(server), "one", heard.tell, clock=lambda: 0.0, jitter=lambda: 1.0)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await heard.until(lambda: bool(heard.of(events.ConnectionLost)))
    server.refuse_status = 0
    if why == "the machine slept":
        way.reconnect()
        await heard.until(lambda: bool(heard.finals))
    recording.close()
    way.give_up_after(12)
    await running
    assert heard.finals == [said(1)]


@pytest.mark.parametrize("then", ["the session goes on", "the recording ends", "the machine slept"])
async def test_no_attempt_is_made_before_the_time_that_the_endpoint_names(
    server: Endpoint, recording: Recording, then: str
) -> None:
    server.refuse_status, server.retry_after = 429, "2"
    heard = Heard()
    attempts: list[float] = []

    def clock() -> float:
        return time.monotonic() * 10

    def noted(prompt: str) -> "asyncio.Future[Target]":
        attempts.append(clock())
        return target(server)(prompt)

    way = ReconnectingStream(recording, noted, "one", heard.tell, clock=clock, jitter=lambda: 0.0)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await heard.until(lambda: bool(heard.of(events.ConnectionLost)))
    server.refuse_status = 0
    if then == "the machine slept":
        way.reconnect()
    if then != "the recording ends":
        await heard.until(lambda: bool(heard.of(events.ConnectionOpened)))
    recording.close()
    way.give_up_after(100)
    await running
    (lost,) = heard.of(events.ConnectionLost)
    assert isinstance(lost, events.ConnectionLost)
    assert lost.wait_s == 2.0, "a viewer shows how long it waits"
    assert attempts[1] - attempts[0] >= 2.0
    assert heard.finals == [said(1)]


async def test_the_endpoint_may_name_the_time_as_a_date(server: Endpoint, recording: Recording) -> None:
    server.refuse_status, server.retry_after = 503, format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    heard = Heard()
    running = asyncio.create_task(linked(recording, server, heard).run())
    await heard.until(lambda: bool(heard.of(events.ConnectionLost)))
    (lost,) = heard.of(events.ConnectionLost)
    assert isinstance(lost, events.ConnectionLost)
    assert 3600 < lost.wait_s <= 7200
    running.cancel()


async def test_audio_that_the_endpoint_does_not_transcribe_in_time_stays_untranscribed(
    server: Endpoint, recording: Recording
) -> None:
    server.finish_s = 60.0
    heard = Heard()
    way = linked(recording, server, heard, drain_s=1.0)
    running = asyncio.create_task(way.run())
    recording.append(speech(1, 2, pause=0))
    recording.close()
    await running
    assert server.calls[0].terminated
    assert heard.finals == [said(1)]
    assert way.untranscribed == len(speech(2, pause=0)) // 2, "it can be sent later"


async def test_a_drain_that_is_shorter_than_the_wait_ends_without_another_attempt(
    server: Endpoint, recording: Recording
) -> None:
    server.refuse_status, server.retry_after = 429, "3600"
    heard = Heard()
    way = linked(recording, server, heard)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await heard.until(lambda: bool(heard.of(events.ConnectionLost)))
    server.refuse_status = 0
    recording.close()
    way.give_up_after(2)
    async with asyncio.timeout(10):
        await running
    assert not server.calls
    assert way.untranscribed == len(speech(1)) // 2, "it can be sent later"


async def test_giving_up_ends_a_session_that_never_connected(server: Endpoint, recording: Recording) -> None:
    server.refuse_status = 503
    heard = Heard()
    way = linked(recording, server, heard)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await heard.until(lambda: bool(heard.of(events.ConnectionLost)))
    recording.close()
    way.give_up_after(1)
    async with asyncio.timeout(5):
        await running
    assert way.opened == 0
    assert way.untranscribed == len(speech(1)) // 2, "it is known to be left"
    assert not heard.of(events.StreamFailed)


async def test_a_stop_does_not_wait_for_a_connection_that_is_being_opened(
    server: Endpoint, recording: Recording
) -> None:
    heard = Heard()
    way = linked(recording, server, heard)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await heard.until(lambda: len(heard.finals) == 1)
    server.begin_s = 60
    way.use_prompt("two")
    await server.wait_for(lambda: len(server.calls) == 2)
    recording.close()
    async with asyncio.timeout(10):
        await running
    assert heard.finals == [said(1)]


async def test_a_cut_while_draining_is_resumed_and_the_open_turn_is_heard(
    server: Endpoint, recording: Recording
) -> None:
    server.answer_s = 1.0
    heard = Heard()
    way = linked(recording, server, heard)
    running = asyncio.create_task(way.run())
    recording.append(speech(1) + speech(2)[: RATE // 2 * 2])
    await heard.until(lambda: len(heard.transcript) == 2)
    recording.close()
    await server.wait_for(lambda: len(server.calls[0].audio) == len(speech(1)) + RATE)
    await server.cut()
    await running
    assert heard.finals == [said(1), said(2)]


async def test_a_server_that_talks_nonsense_is_listened_to_all_the_same(server: Endpoint, recording: Recording) -> None:
    heard = Heard()
    running = asyncio.create_task(linked(recording, server, heard).run())
    await heard.until(lambda: bool(heard.of(events.ConnectionOpened)))
    call = server.calls[0].websocket
    assert call is not None
    for nonsense in ("", "{", "[]", '{"type":"Turn"}', '{"type":"Whatever","x":1}', "null", '{"type":1}', b"\x00\xff"):
        await call.send(nonsense)
    recording.append(speech(1))
    recording.close()
    await running
    assert heard.finals == [said(1)]
