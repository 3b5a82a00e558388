"""The wall: several scripted engines, keys, drops, alarms, search and bookmarks across the rooms."""

import pytest
from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, shown, toasts
from tests.viewer.pilot import SettledPilot, until
from tests.viewer.scripted_engine import PROMPTS, SESSION, ScriptedEngine, gist, meeting, partial, turn
from tests.viewer.wall_harness import Wall, meetings, showing
from tui.config.schema import Highlight
from tui.model.commands import (
    Bookmark,
    ContinueSession,
    ListDevices,
    Mute,
    Start,
    Stop,
    UseExtraPrompts,
    UsePrompt,
)
from tui.model.devices import DeviceInfo
from tui.model.events import (
    DevicesListed,
    GistChanged,
    MutedChanged,
    Notice,
    Rejected,
    Severity,
    Snapshot,
    State,
    StateChanged,
    TurnBookmarked,
    TurnChanged,
)
from tui.viewer.screens.help import HelpScreen
from tui.viewer.screens.prompt_picker import PromptPicker
from tui.viewer.screens.room_dashboard import RoomDashboard
from tui.viewer.screens.room_search import RoomSearchScreen
from tui.viewer.wall_app import WallApp
from tui.viewer.widgets.choices import Choices

EMPTY = Snapshot(1, "0", prompt="summary", prompts=PROMPTS)
MIXED = {"local": meeting(), "studio": EMPTY, "lobby": meeting()}


async def update(pilot: SettledPilot, engine: ScriptedEngine, *events: object) -> None:
    """Emit events, and paint the frame that shows them at once."""
    await emit(pilot, engine, *events)  # type: ignore[arg-type]
    assert isinstance(pilot.app, WallApp)
    pilot.app.wall.room_list.touch()
    await pilot.pause()


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36)])
@pytest.mark.parametrize("count", [1, 3, 8])
async def test_every_room_is_shown_with_its_name_and_newest_words(size: tuple[int, int], count: int) -> None:
    rooms = meetings(count)
    async with showing(Wall(rooms), size=size) as (app, pilot):
        text = shown(app, "rooms")
        assert all(name[:9] in text for name in rooms)
        assert text.count("look at the") == count
        assert f"● {count} LIVE" in shown(app, "banner")
        assert "? help" in shown(app, "keys")
        await update(pilot, app_engine(app, 0), TurnChanged(partial(133, "but let me see", speaker="C")))
        assert "but let me see" in shown(app, "rooms")


def app_engine(app: WallApp, at: int) -> ScriptedEngine:
    """Return the engine of a room by its place."""
    engine = app._connections[at].client
    assert isinstance(engine, ScriptedEngine)
    return engine


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36)])
async def test_twenty_rooms_scroll_with_the_selection(size: tuple[int, int]) -> None:
    async with showing(Wall(meetings(20)), size=size) as (app, pilot):
        await pilot.press("end")
        await until(pilot, lambda: "▸ room 20" in shown(app, "rooms"))
        await pilot.press("z")
        await until(pilot, lambda: "of 20" in shown(app, "banner"))
        assert "▸ room 20" in shown(app, "rooms")
        await pilot.press("home")
        await until(pilot, lambda: "▸ local" in shown(app, "rooms"))
        assert "1–" in shown(app, "banner")
        await pilot.press("pagedown")
        await until(pilot, lambda: "▸ local" not in shown(app, "rooms"))


async def test_a_key_goes_to_the_selected_room() -> None:
    wall = Wall(MIXED)
    async with showing(wall) as (app, pilot):
        await pilot.press("down", "s")
        await until(pilot, lambda: wall["studio"].sent == [Start()])
        await pilot.press("down", "space")
        await until(pilot, lambda: wall["lobby"].sent == [Mute(True)])
        await update(pilot, wall["lobby"], MutedChanged(True))
        assert "⊘ MUTED" in shown(app, "rooms")
        assert "space unmute" in shown(app, "keys")
        await pilot.press("space", "x", "m")
        await until(pilot, lambda: wall["lobby"].sent[1:] == [Mute(False), Stop(), Bookmark(132, "")])
        assert wall["local"].sent == []


async def test_a_key_that_cannot_act_says_why_and_for_which_room() -> None:
    wall = Wall(MIXED)
    async with showing(wall) as (app, pilot):
        await pilot.press("s")
        await until(pilot, lambda: "local: A session is running. Press x to stop it first." in toasts(app))
        await pilot.press("down", "x")
        await until(pilot, lambda: "studio: No session is running. Press s to start one." in toasts(app))
        assert [engine.sent for engine in wall.engines.values()] == [[], [], []]


