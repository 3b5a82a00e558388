"""The wall: rooms, keys for one room and for all, alarms, notices and search."""

import pytest
from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, shown, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import PROMPTS, SESSION, ScriptedEngine, gist, meeting, partial, turn
from tests.viewer.wall_harness import EMPTY, MIXED, Wall, meetings, showing, update
from tui.config.schema import Highlight
from tui.model.commands import Bookmark, Mute, Start, Stop, UseExtraPrompts, UsePrompt
from tui.model.events import GistChanged, MutedChanged, Notice, Rejected, Severity, TurnBookmarked, TurnChanged
from tui.viewer.screens.help import HelpScreen
from tui.viewer.screens.prompt_picker import PromptPicker
from tui.viewer.screens.room_dashboard import RoomDashboard
from tui.viewer.screens.room_search import RoomSearchScreen
from tui.viewer.wall_app import WallApp
from tui.viewer.widgets.choices import Choices


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


async def test_each_reason_for_which_rooms_cannot_act_is_named_once() -> None:
    wall = Wall({**MIXED, "hall": EMPTY, "far": meeting()}, hosts={"far": "far"})
    wall["far"].accepting.clear()
    async with showing(wall) as (app, pilot):
        app.rooms[-1].view_model.disconnect("far cannot be reached.", "", "")
        await pilot.press("A", "space")
        said = "2 rooms: muted. Not studio, hall: No session is running. Not far: Not connected to the engine."
        await until(pilot, lambda: said in toasts(app))


async def test_after_A_a_key_that_no_room_can_act_on_says_why_for_all() -> None:  # noqa: N802
    wall = Wall({"local": EMPTY, "lobby": EMPTY})
    async with showing(wall) as (app, pilot):
        await pilot.press("A", "x")
        await until(pilot, lambda: "Not local, lobby: No session is running." in toasts(app))
        assert "0 rooms" not in toasts(app)
        assert "ALL" not in shown(app, "banner")


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
        await until(pilot, lambda: "1 room: prompt Take-away. Not lobby: there is no such prompt" in toasts(app))
        assert wall["local"].sent[1:] == [UsePrompt("takeaway")]
        await pilot.press("A", "p")
        await until(pilot, lambda: isinstance(app.screen, PromptPicker))
        await pilot.press("down", "space", "escape")
        await until(pilot, lambda: wall["lobby"].sent == [UseExtraPrompts(("actions",))])
        assert wall["local"].sent[2:] == [UseExtraPrompts(("actions",))]


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
