"""The end of a session: what it waits for is published, and the wait can be ended."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import fake_endpoint
from tests.fake_endpoint import RATE, Endpoint, speech
from tests.faults.engines import Watch, in_session, running, start_session
from tests.faults.proxy import between
from tui.model.commands import Stop
from tui.model.events import State
from tui.stream import active_connection

LONG = speech(1, samples=RATE * 60)


@pytest.fixture
async def server() -> AsyncIterator[Endpoint]:
    async with fake_endpoint.running() as running:
        yield running


async def test_a_session_without_connection_says_why_it_waits_and_how_long_until_it_is_abandoned(
    server: Endpoint, tmp_path: Path
) -> None:
    watch = Watch()
    async with between(server.url) as (proxy, url), running(watch) as engine:
        await start_session(engine, LONG, url, tmp_path)
        await watch.until(lambda: watch.record.stats.elapsed_s > 2)
        proxy.refuse()
        await watch.until_state(State.RECONNECTING)
        await engine.execute(Stop())
        await watch.until(lambda: watch.record.stats.wait_left_s is not None)
        assert watch.states[-1] is State.DRAINING
        assert "Nothing listens at 127.0.0.1:" in watch.record.reason
        first_s = watch.record.stats.wait_left_s
        assert first_s is not None

        await engine.execute(Stop())
        await watch.until(lambda: (watch.record.stats.wait_left_s or first_s) < first_s)
        assert watch.states[-1] is State.DRAINING, "another stop of a viewer ends no wait"

        await engine.execute(Stop(abandon=True))
        await watch.until_over()
    assert watch.record.state is State.ENDED
    assert watch.record.stats.wait_left_s is None
    assert watch.record.stats.untranscribed_s > 0
    assert not list(watch.record.transcript), "a turn that has no end is transcribed later, with the rest"
    assert any("press t or run: livegist recover" in notice for notice in watch.notices)


async def test_a_session_that_is_connected_again_says_what_it_waits_for_then(
    server: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Catching up takes several intervals of the statistics.
    monkeypatch.setattr(active_connection, "MAX_SEND_RATE", 1.0)
    watch = Watch()
    async with between(server.url) as (proxy, url), running(watch) as engine:
        await start_session(engine, LONG, url, tmp_path)
        await watch.until_turn(1)
        proxy.blackhole()
        await watch.until_state(State.RECONNECTING)
        await engine.execute(Stop())
        await watch.until_state(State.DRAINING)
        proxy.restore()
        await watch.until(lambda: watch.record.reason == "Sending the rest of the recording.")
        await watch.until_over()
    assert (watch.record.state, watch.record.stats.untranscribed_s) == (State.ENDED, 0)


async def test_an_engine_that_quits_while_a_session_finishes_waits_for_the_last_turn(
    server: Endpoint, tmp_path: Path
) -> None:
    async with in_session(LONG, server.url, tmp_path) as (watch, engine):
        await watch.until_turn(1)
        await engine.execute(Stop())
    assert (watch.record.state, watch.record.stats.untranscribed_s) == (State.ENDED, 0)
    assert len(watch.finals) == 1
