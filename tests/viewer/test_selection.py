"""Several selected turns: copied, exported, asked about, merged; and turns found by number and time."""

import pytest
from msgspec.structs import replace

from tests.viewer.dashboard_harness import running, shown, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import SESSION, ScriptedEngine, meeting
from tui.model.commands import Ask, ExportSession, MergeTurn
from tui.presentation.turn_list import turn_at, turns_as_markdown
from tui.presentation.view_model import ViewModel
from tui.viewer.screens.export import ExportPicker
from tui.viewer.screens.text_input import TextInputScreen


def model() -> ViewModel:
    view_model = ViewModel()
    view_model.apply(meeting())
    return view_model


NUMBERS = [turn.number for turn in model().transcript.finals]


async def test_shift_and_arrows_select_several_turns_to_copy_export_and_ask_about() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("home", "shift+down", "shift+down")
        await until(pilot, lambda: "3 selected" in shown(app, "turns"))
        body = app.dashboard.body
        assert body.selected_turns == tuple(NUMBERS[:3])
        assert "y copy · Y Markdown · J merge · : ask · e export" in shown(app, "turns")
        assert len(body.turns.text_to_copy().splitlines()) == 3
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ExportPicker))
        await until(pilot, lambda: "Export 3 selected turns as" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: engine.sent == [ExportSession("", "md", tuple(NUMBERS[:3]))])
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(app.screen, TextInputScreen))
        await until(pilot, lambda: "question about 3 selected turns" in shown(app))
        await pilot.press(*"why?", "enter")
        await until(pilot, lambda: engine.sent[1:] == [Ask("why?", tuple(NUMBERS[:3]))])


async def test_back_towards_the_first_fewer_are_selected_and_an_arrow_selects_one() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("home", "shift+down", "shift+down", "shift+up")
        assert app.dashboard.body.selected_turns == tuple(NUMBERS[:2])
        await pilot.press("down")
        assert app.dashboard.body.selected_turns == ()
        assert "selected" not in shown(app, "turns")
        assert "J merge" not in shown(app, "turns")


async def test_merge_takes_all_selected_turns() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (_, pilot):
        await pilot.press("home", "shift+down", "shift+down", "J")
        await until(pilot, lambda: engine.sent == [MergeTurn(NUMBERS[0])] * 2)


async def test_turns_are_copied_as_markdown_with_their_times() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("home", "shift+down", "Y")
        await until(pilot, lambda: "opied" in toasts(app) or "opied" in shown(app))
    lines = turns_as_markdown(model(), NUMBERS[:2]).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("`")
    assert "**A:** Good morning everybody." in lines[0]
    assert len([line for line in turns_as_markdown(model()).splitlines() if line]) == len(NUMBERS)


async def test_a_turn_is_found_by_its_number_or_its_time() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("ctrl+g", *str(NUMBERS[2]), "enter")
        await until(pilot, lambda: app.dashboard.body.turns.cursor == NUMBERS[2])
        await pilot.press("ctrl+g", *"x", "enter")
        await until(pilot, lambda: "No turn at x." in toasts(app) or "No turn at x." in shown(app))
        assert app.dashboard.body.turns.cursor == NUMBERS[2]


@pytest.mark.parametrize("step", range(3))
def test_a_time_is_that_of_the_turn_spoken_then(step: int) -> None:
    turn = model().transcript.finals[step]
    seconds = int(turn.start_s) + 1
    assert turn_at(model(), f"{seconds // 60}:{seconds % 60:02}") == turn.number
    assert turn_at(model(), f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}") == turn.number


def test_before_the_first_turn_is_the_first_and_what_is_no_time_is_none() -> None:
    assert turn_at(model(), "0:00") == NUMBERS[0]
    assert turn_at(model(), "99:00:00") == model().transcript.finals[-1].number + 1
    assert [turn_at(model(), text) for text in ("", "1:", ":", "a:b", "1:2:3:4", "-1", "0")] == [None] * 7


def test_a_clock_time_counts_from_the_start_of_the_session() -> None:
    view_model = model()
    view_model.session = replace(SESSION, started_at="2026-11-22T23:59:30+01:00")
    turn = view_model.transcript.finals[0]
    at_s = (23 * 3600 + 59 * 60 + 30 + int(turn.start_s) + 1) % 86400
    time = f"{at_s // 3600}:{at_s // 60 % 60:02}:{at_s % 60:02}"
    assert turn_at(view_model, time, clock_times=True) == turn.number
