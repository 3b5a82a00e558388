"""Tests of the settings screen: values in effect, changes of the file, immediate effect."""

import tomllib

import pytest
from textual.widgets import Input

from tests.viewer.dashboard_harness import running, shown, toasts
from tests.viewer.pilot import run_app, until
from tests.viewer.scripted_engine import ScriptedEngine, meeting
from tui.paths import config_file
from tui.viewer.app import LivegistApp
from tui.viewer.screens.settings import IMMEDIATE, NEXT_START, SHOWN, SettingsScreen


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


async def test_a_theme_is_previewed_saved_by_enter_and_the_files_comments_stay() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await until(pilot, lambda: app._themes)
        before = app.theme
        await pilot.press("comma", *down_to("theme"), "right")
        await until(pilot, lambda: app.theme != before)
        assert "theme" not in written()
        assert "not saved" in shown(app, "settings")
        await pilot.press("enter")
        await until(pilot, lambda: written().get("theme") == app.theme)
        assert config_file().read_text().startswith("# by hand\nfps = 12\n")
        assert "not saved" not in shown(app, "settings")


@pytest.mark.parametrize("undo", ["escape", "down"])
async def test_a_change_that_is_not_saved_is_undone_by_escape_and_by_leaving_its_row(undo: str) -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await until(pilot, lambda: app._themes)
        before = app.theme
        await pilot.press("comma", *down_to("theme"), "left")
        await until(pilot, lambda: app.theme != before)
        await pilot.press(undo)
        await until(pilot, lambda: app.theme == before)
        assert isinstance(app.screen, SettingsScreen)
        assert "theme" not in written()


async def test_yes_and_no_change_places_and_del_takes_the_default() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (_, pilot):
        await pilot.press("comma", *down_to("flac"), "space", "enter")
        await until(pilot, lambda: written().get("flac") is True)
        await pilot.press("delete")
        await until(pilot, lambda: "flac" not in written())


async def test_a_number_is_edited_in_its_row_and_a_wrong_one_is_explained_while_it_is_typed() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("comma", *down_to("fps"), "enter")
        field = app.screen.query_one("#value", Input)
        await until(pilot, lambda: field.display and field.has_focus)
        row = next(at for at, line in enumerate(shown(app).splitlines()) if " fps " in line)
        assert field.region.y == row
        await pilot.press("backspace", "backspace", *"30", "enter")
        await until(pilot, lambda: written()["fps"] == 30)
        await pilot.press("enter", *"0")
        await until(pilot, lambda: "fps must be an integer from 1 to 60" in " ".join(shown(app, "preview").split()))
        assert "Expected" not in shown(app, "preview"), "no words of the decoder"
        await pilot.press("enter")
        assert written()["fps"] == 30
        await pilot.press("escape")
        assert not field.display
        assert isinstance(app.screen, SettingsScreen)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert written()["fps"] == 30


def listed(app: LivegistApp) -> list[str]:
    """Return the names of the settings in the list."""
    return [name for line in shown(app, "settings").splitlines() for name in line[22:].split()[:1] if name in SHOWN]


async def test_a_filter_shows_settings_by_name_and_description_and_escape_shows_all() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("comma")
        await until(pilot, lambda: "/ filter" in shown(app))
        await pilot.press("slash", *"the THEME name")
        await until(pilot, lambda: listed(app) == ["theme"])
        assert "Screen              theme " in shown(app, "settings"), "the group is named at its first match"
        assert f"Settings · 1 of {len(SHOWN)}" in shown(app)
        assert "Name of the theme" in shown(app, "preview")
        await pilot.press("escape")
        await until(pilot, lambda: len(listed(app)) > 1)
        assert "theme" in listed(app), "the selected setting stays in view"
        assert "Name of the theme" in shown(app, "preview")
        assert " of " not in shown(app).splitlines()[0]
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)


async def test_a_setting_that_a_filter_found_is_edited_in_its_row() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("comma", "slash", *"fps", "enter", "enter")
        field = app.screen.query_one("#value", Input)
        await until(pilot, lambda: field.display and field.has_focus)
        await until(pilot, lambda: " fps " in shown(app).splitlines()[field.region.y])
        await pilot.press("end", "backspace", "backspace", *"30", "enter")
        await until(pilot, lambda: written()["fps"] == 30)
        assert listed(app) == ["fps"]
        await pilot.press("slash", *"!")
        await until(pilot, lambda: "No setting matches the filter." in shown(app, "settings"))
        assert "escape to show all settings" in shown(app, "preview")
        await pilot.press("enter", "enter", "right", "delete", "down", "escape")
        await until(pilot, lambda: len(listed(app)) > 1)
        assert written()["fps"] == 30


async def test_the_filter_is_in_the_palette() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("comma", "ctrl+p", *"filter by name")
        await until(pilot, lambda: "On this screen" in shown(app))
        while not isinstance(app.screen, SettingsScreen):
            await pilot.press("enter")
        await until(pilot, lambda: "type to filter" in shown(app))
        await pilot.press(*"fps")
        await until(pilot, lambda: listed(app) == ["fps"])


async def test_the_filter_undoes_a_change_that_is_not_saved() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await until(pilot, lambda: app._themes)
        before = app.theme
        await pilot.press("comma", *down_to("theme"), "right")
        await until(pilot, lambda: app.theme != before)
        await pilot.press("slash")
        await until(pilot, lambda: app.theme == before)
        assert "not saved" not in shown(app, "settings")
        assert "theme" not in written()


async def test_an_option_of_the_command_line_that_overrides_a_setting_is_named() -> None:
    app = LivegistApp(
        ScriptedEngine(snapshot=meeting()), theme="night", fps=20, keys={}, options={"speech_model": "other"}
    )
    async with run_app(app, size=(120, 36)) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        await pilot.press("comma", *down_to("speech_model"))
        await until(pilot, lambda: "Overridden by --speech-model on the command line" in shown(app, "preview"))
        assert "overridden by --speech-model" in shown(app, "settings")


async def test_the_prompts_are_those_of_the_engine() -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (_, pilot):
        await pilot.press("comma", *down_to("prompt"), "enter", "enter")
        await until(pilot, lambda: written().get("prompt") == "actions")


async def test_a_variable_that_comes_before_the_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGIST_FPS", "5")
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("comma", *down_to("fps"))
        await until(pilot, lambda: "Set by LIVEGIST_FPS" in shown(app, "preview"))


async def test_a_broken_file_is_reported_and_left_alone() -> None:
    config_file().write_text("fps = = 1\n")
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("comma")
        await until(pilot, lambda: "is not valid TOML" in toasts(app))
        await pilot.press("enter", "down", "delete", "escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert config_file().read_text() == "fps = = 1\n"
