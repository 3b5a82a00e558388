"""Transcribing later what a session left untranscribed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.faults.engines import (
    SPEED,
    Watch,
    assert_all_arrived,
    engine,
    fast,
    in_session,
    options,
    running,
    start_session,
)
from tests.session_fixtures import STARTED, store_session
from tui.config.schema import Config
from tui.errors import EngineError, SessionError, UsageError
from tui.model.commands import ListSessions, Option, Recover
from tui.model.events import SessionsListed, Severity, Snapshot, State, StateChanged, StatsChanged, UntranscribedChanged
from tui.paths import sessions_dir
from tui.sessions.journal import fold, read
from tui.sessions.store import Store, StoredSession


def to(server: Endpoint) -> dict[str, Option]:
    return {"url": server.url, "analyse_at_end": False}


async def test_a_recording_that_is_missing_refuses_to_be_sent_and_the_next_session_is_transcribed(
    server: Endpoint, tmp_path: Path
) -> None:
    stored = store_session(Store(sessions_dir()), untranscribed_s=5.0)
    stored.audio.unlink()
    watch = Watch()
    async with running(watch, clock=fast) as built:
        with pytest.raises(SessionError, match="No such file"):
            await built.execute(Recover(stored.id, to(server)))
        assert watch.states == []
        await start_session(built, speech(1), server.url, tmp_path)
        await watch.until_over()
    assert watch.record.state is State.ENDED
    assert [turn.text for turn in watch.finals] == [said(1)]


async def test_a_missing_recording_does_not_keep_an_older_session_from_being_sent(server: Endpoint) -> None:
    store = Store(sessions_dir())
    older = store_session(store, sound=speech(*range(1, 31)), untranscribed_s=5.0)
    store_session(store, started=STARTED + timedelta(hours=1), untranscribed_s=5.0).audio.unlink()
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await watch.until(lambda: UntranscribedChanged((older.id,)) in watch.events)
        await built.execute(Recover(options=to(server)))
        (snapshot,) = [event for event in watch.events if isinstance(event, Snapshot)]
        await built.wait_idle()
    assert snapshot.session is not None
    assert snapshot.session.id == older.id


async def test_the_cost_of_a_continued_session_includes_what_it_cost_before(server: Endpoint) -> None:
    stored = store_session(Store(sessions_dir()), sound=speech(*range(1, 31)), untranscribed_s=5.0)
    before = stored.load().stats
    stored.append(StatsChanged(replace(before, connected_s=7200.0, connections=3, reconnects=2)))
    stored.append(StateChanged(State.ENDED))
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await built.execute(Recover(stored.id, to(server)))
        await built.wait_idle()
    over = stored.load().stats
    assert over.connections > 3
    assert over.connected_s > 7200
    assert over.cost_usd == pytest.approx(
        over.connected_s / 3600 * Config().hourly_rates[Config().speech_model], abs=1e-3
    )
    assert over.reconnects >= 2


class SlowStore(Store):
    """A store on a slow disk: `interrupted` waits until `answer` is set."""

    slow = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.answer = threading.Event()
        self.answered: list[bool] = []

    def interrupted(self) -> Iterator[StoredSession]:
        if self.slow:
            self.answered.append(self.answer.wait(5.0))
        yield from super().interrupted()


async def test_while_sessions_are_looked_through_for_what_to_recover_the_engine_goes_on(server: Endpoint) -> None:
    watch, store = Watch(), SlowStore(sessions_dir())
    built = engine(watch, store=store)
    task = asyncio.create_task(built.run())
    assert isinstance(await built.execute(ListSessions()), SessionsListed)
    store.slow = True
    recovering = asyncio.create_task(built.execute(Recover(options=to(server))))
    assert isinstance(await built.execute(ListSessions()), SessionsListed)
    store.answer.set()
    with pytest.raises(UsageError, match="fully transcribed"):
        await recovering
    assert store.answered == [True], "another command was answered meanwhile"
    built.quit()
    await task


async def test_an_engine_that_quits_while_it_looks_for_what_to_recover_begins_nothing(server: Endpoint) -> None:
    store_session(Store(sessions_dir()), untranscribed_s=5.0)
    watch, store = Watch(), SlowStore(sessions_dir())
    built = engine(watch, store=store)
    task = asyncio.create_task(built.run())
    await watch.until(lambda: any(isinstance(event, UntranscribedChanged) for event in watch.events))
    store.slow = True
    recovering = asyncio.create_task(built.execute(Recover(options=to(server))))
    await built.execute(ListSessions())
    built.quit()
    store.answer.set()
    with pytest.raises(EngineError, match="engine is exiting"):
        await recovering
    await task
    assert watch.states == []
    assert server.calls == []


async def test_a_recovery_while_a_session_is_under_way_is_refused_for_that(server: Endpoint, tmp_path: Path) -> None:
    async with in_session(speech(1), server.url, tmp_path, clock=fast) as (watch, built):
        with pytest.raises(UsageError, match="A session is already active"):
            await built.execute(Recover(options=to(server)))
        await watch.until_over()


async def test_recover_says_if_a_session_is_recorded_by_another_process_or_unknown(server: Endpoint) -> None:
    stored = store_session(Store(sessions_dir()), untranscribed_s=5.0)
    journal = stored.open_journal()
    async with running(Watch()) as built:
        with pytest.raises(SessionError, match=f"The session {stored.id} is active"):
            await built.execute(Recover(stored.id, to(server)))
        with pytest.raises(UsageError, match="There is no session 'unknown'"):
            await built.execute(Recover("unknown", to(server)))
    journal.close()
    assert server.calls == []


async def test_untranscribed_audio_is_sent_later_and_each_turn_occurs_once(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    sound = speech(1, 2, 3, 4, 5, 6)
    async with running(watch, clock=fast) as built:
        await start_session(built, sound, server.url, tmp_path, drain_timeout_s=0.5)
        await watch.until(lambda: len(watch.finals) >= 2)
        server.refuse_status = 503
        await server.cut()
        await watch.until_over()
    assert watch.record.stats.untranscribed_s > 1
    assert any("press t or run: livegist recover" in notice for notice in watch.notices)
    assert watch.recorded == sound

    server.refuse_status = 0
    again = Watch()
    async with running(again, clock=fast) as built:
        id = watch.audio.parent.name
        await again.until(lambda: UntranscribedChanged((id,)) in again.events)
        assert built.snapshot().untranscribed == (id,)
        await built.execute(Recover(options=to(server)))
        (snapshot,) = [event for event in again.events if isinstance(event, Snapshot)]
        assert len(snapshot.turns) >= 2, "what is known is shown at once"
        await again.until_over()
        await again.until(lambda: UntranscribedChanged(()) in again.events)
        assert [turn.text for turn in built.snapshot().turns] == [said(n) for n in range(1, 7)]
        with pytest.raises(UsageError, match="fully transcribed"):
            await built.execute(Recover(options=to(server)))
    kept = fold(read(watch.audio.with_name("events.jsonl")).entries)
    assert [(turn.number, turn.text) for turn in kept.transcript.finals] == [(n, said(n)) for n in range(1, 7)]
    assert kept.state is State.ENDED
    assert sorted(gist.turn or 0 for gist in kept.gists.values()) == list(range(1, 7))
    assert_all_arrived(watch.recorded, server.calls)


SCRIPT = """
import asyncio, json, sys
from pathlib import Path
from tests.faults.engines import Watch, engine, fast
from tui.model.commands import Start
from tui.model.events import StatsChanged

