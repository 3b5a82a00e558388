"""A past session that is opened: panes, edits, search, export, playing."""

import pytest
from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, running, shown, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import SAID, SESSION, ScriptedEngine, gist, meeting
from tui.model.commands import Analyse, AnnotateSession, Ask, EditTurn, ExportSession, TogglePlay, UndoEdit
from tui.model.edits import TurnEdit
from tui.model.events import (
    GistChanged,
    PlayingChanged,
    SessionShown,
    SpeakerNamed,
    State,
    StoredSessionChanged,
    TitleChanged,
    TranscriptEdited,
    TurnBookmarked,
)
from tui.viewer.screens.export import ExportPicker
from tui.viewer.screens.past_session import PastSessionScreen

PAST = replace(meeting(State.ENDED), session=replace(SESSION, id="a"))


async def test_a_past_session_stands_in_the_same_panes_and_escape_leads_back() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, SessionShown(PAST))
        await until(pilot, lambda: isinstance(app.screen, PastSessionScreen))
        await until(pilot, lambda: "connection pool" in shown(app, "turns"))
        await until(pilot, lambda: "ENDED" in shown(app, "banner"))
        await pilot.press("home")
        assert "f follows" not in shown(app), "a past session does not grow"
        await pilot.press("z")
        await until(pilot, lambda: "turns zoomed z" in shown(app, "banner"))
        await pilot.press("z", "T")
        await until(pilot, lambda: "09:57:36 A" in shown(app, "turns"))
        assert "no answer within 30 s" in shown(app, "gists")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert app.dashboard.view_model.state is State.LIVE


async def test_no_key_of_a_past_session_changes_the_live_one() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, SessionShown(PAST))
        await until(pilot, lambda: isinstance(app.screen, PastSessionScreen))
        await pilot.press("space", "x", "1", "a", "s", "left")
        await until(pilot, lambda: engine.sent == [AnnotateSession("a", Analyse())])
        assert isinstance(app.screen, PastSessionScreen)


async def test_a_past_session_is_edited_asked_and_titled_and_shows_what_changes() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, SessionShown(PAST))
        await until(pilot, lambda: isinstance(app.screen, PastSessionScreen))
        await pilot.press("u")
        assert "No edit to undo." in toasts(app)
        await pilot.press("home", "E", "end", *"!", "enter")
        edit = EditTurn(126, (f"{SAID[0][1]}!",))
        await until(pilot, lambda: engine.sent == [AnnotateSession("a", edit)])
        first = PAST.turns[0]
        edited = TranscriptEdited((TurnEdit(126, (replace(first, text="Welcome, everybody."),)),))
        await emit(pilot, engine, StoredSessionChanged("a", edited))
        assert "Welcome, everybody." in shown(app, "turns")
        await emit(pilot, engine, StoredSessionChanged("b", TitleChanged("Not this one")))
        await emit(pilot, engine, StoredSessionChanged("a", TitleChanged("Monday round")))
        assert "Monday round" in shown(app, "banner")
        await pilot.press("u", "colon", *"why", "enter")
        await until(
            pilot, lambda: engine.sent[1:] == [AnnotateSession("a", UndoEdit()), AnnotateSession("a", Ask("why"))]
        )
        answer = replace(gist(300, None, "Because of [turn 127]."), question="why")
        await emit(pilot, engine, StoredSessionChanged("a", GistChanged(answer)))
        assert "Because of" in shown(app, "gists")
        await pilot.press("escape", "escape")
        assert "Because of" not in shown(app), "an answer about a past session is not shown with the live one"


async def test_escape_ends_the_search_in_a_past_session_before_it_leads_back() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, SessionShown(PAST))
        await until(pilot, lambda: isinstance(app.screen, PastSessionScreen))
        await pilot.press("slash", *"script", "enter")
        await until(pilot, lambda: "with “script”" in shown(app, "turns"))
        await pilot.press("escape")
        await until(pilot, lambda: "with “script”" not in shown(app, "turns"))
        assert isinstance(app.screen, PastSessionScreen)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)


async def test_e_exports_what_is_shown() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ExportPicker))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: engine.sent == [ExportSession("", "srt")])
        await emit(pilot, engine, SessionShown(PAST))
        await until(pilot, lambda: isinstance(app.screen, PastSessionScreen))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ExportPicker))
        await pilot.press("enter")
        await until(pilot, lambda: engine.sent[1:] == [ExportSession("a", "md")])


async def test_a_past_session_shows_its_marks_and_names_and_only_those_on_a_key() -> None:
    marked = replace(PAST, bookmarks=(TurnBookmarked(127, "the plan"),), speakers=(SpeakerNamed("B", "Tom"),))
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, SessionShown(marked))
        await until(
            pilot,
            lambda: (
                isinstance(app.screen, PastSessionScreen) and "★ 127 12:42 Tom ▎The migration" in shown(app, "turns")
            ),
        )
        await pilot.press("M")
        await until(pilot, lambda: "★ only" in shown(app, "turns"))
        assert "Good morning" not in shown(app, "turns")


async def test_a_private_session_is_not_exported() -> None:
    engine = ScriptedEngine(snapshot=replace(meeting(), session=replace(SESSION, path="")))
    async with running(engine) as (app, pilot):
        await pilot.press("e")
        await pilot.pause()
        assert app.screen is app.dashboard


async def test_a_past_session_shows_its_own_keys() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, SessionShown(meeting(State.ENDED)))
        await until(pilot, lambda: isinstance(app.screen, PastSessionScreen))
        await pilot.press("question_mark")
        assert "Past session" in shown(app, "help-text")
        assert "Show bookmarked turns only, or all turns" in shown(app, "help-text")


async def test_p_plays_the_recording_from_the_selected_turn() -> None:
    engine = ScriptedEngine(snapshot=meeting(State.ENDED))
    async with running(engine) as (app, pilot):
        first = app.dashboard.view_model.transcript.finals[0]
        await pilot.press("home", "P")
        await until(pilot, lambda: engine.sent == [TogglePlay("", first.start_s)])
        await emit(pilot, engine, PlayingChanged(True))
        await until(pilot, lambda: "▶ PLAYING" in shown(app, "banner"))
        await emit(pilot, engine, PlayingChanged(False))
        await until(pilot, lambda: "PLAYING" not in shown(app, "banner"))
        await emit(pilot, engine, SessionShown(PAST))
        await until(pilot, lambda: isinstance(app.screen, PastSessionScreen))
        await pilot.press("home", "down", "P")
        second = app.dashboard.view_model.transcript.finals[1]
        await until(pilot, lambda: engine.sent[1:] == [TogglePlay("a", second.start_s)])
        await emit(pilot, engine, PlayingChanged(True))
        assert "▶ PLAYING P" in shown(app, "banner")
        assert "P stop playing" in shown(app, "keys")
        await emit(pilot, engine, PlayingChanged(False))
        assert "PLAYING" not in shown(app, "banner")


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36)])
async def test_the_header_of_a_past_session_says_when_it_started(size: tuple[int, int]) -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=size) as (app, pilot):
        assert "2026-11-22 09:45" not in shown(app, "banner")
        await emit(pilot, engine, SessionShown(PAST))
        await until(pilot, lambda: isinstance(app.screen, PastSessionScreen))
        assert "2026-11-22 09:45" in shown(app, "banner")


async def test_a_running_session_is_not_played() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (_, pilot):
        await pilot.press("home", "P")
        assert engine.sent == []
