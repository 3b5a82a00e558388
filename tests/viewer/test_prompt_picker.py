"""Tests of the prompt picker, driven by keys and by a scripted engine."""

from tests.viewer.dashboard_harness import running, shown
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import ScriptedEngine, meeting
from tui.model.commands import UsePrompt
from tui.viewer.screens.prompt_picker import PromptPicker


async def test_the_picker_filters_previews_and_chooses() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PromptPicker))
        await until(pilot, lambda: "● in use" in shown(app, "prompts"))
        await pilot.press(*"take")
        await until(pilot, lambda: "Summary" not in shown(app, "prompts"))
        assert "main take-away from the transcript" in shown(app, "preview")
        await pilot.press("enter")
        await until(pilot, lambda: engine.sent == [UsePrompt("takeaway")])


async def test_the_picker_moves_with_the_arrows_and_leaves_with_escape() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PromptPicker))
        await pilot.press("down")
        await until(pilot, lambda: "set of action items" in shown(app, "preview"))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert engine.sent == []
