"""Rooms of a wall: one is opened as a dashboard, one drops and comes back."""

import re

import pytest
from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, shown, toasts
from tests.viewer.pilot import Clock, SettledPilot, until
from tests.viewer.scripted_engine import SESSION, meeting, turn
from tests.viewer.wall_harness import EMPTY, MIXED, Wall, showing
from tui.model.commands import ContinueSession, ListDevices, Start, Stop, UsePrompt
from tui.model.devices import DeviceInfo
from tui.model.events import (
    DevicesListed,
    LevelChanged,
    Notice,
    PromptChanged,
    SessionStarted,
    Severity,
    State,
    StateChanged,
    TurnChanged,
)
from tui.viewer.screens.room_dashboard import RoomDashboard
from tui.viewer.wall_app import WallApp


async def test_enter_opens_a_room_as_the_dashboard_and_escape_comes_back() -> None:
    wall = Wall(MIXED, hosts={"lobby": "ines@lobby"})
    async with showing(wall) as (app, pilot):
        await pilot.press("end", "enter")
        await until(pilot, lambda: isinstance(app.screen, RoomDashboard))
        await until(pilot, lambda: "Good morning everybody" in shown(app, "turns"))
        assert "livegist@lobby " in shown(app, "banner")
        assert "Thursday" in shown(app, "gists")
        assert "esc wall" in shown(app, "keys")
        assert "quit" not in shown(app, "keys")
        await pilot.press("x", "2")
        await until(pilot, lambda: wall["lobby"].sent == [Stop(), UsePrompt("actions")])
        await emit(pilot, wall["lobby"], TurnChanged(turn(134, "Shown at once.")))
        await until(pilot, lambda: "Shown at once." in shown(app, "turns"))
        await pilot.press("home", "escape")
        assert isinstance(app.screen, RoomDashboard), "the first escape clears the selection"
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.wall)
        await until(pilot, lambda: "Shown at once." in shown(app, "rooms"))
        assert "▸ lobby" in shown(app, "rooms")


async def test_a_message_about_the_keys_of_an_open_room_is_not_shown_on_the_wall() -> None:
    wall = Wall(MIXED)
    async with showing(wall) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RoomDashboard))
        await emit(pilot, wall["local"], PromptChanged("actions"))
        await until(pilot, lambda: "Press b to ask Action items about" in toasts(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.wall)
        await until(pilot, lambda: "enter open" in shown(app, "keys"))
        assert "Press b" not in shown(app, "keys") + toasts(app)


async def test_an_opened_room_shows_the_level_and_its_history_as_far_as_the_wall_received_them() -> None:
    wall, clock = Wall(MIXED), Clock()
    async with showing(wall, clock=clock) as (app, pilot):
        for at in range(9):
            await emit(pilot, wall["local"], LevelChanged(-40.0, -3.0 if at < 4 else -50.0, clipped=at == 3))
            clock.now += 2.5
        await emit(pilot, wall["local"], LevelChanged(-40.0, -30.0))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RoomDashboard))
        await until(pilot, lambda: "⣿⣿⣀⣀ 4 min" in shown(app, "meter"))
        assert "CLIP" in shown(app, "meter")
        assert "-30" in shown(app, "meter")
        await pilot.press("escape")
        await emit(pilot, wall["local"], SessionStarted(replace(SESSION, id="another")))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RoomDashboard))
        await until(pilot, lambda: shown(app, "meter") != "")
        assert "⣀" not in shown(app, "meter")


async def test_a_room_that_finishes_is_not_stopped_again_on_the_wall() -> None:
    wall = Wall({"local": meeting(State.DRAINING), "lobby": meeting()})
    async with showing(wall) as (app, pilot):
        await pilot.press("x")
        await until(pilot, lambda: "The session is finishing. Open the room to end the wait." in shown(app, "keys"))
        await pilot.press("A", "x")
        await until(pilot, lambda: wall["lobby"].sent == [Stop()])
        assert wall["local"].sent == []
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RoomDashboard))
        await pilot.press("x", "x")
        await until(pilot, lambda: wall["local"].sent == [Stop(abandon=True)])


