"""The dashboard of an engine on another machine, and of one that others watch, too."""

import re
import stat

from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, running, shown, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import SESSION, ScriptedEngine, meeting
from tui.model.commands import ContinueSession, ExportSession, Quit, Start
from tui.model.events import LevelChanged, SessionExported, State, StateChanged, ViewersChanged
from tui.paths import data_dir
from tui.viewer.screens.export import ExportPicker
from tui.viewer.screens.quit_dialog import QuitDialog
from tui.viewer.screens.settings import SettingsScreen
from tui.viewer.widgets.meter import Meter

FAR = replace(meeting(), session=replace(SESSION, endpoint="this machine"))


async def test_the_header_names_the_machine_and_calls_no_other_this_one() -> None:
    async with running(ScriptedEngine(snapshot=FAR), host="studio") as (app, _):
        assert "livegist@studio" in shown(app, "banner")
        assert "this machine" not in shown(app, "banner")


async def test_every_path_on_the_other_machine_names_it() -> None:
    engine = ScriptedEngine(snapshot=FAR)
    async with running(engine, host="studio") as (app, pilot):
        await emit(pilot, engine, StateChanged(State.DRAINING), StateChanged(State.ENDED))
        folder, _, id = SESSION.path.rpartition("/")
        assert f"Saved as {id} in studio:{folder}" in toasts(app)
        await emit(pilot, engine, SessionExported("/far/exports/a.md"))
        assert "Wrote studio:/far/exports/a.md" in toasts(app)
        await pilot.press("d")
        await until(pilot, lambda: app.return_value is not None)
    assert f"studio:{SESSION.path}" in str(app.return_value)


async def test_a_detached_session_is_reopened_on_its_machine() -> None:
    async with running(ScriptedEngine(snapshot=FAR), host="studio") as (app, pilot):
        await pilot.press("d")
        await until(pilot, lambda: app.return_value is not None)
    assert "continues on studio: `livegist attach --ssh studio`" in str(app.return_value)


async def test_an_export_is_fetched_with_f() -> None:
    engine = ScriptedEngine(snapshot=FAR)
    async with running(engine, host="studio") as (app, pilot):
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ExportPicker))
        await until(pilot, lambda: "enter write on studio · f fetch here" in shown(app))
        await pilot.press("f")
        await until(pilot, lambda: engine.sent == [ExportSession("", "md", fetch=True)])
        await emit(pilot, engine, SessionExported("a.md", "# Standup\n"))
        path = data_dir() / "exports" / "a.md"
        assert f"Fetched from studio: {path}" in toasts(app)
    assert path.read_text() == "# Standup\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_settings_say_which_engine_they_do_not_touch() -> None:
    async with running(ScriptedEngine(snapshot=FAR), host="studio") as (app, pilot):
        await pilot.press("comma")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await until(pilot, lambda: "No effect on studio" in " ".join(shown(app).split()))


async def test_a_cut_line_keeps_the_levels_of_the_last_minute() -> None:
    engine = ScriptedEngine(snapshot=FAR)
    time_s = 0.0
    async with running(engine, host="studio", clock=lambda: time_s) as (app, pilot):
        for time_s in range(0, 60, 4):  # noqa: B007 - the clock reads it
            await emit(pilot, engine, LevelChanged(-30.0, -20.0))
        peaks = app.dashboard.query_one(Meter).history.pairs
        assert len(peaks) > 5
        engine.accepting.clear()
        engine.cut()
        await until(pilot, lambda: "LINE LOST" in shown(app, "banner"))
        assert "Line to studio lost." in shown(app, "alert")
        assert "ENGINE" not in shown(app).upper().replace("ENGINE'S", "")
        engine.accepting.set()
        await until(pilot, lambda: "● LIVE" in shown(app, "banner"))
        assert app.dashboard.query_one(Meter).history.pairs == peaks


async def test_q_without_a_session_leaves_the_engine_to_the_other_viewers() -> None:
    engine = ScriptedEngine()
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, ViewersChanged(2))
        await pilot.press("q")
        await until(pilot, lambda: app.return_value is not None)
    assert engine.sent == []
    assert str(app.return_value) == "The engine goes on for 1 other viewer."


async def test_q_in_a_session_says_who_watches() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, ViewersChanged(2))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, QuitDialog))
        await until(pilot, lambda: "1 other viewer watches." in shown(app))
        await pilot.press("x")
        await until(pilot, lambda: engine.sent == [Quit()])


async def test_s_starts_an_engine_again_after_another_viewer_ended_it() -> None:
    engine = ScriptedEngine(snapshot=meeting(State.ENDED))
    async with running(engine) as (app, pilot):
        engine.accepting.clear()
        engine.cut()
        await until(pilot, lambda: "DISCONNECTED" in shown(app, "banner"))
        assert "s start" in shown(app, "keys")
        await pilot.press("s")
        await until(pilot, lambda: engine.revived == 1)
        engine.accepting.set()
        await until(pilot, lambda: engine.sent == [Start()])


async def test_a_session_whose_engine_does_not_come_back_is_reported_with_the_time_and_s_continues_it() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        said = shown(app, "turns")
        engine.accepting.clear()
        engine.cut()
        await until(pilot, lambda: "DISCONNECTED" in shown(app, "banner"))
        app.dashboard.set_connection_lost("No engine is running.")
        await until(pilot, lambda: re.search(r"RECORDING STOPPED \d\d:\d\d:\d\d · s goes on", shown(app, "alert")))
        assert "Good morning" in said
        assert shown(app, "turns").splitlines()[2] in said
        await pilot.press("s")
        await until(pilot, lambda: engine.revived == 1)
        engine.snapshot = replace(meeting(State.FAILED), stopped_at="2026-11-22T10:00:00+00:00")
        engine.accepting.set()
        await until(pilot, lambda: engine.sent == [ContinueSession()])
