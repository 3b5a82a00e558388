"""Tests of scrolling, following, selecting and zooming in the panes, driven by keys and by a scripted engine."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.events import MouseScrollUp

from tests.viewer.dashboard_harness import emit, long_session, row_of, running, shown, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import SAID, SESSION, ScriptedEngine, gist, meeting, turn
from tui.model.events import GistChanged, SessionStarted, State, StateChanged, TurnBookmarked, TurnChanged
from tui.model.stats import Stats
from tui.viewer.widgets.stats_pane import StatsPane, stats_rows


async def test_scrolled_back_the_turns_stay_put_and_say_how_much_is_new() -> None:
    engine = ScriptedEngine(snapshot=long_session(60))
    async with running(engine) as (app, pilot):
        await pilot.press("home")
        await until(pilot, lambda: "This is turn 1." in shown(app, "turns"))
        before = shown(app, "turns").splitlines()[1:]
        await emit(pilot, engine, *(TurnChanged(turn(n, f"This is turn {n}.")) for n in range(61, 64)))
        assert shown(app, "turns").splitlines()[1:] == before
        assert "↓ 3 new" in shown(app, "turns")
        await pilot.press("f")
        await until(pilot, lambda: "This is turn 63." in shown(app, "turns"))
        assert "new" not in shown(app, "turns")


async def test_f_stays_put_and_follows_again() -> None:
    engine = ScriptedEngine(snapshot=long_session(60))
    async with running(engine) as (app, pilot):
        await pilot.press("f")
        await until(pilot, lambda: not app.dashboard.body.turns.following)
        await pilot.press("f")
        await until(pilot, lambda: app.dashboard.body.turns.following)


async def test_paging_and_the_wheel_scroll() -> None:
    engine = ScriptedEngine(snapshot=long_session(80))
    async with running(engine) as (app, pilot):
        await until(pilot, lambda: "turn 80." in shown(app, "turns"))
        await pilot.press("pageup")
        await until(pilot, lambda: "turn 80." not in shown(app, "turns"))
        await pilot.press("pagedown", "pagedown")
        await until(pilot, lambda: app.dashboard.body.turns.following)
        await pilot._post_mouse_events([MouseScrollUp], "#turns", button=0)
        await until(pilot, lambda: not app.dashboard.body.turns.following)


async def test_selecting_a_turn_shows_its_gist_and_the_reverse() -> None:
    engine = ScriptedEngine(snapshot=long_session(60))
    async with running(engine) as (app, pilot):
        await pilot.press("home")
        await until(pilot, lambda: app.dashboard.body.gists.cursor == 1001)
        assert "Gist of turn 1." in shown(app, "gists")
        await pilot.press("down", "down")
        await until(pilot, lambda: app.dashboard.body.gists.cursor == 1003)
        await pilot.press("enter")
        await until(pilot, lambda: app.focused is app.dashboard.body.gists)
        await pilot.press("end", "up")
        await until(pilot, lambda: app.dashboard.body.turns.cursor == 60)
        await pilot.press("enter")
        await until(pilot, lambda: app.focused is app.dashboard.body.turns)


async def test_a_click_selects_a_turn() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await until(pilot, lambda: "Good morning" in shown(app, "turns"))
        await pilot.click("#turns", offset=(20, row_of(app, "Thursday, after") + 1))
        await until(pilot, lambda: app.dashboard.body.turns.cursor == 127)


async def test_tab_goes_from_pane_to_pane_and_the_title_says_where_the_keys_go() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        assert "▸ Turns" in shown(app, "turns")
        await pilot.press("tab")
        await until(pilot, lambda: "▸ Gists" in shown(app, "gists"))
        assert "▸" not in shown(app, "turns")
        await pilot.press("shift+tab")
        await until(pilot, lambda: "▸ Turns" in shown(app, "turns"))


async def test_z_gives_a_pane_the_whole_body_and_takes_it_back() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        wide = app.dashboard.body.turns.size.width
        await pilot.press("z")
        await until(pilot, lambda: app.dashboard.body.turns.size.width == 120)
        assert not app.dashboard.body.gists.display
        await pilot.press("z")
        await until(pilot, lambda: app.dashboard.body.turns.size.width == wide)
        assert app.dashboard.body.gists.display


@pytest.mark.parametrize("keys", [("home",), ("slash", *"turn 3", "enter", "n"), ("f",), ("M",)])
async def test_a_new_session_follows_and_shows_its_analysis(keys: tuple[str, ...]) -> None:
    snapshot = replace(long_session(60), bookmarks=(TurnBookmarked(1, ""),))
    engine = ScriptedEngine(snapshot=snapshot)
    async with running(engine) as (app, pilot):
        await pilot.press(*keys)
        await emit(pilot, engine, StateChanged(State.ENDED), SessionStarted(SESSION), StateChanged(State.LIVE))
        new = [(TurnChanged(turn(at, f"New {at}.")), GistChanged(gist(at, at, "A"))) for at in range(1, 40)]
        await emit(pilot, engine, *(event for pair in new for event in pair))
        await emit(pilot, engine, GistChanged(gist(40, None, "All of it.")))
        assert "New 39." in shown(app, "turns")
        assert "All of it." in shown(app, "gists")
        assert "with “" not in shown(app)


async def test_y_copies_the_selected_turn_and_says_where_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGIST_HOME", str(tmp_path))
    monkeypatch.delenv("TMUX", raising=False)
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("home", "y")
        await until(pilot, lambda: "Copied" in toasts(app))
        copied = tmp_path / "run" / "copied.txt"
        assert copied.read_text() == f"12:36 A: {SAID[0][1]}"
        assert str(copied) in toasts(app)
        await pilot.press("tab", "escape", "y")
        await until(pilot, lambda: "Ship the migration on **Thursday**" in copied.read_text())


async def test_escape_clears_the_selection() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("home")
        await until(pilot, lambda: app.dashboard.body.turns.cursor == 126)
        await pilot.press("escape")
        await until(pilot, lambda: app.dashboard.body.turns.cursor is None)


def test_each_statistic_has_space_between_its_label_and_its_value() -> None:
    labels = [label for label, _, _ in stats_rows(Stats(realtime_factor=1.2, gists_missing=1), 0)]
    assert "endpoint at" in labels
    assert all(len(label) < StatsPane.LABEL for label in labels)
