"""Tests of the settings screen: values in effect, changes of the file, immediate effect."""

import tomllib

import pytest

from tests.viewer.pilot import until
from tests.viewer.scripted_engine import ScriptedEngine, meeting
from tests.viewer.test_dashboard import running, shown, toasts
from tui.paths import config_file
from tui.viewer.screens.settings import IMMEDIATE, NEXT_START, SHOWN, SettingsScreen
from tui.viewer.screens.text_input import TextInputScreen


def written() -> dict[str, object]:
    return tomllib.loads(config_file().read_text())


def down_to(name: str) -> list[str]:
    return ["down"] * SHOWN.index(name)


@pytest.fixture(autouse=True)
def commented() -> None:
    config_file().parent.mkdir(parents=True)
    config_file().write_text("# by hand\nfps = 12\n")


def test_notes_on_when_a_setting_takes_effect_are_about_settings_on_the_screen() -> None:
    assert set(SHOWN) >= IMMEDIATE | NEXT_START


async def test_the_settings_stand_below_the_names_of_their_groups() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("comma")
        await until(pilot, lambda: "Speech recognition  engine " in shown(app, "settings"))
        assert "Audio               source " in shown(app, "settings")
        await pilot.press("up", *["down"] * len(SHOWN))
        await until(pilot, lambda: "Costs               input_rate " in shown(app, "settings"))


async def test_it_shows_values_what_they_are_for_and_where_they_are_written() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("comma")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await until(pilot, lambda: "Audio source: mic" in shown(app, "preview"))
        await pilot.press(*down_to("theme"))
        await until(pilot, lambda: "Name of the theme" in shown(app, "preview"))
        assert any(row.split()[-2:] == ["fps", "12"] for row in shown(app, "settings").splitlines())
        assert str(config_file()) in shown(app, "preview").replace("\n", "")


async def test_a_theme_holds_at_once_and_the_files_comments_stay() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await until(pilot, lambda: app._themes)
        before = app.theme
        await pilot.press("comma", *down_to("theme"), "enter")
        await until(pilot, lambda: app.theme != before)
        assert written()["theme"] == app.theme
        assert config_file().read_text().startswith("# by hand\nfps = 12\n")
        await pilot.press("left")
        await until(pilot, lambda: app.theme == before)


async def test_yes_and_no_change_places_and_del_takes_the_default() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (_, pilot):
        await pilot.press("comma", *down_to("flac"), "space")
        await until(pilot, lambda: written().get("flac") is True)
        await pilot.press("delete")
        await until(pilot, lambda: "flac" not in written())


async def test_a_number_is_asked_for_and_a_wrong_one_is_refused() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("comma", *down_to("fps"), "enter")
        await until(pilot, lambda: isinstance(app.screen, TextInputScreen))
        await pilot.press("backspace", "backspace", *"30", "enter")
        await until(pilot, lambda: written()["fps"] == 30)
        await pilot.press("enter", *"0", "enter")
        await until(pilot, lambda: "fps must be an integer from 1 to 60" in toasts(app))
        assert written()["fps"] == 30


async def test_the_prompts_are_those_of_the_engine() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (_, pilot):
        await pilot.press("comma", *down_to("prompt"), "enter")
        await until(pilot, lambda: written().get("prompt") == "actions")


async def test_a_variable_that_comes_before_the_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGIST_FPS", "5")
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("comma", *down_to("fps"))
        await until(pilot, lambda: "Set by LIVEGIST_FPS" in shown(app, "preview"))


async def test_a_broken_file_is_told_and_left_alone() -> None:
    config_file().write_text("fps = = 1\n")
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("comma")
        await until(pilot, lambda: "is not valid TOML" in toasts(app))
        await pilot.press("enter", "down", "delete", "escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert config_file().read_text() == "fps = = 1\n"
