"""A connection is renewed before it expires."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from tests.fake_endpoint import Endpoint, said, speech
from tests.integration.reconnecting_harness import EventLog, linked, spoken_once
from tui.audio.recording import Recording
from tui.stream import active_connection, events, reconnecting


@pytest.fixture
def short_life(server: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let connections expire after one to two seconds: the endpoint gives its time in whole seconds."""
    monkeypatch.setattr(active_connection, "MIN_LIFE_S", 0.5)
    server.life_s = 2


@pytest.mark.usefixtures("short_life")
async def test_a_renewal_that_is_refused_is_not_tried_again_and_the_connection_goes_on(
    server: Endpoint, recording: Recording
) -> None:
    log = EventLog()
    running = asyncio.create_task(linked(recording, server, log).run())
    recording.append(speech(1))
    await log.until(lambda: len(log.answers) == 1)
    server.error_first, server.close_with = "no more for today", (3006, "no more for today")
    await server.wait_for(lambda: len(server.calls) == 2)
    # Time for some more tries, if there were any.
    await asyncio.sleep(5 * reconnecting.SETTLE_S)
    recording.append(speech(2))
    recording.close()
    await running
    assert len(server.calls) == 2
    assert log.answers[-1] == (2, "one", f"one: {said(2)}")
    assert not log.of(events.PromptRefused)


@pytest.mark.usefixtures("short_life")
async def test_a_connection_is_renewed_before_it_expires(server: Endpoint, recording: Recording) -> None:
    log = EventLog()
    running = asyncio.create_task(linked(recording, server, log).run())
    recording.append(speech(1))
    await log.until(lambda: len(log.of(events.ConnectionOpened)) == 2)
    recording.append(speech(2))
    recording.close()
    await running
    assert log.finals == [said(1), said(2)]
    assert not log.of(events.ConnectionLost)


@pytest.mark.parametrize("wrong_s", [-86_400, 86_400])
async def test_a_wall_clock_that_is_wrong_or_jumps_changes_nothing(
    server: Endpoint, recording: Recording, monkeypatch: pytest.MonkeyPatch, wrong_s: int
) -> None:
    monkeypatch.setattr(active_connection, "time", SimpleNamespace(time=lambda: time.time() + wrong_s))
    log = EventLog()
    _, running = await spoken_once(recording, server, log)
    monkeypatch.setattr(active_connection, "time", SimpleNamespace(time=lambda: time.time() - wrong_s))
    recording.append(speech(2))
    await log.until(lambda: len(log.finals) == 2)
    call = server.calls[0].websocket
    assert call is not None
    await call.close(3008, "Session expired")
    recording.append(speech(3))
    recording.close()
    await running
    assert log.finals == [said(1), said(2), said(3)]
    assert len(server.calls) == 2, "only what the endpoint ended was opened again"
