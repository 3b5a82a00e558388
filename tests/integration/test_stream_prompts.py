"""A new or edited prompt is used on a new connection, and no turn is lost at the change."""

import asyncio
import time
from typing import Any

import pytest

from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.integration.reconnecting_harness import EventLog, linked, spoken_once, target
from tui.audio.recording import Recording
from tui.stream import events, reconnecting
from tui.stream.connection import Connection
from tui.stream.reconnecting import ReconnectingStream, Target


async def test_a_change_of_the_prompt_applies_to_later_turns_and_old_answers_still_arrive(
    server: Endpoint, recording: Recording
) -> None:
    server.answer_s = 0.5
    log = EventLog()
    way = linked(recording, server, log)
    running = asyncio.create_task(way.run())
    recording.append(speech(1) + speech(2)[: RATE // 2])
    await log.until(lambda: len(log.transcript) == 2)
    way.use_prompt("two")
    await log.until(lambda: len(log.of(events.ConnectionOpened)) == 2)
    recording.append(speech(2)[RATE // 2 :] + speech(3))
    recording.close()
    await running
    assert log.finals == [said(1), said(2), said(3)]
    assert log.answers == [
        (1, "one", f"one: {said(1)}"),
        (2, "two", f"two: {said(2)}"),
        (3, "two", f"two: {said(3)}"),
    ]
    assert not log.of(events.ConnectionLost)


async def test_five_changes_of_the_prompt_in_a_row_open_one_connection_for_the_last(
    server: Endpoint, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnecting, "SETTLE_S", 2.0)
    log = EventLog()
    way, running = await spoken_once(recording, server, log)
    for prompt in ("two", "three", "four", "one", "five"):
        way.use_prompt(prompt)
        await asyncio.sleep(0.05)
    await log.until(lambda: len(log.of(events.ConnectionOpened)) >= 2)
    recording.append(speech(2))
    recording.close()
    await running
    assert log.answers[-1][:2] == (2, "five")
    assert log.finals == [said(1), said(2)]
    assert len(server.calls) == 2


async def test_a_connection_that_opens_after_its_prompt_was_replaced_is_ended(
    server: Endpoint, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_connection = Connection.open
    log = EventLog()
    way = linked(recording, server, log)

    async def opened(url: str, key: str) -> Connection:
        connection = await open_connection(url, key)
        if len(server.calls) == 2:
            way.use_prompt("three")
        return connection

    monkeypatch.setattr(Connection, "open", opened)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await log.until(lambda: len(log.finals) == 1)
    way.use_prompt("two")
    await log.until(lambda: len(log.of(events.ConnectionOpened)) == 2)
    recording.append(speech(2))
    recording.close()
    await running
    assert [call.prompt for call in server.calls] == ["one", "two", "three"]
    assert server.calls[1].terminated, "the endpoint bills by the second"
    assert log.answers[-1][:2] == (2, "three")


async def test_a_change_of_the_prompt_while_reconnecting_applies_to_the_next_connection(
    server: Endpoint, recording: Recording
) -> None:
    log = EventLog()
    way, running = await spoken_once(recording, server, log)
    server.refuse_status = 503
    await server.cut()
    await log.until(lambda: len(log.of(events.ConnectionLost)) > 1)
    way.use_prompt("two")
    server.refuse_status = 0
    recording.append(speech(2))
    recording.close()
    await running
    assert log.answers[-1][:2] == (2, "two")
    assert log.finals == [said(1), said(2)]


class Edited:
    """A prompt whose text is edited while a session uses it."""

    def __init__(self, server: Endpoint) -> None:
        self._server = server
        self.text = "first"

    async def target(self, _: str) -> Target:
        return await target(self._server)(self.text)


async def answered_once(
    recording: Recording, log: EventLog, prompt: Edited
) -> tuple[ReconnectingStream, "asyncio.Task[None]"]:
    """Start a stream and wait for the answer about its first turn."""
    way = ReconnectingStream(recording, prompt.target, "one", log.record, clock=lambda: time.monotonic() * 10)
    running = asyncio.create_task(way.run())
    recording.append(speech(1))
    await log.until(lambda: len(log.answers) == 1)
    return way, running


async def test_an_edit_while_the_connection_of_the_edit_before_is_opened_takes_effect(
    server: Endpoint, recording: Recording
) -> None:
    log, prompt = EventLog(), Edited(server)
    way, running = await answered_once(recording, log, prompt)
    server.begin_s = 20
    prompt.text = "second"
    way.renew()
    await server.wait_for(lambda: len(server.calls) == 2)
    prompt.text = "third"
    way.renew()
    server.let_go.set()
    await log.until(lambda: len(log.of(events.ConnectionOpened)) == 3)
    recording.append(speech(2))
    recording.close()
    await running
    assert log.answers == [(1, "one", f"first: {said(1)}"), (2, "one", f"third: {said(2)}")]
    assert len(server.calls) == 3


async def test_an_edit_while_reconnecting_takes_effect(server: Endpoint, recording: Recording) -> None:
    log, prompt = EventLog(), Edited(server)
    way, running = await answered_once(recording, log, prompt)
    server.begin_s = 20
    await server.cut()
    await server.wait_for(lambda: len(server.calls) == 2)
    prompt.text = "second"
    way.renew()
    server.let_go.set()
    await log.until(lambda: len(log.of(events.ConnectionOpened)) == 3)
    recording.append(speech(2))
    recording.close()
    await running
    assert log.answers == [(1, "one", f"first: {said(1)}"), (2, "one", f"second: {said(2)}")]


async def test_an_edit_that_the_endpoint_rejects_is_reported_and_tried_once(
    server: Endpoint, recording: Recording
) -> None:
    log, prompt = EventLog(), Edited(server)
    way, running = await answered_once(recording, log, prompt)
    server.error_first, server.close_with = "no such model", (3006, "no such model")
    prompt.text = "second"
    way.renew()
    await log.until(lambda: bool(log.of(events.PromptRefused)))
    recording.append(speech(2))
    recording.close()
    await running
    (refused,) = log.of(events.PromptRefused)
    assert isinstance(refused, events.PromptRefused)
    assert (refused.prompt, refused.kept) == ("one", "one")
    assert log.answers[-1] == (2, "one", f"first: {said(2)}")
    assert len(server.calls) == 2


async def test_changes_while_a_connection_is_opened_leave_no_callbacks_behind(
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
    way = linked(recording, server, EventLog())
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


async def test_a_refused_prompt_leaves_the_session_on_the_old_one(server: Endpoint, recording: Recording) -> None:
    log = EventLog()
    way, running = await spoken_once(recording, server, log)
    server.error_first, server.close_with = "no such model", (3006, "no such model")
    way.use_prompt("two")
    await log.until(lambda: bool(log.of(events.PromptRefused)))
    recording.append(speech(2))
    recording.close()
    await running
    assert log.answers[-1][:2] == (2, "one")