async def test_after_A_one_key_goes_to_all_rooms_and_the_message_names_those_that_cannot() -> None:  # noqa: N802
    wall = Wall(MIXED)
    async with showing(wall) as (app, pilot):
        await pilot.press("A")
        await until(pilot, lambda: "→ ALL 3 ROOMS" in shown(app, "banner"))
        assert shown(app, "rooms").count("▸") == 3
        await pilot.press("x")
        await until(pilot, lambda: wall["local"].sent == wall["lobby"].sent == [Stop()])
        assert wall["studio"].sent == []
        assert "2 rooms: stopping. Not studio: No session is running." in toasts(app)
        assert "ALL" not in shown(app, "banner")
        await pilot.press("A", "escape", "m")
        await until(pilot, lambda: wall["local"].sent == [Stop(), Bookmark(132, "")])
        assert wall["lobby"].sent == [Stop()]


async def test_all_rooms_are_muted_before_all_are_unmuted() -> None:
    wall = Wall(MIXED)
    async with showing(wall) as (_, pilot):
        await update(pilot, wall["lobby"], MutedChanged(True))
        await pilot.press("A", "space")
        await until(pilot, lambda: wall["local"].sent == wall["lobby"].sent == [Mute(True)])
        await update(pilot, wall["local"], MutedChanged(True))
        await pilot.press("A", "space")
        await until(pilot, lambda: wall["local"].sent[1:] == wall["lobby"].sent[1:] == [Mute(False)])
        assert wall["studio"].sent == []


async def test_a_prompt_is_chosen_for_one_room_and_for_all() -> None:
    fewer = replace(meeting(), prompts=PROMPTS[:1])
    wall = Wall({"local": meeting(), "lobby": fewer})
    async with showing(wall) as (app, pilot):
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PromptPicker))
        await pilot.press("down", "enter")
        await until(pilot, lambda: wall["local"].sent == [UsePrompt("actions")])
        assert wall["lobby"].sent == []
        await pilot.press("A", "p")
        await until(pilot, lambda: isinstance(app.screen, PromptPicker))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: "1 room: uses Take-away. Not lobby: there is no such prompt" in toasts(app))
        assert wall["local"].sent[1:] == [UsePrompt("takeaway")]
        await pilot.press("A", "p")
        await until(pilot, lambda: isinstance(app.screen, PromptPicker))
        await pilot.press("down", "space", "escape")
        await until(pilot, lambda: wall["lobby"].sent == [UseExtraPrompts(("actions",))])
        assert wall["local"].sent[2:] == [UseExtraPrompts(("actions",))]


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
        assert "far cannot be reached: no route. Is it on? Trying again…" in shown(app, "rooms")
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


async def test_an_alarm_rings_for_every_room_and_says_which() -> None:
    wall = Wall(MIXED)
    rings: list[None] = []
    async with showing(wall, highlights={"invoice": Highlight(bell=True), "Maria": "warn"}) as (app, pilot):
        app.bell = lambda: rings.append(None)  # type: ignore[method-assign]
        await update(pilot, wall["lobby"], TurnChanged(turn(140, "Where is the invoice?")))
        assert len(rings) == 1
        assert "lobby: Where is the invoice?" in toasts(app)
        row = next(line for line in shown(app, "rooms").splitlines() if "lobby" in line)
        assert "! invoice" in row
        assert "! 1 alarm" in shown(app, "banner")
        await update(pilot, wall["lobby"], TurnChanged(turn(141, "Another invoice, Maria?")))
        await update(pilot, wall["local"], TurnChanged(turn(141, "Maria?")))
        assert len(rings) == 2
        assert "! invoice ×2" in shown(app, "rooms")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RoomDashboard))
        await emit(pilot, wall["local"], TurnChanged(turn(142, "An invoice here.")))
        assert len(rings) == 3
        assert "local: An invoice here." in toasts(app)
        await pilot.press("escape", "c")
        await until(pilot, lambda: "alarm" not in shown(app, "banner"))
        assert "! invoice" not in shown(app, "rooms")


async def test_notices_and_refusals_say_which_room() -> None:
    wall = Wall(MIXED)
    async with showing(wall) as (app, pilot):
        await emit(pilot, wall["studio"], Notice(Severity.WARNING, "The disk is nearly full.", "Free some space."))
        assert "studio: The disk is nearly full. Free some space." in toasts(app)
        await emit(pilot, wall["lobby"], Rejected("No.", "Later."))
        assert "lobby: No. Later." in toasts(app)
        await emit(pilot, wall["lobby"], Notice(Severity.ERROR, "The disk is full."))
        assert "lobby: The disk is full." in toasts(app)


async def test_search_finds_words_of_all_rooms_and_opens_the_room_at_the_turn() -> None:
    wall = Wall(MIXED)
    async with showing(wall) as (app, pilot):
        await emit(pilot, wall["lobby"], TurnChanged(turn(140, "The kettle is broken.")))
        await emit(pilot, wall["lobby"], *(TurnChanged(turn(number, "Yes.")) for number in range(141, 160)))
        await pilot.press("slash", *"kettle")
        await until(pilot, lambda: isinstance(app.screen, RoomSearchScreen))
        await until(pilot, lambda: "The kettle is broken." in shown(app, "hits"))
        assert "lobby" in shown(app, "hits")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RoomDashboard))
        dashboard = app.open_dashboard
        assert dashboard is not None
        await until(pilot, lambda: dashboard.body.turns.cursor == 140)
        assert "The kettle is broken." in shown(app, "turns")
        assert "1 of 1 with “kettle”" in shown(app, "turns")


