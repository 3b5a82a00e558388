"""Tests of a viewer that may only look: it offers nothing that would be refused, and says why if a key is pressed."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from tests.viewer.dashboard_harness import emit, running, shown, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import SESSION, ScriptedEngine, meeting
from tui.model.events import SessionInfo, SessionShown, SessionsListed, State, StateChanged
from tui.presentation.availability import WATCH_ONLY
from tui.viewer.app import LivegistApp
from tui.viewer.engine_connection import ExitStatus
from tui.viewer.screens.help import HelpScreen
from tui.viewer.screens.history import HistoryScreen
from tui.viewer.screens.past_session import PastSessionScreen
from tui.viewer.widgets.box import Box

LISTED = SessionsListed((SessionInfo("a", "2026-11-22T09:45:00+01:00", 754.0, 132, State.ENDED, "Standup"),))
PAST = SessionShown(replace(meeting(State.ENDED), session=replace(SESSION, id="a")))


@asynccontextmanager
async def watching(engine: ScriptedEngine) -> AsyncIterator[tuple[LivegistApp, Pilot[ExitStatus]]]:
    async with running(engine, size=(160, 60)) as (app, pilot):
        app.dashboard.view_model.watching = True
        app.dashboard.refresh_bindings()
        await pilot.pause()
        yield app, pilot


async def test_the_list_of_past_sessions_offers_only_what_reads_them() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with watching(engine) as (app, pilot):
        await emit(pilot, engine, LISTED)
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        border = str(app.screen.query_one(".dialog").border_subtitle)
        assert border == "enter open · F1 keys · ^s sort · ^f search all · esc back"
        for key in ("ctrl+a", "ctrl+e", "ctrl+r", "ctrl+t", "ctrl+x"):
            await pilot.press("ctrl+s", key)
            await until(pilot, lambda: WATCH_ONLY in toasts(app))
            assert isinstance(app.screen, HistoryScreen), key
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen) and "sort order" in shown(app, "help-text"))
        assert "tags" not in shown(app, "help-text")
    assert engine.sent == []


async def test_a_past_session_offers_only_what_reads_it() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with watching(engine) as (app, pilot):
        await emit(pilot, engine, PAST)
        await until(pilot, lambda: isinstance(app.screen, PastSessionScreen) and "search" in shown(app, "keys"))
        offered = shown(app, "keys")
        for refused in ("ask", "edit", "export", "analyse", "bookmark ", "title", "name speaker", "play"):
            assert refused not in offered
        for key in ("E", "colon", "e", "a", "m", "R", "P", "f2"):
            await pilot.press(key)
            await until(pilot, lambda: WATCH_ONLY in shown(app, "keys"))
            assert isinstance(app.screen, PastSessionScreen), key
            app.screen.footer.turn_over()
        titles = {command.title for command in app.get_system_commands(app.screen) if command.discover}
        assert "Search" in titles
        assert not {"Ask", "Edit", "Export", "Bookmark", "Title"} & titles
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen) and "Search turns" in shown(app, "help-text"))
        assert "Edit the text" not in shown(app, "help-text")
    assert engine.sent == []


async def test_an_alarm_names_no_key_that_is_refused() -> None:
    stopped = replace(meeting(State.FAILED), stopped_at="2026-11-22T10:00:00+00:00")
    engine = ScriptedEngine(snapshot=stopped)
    async with watching(engine) as (app, pilot):
        await emit(pilot, engine, StateChanged(State.FAILED, "The engine was killed."))
        assert re.search(r"STOPPED \d\d:\d\d:\d\d The engine was killed\.$", " ".join(shown(app, "alert").split()))
    engine = ScriptedEngine(snapshot=meeting())
    async with watching(engine) as (app, pilot):
        engine.accepting.clear()
        engine.cut()
        await until(pilot, lambda: "DISCONNECTED" in shown(app, "banner"))
        app.dashboard.set_connection_lost("No engine is running.")
        await until(pilot, lambda: "RECORDING STOPPED" in shown(app, "alert"))
        assert re.search(r"STOPPED \d\d:\d\d:\d\d No engine is running\.$", " ".join(shown(app, "alert").split()))


async def test_the_help_of_the_dashboard_names_only_keys_that_may_be_used() -> None:
    async with watching(ScriptedEngine(snapshot=meeting())) as (app, pilot):
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen) and "[search]" in shown(app, "help-text"))
        for id in ("stop", "bookmark", "use-prompt-1", "show-settings"):
            assert f"[{id}" not in shown(app, "help-text")


@pytest.mark.parametrize("key", ["L", "ctrl+l"])
async def test_a_replay_is_not_offered_without_a_terminal(key: str) -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=(160, 60)) as (app, pilot):
        await emit(pilot, engine, PAST if key == "L" else LISTED)
        await until(pilot, lambda: app.screen is not app.dashboard)
        assert "L replay" not in shown(app)
        await pilot.press(key)
        await until(pilot, lambda: "A replay needs a terminal." in toasts(app))


async def test_a_reason_that_is_wider_than_a_dialog_is_shown_row_after_row() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=(60, 16)) as (app, pilot):
        app.dashboard.view_model.watching = True
        await emit(pilot, engine, LISTED)
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        await pilot.press("ctrl+x")
        await until(pilot, lambda: "This page only shows the session: it was opened" in shown(app))
        box = app.screen.query_one(Box)
        box.turn_over()
        await pilot.pause()
        assert "with --watch." in shown(app)
        box.turn_over()
        await pilot.pause()
        assert "esc back" in shown(app)
