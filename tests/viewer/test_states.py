"""Tests of the states of the session and of the connection on the dashboard, driven by a scripted engine."""

import pytest
from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, live, running, shown, toasts
from tests.viewer.pilot import run_app, until
from tests.viewer.scripted_engine import SESSION, STATS, ScriptedEngine, meeting, partial
from tui.model.events import (
    LevelChanged,
    MutedChanged,
    Notice,
    PromptChanged,
    Rejected,
    SessionStarted,
    Severity,
    State,
    StateChanged,
    StatsChanged,
    TurnChanged,
)
from tui.model.stats import Stats, TrackStats
from tui.model.tracks import Track
from tui.viewer.app import LivegistApp


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (100, 30), (120, 36)])
@pytest.mark.parametrize("state", [State.LIVE, State.RECONNECTING])
async def test_a_lost_source_is_named_as_long_as_silence_takes_its_place(size: tuple[int, int], state: State) -> None:
    reason = "The sound server has stopped."
    now = [0.0]
    engine = ScriptedEngine(snapshot=replace(live(), state=state))
    async with running(engine, size=size, clock=lambda: now[0]) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-120, -120), StatsChanged(replace(STATS, source_lost=reason)))
        now[0] = 60.0
        await emit(pilot, engine, LevelChanged(-120, -120))
        text = " ".join(shown(app, "alert").split())
        assert f"✗ {reason} Silence is recorded; recording continues by itself once a device is available." in text
        assert "device lost D" in shown(app, "meter")
        assert "wrong device?" not in shown(app)
        await emit(pilot, engine, StatsChanged(STATS))
        assert reason not in shown(app)
        assert "device lost" not in shown(app)
        assert "wrong device?" not in shown(app), "a device that is back is not judged by the silence before"


async def test_of_several_tracks_the_one_without_a_source_is_named() -> None:
    tracks = (Track("you", "mic"), Track("them", "system"))
    stopped = "system stopped."
    stats = replace(
        STATS, source_lost=f"them: {stopped}", tracks=(TrackStats("you"), TrackStats("them", source_lost=stopped))
    )
    engine = ScriptedEngine(snapshot=replace(live(), tracks=tracks))
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-20, -10, track="you"), StatsChanged(stats))
        assert "✗ them: system stopped. Silence is recorded" in shown(app, "alert")
        assert "device lost" not in shown(app, "meter")
        assert "device lost" in shown(app, "meter-2")


async def test_the_first_frame_does_not_wait_for_the_engine() -> None:
    engine = ScriptedEngine()
    engine.accepting.clear()
    app = LivegistApp(engine, theme="night", fps=20, keys={})
    async with run_app(app, size=(80, 24)) as pilot:
        await pilot.pause()
        assert "… STARTING" in shown(app, "banner")
        assert "Starting the engine" in shown(app, "turns")
        engine.accepting.set()
        await until(pilot, lambda: "READY" in shown(app, "banner"))


async def test_an_empty_dashboard_says_what_to_do() -> None:
    async with running(ScriptedEngine()) as (app, pilot):
        await until(pilot, lambda: "Press s to start" in shown(app, "turns"))
        assert "○ READY" in shown(app, "banner")
        assert "s start" in shown(app, "keys")
        assert "x stop" not in shown(app, "keys")


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36), (200, 50)])
@pytest.mark.parametrize("failed", [False, True])
async def test_the_first_start_explains_the_three_ways_to_begin_at_any_size(
    size: tuple[int, int], failed: bool
) -> None:
    engine = ScriptedEngine()
    async with running(engine, size=size) as (app, pilot):
        if failed:
            why = "There is no API key for the cloud engine, and the local engine is not installed."
            await emit(pilot, engine, StateChanged(State.FAILED, why, "Run livegist login, or install it."))
        text = shown(app, "turns")
        for way in ("livegist login", "livegist --engine local", "livegist demo"):
            assert way in text
        await emit(pilot, engine, StateChanged(State.LIVE), TurnChanged(partial(1, "so")))
        assert app.dashboard.body.gists.display


