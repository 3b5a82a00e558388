"""The engine: recording, journal, recovery, statistics and shutdown."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests import http_server
from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.faults.engines import (
    Watch,
    assert_all_arrived,
    assert_nothing_lost,
    engine,
    fast,
    options,
    running,
    start_session,
)
from tests.http_server import Answer
from tests.session_fixtures import STARTED, store_session
from tui.audio.sources import Source
from tui.config.schema import Config
from tui.engine.capture import Capture
from tui.engine.engine import Engine
from tui.errors import EngineError, SessionError, UsageError
from tui.model.commands import (
    Analyse,
    ListDevices,
    ListSessions,
    Mute,
    Option,
    Recover,
    Start,
    Stop,
    UsePrompt,
    UseSource,
)
from tui.model.events import (
    LevelChanged,
    Notice,
    SessionsListed,
    Severity,
    Snapshot,
    State,
    StateChanged,
    StatsChanged,
    UntranscribedChanged,
)
from tui.model.gists import GistStatus
from tui.model.transcript import without_words
from tui.paths import PACKAGE, log_file, sessions_dir
from tui.sessions.journal import fold, read
from tui.sessions.store import Store, StoredSession


def to(server: Endpoint) -> dict[str, Option]:
    return {"url": server.url, "analyse_at_end": False}


async def test_what_is_spoken_is_recorded_sent_and_told_once(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await start_session(built, speech(1, 2, 3, 4), server.url, tmp_path)
        await watch.until_over()
    assert_nothing_lost(speech(1, 2, 3, 4), watch, server.calls, 4)
    assert watch.states == [State.CONNECTING, State.LIVE, State.DRAINING, State.ENDED]
    assert watch.record.stats.untranscribed_s == 0
    assert watch.record.stats.expires_s is None, "a session that is over does not expire"
    levels = [event for event in watch.events if isinstance(event, LevelChanged)]
    assert len(levels) == 4 * 20


async def test_the_statistics_tell_the_session_as_it_is_and_was(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch) as built:
        await start_session(built, speech(*range(1, 9)), server.url, tmp_path, input_rate=1e6, output_rate=1e6)
        await watch.until(lambda: watch.record.stats.round_trip_ms is not None)
        call = server.calls[0].websocket
        assert call is not None
        beat = {"type": "Heartbeat", "total_audio_received_ms": 1, "total_duration_ms": 1, "realtime_factor": 0.254}
        await call.send(json.dumps(beat))
        await watch.until(lambda: watch.record.stats.realtime_factor == 0.25)
        live = watch.record.stats
        # A cut between a turn and its answer would take the answer along.
        await watch.until(lambda: 0 < len(watch.finals) == sum(g.status.over for g in watch.record.gists.values()))
        await server.cut()
        await watch.until_over()
    assert live.connections == 1
    assert live.reconnects == 0
    assert live.device == "cat"
    assert live.expires_s is not None
    assert 10_700 < live.expires_s <= 10_800
    over = watch.record.stats
    assert (over.elapsed_s, over.sent_s, over.lag_s, over.unsaved_s) == (8.0, 8.0, 0.0, 0.0)
    assert (over.turns, over.words) == (8, 8 * len(said(1).split()))
    assert over.words_per_minute == 8 * len(said(1).split()) / 4 * 60, "each turn takes half a second"
    assert (over.connections, over.reconnects) == (2, 1)
    assert (over.gists, over.input_tokens, over.output_tokens) == (8, 8 * 3, 8 * 2)
    assert over.cost_usd == pytest.approx(40, abs=0.1), "a dollar a token, and next to nothing for the connection"
    assert over.recording_bytes == watch.audio.stat().st_size
    assert None not in (over.final_p50_ms, over.final_p95_ms, over.gist_p50_ms)


async def test_the_journal_tells_the_session_as_it_was(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await start_session(built, speech(1, 2, 3), server.url, tmp_path)
        await watch.until_turn(2)
        await built.execute(UsePrompt("actions"))
        await watch.until_over()
        live = built.snapshot()
    kept = fold(read(watch.audio.with_name("events.jsonl")).entries)
    assert tuple(kept.transcript) == tuple(watch.record.transcript)
    assert tuple(without_words(turn) for turn in kept.transcript) == live.turns
    assert tuple(kept.gists.values()) == live.gists
    assert (kept.session, kept.state, kept.prompt, kept.muted) == (live.session, live.state, live.prompt, live.muted)
    assert kept.stats == live.stats


async def test_a_refused_prompt_is_told_and_the_one_before_stays(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await start_session(built, speech(*range(1, 7)), server.url, tmp_path)
        await watch.until_turn(2)
        server.error_first, server.close_with = "no such model", (3006, "no such model")
        await built.execute(UsePrompt("actions"))
        assert built.snapshot().prompt == "actions"
        await watch.until(lambda: any("The prompt 'actions' was rejected" in notice for notice in watch.notices))
        assert built.snapshot().prompt == "summary"
        await watch.until_over()
    assert_nothing_lost(speech(*range(1, 7)), watch, server.calls[:1], 6)
    assert {gist.prompt for gist in watch.record.gists.values()} == {"summary"}
    (refused,) = [notice for notice in watch.notices if "rejected" in notice]
    assert "no such model" in refused
    assert fold(read(watch.audio.with_name("events.jsonl")).entries).prompt == "summary"


async def test_what_the_endpoint_warns_of_and_says_of_speakers_later_is_told_and_kept(
    server: Endpoint, tmp_path: Path
) -> None:
    watch = Watch()
    server.configuration = {"model": "m", "ignored_parameters": ["redact_pii"]}
    async with running(watch, clock=fast) as built:
        await start_session(built, speech(*range(1, 7)), server.url, tmp_path)
        await watch.until(lambda: len(watch.finals) >= 1)
        call = server.calls[0].websocket
        assert call is not None
        await call.send(json.dumps({"type": "Warning", "warning_code": 1, "warning": "keyterms are ignored"}))
        revisions = [{"turn_order": 0, "speaker_label": "B"}]
        await call.send(json.dumps({"type": "SpeakerRevision", "revisions": revisions}))
        await watch.until(lambda: watch.finals[0].speaker == "B")
        await watch.until_over()
    assert any("keyterms are ignored" in notice for notice in watch.notices)
    assert any("ignores these parameters: redact_pii." in notice for notice in watch.notices)
    assert [turn.text for turn in watch.finals] == [said(n) for n in range(1, 7)]
    kept = fold(read(watch.audio.with_name("events.jsonl")).entries)
    assert [turn.speaker for turn in kept.transcript.finals] == ["B", None, None, None, None, None]
    assert [word.text for word in kept.transcript.finals[0].words] == [said(1)]


async def test_a_stop_while_the_whole_session_is_analysed_ends_the_analysis(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with (
        http_server.serving(Answer(body={"data": []}), Answer(hangs=True)) as llm,
        running(watch, clock=fast) as built,
    ):
        await start_session(built, speech(1, 2), server.url, tmp_path, analyse_at_end=True, llm_url=llm.url)
        await watch.until(lambda: any(gist.turn is None for gist in watch.record.gists.values()))
        await built.execute(Stop())
        await built.execute(Stop())
        await watch.until_over()
    assert_nothing_lost(speech(1, 2), watch, server.calls, 2)
    (analysis,) = [gist for gist in watch.record.gists.values() if gist.turn is None]
    assert (analysis.status, analysis.error) == (GistStatus.FAILED, "The request was cancelled.")
    assert fold(read(watch.audio.with_name("events.jsonl")).entries).gists == watch.record.gists


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


async def test_the_prompt_that_was_chosen_last_is_the_next_sessions(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await start_session(built, speech(1, 2), server.url, tmp_path)
        await watch.until_state(State.LIVE)
        await built.execute(UsePrompt("actions"))
        await built.wait_idle()
        await start_session(built, speech(1, 2), server.url, tmp_path)
        await built.wait_idle()
        during = fold(read(watch.audio.with_name("events.jsonl")).entries)
        await built.execute(UsePrompt("takeaway"))
        await start_session(built, speech(1, 2), server.url, tmp_path)
        await built.wait_idle()
        between = fold(read(watch.audio.with_name("events.jsonl")).entries)
    assert [(gist.turn, gist.prompt) for gist in during.gists.values()] == [(1, "actions"), (2, "actions")]
    assert [(gist.turn, gist.prompt) for gist in between.gists.values()] == [(1, "takeaway"), (2, "takeaway")]


async def test_a_second_session_starts_afresh(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, clock=fast) as built:
        for _ in range(2):
            await start_session(built, speech(1, 2), server.url, tmp_path)
            await built.wait_idle()
        assert [turn.number for turn in built.snapshot().turns] == [1, 2]
    assert len(list(Store(sessions_dir()))) == 2


async def test_what_cannot_be_done_is_refused_and_changes_nothing(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, clock=fast) as built:
        for command, why in (
            (Stop(), "No session is active"),
            (Mute(True), "No session is active"),
            (UseSource("mic"), "No session is active"),
            (Analyse(), "no session to analyse"),
            (Recover(), "All sessions are fully transcribed"),
        ):
            with pytest.raises(UsageError, match=why):
                await built.execute(command)
        assert watch.events == []
        await start_session(built, speech(1), server.url, tmp_path)
        with pytest.raises(UsageError, match="A session is already active"):
            await start_session(built, speech(1), server.url, tmp_path)
        await watch.until_over()
    assert_nothing_lost(speech(1), watch, server.calls, 1)


async def test_a_recording_that_is_missing_refuses_to_be_sent_and_the_next_session_is_heard(
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
    older = store_session(store, untranscribed_s=5.0)
    store_session(store, started=STARTED + timedelta(hours=1), untranscribed_s=5.0).audio.unlink()
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await watch.until(lambda: UntranscribedChanged((older.id,)) in watch.events)
        await built.execute(Recover(options=to(server)))
        (snapshot,) = [event for event in watch.events if isinstance(event, Snapshot)]
        await built.execute(Stop())
        await built.wait_idle()
    assert snapshot.session is not None
    assert snapshot.session.id == older.id


async def test_the_cost_of_a_continued_session_includes_what_it_cost_before(server: Endpoint) -> None:
    stored = store_session(Store(sessions_dir()), untranscribed_s=5.0)
    before = stored.load().stats
    stored.append(StatsChanged(replace(before, connected_s=7200.0, connections=3, reconnects=2)))
    stored.append(StateChanged(State.ENDED))
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await built.execute(Recover(stored.id, to(server)))
        await watch.until(lambda: watch.record.stats.connections > 3)
        await built.execute(Stop())
        await built.wait_idle()
    over = stored.load().stats
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
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await start_session(built, speech(1), server.url, tmp_path)
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


async def test_a_session_that_is_still_being_opened_says_so(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await start_session(built, speech(1), server.url, tmp_path)
        for command in (Stop(), Mute(True), UseSource("mic"), UsePrompt("actions")):
            with pytest.raises(UsageError, match="still opening"):
                await built.execute(command)
        await watch.until_over()
    assert watch.record.state is State.ENDED
    assert [turn.text for turn in watch.finals] == [said(1)]


async def test_an_analysis_after_the_end_is_kept(server: Endpoint, tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch, clock=fast) as built:
        await start_session(built, speech(1, 2), server.url, tmp_path)
        await watch.until_over()
        before = len(read(watch.audio.with_name("events.jsonl")).entries)
        await built.execute(Analyse())
        await watch.until(lambda: any(g.turn is None and g.status.over for g in watch.record.gists.values()))
    kept = fold(read(watch.audio.with_name("events.jsonl")).entries)
    assert len(read(watch.audio.with_name("events.jsonl")).entries) > before
    assert kept.gists == watch.record.gists


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


async def test_a_source_that_cannot_be_opened_is_told_and_another_may_be_chosen(
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
async def test_a_mistake_of_ours_in_capturing_ends_the_recording_and_what_there_is_of_it_is_heard(
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


async def test_a_sleep_of_the_machine_is_told_and_the_session_goes_on(server: Endpoint, tmp_path: Path) -> None:
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


async def test_what_was_never_transcribed_is_sent_later_and_each_turn_is_there_once(
    server: Endpoint, tmp_path: Path
) -> None:
    watch = Watch()
    sound = speech(1, 2, 3, 4, 5, 6)
    async with running(watch) as built:
        await start_session(built, sound, server.url, tmp_path, drain_timeout_s=0.5)
        await watch.until(lambda: len(watch.finals) >= 2)
        server.refuse_status = 503
        await server.cut()
        await watch.until_over()
    assert watch.record.stats.untranscribed_s > 1
    assert any(f"livegist recover {watch.audio.parent.name}" in notice for notice in watch.notices)
    assert watch.recorded == sound

    server.refuse_status = 0
    again = Watch()
    async with running(again) as built:
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
from tests.faults.engines import Watch, engine
from tui.model.commands import Start
from tui.model.events import StatsChanged

async def main():
    watch = Watch()
    built = engine(watch)
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


async def test_a_killed_engine_loses_a_moment_and_the_next_one_mends_lists_and_sends_the_rest(
    server: Endpoint, tmp_path: Path
) -> None:
    sound = speech(*range(1, 12))
    server.mute_after = 60
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
        assert f"livegist recover {id}" in notice.hint
        assert not built.pop_notices(), "it is told once"
        recorded = (sessions_dir() / id / "audio.wav").read_bytes()[44:]
        assert sound.startswith(recorded), "what is recorded is what was spoken"
        assert len(recorded) >= (spoken_at - 0.25) * 2 * RATE
        before = [turn.text for turn in fold(read(sessions_dir() / id / "events.jsonl").entries).transcript.finals]
        assert before == [said(n) for n in range(1, len(before) + 1)]
        assert len(before) <= 3, "the endpoint took no more than three seconds"
        await built.execute(Recover(id, to(server)))
        await watch.until_over()
    assert watch.record.state is State.ENDED
    assert_all_arrived(recorded, server.calls)
    whole = len(recorded) // (2 * RATE)
    assert whole >= 5
    finals = fold(read(sessions_dir() / id / "events.jsonl").entries).transcript.finals
    assert [turn.text for turn in finals][:whole] == [said(n) for n in range(1, whole + 1)]
    assert len(finals) <= whole + 1


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


async def test_devices_are_told_to_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    from tui.audio.devices import Device
    from tui.model.devices import DeviceInfo
    from tui.model.events import DevicesListed

    monkeypatch.setattr("tui.engine.device_monitor.list_devices", lambda: [Device("USB", "ALSA", 1, 48_000, False)])
    monkeypatch.setattr("tui.engine.device_monitor.describe_system", lambda: "Speakers")
    watch = Watch()
    async with running(watch) as built:
        answer = await built.execute(ListDevices())
    assert answer == DevicesListed(
        (
            DeviceInfo("mic", "the default device", default=True),
            DeviceInfo("mic:USB", "USB", "ALSA"),
            DeviceInfo("system", "system", "what this machine plays: Speakers"),
        )
    )
    assert watch.events == []


async def test_the_snapshot_of_a_session_that_failed_to_start_says_why(tmp_path: Path) -> None:
    watch = Watch()
    async with running(watch) as built:
        await built.execute(Start({"source": str(tmp_path / "missing.wav"), "url": "ws://127.0.0.1:1"}))
        await watch.until_over()
        assert built.snapshot().state is State.FAILED
        assert "missing.wav" in built.snapshot().reason
    assert list(Store(sessions_dir())) == []