async def test_bookmarks_of_all_rooms_are_listed_and_escape_leaves_all_as_it_was() -> None:
    wall = Wall(MIXED)
    async with showing(wall) as (app, pilot):
        await pilot.press("M")
        await until(pilot, lambda: "No bookmarks. Press m on the wall" in shown(app, "hits"))
        await pilot.press("escape")
        await emit(pilot, wall["local"], TurnBookmarked(127, "the date"))
        await emit(pilot, wall["lobby"], TurnBookmarked(129, ""))
        await pilot.press("M")
        await until(pilot, lambda: isinstance(app.screen, RoomSearchScreen))
        listed = shown(app, "hits")
        assert "the date" in listed
        assert "Tom raises the pool" in listed
        await pilot.press("down")
        assert app.screen.query_one(Choices).selected == 1
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.wall)
        assert [engine.sent for engine in wall.engines.values()] == [[], [], []]


async def test_help_and_palette_name_the_keys_of_the_wall_and_its_rooms() -> None:
    async with showing(Wall(MIXED), keys={"start": "f5"}, size=(120, 60)) as (app, pilot):
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        text = shown(app, "help-text")
        assert "[all-rooms]" in text
        assert any("f5" in row and "[start]" in row for row in text.splitlines())
        assert "alarm: turns that matched a highlight" in text
        await pilot.press("escape")
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Open room lobby", "Search all rooms", "Stop session", "Use theme night"} <= titles


async def test_keys_of_ones_own_hold_on_the_wall_and_in_a_room() -> None:
    wall = Wall(MIXED)
    async with showing(wall, keys={"stop": "f6", "all-rooms": "f7", "seek-back": "f9"}) as (app, pilot):
        assert "unknown action" not in toasts(app)
        assert "bound to both" not in toasts(app)
        await pilot.press("f6")
        await until(pilot, lambda: wall["local"].sent == [Stop()])
        await pilot.press("f7")
        await until(pilot, lambda: "ALL" in shown(app, "banner"))


async def test_one_key_for_two_actions_of_the_wall_is_named() -> None:
    async with showing(Wall(MIXED), keys={"all-rooms": "x"}) as (app, _):
        assert "'x' is bound to both" in toasts(app)


async def test_q_closes_the_wall_ends_nothing_and_says_what_goes_on() -> None:
    wall = Wall(MIXED)
    async with showing(wall) as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: app.return_value is not None)
    assert str(app.return_value) == "2 sessions still running: local, lobby."
    assert [engine.sent for engine in wall.engines.values()] == [[], [], []]


async def test_a_click_selects_a_room_and_another_one_opens_it() -> None:
    async with showing(Wall(MIXED)) as (app, pilot):
        lines = shown(app, "rooms").splitlines()
        at = next(row for row, line in enumerate(lines) if "lobby" in line)
        await pilot.click("#rooms", offset=(5, at))
        await until(pilot, lambda: "▸ lobby" in shown(app, "rooms"))
        at = next(row for row, line in enumerate(shown(app, "rooms").splitlines()) if "lobby" in line)
        await pilot.click("#rooms", offset=(5, at + 1))
        await until(pilot, lambda: isinstance(app.screen, RoomDashboard))


async def test_many_events_are_painted_a_few_times_a_second_at_most() -> None:
    wall = Wall(meetings(8))
    async with showing(wall, size=(80, 24)) as (app, pilot):
        painted: list[int] = []
        original = app.wall.room_list.lines

        def lines(columns: int, rows: int) -> object:
            painted.append(rows)
            return original(columns, rows)

        app.wall.room_list.rest()
        app.wall.room_list._next_at = float("inf")
        app.wall.room_list.lines = lines  # type: ignore[assignment, method-assign]
        for engine in wall.engines.values():
            engine.emit(*(GistChanged(gist(number, None, f"Gist {number}")) for number in range(200, 240)))
        for engine in wall.engines.values():
            await engine.handled()
        await pilot.pause()
        assert painted == [], "nothing is painted before the next frame is due"
        app.wall.room_list._next_at = 0.0
        app.wall.room_list.rest()
        app.wall.room_list.show_change()
        await until(pilot, lambda: "Gist 239" in shown(app, "rooms"))


async def test_ascii_and_the_name_of_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = replace(meeting(), session=replace(SESSION, started_at="not a time"))
    async with showing(Wall({"local": snapshot}), name="office", ascii=True) as (app, _):
        assert "livegist wall office" in shown(app, "banner")
