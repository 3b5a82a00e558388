"""The source of a session: mute, another source, failures of capture, sleep of the machine."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.faults.engines import Watch, assert_all_arrived, assert_nothing_lost, fast, running, start_session
from tui.audio.sources import Source
from tui.engine.capture import Capture
from tui.engine.engine import Engine
from tui.model.commands import Mute, UseSource
from tui.model.events import Notice, State
from tui.paths import PACKAGE, log_file, sessions_dir
from tui.sessions.journal import read
from tui.sessions.store import Store


async def test_a_muted_session_records_and_sends_silence(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    sound = speech(1, samples=RATE * 4)
    async with running(watch) as built:
        await start_session(built, sound, server.url, tmp_path)
        await watch.until_turn(1)
        await built.execute(Mute(True))
        await watch.until_over()
    assert len(watch.recorded) == len(sound)
    muted_at = len(watch.recorded.rstrip(b"\0"))
    assert 0 < muted_at < RATE * 8
    assert_all_arrived(watch.recorded, server.calls)


async def test_another_source_is_taken_live_without_ending_the_session(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    other = tmp_path / "other.raw"
    other.write_bytes(speech(7))
    async with running(watch) as built:
        await start_session(built, speech(1, 2, samples=RATE * 2), server.url, tmp_path)
        await watch.until_turn(1)
        await built.execute(UseSource(f"cmd:cat {other}"))
        await watch.until_over()
    assert said(7) in [turn.text for turn in watch.finals]
    assert watch.states.count(State.CONNECTING) == 1
    assert_all_arrived(watch.recorded, server.calls)


async def test_a_source_that_cannot_be_opened_is_reported_and_another_can_be_chosen(
    server: Endpoint, tmp_path: Path
) -> None:
    watch = Watch()
    other = tmp_path / "other.raw"
    other.write_bytes(speech(7))
    async with running(watch) as built:
        await start_session(built, speech(1, 2, samples=RATE * 2), server.url, tmp_path)
        await watch.until_turn(1)
        await built.execute(UseSource("cmd:no-such-program"))
        await watch.until(lambda: any("no-such-program" in notice for notice in watch.notices))
        await built.execute(UseSource(f"cmd:cat {other}"))
        await watch.until_over()
    assert said(7) in [turn.text for turn in watch.finals]


@pytest.mark.internal_error
async def test_an_internal_error_of_capture_ends_the_recording_and_the_rest_is_transcribed(
    server: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Capture.run

    async def broken(capture: Capture, source: Source, opened: AsyncExitStack) -> None:
        await run(capture, source, opened)
        raise ZeroDivisionError("of ours")

    watch = Watch()
    monkeypatch.setattr(Capture, "run", broken)
    async with running(watch, clock=fast) as built:
        await start_session(built, speech(1, 2, 3), server.url, tmp_path)
        await watch.until_over()
    assert any("Internal error: recording stopped." in notice for notice in watch.notices)
    assert watch.record.state is State.ENDED
    assert_nothing_lost(speech(1, 2, 3), watch, server.calls, 3)


async def test_a_sleep_of_the_machine_is_reported_and_the_session_continues(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    asleep = 0.0
    built = Engine(
        watch.publish,
        store=Store(sessions_dir()),
        prompt_folders=(PACKAGE / "prompts",),
        log_file=log_file(),
        boot_clock=lambda: time.monotonic() + asleep,
    )
    task = asyncio.create_task(built.run())
    await start_session(built, speech(1, 2, 3, 4), server.url, tmp_path)
    await watch.until_turn(1)
    asleep = 3600.0
    await watch.until(lambda: any("slept for 3600 s" in notice for notice in watch.notices))
    await watch.until_over()
    built.quit()
    await task
    assert len(server.calls) == 2, "the connection of before was given up"
    assert_nothing_lost(speech(1, 2, 3, 4), watch, server.calls, 4)
    kept = [entry.event for entry in read(watch.audio.with_name("events.jsonl")).entries]
    assert any(isinstance(event, Notice) and "slept" in event.text for event in kept), "the gap is marked"