async def test_a_lost_connection_asks_nobody_to_speak() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        assert "Speak" in shown(app, "turns")
        await emit(pilot, engine, StateChanged(State.RECONNECTING, "The endpoint does not answer."))
        assert "There is no connection yet. Speech is recorded now" in shown(app, "turns")
        assert "Recording. Speak" not in shown(app)
        await emit(pilot, engine, StatsChanged(Stats(connections=1)), StateChanged(State.LIVE))
        await emit(pilot, engine, StateChanged(State.RECONNECTING, "The endpoint does not answer."))
        assert "The connection is lost. Speech is recorded now" in shown(app, "turns")


async def test_an_engine_that_sends_nothing_does_not_respond_until_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.viewer.screens.engine_watch.CHECK_S", 0.05)
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StatsChanged(STATS))
        await until(pilot, lambda: "The engine does not respond." in shown(app))
        await emit(pilot, engine, StatsChanged(STATS), StateChanged(State.ENDED))
        assert "does not respond" not in shown(app)
        for _ in range(10):
            app.dashboard._check_engine()
        await pilot.pause()
        assert "does not respond" not in shown(app), "an engine without a session has nothing to send"


async def test_a_source_that_takes_long_to_open_is_named_and_nothing_is_said_to_be_recorded() -> None:
    engine = ScriptedEngine()
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StateChanged(State.CONNECTING, "Opening the audio source."))
        assert "Opening the audio source." in shown(app, "turns")
        assert "recorded now" not in shown(app)


async def test_the_meter_of_an_ended_session_is_blank() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-6.0, 0.0, True))
        await until(pilot, lambda: "CLIP" in shown(app, "meter") and "█" in shown(app, "meter"))
        await emit(pilot, engine, StateChanged(State.ENDED))
        bar, *_ = shown(app, "meter").splitlines()
        assert bar.strip() == "not recording"
        assert "c clear clip" not in shown(app, "keys")


async def test_how_far_endpoint_and_disk_are_behind_is_said_in_the_header_while_it_matters() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StatsChanged(Stats(lag_s=37.4, unsaved_s=12.0)))
        assert "37 s BEHIND" in shown(app, "banner")
        assert "12 s NOT ON DISK" in shown(app, "banner")
        await emit(pilot, engine, StateChanged(State.ENDED))
        assert "BEHIND" not in shown(app, "banner"), "nothing is sent any more"
        assert "12 s NOT ON DISK" in shown(app, "banner")
        assert "Saved as" not in toasts(app)
        await emit(pilot, engine, StatsChanged(Stats()))
        assert "NOT ON DISK" not in shown(app, "banner")


async def test_muted_is_said_in_the_header_and_on_the_meter() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, MutedChanged(True))
        assert "⊘ MUTED" in shown(app, "banner")
        assert "muted" in shown(app, "meter")


async def test_another_prompt_is_named_in_the_header() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, PromptChanged("actions"))
        assert "prompt Action items" in shown(app, "banner")


async def test_a_change_of_the_prompt_is_not_called_a_delay() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, PromptChanged("actions"), StatsChanged(replace(STATS, elapsed_s=810.0, lag_s=9.0)))
        assert "switching prompt" in shown(app, "banner")
        assert "BEHIND" not in shown(app, "banner")
        await emit(pilot, engine, StatsChanged(replace(STATS, elapsed_s=840.0, lag_s=9.0)))
        assert "9 s BEHIND" in shown(app, "banner")


async def test_notices_and_refusals_are_shown() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(
            pilot,
            engine,
            Notice(Severity.WARNING, "The disk is full.", "Free some space."),
        )
        assert "! The disk is full. Free some space." in shown(app, "keys")
        await emit(
            pilot,
            engine,
            Rejected("A session is already active.", "Press x first."),
            Notice(Severity.ERROR, "The microphone is lost.", "Plug it in."),
        )
        assert "The microphone is lost.\nPlug it in." in toasts(app)
        assert "The microphone is lost." not in shown(app, "keys")
        assert "! A session is already active. Press x first." in shown(app, "keys")


