"""Network faults: every sample and every turn arrives exactly once."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import loop_lag
from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.faults.engines import (
    Watch,
    assert_all_arrived,
    assert_each_turn_answered_once,
    assert_nothing_lost,
    fast,
    in_session,
    running,
    start_session,
)
from tests.faults.proxy import Proxy, between
from tui.model.commands import Stop, UsePrompt
from tui.model.events import State
from tui.stream import backoff

TURNS = 12
SOUND = speech(*range(1, TURNS + 1))


@pytest.fixture
async def line(server: Endpoint) -> AsyncIterator[tuple[Proxy, str]]:
    async with between(server.url) as proxied:
        yield proxied


@pytest.mark.parametrize("away_s", [0.0, 0.2, 2.0])
async def test_a_reset_and_a_refusal_lose_nothing(
    server: Endpoint, line: tuple[Proxy, str], tmp_path: Path, away_s: float
) -> None:
    proxy, url = line
    async with in_session(SOUND, url, tmp_path, clock=fast) as (watch, _):
        await watch.until_turn(3)
        proxy.refuse()
        await watch.until_state(State.RECONNECTING)
        await asyncio.sleep(away_s)
        await proxy.listen()
        await watch.until_over()
    assert watch.record.state is State.ENDED
    assert_nothing_lost(SOUND, watch, server.calls, TURNS)
    assert_each_turn_answered_once(watch)


async def test_ten_minutes_without_network_are_caught_up(
    server: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The clock goes a hundred times as fast as sleeps do, so that the longest wait must be short.
    monkeypatch.setattr(backoff, "BACKOFF_MAX_S", 1.0)
    sound = speech(*range(1, 79), samples=RATE * 5, pause=RATE * 5)
    async with in_session(sound, server.url, tmp_path, clock=lambda: time.monotonic() * 100) as (watch, _):
        await watch.until_turn(3)
        server.refuse_status = 503
        await server.cut()
        await watch.until_state(State.RECONNECTING)
        # The turn that was open when the line was cut is behind, too.
        await watch.until(lambda: watch.record.stats.lag_s > 620)
        assert watch.record.state is State.RECONNECTING
        server.refuse_status = 0
        await watch.until_over()
    assert watch.recorded == sound
    assert_all_arrived(sound, server.calls)
    assert [turn.text for turn in watch.finals] == [said(n, RATE * 5) for n in range(1, 79)]
    assert len(server.calls) == 2


async def test_a_silent_black_hole_is_noticed_within_five_seconds_and_loses_nothing(
    server: Endpoint, line: tuple[Proxy, str], tmp_path: Path
) -> None:
    proxy, url = line
    async with in_session(SOUND, url, tmp_path) as (watch, _):
        await watch.until_turn(2)
        async with loop_lag.measured() as machine:
            proxy.blackhole()
            gone = time.monotonic()
            await watch.until_state(State.RECONNECTING)
            assert time.monotonic() - gone - machine.late_s < 5
        recorded = watch.record.stats.elapsed_s
        await watch.until(lambda: watch.record.stats.elapsed_s > recorded)
        assert watch.record.state is State.RECONNECTING, "it records on meanwhile"
        assert watch.record.stats.lag_s > 0, "it is shown how far behind it is"
        proxy.restore()
        await watch.until_over()
    assert_nothing_lost(SOUND, watch, server.calls, TURNS)


async def test_a_name_that_cannot_be_found_for_a_while_loses_nothing(
    server: Endpoint, line: tuple[Proxy, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, url = line
    async with in_session(SOUND, url.replace("127.0.0.1", "localhost"), tmp_path, clock=fast) as (watch, _):
        await watch.until_turn(2)
        with monkeypatch.context() as patch:

            def nameless(*_: object, **__: object) -> None:
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

            patch.setattr(socket, "getaddrinfo", nameless)
            proxy.cut()
            await watch.until(lambda: "host name localhost was not found" in watch.record.reason)
        await watch.until_over()
    assert_nothing_lost(SOUND, watch, server.calls, TURNS)


async def test_a_line_hardly_faster_than_speech_is_kept(
    server: Endpoint, line: tuple[Proxy, str], tmp_path: Path
) -> None:
    proxy, url = line
    proxy.rate = 48_000
    watch = Watch()
    sound = speech(*range(1, 7))
    async with running(watch) as engine:
        await start_session(engine, sound, url, tmp_path)
        await watch.until_over()
    assert_nothing_lost(sound, watch, server.calls, 6)
    assert watch.record.stats.reconnects == 0


async def test_catching_up_over_a_narrow_line_takes_no_half_sent_audio_for_a_dead_one(
    server: Endpoint, line: tuple[Proxy, str], tmp_path: Path
) -> None:
    proxy, url = line
    async with in_session(SOUND, url, tmp_path) as (watch, _):
        await watch.until_turn(2)
        proxy.refuse()
        await watch.until(lambda: watch.record.stats.lag_s > 3)
        proxy.rate = 48_000
        await proxy.listen()
        await watch.until_over()
    assert_nothing_lost(SOUND, watch, server.calls, TURNS)
    assert len(server.calls) <= 3


async def test_a_slow_answer_of_the_line_loses_nothing(
    server: Endpoint, line: tuple[Proxy, str], tmp_path: Path
) -> None:
    proxy, url = line
    proxy.delay_s = 0.02
    watch = Watch()
    sound = speech(*range(1, 7))
    async with running(watch) as engine:
        await start_session(engine, sound, url, tmp_path)
        await watch.until_over()
    assert_nothing_lost(sound, watch, server.calls, 6)


async def test_an_endpoint_that_reads_nothing_for_a_while_gets_all_of_it_later(
    server: Endpoint, tmp_path: Path
) -> None:
    server.mute_after = 40
    async with in_session(SOUND, server.url, tmp_path) as (watch, _):
        await watch.until_state(State.RECONNECTING)
        server.mute_after = None
        server.let_go.set()
        await watch.until_over()
    assert_nothing_lost(SOUND, watch, server.calls, TURNS)


async def test_swaps_and_cuts_at_once_lose_nothing_and_ask_each_turn_once(
    server: Endpoint, line: tuple[Proxy, str], tmp_path: Path
) -> None:
    proxy, url = line
    server.answer_s = 0.2
    async with in_session(SOUND, url, tmp_path, clock=fast) as (watch, engine):
        for turn, prompt in ((2, "actions"), (3, "takeaway"), (4, "improve"), (6, "actions"), (9, "summary")):
            await watch.until_turn(turn)
            await engine.execute(UsePrompt(prompt))
            if turn in (3, 6):
                proxy.cut()
        await watch.until_over()
    assert_nothing_lost(SOUND, watch, server.calls, TURNS)
    asked = [gist.turn for gist in watch.record.gists.values()]
    assert sorted(asked, key=lambda turn: turn or 0) == list(range(1, TURNS + 1))
    assert watch.record.gists[TURNS].prompt == "summary"


async def test_a_refused_key_fails_with_what_to_do_and_the_recording_ends_properly(
    server: Endpoint, tmp_path: Path
) -> None:
    server.error_first, server.close_with = "Not authorized", (1008, "Not authorized")
    async with in_session(SOUND, server.url, tmp_path) as (watch, _):
        await watch.until_over()
    assert watch.record.state is State.FAILED
    assert "ASSEMBLYAI_API_KEY" in watch.record.hint
    assert SOUND.startswith(watch.recorded)
    assert len(server.calls) == 1


async def test_an_endpoint_that_lets_in_and_throws_out_is_not_stormed(server: Endpoint, tmp_path: Path) -> None:
    server.close_with = (1011, "")
    async with in_session(bytes(2 * RATE * 4), server.url, tmp_path, drain_timeout_s=1) as (watch, _):
        await watch.until_over()
    assert 2 < len(server.calls) < 20, "it is tried again, but not without a pause"
    assert watch.record.stats.untranscribed_s == 4
    assert any("livegist recover" in notice for notice in watch.notices)


async def test_a_stop_in_mid_turn_waits_for_the_turn_and_for_nothing_else(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    sound = speech(1, samples=RATE * 10)
    async with running(watch) as engine:
        await start_session(engine, sound, server.url, tmp_path)
        await watch.until_turn(1)
        await engine.execute(Stop())
        await watch.until_over()
    assert len(watch.recorded) < len(sound)
    assert watch.record.state is State.ENDED
    assert watch.record.stats.untranscribed_s == 0
    (turn,) = watch.finals
    assert turn.text == f"turn 1 of {len(watch.recorded) // 2} samples"


async def test_an_abandoned_session_waits_for_no_backlog(
    server: Endpoint, line: tuple[Proxy, str], tmp_path: Path
) -> None:
    proxy, url = line
    async with in_session(SOUND, url, tmp_path) as (watch, engine):
        await watch.until_turn(1)
        proxy.rate = 400
        await watch.until(lambda: watch.record.stats.lag_s > 1)
        await engine.execute(Stop())
        await engine.execute(Stop(abandon=True))
        await watch.until_over()
    assert watch.record.state is State.ENDED
    assert SOUND.startswith(watch.recorded)
    assert watch.record.stats.untranscribed_s > 1
    assert any("livegist recover" in notice for notice in watch.notices)
