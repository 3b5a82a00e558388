"""Tests of hidden and zoomed panes, and of their stored layout."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.viewer.dashboard_harness import Running, running, shown
from tests.viewer.pilot import run_app, until
from tests.viewer.scripted_engine import ScriptedEngine, gist, meeting
from tui.model.events import GistChanged
from tui.viewer.app import LivegistApp
from tui.viewer.layout_state import LayoutState, load, save


@asynccontextmanager
async def viewer(file: Path | None, size: tuple[int, int] = (120, 36)) -> AsyncIterator[Running]:
    app = LivegistApp(ScriptedEngine(snapshot=meeting()), theme="night", fps=20, keys={}, layout_file=file)
    async with run_app(app, size=size) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        yield app, pilot


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36), (200, 50)])
async def test_a_hidden_pane_leaves_its_space_to_the_others(size: tuple[int, int]) -> None:
    async with viewer(None, size) as (app, pilot):
        body = app.dashboard.body

        def area() -> int:
            return body.turns.size.area

        before = area()
        await pilot.press("v")
        await until(pilot, lambda: area() > before)
        assert not body.gists.display
        await pilot.press("I")
        await until(pilot, lambda: area() == body.size.area)
        await pilot.press("v", "I")
        await until(pilot, lambda: area() == before)


@pytest.mark.parametrize("size", [(120, 36), (200, 50)])
async def test_without_the_stats_the_gists_have_all_the_height(size: tuple[int, int]) -> None:
    async with viewer(None, size) as (app, pilot):
        before = app.dashboard.body.gists.size.area
        await pilot.press("I")
        await until(pilot, lambda: app.dashboard.body.gists.size.area > before)
        assert "13:12" in shown(app, "turns")


async def test_the_keyboard_leaves_a_pane_that_is_hidden() -> None:
    async with viewer(None) as (app, pilot):
        await pilot.press("tab")
        await until(pilot, lambda: app.focused is app.dashboard.body.gists)
        await pilot.press("v")
        await until(pilot, lambda: app.focused is app.dashboard.body.turns)


async def test_hidden_panes_are_remembered_and_a_zoom_is_not(tmp_path: Path) -> None:
    file = tmp_path / "new" / "panes.json"
    async with viewer(file) as (app, pilot):
        await pilot.press("I", "tab", "z")
        await until(pilot, lambda: load(file) == LayoutState(hidden=("stats",)))
        assert "gists zoomed z" in shown(app, "banner")
    async with viewer(file) as (app, pilot):
        assert app.dashboard.body.turns.display
        assert not app.dashboard.body.stats.display
        assert "stats hidden 0" in shown(app, "banner")


async def test_one_key_shows_all_panes_again(tmp_path: Path) -> None:
    file = tmp_path / "panes.json"
    async with viewer(file) as (app, pilot):
        wide = app.dashboard.body.turns.size
        await pilot.press("v", "i", "T", "z")
        await pilot.press("0")
        await until(pilot, lambda: app.dashboard.body.turns.size == wide)
        assert "hidden" not in shown(app, "banner")
        assert load(file) == LayoutState()


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (100, 30), (120, 36)])
async def test_i_shows_all_statistics_and_the_important_ones_again(size: tuple[int, int]) -> None:
    async with viewer(None, size) as (app, pilot):
        assert "tokens" not in shown(app, "stats")
        await pilot.press("i")
        await until(pilot, lambda: "tokens in/out" in shown(app, "stats") and "viewers" in shown(app, "stats"))
        await pilot.press("i")
        await until(pilot, lambda: "tokens" not in shown(app, "stats"))


async def test_reading_mode_shows_turns_with_their_gists_below_them_in_one_column() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=(160, 60)) as (app, pilot):
        await pilot.press("w")
        await until(pilot, lambda: "Ship the migration on Thursday" in shown(app, "turns"))
        assert not app.dashboard.body.gists.display
        assert app.dashboard.body.turns.size.width == 110
        assert "reading w" in shown(app, "banner")
        rows = shown(app, "turns").splitlines()
        said = next(at for at, row in enumerate(rows) if "Right. Tom raises the pool" in row)
        made = next(at for at, row in enumerate(rows) if "Tom raises the pool to 40" in row)
        assert said < made < next(at for at, row in enumerate(rows) if "Then we decide at noon" in row)
        assert "◆ Turn 129" in rows[made - 1]
        engine.emit(GistChanged(gist(106, 132, "It is up to **Maria**.")), GistChanged(gist(107, None, "All in all.")))
        await until(pilot, lambda: "It is up to Maria." in shown(app, "turns") and "All in all." in shown(app, "turns"))
        await pilot.press("w")
        await until(pilot, lambda: app.dashboard.body.gists.display and "All in all." not in shown(app, "turns"))


async def test_turns_show_the_time_of_the_day_or_the_time_since_the_start(tmp_path: Path) -> None:
    async with viewer(tmp_path / "panes.json") as (app, pilot):
        assert "132 13:12 A" in shown(app, "turns")
        await pilot.press("T")
        await until(pilot, lambda: "132 09:58:12 A" in shown(app, "turns"))
        assert "now 09:58:18 C" in shown(app, "turns")
    async with viewer(tmp_path / "panes.json") as (app, pilot):
        assert "132 09:58:12 A" in shown(app, "turns")


async def test_an_answer_to_a_question_brings_hidden_gists_back() -> None:
    async with viewer(None) as (app, pilot):
        await pilot.press("v")
        await until(pilot, lambda: not app.dashboard.body.gists.display)
        await pilot.press("colon", *"who?", "enter")
        await until(pilot, lambda: app.dashboard.body.gists.display)


@pytest.mark.parametrize("stored", ["", "{", '{"zoomed": "attic"}', '{"hidden": ["turns"]}', "[]"])
def test_a_layout_that_cannot_be_read_shows_everything(tmp_path: Path, stored: str) -> None:
    file = tmp_path / "panes.json"
    file.write_text(stored)
    assert load(file) == LayoutState()


def test_a_layout_is_read_as_it_was_written(tmp_path: Path) -> None:
    kept = LayoutState(hidden=("stats", "gists"), all_stats=True, clock_times=True)
    save(tmp_path / "panes.json", replace(kept, zoomed="turns"))
    assert load(tmp_path / "panes.json") == kept
    save(Path("/dev/null/panes.json"), LayoutState())


def test_a_file_with_the_old_name_of_the_stats_is_read(tmp_path: Path) -> None:
    (tmp_path / "panes.json").write_text('{"zoomed":"","hidden":["figures","gists"]}')
    assert load(tmp_path / "panes.json") == LayoutState("", ("stats", "gists"))
