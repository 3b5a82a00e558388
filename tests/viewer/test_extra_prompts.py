"""Tests of extra prompts: chosen in the picker, their gists, and earlier turns."""

from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, live, running, shown, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import GISTS, ScriptedEngine, gist, meeting
from tui.model.commands import AskAllTurns, RetryGist, UseExtraPrompts, UsePrompt
from tui.model.events import ExtraPromptsChanged, GistChanged, GistDelta, PromptChanged
from tui.model.gists import Gist, GistStatus
from tui.viewer.screens.prompt_picker import PromptPicker


def extra_gist(number: int, turn: int, prompt: str, text: str, status: GistStatus = GistStatus.DONE) -> Gist:
    return replace(gist(number, turn, text, status), prompt=prompt)


async def test_space_puts_a_prompt_beside_the_one_in_use_and_takes_it_away() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("p", "down", "space")
        await until(pilot, lambda: engine.sent == [UseExtraPrompts(("actions",))])
        await until(pilot, lambda: "2 Action items ◎ extra" in shown(app, "prompts"))
        await pilot.press("down", "space")
        await until(pilot, lambda: engine.sent[1:] == [UseExtraPrompts(("actions", "takeaway"))])
        await pilot.press("up", "space", "escape")
        await until(pilot, lambda: engine.sent[2:] == [UseExtraPrompts(("takeaway",))])


async def test_enter_confirms_the_marked_prompts_and_keeps_the_one_in_use() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("p", "down", "space")
        await until(pilot, lambda: "enter confirm" in shown(app))
        await pilot.press("down", "space", "enter")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert engine.sent == [UseExtraPrompts(("actions",)), UseExtraPrompts(("actions", "takeaway"))]


async def test_a_fourth_beside_it_and_the_one_in_use_are_not_taken() -> None:
    prompts = (*meeting().prompts, replace(meeting().prompts[1], id="fifth", name="Fifth"))
    extra_prompts = ("actions", "takeaway", "improve")
    engine = ScriptedEngine(snapshot=replace(meeting(), prompts=prompts, extra_prompts=extra_prompts))
    async with running(engine) as (app, pilot):
        await pilot.press("p", "space", *["down"] * 4, "space")
        await until(pilot, lambda: "at most 3 extra prompts" in toasts(app))
        assert engine.sent == []


async def test_without_a_session_nothing_goes_beside() -> None:
    engine = ScriptedEngine()
    async with running(engine) as (app, pilot):
        await pilot.press("p", "down", "space")
        await until(pilot, lambda: "Extra prompts need a session" in toasts(app))
        assert engine.sent == []


async def test_the_gists_of_a_turn_stand_together_each_with_its_prompt() -> None:
    engine = ScriptedEngine(snapshot=live())
    async with running(engine) as (app, pilot):
        await emit(
            pilot,
            engine,
            GistChanged(gist(1, 1, "About turn one.")),
            GistChanged(gist(2, 2, "About turn two.")),
            GistChanged(extra_gist(3, 1, "actions", "", GistStatus.WAITING)),
            GistDelta(3, "Do it"),
        )
        await until(pilot, lambda: "Do it ▌" in shown(app, "gists"))
        assert app.dashboard.body.gists.count == 2
        rows = [row.strip("│ ") for row in shown(app, "gists").splitlines()]
        heads = [at for at, row in enumerate(rows) if "·" in row]
        assert rows[heads[0]].startswith("◆ Turn 1 · Summary")
        assert rows[heads[1]] == "▲ Turn 1 · Action items"
        assert rows[heads[1] + 1] == "Do it ▌"
        assert rows[heads[2]].startswith("◆ Turn 2 · Summary")
        assert app.dashboard.body.gists.plain(1).count("Turn 1 · ") == 2


async def test_a_snapshot_groups_them_too_and_a_turn_leads_to_its_group() -> None:
    gists = (*meeting().gists, extra_gist(120, 126, "actions", "Nothing to do."))
    engine = ScriptedEngine(snapshot=replace(meeting(), gists=gists))
    async with running(engine) as (app, pilot):
        await pilot.press("home")
        await until(pilot, lambda: app.dashboard.body.gists.cursor == 100)
        assert app.dashboard.body.gists.count == len(GISTS) + 2
        assert "Nothing to do." in shown(app, "gists")


async def test_a_number_shows_one_of_several_prompts_alone_and_all_again() -> None:
    gists = (*meeting().gists, extra_gist(120, 126, "actions", "Nothing to do."))
    engine = ScriptedEngine(snapshot=replace(meeting(), gists=gists, extra_prompts=("actions",)))
    async with running(engine) as (app, pilot):
        await pilot.press("home")
        await pilot.press("2")
        assert "Nothing to do." in shown(app, "gists")
        assert "A quick round" not in shown(app, "gists")
        assert "Turn 127 · no gist of Action items" in shown(app, "gists")
        assert "Action items only" in shown(app, "gists").splitlines()[0]
        assert "A quick round" not in app.dashboard.body.gists.text_to_copy()
        await pilot.press("2")
        assert "A quick round" in shown(app, "gists")
        await pilot.press("1", "3")
        await until(pilot, lambda: engine.sent == [UsePrompt("takeaway")])
        assert "Nothing to do." not in shown(app, "gists")
        await emit(pilot, engine, ExtraPromptsChanged(()))
        assert "Nothing to do." in shown(app, "gists")


async def test_a_failed_answer_of_a_group_is_requested_again() -> None:
    engine = ScriptedEngine(
        snapshot=replace(meeting(), gists=(gist(1, 126, "Done."), extra_gist(2, 126, "actions", "")))
    )
    failed = extra_gist(2, 126, "actions", "", GistStatus.FAILED)
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, GistChanged(failed), GistChanged(gist(3, 127, "", GistStatus.FAILED)))
        await pilot.press("home")
        await until(pilot, lambda: app.dashboard.body.gists.cursor == 1)
        await pilot.press("r")
        await until(pilot, lambda: engine.sent == [RetryGist(2)])


async def test_after_a_swap_the_new_prompt_is_offered_for_the_turns_so_far() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, PromptChanged("actions"))
        await until(pilot, lambda: "Press b to ask Action items about 7 earlier turns." in toasts(app))
        await emit(pilot, engine, ExtraPromptsChanged(("takeaway",)))
        assert "prompt Action items +1" in shown(app, "banner")
        await pilot.press("b")
        await until(pilot, lambda: engine.sent == [AskAllTurns("actions"), AskAllTurns("takeaway")])


async def test_an_extra_prompt_that_comes_into_use_is_counted_and_asked_once() -> None:
    engine = ScriptedEngine(snapshot=replace(meeting(), prompt="actions", extra_prompts=("actions", "takeaway")))
    async with running(engine) as (app, pilot):
        assert "prompt Action items +1 " in shown(app, "banner")
        await pilot.press("b")
        await until(pilot, lambda: engine.sent == [AskAllTurns("actions"), AskAllTurns("takeaway")])


async def test_what_was_asked_about_everything_is_not_offered() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, PromptChanged("summary"))
        assert toasts(app) == ""
        await pilot.press("b", "p")
        await until(pilot, lambda: isinstance(app.screen, PromptPicker))
        assert engine.sent == []
