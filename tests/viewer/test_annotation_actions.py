"""Tests of questions, bookmarks, speaker names, retries and gain by keys."""

import pytest
from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, live, running, shown, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import ScriptedEngine, gist, meeting, turn
from tui.model.commands import (
    Analyse,
    Ask,
    Bookmark,
    Command,
    EditTurn,
    MergeTurn,
    NameSpeaker,
    RetryGist,
    SetGain,
    SetTitle,
    UndoEdit,
)
from tui.model.edits import edit_turn, merge_turns
from tui.model.events import (
    GainChanged,
    GistChanged,
    GistDelta,
    LevelChanged,
    SpeakerNamed,
    State,
    TitleChanged,
    TranscriptEdited,
    TurnBookmarked,
    TurnChanged,
)
from tui.model.gists import Gist, GistStatus
from tui.viewer.screens.annotation_actions import retry_command
from tui.viewer.screens.text_input import TextInputScreen


async def test_a_question_is_asked_and_its_answer_grows_among_the_gists() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(app.screen, TextInputScreen))
        await pilot.press(*"who?", "enter")
        await until(pilot, lambda: engine.sent == [Ask("who?")])
        await emit(
            pilot, engine, GistChanged(Gist(200, None, "", question="who?", turns=7)), GistDelta(200, "It is Tom")
        )
        await until(pilot, lambda: "Question: who?" in shown(app, "gists"))
        await until(pilot, lambda: "It is Tom ▌" in shown(app, "gists"))


async def test_up_brings_earlier_questions_back_and_down_returns_to_what_was_begun() -> None:
    asked = (Gist(200, None, "", question="first?"), Gist(201, None, "", question="second?"))
    engine = ScriptedEngine(snapshot=replace(meeting(), gists=asked))
    async with running(engine) as (app, pilot):
        await pilot.press("colon", *"dra", "up", "up", "up", "down", "down", *"ft", "up", "up", "enter")
        await until(pilot, lambda: engine.sent == [Ask("first?")])
        await pilot.press("colon", *"dra", "up", "down", *"ft", "enter")
        await until(pilot, lambda: engine.sent[1:] == [Ask("draft")])
        assert app.screen is app.dashboard


