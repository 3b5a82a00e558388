"""Tests of the dashboard as a whole, driven by keys and by a scripted engine."""

import re

import pytest
from msgspec.structs import replace
from textual.screen import Screen

from tests.viewer.dashboard_harness import emit, live, long_session, running, shown
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import STATS, ScriptedEngine, meeting, partial, turn
from tui.model.events import LevelChanged, State, StateChanged, StatsChanged, TurnChanged
from tui.model.stats import Stats
from tui.presentation.view_model import ViewModel
from tui.viewer.styled_text import width
from tui.viewer.widgets.stats_pane import StatsPane


async def test_words_of_an_open_turn_count() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await pilot.press("i")
        await emit(pilot, engine, StatsChanged(Stats(words=10)), TurnChanged(partial(1, "three more words")))
        await until(pilot, lambda: re.search(r"words +13 ", shown(app, "stats")))


async def test_a_dashboard_counts_as_a_viewer() -> None:
    async with running(ScriptedEngine()) as (app, pilot):
        await pilot.press("i")
        await until(pilot, lambda: re.search(r"viewers +1", shown(app, "stats")))


async def test_a_snapshot_is_shown_whole() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await until(pilot, lambda: "let me look at the" in shown(app, "turns"))
        assert "● LIVE" in shown(app, "banner")
        assert "13:24" in shown(app, "banner")
        assert "prompt Summary" in shown(app, "banner")
        assert "from Built-in Audio" in shown(app, "banner")
        assert "speech u3-rt-pro" in shown(app, "banner")
        assert "132 13:12 A ▎Maria, could you" in shown(app, "turns")
        assert "now 13:18 C ▎I think I can do both" in shown(app, "turns")
        assert "The decision falls at noon" in shown(app, "gists")
        assert "∅ timed out: no answer within 30 s" in shown(app, "gists")
        assert "… waiting" in shown(app, "gists")
        await until(pilot, lambda: "recording" in shown(app, "stats"))
        stats = shown(app, "stats")
        for label, value in (("turns", "132"), ("latency", "304 ms"), ("cost", "$0.173"), ("recording", "25.7 MB")):
            assert any(label in row and value in row for row in stats.splitlines())
        assert "! 1 gist missing · 1 reconnect" in stats
        assert "round trip" not in stats


@pytest.mark.parametrize("size", [(1, 1), (8, 3), (20, 5), (40, 10), (300, 100)])
async def test_no_size_is_too_small_or_too_big(size: tuple[int, int]) -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=size) as (app, pilot):
        await emit(
            pilot, engine, LevelChanged(-23.0, -12.0, True), StateChanged(State.FAILED, "why " * 50, "hint " * 50)
        )
        for key in ("p", "escape", "question_mark", "escape", "slash", "x", "enter", "z", "up", "z"):
            await pilot.press(key)
        rows = shown(app).splitlines()
        assert len(rows) <= size[1]
        assert max(map(len, rows), default=0) <= size[0]
        await pilot.press("escape")
        await pilot.resize_terminal(120, 36)
        await until(pilot, lambda: app.screen is app.dashboard and "FAILED" in shown(app, "banner"))
        await until(pilot, lambda: "why why" in shown(app, "alert"))


@pytest.mark.parametrize("columns", range(22, 66))
def test_a_statistic_that_does_not_fit_is_left_out_whole(columns: int) -> None:
    pane = StatsPane(ViewModel())
    pane.show(replace(STATS, device="Mic"))
    for table in (pane.lines(columns, 17)[1:], pane.lines(columns, 6)[1:]):
        assert not [line for line in table if "…" in "".join(span.text for span in line)]
        assert all(width(line) == columns for line in table[:-1])
    table = pane.lines(columns, 17)
    assert ("304 ms" in str(table)) == (columns >= 25)
    assert ("304 ms  p95 612 ms" in str(table)) == (columns >= 37)


async def test_a_latency_that_does_not_fit_is_left_out_whole() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, _):
        for columns in range(16, 64):
            lines = app.dashboard.body.gists.entry(100, columns)
            head = "".join(span.text for span in lines[0])
            assert "Turn 126" in head
            assert head.endswith("800 ms") == (columns >= 19)


async def test_nothing_is_painted_for_a_terminal_that_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    behind = 30
    monkeypatch.setattr("tui.viewer.screens.gated_screen.frames_waiting", lambda driver: behind)
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        painted: list[object] = []
        show = app._display

        def recorded(screen: Screen[object], update: object) -> None:
            painted.append(update)
            show(screen, update)  # type: ignore[arg-type]

        monkeypatch.setattr(app, "_display", recorded)
        for number in range(1, 50):
            engine.emit(TurnChanged(turn(number, f"This is turn {number}.")))
        await engine.handled()
        assert painted == []
        behind = 0
        await until(pilot, lambda: painted)
        await until(pilot, lambda: "turn 49." in shown(app, "turns"))
        assert len(painted) < 5


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36), (200, 50)])
async def test_every_size_shows_state_level_turns_gists_and_figures(size: tuple[int, int]) -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=size) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-23.0, -12.0))
        await until(pilot, lambda: "█" in shown(app, "meter"))
        everything = shown(app)
        for expected in ("● LIVE", "13:24", "█", "let me look at the", "… waiting", "132", "x stop"):
            assert expected in everything, expected
        assert app.dashboard.body.turns.size.height >= 6
        assert all(len(row) <= size[0] for row in everything.splitlines())


async def test_another_size_lays_everything_out_anew() -> None:
    engine = ScriptedEngine(snapshot=long_session(300))
    async with running(engine, size=(120, 36)) as (app, pilot):
        await until(pilot, lambda: "turn 300." in shown(app, "turns"))
        await pilot.resize_terminal(60, 16)
        await until(pilot, lambda: app.dashboard.body.turns.size.width == 60)
        await until(pilot, lambda: "turn 300." in shown(app, "turns"))
