"""Tests of leaving the dashboard, driven by keys and by a scripted engine."""

import pytest
from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, running, shown, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import SESSION, STATS, ScriptedEngine, meeting, turn
from tui.model.commands import Quit
from tui.model.events import State, StateChanged, StatsChanged, TurnChanged
from tui.viewer.screens.quit_dialog import QuitDialog


async def test_quitting_while_a_session_finishes_does_not_offer_to_stop_it() -> None:
    engine = ScriptedEngine(snapshot=meeting(State.DRAINING))
    engine.quits = False
    async with running(engine) as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: engine.sent == [Quit()])
        assert app.screen is app.dashboard
        assert "Finishing the session. Press q again to quit now." in toasts(app)


async def test_the_end_of_the_engine_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.viewer.app.QUIT_TIMEOUT_S", 0.05)
    engine = ScriptedEngine(snapshot=meeting())
    engine.quits = False
    async with running(engine) as (app, pilot):
        await pilot.press("q", "x")
        await until(pilot, lambda: app.return_value is not None)
    assert "still finishing" in str(app.return_value)


async def test_d_leaves_the_session_running() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("d")
        await until(pilot, lambda: app.return_value is not None)
    assert app.return_value is not None
    assert app.return_value.running
    assert "The session continues" in str(app.return_value)
    assert engine.sent == []


async def test_q_without_a_session_ends_the_engine_and_leaves() -> None:
    engine = ScriptedEngine()
    async with running(engine) as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: app.return_value is not None)
    assert engine.sent == [Quit()]
    assert str(app.return_value) == ""


async def test_q_in_a_session_asks_and_stop_waits_for_its_end() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    engine.quits = False
    async with running(engine) as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, QuitDialog))
        await until(pilot, lambda: "Stop and quit" in shown(app, "quit-choices"))
        await pilot.press("enter")
        await until(pilot, lambda: engine.sent == [Quit()])
        await emit(pilot, engine, StateChanged(State.DRAINING), TurnChanged(turn(133, "The last word.")))
        assert "The last word." in shown(app, "turns")
        assert app.return_value is None
        engine.cut()
        await until(pilot, lambda: app.return_value is not None)
    assert str(app.return_value) == f"The session is saved in {SESSION.path}"


@pytest.mark.parametrize(("keys", "running_on"), [(("l",), True), (("down", "enter"), True), (("x",), False)])
async def test_the_question_is_answered_by_its_keys(keys: tuple[str, ...], running_on: bool) -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("q", *keys)
        await until(pilot, lambda: app.return_value is not None)
    assert app.return_value is not None
    assert app.return_value.running is running_on


async def test_the_question_may_be_left_open() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("q", "escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert engine.sent == []


async def test_a_session_that_is_not_transcribed_to_its_end_is_named_after_quitting() -> None:
    engine = ScriptedEngine(snapshot=meeting(State.DRAINING))
    engine.quits = False
    async with running(engine) as (app, pilot):
        await pilot.press("q")
        await emit(pilot, engine, StatsChanged(replace(STATS, untranscribed_s=7.2)), StateChanged(State.ENDED))
        engine.cut()
        await until(pilot, lambda: app.return_value is not None)
    assert str(app.return_value) == (
        f"The session is saved in {SESSION.path}\n7 s are not transcribed. Run: livegist recover {SESSION.id}"
    )