async def test_an_empty_question_is_not_asked() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("colon", "enter")
        await pilot.press("colon", *"what", "escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert engine.sent == []


async def test_an_answer_is_shown_even_if_the_turns_had_the_whole_screen() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("z")
        await until(pilot, lambda: not app.dashboard.body.gists.display)
        await pilot.press("colon", *"who?", "enter")
        await until(pilot, lambda: app.dashboard.body.gists.display)


async def test_the_newest_turn_is_marked_with_a_note_and_shows_it() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("m", *"ask Maria", "enter")
        await until(pilot, lambda: engine.sent == [Bookmark(132, "ask Maria")])
        await emit(pilot, engine, TurnBookmarked(132, "ask Maria"))
        assert "★ 132 13:12 A ▎Maria, could you" in shown(app, "turns")
        assert "ask Maria" in shown(app, "turns")
        await emit(pilot, engine, TurnBookmarked(132, None))
        assert "★" not in shown(app, "turns")


async def test_a_mark_without_a_note_is_taken_away_by_the_same_keys() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (_, pilot):
        await pilot.press("home", "m", "enter")
        await until(pilot, lambda: engine.sent == [Bookmark(126, "")])
        await emit(pilot, engine, TurnBookmarked(126, ""))
        await pilot.press("m", "enter")
        await until(pilot, lambda: engine.sent[1:] == [Bookmark(126, None)])


async def test_the_turn_of_a_selected_gist_is_marked() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("tab", "home")
        await until(pilot, lambda: app.dashboard.body.gists.cursor == 100)
        await pilot.press("m", "enter")
        await until(pilot, lambda: engine.sent == [Bookmark(126, "")])


async def test_only_marks_and_what_was_answered_about_them_can_be_shown() -> None:
    marks = (TurnBookmarked(127, "the plan"),)
    engine = ScriptedEngine(snapshot=replace(meeting(), bookmarks=marks))
    async with running(engine) as (app, pilot):
        await pilot.press("M")
        await until(pilot, lambda: "★ only · M shows all" in shown(app, "turns"))
        assert app.dashboard.body.turns.count == 1
        assert "The migration is ready" in shown(app, "turns")
        assert app.dashboard.body.gists.count == 1
        await emit(pilot, engine, TurnChanged(turn(140, "Not marked.")), GistChanged(gist(140, 140, "Not marked.")))
        assert "Not marked." not in shown(app)
        await emit(pilot, engine, TurnBookmarked(140, ""))
        assert "Not marked." in shown(app, "turns")
        await pilot.press("M")
        await until(pilot, lambda: app.dashboard.body.turns.count == 9)
        assert app.dashboard.body.gists.count == 8


async def test_a_speaker_gets_a_name_in_turns_of_before_too() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("home", "R", *"Ines", "enter")
        await until(pilot, lambda: engine.sent == [NameSpeaker("A", "Ines")])
        await emit(pilot, engine, SpeakerNamed("A", "Ines"))
        await pilot.press("f")
        await until(pilot, lambda: "12:36 Ines ▎Good morning" in shown(app, "turns"))
        assert "13:12 Ines ▎Maria, could you" in shown(app, "turns")
        await emit(pilot, engine, SpeakerNamed("A", ""))
        assert "13:12 A ▎Maria, could you" in shown(app, "turns")


async def test_a_turn_without_a_speaker_says_so() -> None:
    engine = ScriptedEngine(snapshot=replace(live(), turns=(turn(1, "Hello."),)))
    async with running(engine) as (app, pilot):
        await pilot.press("R")
        await until(pilot, lambda: "did not label the speaker" in toasts(app))
        assert engine.sent == []


async def test_a_hostile_name_is_shown_inert_and_short() -> None:
    engine = ScriptedEngine(snapshot=replace(meeting(), speakers=(SpeakerNamed("A", "\x1b[31m" + "x" * 400),)))
    async with running(engine) as (app, pilot):
        await until(pilot, lambda: "␛[31mxxxx…" in shown(app, "turns"))
        assert "x" * 16 not in shown(app, "turns")


async def test_the_newest_answer_that_did_not_come_is_asked_for_again() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (_, pilot):
        await pilot.press("r")
        await until(pilot, lambda: engine.sent == [RetryGist(105)])


async def test_the_selected_answer_goes_before_the_newest() -> None:
    failed = GistChanged(gist(107, 132, "", GistStatus.FAILED, error="no"))
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, failed)
        await pilot.press("tab", "end", "up", "up")
        await until(pilot, lambda: app.dashboard.body.gists.cursor == 105)
        await pilot.press("r")
        await until(pilot, lambda: engine.sent == [RetryGist(105)])


async def test_nothing_is_tried_again_while_nothing_failed() -> None:
    engine = ScriptedEngine(snapshot=replace(meeting(), gists=()))
    async with running(engine) as (app, pilot):
        await until(pilot, lambda: "ask" in shown(app, "keys"))
        assert "r retry" not in shown(app, "keys")
        await pilot.press("r", "space")
        await until(pilot, lambda: len(engine.sent) == 1)
        assert not isinstance(engine.sent[0], RetryGist)


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        (Gist(1, 4, "summary"), RetryGist(1)),
        (Gist(1, None, "", question="who?"), Ask("who?")),
        (Gist(1, None, "actions"), Analyse("actions")),
    ],
)
def test_each_kind_of_answer_is_asked_for_as_it_was(missing: Gist, command: Command) -> None:
    assert retry_command(missing) == command


async def test_gain_goes_by_three_db_and_stands_beside_the_meter() -> None:
    engine = ScriptedEngine(snapshot=replace(meeting(), gain_db=3.0))
    async with running(engine) as (app, pilot):
        await pilot.press("plus", "minus")
        await until(pilot, lambda: engine.sent == [SetGain(6.0), SetGain(0.0)])
        await until(pilot, lambda: "+3 dB" in shown(app, "meter"))
        await emit(pilot, engine, GainChanged(-12.0))
        await until(pilot, lambda: "-12 dB" in shown(app, "meter"))
        await emit(pilot, engine, GainChanged(40.0))
        await pilot.press("plus")
        await until(pilot, lambda: engine.sent[2:] == [SetGain(40.0)])


