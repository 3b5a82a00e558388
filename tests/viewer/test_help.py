"""Tests of the help and the keys of dialogs, driven by keys and by a scripted engine."""

import re

import pytest
from textual.events import MouseScrollUp

from tests.viewer.dashboard_harness import emit, running, shown
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import ScriptedEngine, meeting
from tui.model.commands import UsePrompt
from tui.model.events import SessionsListed
from tui.presentation.formatting import STATES
from tui.viewer.bindings import DASHBOARD, TOPICS
from tui.viewer.screens.help import HelpScreen
from tui.viewer.widgets.choices import Reader


@pytest.mark.parametrize("key", ["e", "p", "comma", "h", "D"])
async def test_the_key_that_closes_a_dialog_stands_in_its_border_at_60_columns(key: str) -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=(60, 16)) as (app, pilot):
        if key == "h":
            await emit(pilot, engine, SessionsListed(()))
        else:
            await pilot.press(key)
        await until(pilot, lambda: re.search(r"· esc (back|cancel) ─╯", shown(app)))


async def test_help_shows_every_key_with_its_id() -> None:
    async with running(ScriptedEngine(), keys={"start": "f5"}, size=(120, 140)) as (app, pilot):
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await until(pilot, lambda: "[quit]" in shown(app, "help-text"))
        assert any("f5" in row and "[start]" in row for row in shown(app, "help-text").splitlines())
        assert "↻ RECONNECTING" in shown(app, "help-text")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)


async def test_help_is_readable_at_60_columns() -> None:
    async with running(ScriptedEngine(), size=(60, 16)) as (app, pilot):
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen) and "In Turns" in shown(app, "help-text"))
        await pilot.press("pagedown", "pagedown")
        await until(pilot, lambda: "In Turns" not in shown(app, "help-text"))
        await pilot.press(*"stop recording")
        await until(pilot, lambda: "Session" in shown(app, "help-text"))
        rows = shown(app, "help-text").splitlines()
        first = next(at for at, row in enumerate(rows) if "Stop recording" in row)
        assert rows[first].index("Stop") == 20
        assert rows[first + 1].index(rows[first + 1].strip()) == 20


async def test_help_is_filtered_by_what_is_typed_and_names_every_sign_and_state() -> None:
    async with running(ScriptedEngine(), size=(120, 36)) as (app, pilot):
        await pilot.press("question_mark", *"gain")
        await until(pilot, lambda: "[increase-gain]" in shown(app, "help-text"))
        assert "[stop]" not in shown(app, "help-text")
        for _ in "gain":
            await pilot.press("backspace")
        await pilot.press(*"states")
        await until(pilot, lambda: "↻ RECONNECTING" in shown(app, "help-text"))
        assert all(word in shown(app, "help-text") for _, word in STATES.values())
        await pilot.press(*"xyz")
        await until(pilot, lambda: "Nothing matches the filter." in shown(app, "help-text"))


async def test_help_distinguishes_what_is_possible_now_from_what_is_not() -> None:
    async with running(ScriptedEngine(), size=(120, 100)) as (app, pilot):
        await pilot.press("question_mark")
        reader = app.screen.query_one("#help-text", Reader)
        styles = {span.text.strip(): span.style for line in reader.lines(90, 100) for span in line}
        assert styles["Start a session"] == ""
        assert styles["Stop recording, wait for the last turns; meanwhile: end the wait"] == "muted"


def test_every_key_of_the_dashboard_has_its_place_in_the_help() -> None:
    ids = [id for _, ids in TOPICS for id in ids]
    nine = {f"use-prompt-{number}" for number in range(2, 10)}
    assert len(ids) == len(set(ids))
    assert set(ids) == {binding.id for binding in DASHBOARD} - nine


@pytest.mark.parametrize(
    ("opening", "name", "says"),
    [
        (("comma",), "Settings", "restore the default"),
        (("e",), "Export", "export the session"),
        (("q",), "Quit", "leave it running"),
        (("p",), "Prompts", "duplicate the"),
    ],
)
async def test_a_dialog_shows_its_own_keys(opening: tuple[str, ...], name: str, says: str) -> None:
    async with running(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press(*opening, "f1")
        assert isinstance(app.screen, HelpScreen)
        assert name in shown(app, "help-text")
        assert says in shown(app, "help-text").casefold()
        await pilot.press("escape")
        assert not isinstance(app.screen, HelpScreen)
        assert app.screen is not app.dashboard


async def test_a_click_marks_a_row_of_a_dialog_a_second_takes_it_and_the_wheel_goes_through_them() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("p")
        await pilot.click("#prompts", offset=(5, 2))
        await until(pilot, lambda: "▸ 3 Take-away" in shown(app, "prompts"))
        assert engine.sent == []
        await pilot._post_mouse_events([MouseScrollUp], "#prompts", button=0)
        await until(pilot, lambda: "▸ 2 Action items" in shown(app, "prompts"))
        await pilot.click("#prompts", offset=(5, 1))
        await until(pilot, lambda: engine.sent == [UsePrompt("actions")])
