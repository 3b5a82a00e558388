"""An engine that is told to exit ends its session within its time."""

import asyncio
import time
from pathlib import Path

from tests.fake_endpoint import RATE, Endpoint, speech
from tests.faults.engines import Watch, engine, start_session
from tui.model.events import State
from tui.model.gists import GistStatus


async def test_an_engine_that_is_told_to_end_finalises_everything_within_its_time(
    server: Endpoint, tmp_path: Path
) -> None:
    watch = Watch()
    server.answer_s = 1.0
    built = engine(watch)
    task = asyncio.create_task(built.run())
    await start_session(built, speech(1, samples=RATE * 30), server.url, tmp_path)
    await watch.until_turn(1)
    began = time.monotonic()
    built.quit()
    await task
    assert time.monotonic() - began < 15
    assert watch.record.state is State.ENDED
    assert watch.finals[0].text == f"turn 1 of {len(watch.recorded) // 2} samples"
    assert [gist.status for gist in watch.record.gists.values()] == [GistStatus.DONE], "its answer was waited for"
    assert watch.record.stats.untranscribed_s == 0


async def test_an_engine_whose_endpoint_says_nothing_more_ends_within_fifteen_seconds(
    server: Endpoint, tmp_path: Path
) -> None:
    watch = Watch()
    server.mute_after = 10
    built = engine(watch)
    task = asyncio.create_task(built.run())
    await start_session(built, speech(*range(1, 40)), server.url, tmp_path)
    await watch.until(lambda: watch.record.stats.elapsed_s > 3)
    server.mute_after = 0
    began = time.monotonic()
    built.quit()
    await task
    assert time.monotonic() - began < 15
    assert watch.record.state is State.ENDED
    assert watch.record.stats.untranscribed_s > 0
    assert any(f"livegist recover {watch.audio.parent.name}" in notice for notice in watch.notices)
    assert speech(*range(1, 40)).startswith(watch.recorded)