async def test_gain_has_a_place_on_the_smallest_meter() -> None:
    engine = ScriptedEngine(snapshot=replace(meeting(), gain_db=12.0))
    async with running(engine, size=(60, 16)) as (app, pilot):
        await emit(pilot, engine, LevelChanged(-23.0, -12.0))
        await until(pilot, lambda: "+12 dB" in shown(app, "meter"))


async def test_an_ended_session_takes_questions_and_marks_but_no_gain() -> None:
    engine = ScriptedEngine(snapshot=meeting(State.ENDED))
    async with running(engine) as (_, pilot):
        await pilot.press("plus", "m", "enter", "colon", *"why?", "enter")
        await until(pilot, lambda: engine.sent == [Bookmark(132, ""), Ask("why?")])


async def test_a_turn_is_edited_split_merged_and_the_edits_undone_by_keys() -> None:
    engine = ScriptedEngine(snapshot=meeting(State.ENDED))
    async with running(engine) as (app, pilot):
        newest = app.dashboard.view_model.newest_final()
        assert newest is not None
        await pilot.press("E")
        await until(pilot, lambda: isinstance(app.screen, TextInputScreen))
        await until(pilot, lambda: "| splits it" in shown(app) and newest.text[:20] in shown(app))
        await pilot.press(*" | B: no", "enter")
        await until(pilot, lambda: engine.sent == [EditTurn(newest.number, (f"{newest.text} ", " B: no"))])
        split = edit_turn([newest], newest.number, [newest.text, "Certainly not."], [None, "B"])
        await emit(pilot, engine, TranscriptEdited((split,)))
        await until(pilot, lambda: "Certainly not." in shown(app, "turns"))
        before = newest.number - 1
        merged = merge_turns([turn(before, "Shorter.")], split.parts or ())
        await emit(pilot, engine, TranscriptEdited(merged))
        await until(pilot, lambda: "Shorter." in shown(app, "turns"))
        assert newest.number not in app.dashboard.body.turns._list.keys
        await pilot.press("u")
        await until(pilot, lambda: engine.sent[1:] == [UndoEdit()])
        undo = app.dashboard.view_model.undo_edit
        assert undo is not None
        await emit(pilot, engine, undo)
        await until(pilot, lambda: "Shorter." not in shown(app, "turns"))
        assert "Certainly not." in shown(app, "turns")
        await pilot.press("up", "J")
        await until(pilot, lambda: engine.sent[2:] == [MergeTurn(newest.number)])


async def test_a_merged_turn_is_named_with_the_key_that_undoes_it_and_its_gist_leads_to_the_turn_that_has_it() -> None:
    engine = ScriptedEngine(snapshot=meeting(State.ENDED))
    async with running(engine, keys={"undo-edit": "U"}) as (app, pilot):
        merged = merge_turns([turn(127, "We ship.")], [turn(128, "On Thursday.")])
        await emit(pilot, engine, TranscriptEdited(merged))
        assert "Turn 128 is part of turn 127 now. U undoes it." in shown(app, "keys")
        gists = app.dashboard.body.gists
        gists.focus()
        gists.select(102)
        await pilot.pause()
        assert "Turn 128 · part of turn 127" in shown(app, "gists")
        await pilot.press("enter")
        await until(pilot, lambda: app.focused is app.dashboard.body.turns)
        assert app.dashboard.body.turns.cursor == 127
        await pilot.press("w")
        await until(pilot, lambda: "Turn 128 · part of turn 127" in shown(app, "turns"))
        undo = app.dashboard.view_model.undo_edit
        assert undo is not None
        await emit(pilot, engine, undo)
        assert "Turns 127 and 128 are separate again." in shown(app, "keys")
        assert "part of turn" not in shown(app)


async def test_f2_edits_the_title_that_the_header_shows() -> None:
    engine = ScriptedEngine(snapshot=replace(meeting(), title="Connection pool"))
    async with running(engine) as (app, pilot):
        assert "Connection pool" in shown(app, "banner")
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, TextInputScreen))
        await pilot.press(*" plan", "enter")
        await until(pilot, lambda: engine.sent == [SetTitle("Connection pool plan")])
        await emit(pilot, engine, TitleChanged("Connection pool plan"))
        await until(pilot, lambda: "Connection pool plan" in shown(app, "banner"))
