"""Tests of the search in the turns and gists, driven by keys and by a scripted engine."""

from tests.viewer.dashboard_harness import emit, long_session, row_of, running, shown, shown_below
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import ScriptedEngine, meeting, turn
from tui.model.events import TurnChanged
from tui.viewer.screens.search import SearchScreen


async def test_a_search_marks_its_matches_and_n_goes_from_one_to_the_next() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen))
        await pilot.press(*"SCRIPT")
        await until(pilot, lambda: "3 with “SCRIPT”" in shown_below(app, "turns"))
        await pilot.press("enter")
        await until(pilot, lambda: "3 of 3 with “SCRIPT”" in shown(app, "turns"))
        assert app.dashboard.body.turns.cursor == 132
        marked = [part.text for part in app.dashboard.body.turns.render_line(row_of(app, "Maria, could"))]
        assert any(text == "script" for text in marked)
        await pilot.press("n")
        await until(pilot, lambda: app.dashboard.body.turns.cursor == 127)
        await pilot.press("N")
        await until(pilot, lambda: app.dashboard.body.turns.cursor == 132)
        await emit(pilot, engine, TurnChanged(turn(133, "The script is checked.")))
        assert "3 of 4 with" in shown(app, "turns")
        await pilot.press("escape")
        await until(pilot, lambda: "with “" not in shown(app, "turns"))


async def test_a_search_starts_from_what_is_on_the_page_of_the_pane_in_use() -> None:
    engine = ScriptedEngine(snapshot=long_session(300))
    async with running(engine) as (app, pilot):
        await pilot.press("tab", "home", "escape")
        await until(pilot, lambda: "Gist of turn 1." in shown(app, "gists"))
        await pilot.press("slash", *"gist of", "enter")
        await until(pilot, lambda: app.screen is app.dashboard and app.dashboard.body.gists.cursor is not None)
        cursor = app.dashboard.body.gists.cursor
        assert cursor is not None
        assert 1001 < cursor < 1030
        await pilot.press("n")
        await until(pilot, lambda: app.dashboard.body.gists.cursor == cursor + 1)


async def test_a_search_is_ended_with_escape() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("slash", *"pool", "escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert "with “" not in shown(app, "turns")
        assert app.dashboard.body.turns.cursor is None


async def test_the_end_of_a_search_restores_the_position_and_the_selection() -> None:
    engine = ScriptedEngine(snapshot=long_session(60))
    async with running(engine) as (app, pilot):
        await pilot.press("slash", *"turn 3", "enter", "n")
        await until(pilot, lambda: "turn 60." not in shown(app, "turns"))
        await emit(pilot, engine, TurnChanged(turn(61, "Said during the search.")))
        await pilot.press("escape")
        await until(pilot, lambda: "Said during the search." in shown(app, "turns"))
        assert "Gist of turn 60." in shown(app, "gists")
        assert app.dashboard.body.turns.cursor is None
        await pilot.press("home", "slash", *"turn 60", "enter")
        await until(pilot, lambda: "turn 60." in shown(app, "turns"))
        await pilot.press("escape")
        await until(pilot, lambda: app.dashboard.body.turns.cursor == 1 and "turn 1." in shown(app, "turns"))