@pytest.mark.parametrize("key", ["q", "d", "ctrl+q"])
async def test_no_key_of_an_open_room_ends_its_engine(key: str) -> None:
    wall = Wall(MIXED)
    async with showing(wall) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RoomDashboard))
        await pilot.press(key)
        await until(pilot, lambda: app.screen is app.wall)
    assert wall["local"].sent == []


async def test_the_other_rooms_go_on_while_one_is_open() -> None:
    wall = Wall(MIXED)
    async with showing(wall) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RoomDashboard))
        await emit(pilot, wall["lobby"], TurnChanged(turn(134, "Said in the lobby.")))
        failed = StateChanged(State.FAILED, "The disk is full.")
        await emit(pilot, wall["studio"], StateChanged(State.CONNECTING), failed)
        await until(pilot, lambda: "studio: The session failed. The disk is full." in toasts(app))
        await pilot.press("escape")
        await until(pilot, lambda: "Said in the lobby." in shown(app, "rooms"))
        assert "✗ 1 FAILED" in shown(app, "banner")


@pytest.mark.parametrize("opened", [False, True])
async def test_a_session_of_a_room_begins_without_a_message_of_the_one_before(opened: bool) -> None:
    wall = Wall(MIXED)
    next_session = SessionStarted(replace(SESSION, id="next"))
    async with showing(wall) as (app, pilot):
        if opened:
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, RoomDashboard))
        await emit(pilot, wall["local"], StateChanged(State.ENDED), Notice(Severity.WARNING, "The hook failed."))
        await until(pilot, lambda: "The hook failed." in shown(app, "keys"))
        await emit(pilot, wall["lobby"], next_session)
        assert "The hook failed." in shown(app, "keys"), "it is about another room"
        await emit(pilot, wall["local"], StateChanged(State.CONNECTING), next_session)
        assert "hook" not in shown(app, "keys") + toasts(app)


async def test_a_room_that_drops_is_shown_as_such_and_comes_back_by_itself() -> None:
    wall = Wall(MIXED, hosts={"lobby": "far"})
    async with showing(wall) as (app, pilot):
        wall["lobby"].accepting.clear()
        wall["lobby"].cut()
        await until(pilot, lambda: "↻ 1 LINE LOST" in shown(app, "banner"))
        await until(pilot, lambda: "Line to far lost." in shown(app, "rooms"))
        assert "look at the" in shown(app, "rooms")
        await pilot.press("end", "x")
        await until(pilot, lambda: "lobby: Not connected to the engine." in toasts(app))
        wall["lobby"].snapshot = replace(meeting(), turns=(turn(1, "Here again."),))
        wall["lobby"].accepting.set()
        await until(pilot, lambda: "Here again." in shown(app, "rooms"))
        assert "LOST" not in shown(app, "banner")
        assert "look at the" in shown(app, "rooms"), "the other rooms are as they were"


async def test_a_room_that_drops_while_it_is_open_says_so_there_and_on_the_wall() -> None:
    wall = Wall(MIXED, hosts={"local": "far"})
    async with showing(wall) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RoomDashboard))
        wall["local"].accepting.clear()
        wall["local"].cut()
        await until(pilot, lambda: "LINE LOST" in shown(app, "banner"))
        assert "Line to far lost." in shown(app, "alert")
        await pilot.press("escape")
        await until(pilot, lambda: "Line to far lost." in shown(app, "rooms"))
        wall["local"].accepting.set()
        await until(pilot, lambda: "● 2 LIVE" in shown(app, "banner"))


async def test_a_machine_that_was_never_reached_says_why_and_is_tried_again() -> None:
    wall = Wall({"local": meeting(), "lobby": meeting()}, hosts={"lobby": "far"})
    wall["lobby"].accepting.clear()
    async with showing(wall) as (app, pilot):
        assert "… STARTING" in shown(app, "rooms")
        app.rooms[1].view_model.disconnect("far cannot be reached: no route.", "Is it on?", "")
        app.wall.room_list.touch()
        await until(pilot, lambda: "↻ UNREACHABLE" in shown(app, "rooms"))
        assert "far cannot be reached: no route. Trying again… Is it on?" in shown(app, "rooms")
        await pilot.press("end", "enter")
        await until(pilot, lambda: isinstance(app.screen, RoomDashboard))
        said = "far cannot be reached: no route. Trying again… Is it on?"
        await until(pilot, lambda: said in " ".join(shown(app, "alert").split()))
        assert "session" not in shown(app, "alert"), "nobody knows whether there is one"
        await pilot.press("escape")
        wall["lobby"].accepting.set()
        await until(pilot, lambda: "● 2 LIVE" in shown(app, "banner"))


