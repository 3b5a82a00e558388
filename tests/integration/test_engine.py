"""A session in the engine: recording, journal, statistics, gists and refused commands."""

import json
from pathlib import Path

import pytest

from tests import http_server
from tests.fake_endpoint import Endpoint, said, speech
from tests.faults.engines import Watch, assert_nothing_lost, fast, in_session, running, start_session
from tests.http_server import Answer
from tui.errors import UsageError
from tui.model.commands import Analyse, ListDevices, Mute, NameSpeaker, Recover, Start, Stop, UsePrompt, UseSource
from tui.model.events import LevelChanged, State
from tui.model.gists import GistStatus
from tui.model.transcript import without_words
from tui.paths import sessions_dir
from tui.sessions.journal import fold, read
from tui.sessions.store import Store


async def test_speech_is_recorded_sent_and_published_once(server: Endpoint, tmp_path: Path) -> None:
    async with in_session(speech(1, 2, 3, 4), server.url, tmp_path, clock=fast) as (watch, _):
        await watch.until_over()
    assert_nothing_lost(speech(1, 2, 3, 4), watch, server.calls, 4)
    assert watch.states == [State.CONNECTING, State.LIVE, State.DRAINING, State.ENDED]
    assert watch.record.stats.untranscribed_s == 0
    assert watch.record.stats.expires_s is None, "a session that is over does not expire"
    levels = [event for event in watch.events if isinstance(event, LevelChanged)]
    assert len(levels) == 4 * 20


async def test_the_statistics_are_of_the_session_as_it_is_and_was(server: Endpoint, tmp_path: Path) -> None:
    async with in_session(speech(*range(1, 9)), server.url, tmp_path, input_rate=1e6, output_rate=1e6) as (watch, _):
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


async def test_the_journal_gives_the_session_as_it_was(server: Endpoint, tmp_path: Path) -> None:
    async with in_session(speech(1, 2, 3), server.url, tmp_path, clock=fast) as (watch, built):
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


async def test_a_rejected_prompt_is_reported_and_the_one_before_stays_in_use(server: Endpoint, tmp_path: Path) -> None:
    async with in_session(speech(*range(1, 7)), server.url, tmp_path, clock=fast) as (watch, built):
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


async def test_warnings_and_later_speaker_labels_of_the_endpoint_are_published_and_kept(
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
        await built.execute(Stop(abandon=True))
        await watch.until_over()
    assert_nothing_lost(speech(1, 2), watch, server.calls, 2)
    (analysis,) = [gist for gist in watch.record.gists.values() if gist.turn is None]
    assert (analysis.status, analysis.error) == (GistStatus.FAILED, "The request was cancelled.")
    assert fold(read(watch.audio.with_name("events.jsonl")).entries).gists == watch.record.gists


async def test_the_prompt_that_was_chosen_last_is_the_next_sessions(server: Endpoint, tmp_path: Path) -> None:
    async with in_session(speech(1, 2), server.url, tmp_path, clock=fast) as (watch, built):
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


async def test_a_command_that_is_not_possible_is_refused_and_changes_nothing(server: Endpoint, tmp_path: Path) -> None:
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


async def test_a_session_that_is_still_being_opened_says_so(server: Endpoint, tmp_path: Path) -> None:
    async with in_session(speech(1), server.url, tmp_path, clock=fast) as (watch, built):
        for command in (Stop(), Mute(True), UseSource("mic"), UsePrompt("actions")):
            with pytest.raises(UsageError, match="still opening"):
                await built.execute(command)
        await watch.until_over()
    assert watch.record.state is State.ENDED
    assert [turn.text for turn in watch.finals] == [said(1)]


async def test_an_analysis_after_the_end_is_kept(server: Endpoint, tmp_path: Path) -> None:
    async with in_session(speech(1, 2), server.url, tmp_path, clock=fast) as (watch, built):
        await watch.until_over()
        before = len(read(watch.audio.with_name("events.jsonl")).entries)
        await built.execute(Analyse())
        await watch.until(lambda: any(g.turn is None and g.status.over for g in watch.record.gists.values()))
    kept = fold(read(watch.audio.with_name("events.jsonl")).entries)
    assert len(read(watch.audio.with_name("events.jsonl")).entries) > before
    assert kept.gists == watch.record.gists


async def test_devices_are_listed_to_the_viewer_that_asks(monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.parametrize("speaker_set", [None, "the same"])
async def test_a_name_is_not_carried_to_a_voice_of_another_connection(
    server: Endpoint, tmp_path: Path, speaker_set: str | None
) -> None:
    """An endpoint labels from A on again on each connection, unless it names the same set of speakers."""
    watch = Watch()
    server.speaker = "A"
    server.configuration = {"speaker_set": speaker_set} if speaker_set else None
    async with running(watch, clock=fast) as built:
        await start_session(built, speech(*range(1, 10)), server.url, tmp_path, speaker_labels=True)
        await watch.until(lambda: len(watch.finals) >= 2)
        await built.execute(NameSpeaker("A", "Anna"))
        for turns in (5, 8):
            await server.cut()
            await watch.until(lambda turns=turns: len(watch.finals) >= turns)  # type: ignore[misc]
        await watch.until_over()
    kept = fold(read(watch.audio.with_name("events.jsonl")).entries)
    assert {turn.text for turn in kept.finals} == {said(number) for number in range(1, 10)}
    voices = list(dict.fromkeys(turn.voice for turn in kept.finals))
    assert voices == (["Anna"] if speaker_set else ["Anna", "A-2", "A-3"])
    reported = [notice.partition(":")[2] for notice in watch.notices if "new speaker labels" in notice]
    warning = " A-2 and A may be different people. Give a new label the old name if it is the same person."
    assert reported == ([] if speaker_set else [warning])
    assert len({call.query["speaker_session"] for call in server.calls}) == 1, "by which livegist's gateway knows them"