async def test_a_failure_says_why_and_what_to_do() -> None:
    engine = ScriptedEngine()
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StateChanged(State.FAILED, "There is no microphone.", "Plug one in."))
        assert "✗ FAILED" in shown(app, "banner")
        assert "There is no microphone." in shown(app, "alert")
        assert "Plug one in." in shown(app, "alert")
        assert "Press s to retry." in shown(app, "turns")
        await emit(pilot, engine, StateChanged(State.CONNECTING))
        await until(pilot, lambda: not app.dashboard.alert.display)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (State.CONNECTING, "◌ CONNECTING"),
        (State.RECONNECTING, "↻ RECONNECTING"),
        (State.DRAINING, "◔ FINISHING"),
        (State.ENDED, "■ ENDED"),
    ],
)
async def test_every_state_is_a_sign_and_a_word(state: State, word: str) -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StateChanged(state))
        assert word in shown(app, "banner")


async def test_the_end_of_a_session_says_where_it_is_saved() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StateChanged(State.ENDED))
        assert f"Saved as {SESSION.id} in " in toasts(app)


async def test_a_session_begins_without_a_message_of_the_one_before() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    next_session = SessionStarted(replace(SESSION, id="next"))
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StateChanged(State.ENDED), Notice(Severity.WARNING, "The hook of the end failed."))
        assert "The hook of the end failed." in shown(app, "keys")
        await emit(pilot, engine, StateChanged(State.CONNECTING), next_session)
        assert "hook" not in shown(app, "keys") + toasts(app)
        await emit(pilot, engine, Notice(Severity.INFO, "Private session: nothing is written to disk."))
        await emit(pilot, engine, StateChanged(State.LIVE))
        assert "Private session: nothing is written to disk." in shown(app, "keys")


async def test_a_session_begins_without_the_error_of_the_one_before() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StateChanged(State.FAILED), Notice(Severity.ERROR, "The key is rejected."))
        assert "The key is rejected." in toasts(app)
        await emit(pilot, engine, StateChanged(State.CONNECTING), SessionStarted(replace(SESSION, id="next")))
        assert "rejected" not in toasts(app) + shown(app, "keys")


async def test_a_message_from_before_the_first_session_stays_when_it_begins() -> None:
    engine = ScriptedEngine()
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, Notice(Severity.WARNING, "An interrupted session was repaired."))
        await emit(pilot, engine, StateChanged(State.CONNECTING), SessionStarted(SESSION))
        assert "An interrupted session was repaired." in shown(app, "keys")


async def test_a_lost_connection_is_shown_and_reconnected() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        engine.accepting.clear()
        engine.cut()
        await until(pilot, lambda: "DISCONNECTED" in shown(app, "banner"))
        assert "Reconnecting" in shown(app, "alert")
        assert "not recording" in shown(app, "meter")
        assert "mute" not in shown(app, "keys")
        engine.accepting.set()
        await until(pilot, lambda: "● LIVE" in shown(app, "banner"))
        assert engine.connections == 2
        assert "Good morning" in shown(app, "turns")


async def test_an_engine_that_cannot_be_reached_is_reported_with_a_hint() -> None:
    engine = ScriptedEngine(snapshot=meeting(State.ENDED))
    async with running(engine) as (app, pilot):
        app.dashboard.set_connection_lost("far: Network is unreachable.", "Is it on?")
        text = "✗ far: Network is unreachable. Is it on? Press s to start a session, q to quit."
        await until(pilot, lambda: " ".join(shown(app, "alert").split()) == text)


async def test_the_rows_of_a_long_reason_begin_below_each_other() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine, size=(60, 24)) as (app, pilot):
        reason = "Nothing listens at 127.0.0.1. Next attempt in 7 s. Is the endpoint running?"
        await emit(pilot, engine, StateChanged(State.RECONNECTING, reason, "livegist keeps trying."))
        first, second = shown(app, "alert").splitlines()[:2]
        assert first.startswith(" ↻ Nothing")
        assert second.startswith("   endpoint running? livegist keeps")