async def test_a_source_that_was_chosen_in_a_room_is_used_when_its_session_starts_on_the_wall() -> None:
    wall = Wall({"local": EMPTY})
    async with showing(wall) as (app, pilot):
        await pilot.press("enter", "D")
        await until(pilot, lambda: ListDevices() in wall["local"].sent)
        await emit(
            pilot, wall["local"], DevicesListed((DeviceInfo("mic", "default", ""), DeviceInfo("mic:B", "B", "")))
        )
        await pilot.press("down", "enter")
        await until(pilot, lambda: "The next session records from mic:B." in toasts(app))
        await pilot.press("escape", "s")
        await until(pilot, lambda: Start({"source": "mic:B"}) in wall["local"].sent)


async def test_s_brings_back_an_engine_of_this_machine_that_was_killed_and_continues_its_session() -> None:
    wall = Wall(MIXED)
    async with showing(wall) as (app, pilot):
        wall["local"].accepting.clear()
        wall["local"].cut()
        await until(pilot, lambda: "DISCONNECTED" in shown(app, "banner"))
        await pilot.press("s")
        await until(pilot, lambda: wall["local"].revived == 1)
        wall["local"].snapshot = replace(meeting(State.FAILED), stopped_at="2026-11-22T10:00:00+00:00")
        wall["local"].accepting.set()
        await until(pilot, lambda: wall["local"].sent == [ContinueSession()])


async def lose_open_room(wall: Wall, app: WallApp, pilot: SettledPilot) -> None:
    """Open the room `local`; its engine is gone then."""
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, RoomDashboard))
    wall["local"].accepting.clear()
    wall["local"].cut()
    await until(pilot, lambda: "DISCONNECTED" in shown(app, "banner"))
    assert app.open_dashboard is not None
    app.open_dashboard.set_connection_lost("No engine is running.")


@pytest.mark.parametrize("size", [(60, 16), (120, 36)])
async def test_an_open_room_whose_engine_was_killed_says_what_to_do_and_so_does_its_row(size: tuple[int, int]) -> None:
    wall = Wall({"local": meeting()})
    async with showing(wall, size=size) as (app, pilot):
        await lose_open_room(wall, app, pilot)
        await until(pilot, lambda: "RECORDING STOPPED" in shown(app, "alert"))
        text = " ".join(shown(app, "alert").split())
        assert re.search(r"RECORDING STOPPED \d\d:\d\d:\d\d · s goes on · esc wall ", text)
        assert (
            "No engine is running. s starts an engine that continues the recording; esc goes back to the wall." in text
        )
        await pilot.press("escape")
        row = r"RECORDING STOPPED \d\d:\d\d:\d\d · s goes on. No engine is running."
        await until(pilot, lambda: re.search(row, " ".join(shown(app, "rooms").split())) is not None)


async def test_an_open_room_without_a_session_whose_engine_was_killed_names_the_key_of_the_wall() -> None:
    wall = Wall({"local": EMPTY})
    async with showing(wall) as (app, pilot):
        await lose_open_room(wall, app, pilot)
        said = "No engine is running. Press s to start a session, esc for the wall."
        await until(pilot, lambda: said in " ".join(shown(app, "alert").split()))


async def test_a_click_selects_a_room_and_another_one_opens_it() -> None:
    async with showing(Wall(MIXED)) as (app, pilot):
        lines = shown(app, "rooms").splitlines()
        at = next(row for row, line in enumerate(lines) if "lobby" in line)
        await pilot.click("#rooms", offset=(5, at))
        await until(pilot, lambda: "▸ lobby" in shown(app, "rooms"))
        at = next(row for row, line in enumerate(shown(app, "rooms").splitlines()) if "lobby" in line)
        await pilot.click("#rooms", offset=(5, at + 1))
        await until(pilot, lambda: isinstance(app.screen, RoomDashboard))
