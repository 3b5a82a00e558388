"""Tests of a session whose recording has ended and that still waits, driven by keys and by a scripted engine."""

from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, live, running, shown, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import SESSION, STATS, ScriptedEngine, meeting
from tui.model.commands import Stop
from tui.model.events import State, StateChanged, StatsChanged
from tui.model.stats import Stats
from tui.viewer.screens.end_wait_dialog import EndWaitDialog

LOST = "The connection was lost."


def left(seconds: float | None) -> StatsChanged:
    return StatsChanged(replace(STATS, wait_left_s=seconds))


async def test_a_wait_is_shown_with_its_reason_its_length_and_the_key_that_ends_it() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=(60, 16)) as (app, pilot):
        await emit(pilot, engine, StateChanged(State.DRAINING, LOST), left(11.0))
        assert not app.dashboard.alert.display, "most sessions finish in a moment"
        await emit(pilot, engine, left(10.0))
        alert = " ".join(shown(app, "alert").split())
        assert alert == f"◔ {LOST} Up to 10 s more · 7 s not transcribed yet · x ends the wait"
        assert "x end wait" in shown(app, "keys")
        assert "End the wait for the last turns" in [found.title for found in app.get_system_commands(app.screen)]
        await emit(pilot, engine, StateChanged(State.ENDED), left(None))
        assert not app.dashboard.alert.display


async def test_the_dialog_grows_with_the_reason_of_the_wait() -> None:
    engine = ScriptedEngine(snapshot=meeting(State.DRAINING))
    async with running(engine, size=(60, 16)) as (app, pilot):
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, EndWaitDialog))
        reason = "Nothing listens at 127.0.0.1:9. Next attempt in 3 s. Is the endpoint running?"
        await emit(pilot, engine, StateChanged(State.DRAINING, reason))
        await until(pilot, lambda: "t transcribes them later" in " ".join(shown(app, "consequence").split()))


async def test_the_key_that_ends_the_wait_is_written_as_it_is_pressed() -> None:
    engine = ScriptedEngine(snapshot=replace(live(), stats=Stats()))
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StateChanged(State.DRAINING, "Analysing the whole session."))
        await emit(pilot, engine, *[StatsChanged(Stats())] * 3)
        assert "Analysing the whole session. x ends the wait" in " ".join(shown(app, "alert").split())


async def test_a_connection_that_was_lost_before_is_the_reason_at_once() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, StateChanged(State.RECONNECTING, LOST), StateChanged(State.DRAINING, LOST))
        assert LOST in shown(app, "alert")


async def test_a_recording_that_stopped_is_continued_or_ended_by_the_first_keys_of_the_footer() -> None:
    stopped = replace(meeting(State.FAILED), stopped_at="2026-11-22T10:00:00+00:00")
    async with running(ScriptedEngine(snapshot=stopped), size=(60, 16)) as (app, _):
        assert shown(app, "keys").startswith(" s go on  x end session ")
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert titles[:2] == ["Go on recording the session", "End session"]


async def test_the_file_of_a_session_that_is_transcribed_later_is_named_as_while_it_was_recorded() -> None:
    snapshot = meeting(State.DRAINING)
    file = replace(SESSION, source="/home/ines/talks/standup.flac")
    engine = ScriptedEngine(snapshot=replace(snapshot, session=file, stats=replace(STATS, device="")))
    async with running(engine) as (app, _):
        assert "from standup.flac" in shown(app, "banner")


async def test_x_ends_the_wait_after_a_question_that_says_what_is_kept() -> None:
    engine = ScriptedEngine(snapshot=meeting(State.DRAINING))
    async with running(engine, size=(60, 16)) as (app, pilot):
        await emit(pilot, engine, StateChanged(State.DRAINING, LOST), left(10.0))
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, EndWaitDialog))
        question = " ".join(shown(app, "consequence").split())
        assert question == f"{LOST} The last 7 s stay in the recording, not transcribed: t transcribes them later."
        assert "up to 10 s more" in shown(app, "wait-choices")
        await emit(pilot, engine, left(9.0))
        assert "up to 9 s more" in shown(app, "wait-choices")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert engine.sent == []
        await pilot.press("x", "x")
        await until(pilot, lambda: engine.sent == [Stop(abandon=True)])


async def test_the_question_says_that_the_rest_of_a_private_session_is_lost() -> None:
    private = replace(meeting(State.DRAINING), session=replace(SESSION, path=""))
    engine = ScriptedEngine(snapshot=private)
    async with running(engine) as (app, pilot):
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, EndWaitDialog))
        assert "The last 7 s are lost: this is a private session." in shown(app, "consequence")


async def test_the_question_is_gone_once_the_session_has_ended() -> None:
    engine = ScriptedEngine(snapshot=meeting(State.DRAINING))
    async with running(engine) as (app, pilot):
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, EndWaitDialog))
        await emit(pilot, engine, StateChanged(State.ENDED))
        await until(pilot, lambda: app.screen is app.dashboard)
        assert engine.sent == []
        assert "Saved as" in toasts(app)


async def test_a_viewer_that_may_only_look_is_offered_no_end_of_the_wait() -> None:
    engine = ScriptedEngine(snapshot=meeting(State.DRAINING))
    async with running(engine) as (app, pilot):
        app.dashboard.view_model.watching = True
        await emit(pilot, engine, StateChanged(State.DRAINING, LOST), left(10.0), left(9.0))
        assert "Up to 9 s more" in shown(app, "alert")
        assert "x ends" not in shown(app, "alert")
        await pilot.press("x")
        await until(pilot, lambda: "opened with --watch" in shown(app, "keys"))


async def test_nothing_is_awaited_now_from_a_session_that_finishes_without_an_open_turn() -> None:
    snapshot = meeting()
    engine = ScriptedEngine(snapshot=replace(snapshot, turns=snapshot.turns[:-1]))
    async with running(engine) as (app, pilot):
        assert "now" in shown(app, "turns")
        await emit(pilot, engine, StateChanged(State.DRAINING))
        assert "now" not in shown(app, "turns")
