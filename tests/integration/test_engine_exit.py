"""An engine that has to exit ends its session within its time."""

import asyncio
from pathlib import Path

import pytest

from tests.fake_endpoint import RATE, Endpoint, speech
from tests.faults.engines import PATIENCE_S, Watch, engine, start_session
from tui.engine import session_slot
from tui.model.events import State
from tui.model.gists import GistStatus


async def test_an_engine_that_has_to_exit_finalises_the_open_turn_and_waits_for_its_answer(
    server: Endpoint, tmp_path: Path
) -> None:
    watch = Watch()
    server.answer_s = 1.0
    built = engine(watch)
    task = asyncio.create_task(built.run())
    await start_session(built, speech(1, samples=RATE * 30), server.url, tmp_path)
    await watch.until_turn(1)
    built.quit()
    await task
    assert watch.record.state is State.ENDED
    assert watch.finals[0].text == f"turn 1 of {len(watch.recorded) // 2} samples"
    assert [gist.status for gist in watch.record.gists.values()] == [GistStatus.DONE], "its answer was waited for"
    assert watch.record.stats.untranscribed_s == 0


async def test_an_engine_whose_endpoint_says_nothing_more_exits_long_before_the_drain_is_over(
    server: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_slot, "SHUTDOWN_S", 1.0)
    watch = Watch()
    server.mute_after = 10
    built = engine(watch)
    task = asyncio.create_task(built.run())
    await start_session(built, speech(*range(1, 40)), server.url, tmp_path)
    await watch.until(lambda: watch.record.stats.elapsed_s > 1)
    server.mute_after = 0
    built.quit()
    async with asyncio.timeout(PATIENCE_S):
        await task
    assert watch.record.state is State.ENDED
    assert watch.record.stats.untranscribed_s > 0
    assert any("press t or run: livegist recover" in notice for notice in watch.notices)
    assert speech(*range(1, 40)).startswith(watch.recorded)
