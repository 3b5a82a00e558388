"""The list of past sessions: filter, order, edits, export, deletion, search and questions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace
from textual.events import Key
from textual.pilot import Pilot

from tests.viewer.dashboard_harness import emit, running, shown, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import SESSION, ScriptedEngine, meeting
from tui.model.commands import (
    AnnotateSession,
    Ask,
    DeleteSessions,
    DescribeSession,
    ExportSession,
    ListSessions,
    SearchSessions,
    ShowSession,
)
from tui.model.events import (
    GistChanged,
    SessionInfo,
    SessionsFound,
    SessionShown,
    SessionsListed,
    State,
    StoredSessionChanged,
)
from tui.model.gists import Gist, GistStatus
from tui.model.session_hits import SessionHit
from tui.viewer.app import LivegistApp
from tui.viewer.engine_connection import ExitStatus
from tui.viewer.screens.asked_sessions import AskedSessions
from tui.viewer.screens.export import FORMATS
from tui.viewer.screens.history import HistoryScreen
from tui.viewer.screens.past_session import PastSessionScreen
from tui.viewer.widgets.box import Box

KEPT = (
    SessionInfo("b", "2026-11-22T09:45:00+01:00", 754.0, 132, State.ENDED, "Standup", ("work",), "Good morning", 3),
    SessionInfo("a", "2026-11-20T14:00:00+01:00", 61.0, 1, State.FAILED, "", (), "\x1b[31mHello there"),
    SessionInfo("c", "2026-11-19T14:00:00+01:00", 61.0, 4, State.LIVE, "", (), "Cut", 0, False),
    SessionInfo(
        "d", "2026-11-18T14:00:00+01:00", 61.0, 4, State.ENDED, "", (), "", 0, False, "the recording is missing"
    ),
)
PAST = replace(meeting(State.ENDED), session=replace(SESSION, id="a"))


async def test_h_lists_what_is_kept_and_enter_opens_one() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("h")
        await until(pilot, lambda: engine.sent == [ListSessions()])
        await emit(pilot, engine, SessionsListed(KEPT))
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        await until(pilot, lambda: "Standup" in shown(app, "sessions"))
        listed = shown(app, "sessions")
        for part in (
            "started            length  turns   ★  title",
            "2026-11-22 09:45    12:34    132   3  #work Standup",
            "1      failed  ",
            "interrupted  Cut",
            "! the recording is missing",
        ):
            assert part in listed
        assert "\x1b" not in shown(app, "sessions")
        assert "Good morning" in shown(app, "preview")
        await pilot.press("down", "enter")
        await until(pilot, lambda: engine.sent[1:] == [ShowSession("a")])
        await emit(pilot, engine, SessionShown(PAST))
        await until(pilot, lambda: isinstance(app.screen, PastSessionScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))


@asynccontextmanager
async def browsing(host: str = "") -> AsyncIterator[tuple[LivegistApp, Pilot[ExitStatus], ScriptedEngine]]:
    """Open the list of past sessions."""
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, host=host) as (app, pilot):
        await emit(pilot, engine, SessionsListed(KEPT))
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen) and "Standup" in shown(app, "sessions"))
        yield app, pilot, engine


def order(app: LivegistApp) -> list[str]:
    """Return the titles of the listed sessions, from the top."""
    words = ("Standup", "Hello", "Cut", "missing")
    return [word for row in shown(app, "sessions").splitlines() for word in words if word in row]


async def test_the_list_is_filtered_by_what_is_typed_and_sorted_by_a_key() -> None:
    async with browsing() as (app, pilot, _):
        assert order(app) == ["Standup", "Hello", "Cut", "missing"]
        await pilot.press("ctrl+s", "ctrl+s", "ctrl+s")
        await until(pilot, lambda: "by title" in shown(app))
        assert order(app) == ["missing", "Cut", "Standup", "Hello"]
        await pilot.press(*"#work")
        await until(pilot, lambda: order(app) == ["Standup"])
        assert "1 session" in shown(app)


async def test_a_narrow_list_has_room_for_the_titles() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=(60, 16)) as (app, pilot):
        await emit(pilot, engine, SessionsListed(KEPT))
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        await until(pilot, lambda: "11-22 09:45    12:34  #work Standup" in shown(app, "sessions"))


async def test_titles_and_tags_of_a_past_session_are_edited() -> None:
    async with browsing() as (app, pilot, engine):
        await pilot.press("ctrl+r", *"!", "enter")
        await until(pilot, lambda: engine.sent == [DescribeSession("b", "Standup!", ("work",))])
        await pilot.press("ctrl+t", "space", *"q4", "enter")
        await until(pilot, lambda: engine.sent[1:] == [DescribeSession("b", "Standup", ("work", "q4"))])
        await emit(pilot, engine, SessionsListed((replace(KEPT[0], name="Changed"), *KEPT[1:])))
        await until(pilot, lambda: "Changed" in shown(app, "sessions"))


async def test_several_sessions_are_exported() -> None:
    async with browsing() as (app, pilot, engine):
        await pilot.press("space", "space")
        await until(pilot, lambda: "2 marked" in shown(app))
        await pilot.press("ctrl+e", "down", "enter")
        await until(pilot, lambda: engine.sent == [ExportSession("b", "txt"), ExportSession("a", "txt")])


async def test_a_deletion_is_carried_out_when_the_list_is_left_and_can_be_undone_before() -> None:
    async with browsing() as (app, pilot, engine):
        await pilot.press("ctrl+x")
        await until(pilot, lambda: "1 deleted when you leave" in shown(app))
        await pilot.press("ctrl+x")
        await until(pilot, lambda: "deleted when you leave" not in shown(app))
        await pilot.press("down", "ctrl+x")
        assert engine.sent == []
        await pilot.press("escape")
        await until(pilot, lambda: engine.sent == [DeleteSessions(("a",))])
        assert app.screen is app.dashboard
        await emit(pilot, engine, SessionsListed(KEPT[2:]))
        assert app.screen is app.dashboard, "the reply to a deletion opens no list"


async def test_a_search_in_all_sessions_opens_the_session_at_the_turn() -> None:
    async with browsing() as (app, pilot, engine):
        await pilot.press(*"pool", "ctrl+f")
        await until(pilot, lambda: engine.sent == [SearchSessions("pool")])
        hits = (
            SessionHit("a", 128, 768.0, ("the connection ", "pool", ": it was")),
            SessionHit("b", 0, 0.0, ("pool",)),
        )
        await emit(pilot, engine, SessionsFound(hits))
        await until(pilot, lambda: "12:48  turn 128" in shown(app, "sessions"))
        assert "2 matches in all sessions" in shown(app)
        await pilot.press("enter")
        await until(pilot, lambda: engine.sent[1:] == [ShowSession("a")])
        await emit(pilot, engine, SessionShown(PAST))
        await until(pilot, lambda: isinstance(app.screen, PastSessionScreen) and app.screen.body.turns.cursor == 128)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen) and "matches" not in shown(app))


async def test_a_history_without_sessions_says_so() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, SessionsListed(()))
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        await until(pilot, lambda: "No past sessions" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert engine.sent == []


async def test_a_question_about_a_listed_session_opens_it() -> None:
    async with browsing() as (_, pilot, engine):
        await pilot.press("down", "ctrl+a", *"why", "enter")
        await until(pilot, lambda: engine.sent == [ShowSession("a"), AnnotateSession("a", Ask("why"))])


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (100, 30), (120, 36)])
async def test_the_answers_of_marked_sessions_are_read_below_the_list(size: tuple[int, int]) -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=size) as (app, pilot):
        await emit(pilot, engine, SessionsListed(KEPT))
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen) and "Standup" in shown(app, "sessions"))
        await pilot.press("space", "space", "ctrl+a", *"who?", "enter")
        await until(pilot, lambda: "0 of 2 answered" in shown(app))
        answer = Gist(9, None, "", "Tom, and\nMaria, and\nInes.", GistStatus.DONE, question="who?")
        failed = Gist(9, None, "", "", GistStatus.FAILED, question="who?", error="the model is unknown")
        await emit(
            pilot,
            engine,
            StoredSessionChanged("b", GistChanged(answer)),
            StoredSessionChanged("a", GistChanged(failed)),
            StoredSessionChanged("d", GistChanged(answer)),
        )
        await until(pilot, lambda: "2 of 2 answered" in shown(app))
        assert "✗ failed" in shown(app, "sessions")
        await pilot.press("up")
        await until(pilot, lambda: "✗ failed: the model is unknown" in shown(app, "preview"))
        await pilot.press("up")
        await until(pilot, lambda: "? who?" in shown(app, "preview"))
        await pilot.press("shift+down", "shift+down", "shift+down")
        await until(pilot, lambda: "Ines." in shown(app, "preview"))


def test_an_answer_stands_below_the_question_that_it_answers() -> None:
    asked = AskedSessions()
    asked.ask(["a"], "who?")
    assert asked.take("a", Gist(9, None, "", "On Monday.", GistStatus.DONE, question="when?"))
    assert [span.text for line in asked.lines("a") for span in line] == ["? when?", "On Monday."]


async def test_a_question_about_marked_sessions_is_asked_of_each() -> None:
    async with browsing() as (app, pilot, engine):
        await pilot.press("space", "space", "ctrl+a", *"why", "enter")
        await until(pilot, lambda: engine.sent == [AnnotateSession("b", Ask("why")), AnnotateSession("a", Ask("why"))])
        assert "Asked 2 sessions" in toasts(app)


def test_every_format_can_be_chosen() -> None:
    from tui.sessions.export import FORMATS as THERE

    assert list(FORMATS) == list(THERE)


async def test_the_deletion_of_marked_sessions_is_undone_by_the_same_key_wherever_the_cursor_is() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, SessionsListed(KEPT))
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        await pilot.press("space", "space", "ctrl+x")
        await until(pilot, lambda: "2 marked · 2 deleted when you leave, ^x undoes" in shown(app))
        await pilot.press("ctrl+x")
        await until(pilot, lambda: "deleted" not in shown(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.dashboard)
    assert engine.sent == []


async def test_a_match_names_its_session() -> None:
    id = "2026-11-22T09-45-00-abcd"
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, SessionsListed((replace(KEPT[0], id=id),)))
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        await emit(pilot, engine, SessionsFound((SessionHit(id, 128, 768.0, ("the connection ", "pool")),)))
        await until(pilot, lambda: "2026-11-22 09:45    12:48  turn 128" in shown(app, "sessions"))
        assert "Standup" in shown(app, "preview")


async def test_a_key_of_the_list_says_why_it_cannot_act_on_matches_or_on_nothing() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, SessionsListed(KEPT))
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        await emit(pilot, engine, SessionsFound((SessionHit("b", 127, 762.0, ("the ", "script")),)))
        for key in ("ctrl+r", "ctrl+t", "ctrl+e", "ctrl+x", "ctrl+s", "space"):
            app.screen.query_one(Box).turn_over()
            await pilot.press(key)
            await until(pilot, lambda: "Not possible with matches: esc goes back to the list." in toasts(app))
        await pilot.press("escape", *"nothing of the kind")
        await until(pilot, lambda: "0 sessions" in shown(app))
        for key in ("ctrl+a", "ctrl+r", "ctrl+x"):
            await pilot.press(key)
            await until(pilot, lambda: "No session is listed." in toasts(app))
    assert engine.sent == []


async def test_a_key_that_arrives_with_the_typed_words_acts_on_all_of_them() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await emit(pilot, engine, SessionsListed(KEPT))
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        assert app._driver is not None
        for key in (*"script", "ctrl+f"):
            app._driver.send_message(Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: engine.sent == [SearchSessions("script")])