async def main():
    watch = Watch()
    built = engine(watch, clock=fast)
    def publish(event):
        before = watch.record.session
        watch.publish(event)
        if before is None and watch.record.session is not None:
            print(watch.record.session.id, flush=True)
        if isinstance(event, StatsChanged) and event.stats.elapsed_s >= 5.5:
            print(event.stats.elapsed_s, flush=True)
    built._publish = publish
    task = asyncio.create_task(built.run())
    await built.execute(Start(json.loads(sys.argv[1])))
    await task

asyncio.run(main())
"""


async def test_a_killed_engine_loses_a_moment_and_the_next_one_repairs_lists_and_transcribes_the_session(
    server: Endpoint, tmp_path: Path
) -> None:
    sound = speech(*range(1, 12))
    server.mute_after = 20
    given = json.dumps(options(sound, server.url, tmp_path))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, given, stdout=subprocess.PIPE, env=os.environ, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    async with asyncio.timeout(30):
        id = (await child.stdout.readline()).decode().strip()
        spoken_at = float((await child.stdout.readline()).decode())
    child.send_signal(signal.SIGKILL)
    await child.wait()
    server.mute_after = None
    server.let_go.set()

    watch = Watch()
    async with running(watch, clock=fast) as built:
        await asyncio.sleep(0)
        (notice,) = built.pop_notices()
        assert notice.severity is Severity.WARNING
        assert (id in notice.text, notice.hint) == (True, "To transcribe the rest, press t or run: livegist recover")
        assert not built.pop_notices(), "it is reported once"
        recorded = (sessions_dir() / id / "audio.wav").read_bytes()[44:]
        assert sound.startswith(recorded), "what is recorded is what was spoken"
        assert len(recorded) >= (spoken_at - 0.25 * SPEED) * 2 * RATE
        before = [turn.text for turn in fold(read(sessions_dir() / id / "events.jsonl").entries).transcript.finals]
        assert before == [said(n) for n in range(1, len(before) + 1)]
        assert len(before) <= 4, "the endpoint took 20 messages, each of at most 0.2 s"
        await built.execute(Recover(id, to(server)))
        await watch.until_over()
    assert watch.record.state is State.ENDED
    assert_all_arrived(recorded, server.calls)
    whole = len(recorded) // (2 * RATE)
    assert whole >= 5
    finals = fold(read(sessions_dir() / id / "events.jsonl").entries).transcript.finals
    assert [turn.text for turn in finals][:whole] == [said(n) for n in range(1, whole + 1)]
    assert len(finals) <= whole + 1
