"""Wall: several rooms below each other, one of which is selected; keys act on it, or on all of them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.actions import parse
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.model.commands import Bookmark, Command, Stop, UsePrompt
from tui.model.events import (
    Event,
    MutedChanged,
    PromptsChanged,
    SessionStarted,
    Snapshot,
    StateChanged,
    TurnChanged,
    UntranscribedChanged,
)
from tui.presentation.availability import is_available, unavailable_reason
from tui.presentation.finishing import is_finishing
from tui.presentation.formatting import prompt_name
from tui.presentation.highlight_rules import Rule
from tui.presentation.room import Room
from tui.presentation.room_search import RoomHit
from tui.presentation.session_commands import is_silent, mute_command, start_command
from tui.text import one_line, plural
from tui.viewer.frame_rate import FrameRateController
from tui.viewer.messages import PromptChange
from tui.viewer.screens.gated_screen import GatedScreen
from tui.viewer.screens.main_screen import MainScreen
from tui.viewer.wall_bindings import SIGNS, TITLES, WALL, wall_topics
from tui.viewer.widgets.footer import Footer, FooterKey
from tui.viewer.widgets.room_list import RoomList
from tui.viewer.widgets.wall_banner import WallBanner

WALL_FPS = 5
"""Maximum frames per second: many meters move at once, and nobody reads faster."""
ROOM_ACTIONS = {"start": "started", "stop": "stopping", "mute": "muted", "choose_prompt": "", "bookmark": "bookmarked"}
"""Actions on rooms, and what they do to one."""


class WallScreen(MainScreen, GatedScreen):
    """Header, rooms and footer.

    Args:
        rooms: in the order of the wall.
        name: name of the wall; empty if it has none.
        frame_rate: the rate of frames.
        keys: a person's own keys by action id.
        rules: highlights.
        clock: monotonic seconds.
    """

    BINDINGS: ClassVar[list[BindingType]] = list(WALL)
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]  # noqa: RUF012 (an instance attribute to Textual's types)

    class RoomOpened(Message):
        """A person opened a room, at a turn that was found, if one was."""

        def __init__(self, room: Room, turn: int = 0, needle: str = "") -> None:
            super().__init__()
            self.room = room
            self.turn = turn
            self.needle = needle

    class RoomCommandRequested(Message):
        """A person asked for a command of the engine of a room."""

        def __init__(self, room: Room, command: Command) -> None:
            super().__init__()
            self.room = room
            self.command = command

        def __rich_repr__(self) -> Iterator[tuple[str, object]]:
            yield "room", self.room.name
            yield "command", self.command

    class CloseRequested(Message):
        """A person asked to close the wall."""

    def __init__(
        self,
        rooms: Sequence[Room],
        *,
        name: str = "",
        frame_rate: FrameRateController,
        keys: Mapping[str, str],
        rules: Sequence[Rule] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(frame_rate=frame_rate, id="wall")
        self.rooms = rooms
        self._keys = keys
        self.banner = WallBanner(name, rooms, id="banner")
        self.room_list = RoomList(rooms, rules=rules, fps=min(WALL_FPS, frame_rate.fps), clock=clock, id="rooms")
        self.footer = Footer(id="keys")
        self.prompt_targets: Sequence[Room] = ()
        """The rooms whose prompt is being chosen."""

    def compose(self) -> ComposeResult:
        """Lay out the widgets."""
        yield self.banner
        yield self.room_list
        yield self.footer

    def on_mount(self) -> None:
        """Update the footer whenever the possible actions change."""
        self.bindings_updated_signal.subscribe(self, lambda _: self._update_footer())
        self.refresh_bindings()

    def _on_timer_update(self) -> None:
        super()._on_timer_update()
        self.room_list.fps = min(WALL_FPS, self._frame_rate.fps)

    def show_event(self, event: Event) -> None:
        """Show what an event has changed in its room."""
        match event:
            case (
                Snapshot()
                | SessionStarted()
                | StateChanged()
                | MutedChanged()
                | PromptsChanged()
                | UntranscribedChanged()
            ):
                self.show_state()
            case TurnChanged(turn=turn) if turn.final:
                self.show_state()
            case _:
                self.room_list.show_change()

    def show_state(self) -> None:
        """Show what depends on the states of the rooms: header and keys."""
        self.banner.page = self.room_list.page
        self.banner.touch()
        self.room_list.show_change()
        self.refresh_bindings()

    @property
    def selected(self) -> Room:
        """The selected room."""
        return self.rooms[self.room_list.selected]

    @property
    def targets(self) -> Sequence[Room]:
        """The rooms that commands go to."""
        return self.rooms if self.room_list.all_selected else [self.selected]

    # Possible actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether an action is possible now in a room; `None`, not false, so that its key can say why not."""
        if action not in ROOM_ACTIONS:
            return True
        return True if any(is_possible(room, action) for room in self.targets) else None

    def explain_unavailable(self, binding: Binding) -> None:
        """Say in the footer why the action of a key is not possible now."""
        _, action, _ = parse(binding.action)
        if self.room_list.all_selected:
            self._tell(self.rooms, [], "", lambda room: reason_against(room, action))
        else:
            self.show_status(f"{one_line(self.selected.name, 40)}: {reason_against(self.selected, action)}")
        self._select_all(selected=False)

    def useful_actions(self) -> list[str]:
        """Return the ids of the actions, the most useful first."""
        return [binding.id for binding in WALL if binding.id]

    def command_titles(self) -> dict[str, str]:
        """Return the titles of commands, by id."""
        return TITLES | ({"toggle-tall": "Show all rooms"} if self.room_list.tall else {})

    def _update_footer(self) -> None:
        if not self.is_mounted:
            return
        possible = {active.binding.id: active.binding for active in self.active_bindings.values() if active.enabled}
        room = self.selected.view_model
        silent = is_silent(room) and not self.room_list.all_selected
        names = {"mute": "unmute" if silent else "mute", "all-rooms": "one room" if self.room_list.all_selected else ""}
        self.footer.show(
            [
                FooterKey.of(known, self.app.get_key_display(possible[known.id]), names.get(known.id or "", ""))
                for known in WALL
                if known.show and known.id in possible
            ]
        )

    # Selection

    def action_step(self, step: int) -> None:
        """Select a room further down, or further up if negative."""
        self.room_list.select(self.room_list.selected + step)
        self.show_state()

    def action_page(self, pages: int) -> None:
        """Select the room a page further down, or further up if negative."""
        self.action_step(pages * max(1, len(self.room_list.page)))

    def action_toggle_all(self) -> None:
        """Send the next command to all rooms, or to the selected one."""
        self._select_all(selected=not self.room_list.all_selected)

    def action_clear_selection(self) -> None:
        """Send commands to the selected room only."""
        self._select_all(selected=False)

    def _select_all(self, *, selected: bool) -> None:
        self.room_list.all_selected = self.banner.all_selected = selected
        self.room_list.touch()
        self.show_state()

    def action_toggle_tall(self) -> None:
        """Show more of each room and scroll, or as little as lets all rooms fit."""
        self.room_list.tall = not self.room_list.tall
        self.room_list.touch()
        self.show_state()

    @on(RoomList.RoomClicked)
    def click_room(self, event: RoomList.RoomClicked) -> None:
        """Select the clicked room; open it if it is selected already."""
        if event.row == self.room_list.selected:
            self.action_open_room()
        else:
            self.action_step(event.row - self.room_list.selected)

    @on(RoomList.Scrolled)
    def scroll(self, event: RoomList.Scrolled) -> None:
        """Select the next or the previous room with the mouse wheel."""
        self.action_step(event.step)

    # Actions

    def action_open_room(self) -> None:
        """Open the selected room as the dashboard."""
        self.post_message(self.RoomOpened(self.selected))

    def action_start(self) -> None:
        """Start a session, or continue the one whose engine was killed."""
        self._request("start", lambda room: start_command(room.view_model, room.options))

    def action_stop(self) -> None:
        """Stop the session."""
        self._request("stop", lambda room: Stop())

    def action_mute(self) -> None:
        """Mute, or unmute if every room that this goes to is muted."""
        silent = not all(is_silent(room.view_model) for room in self.targets if is_possible(room, "mute"))
        word = "muted" if silent else "unmuted"
        self._request("mute", lambda room: mute_command(room.view_model, silent=silent), word)

    def action_bookmark(self) -> None:
        """Bookmark the newest turn."""

        def bookmark(room: Room) -> Command | None:
            turn = room.view_model.newest_final()
            return Bookmark(turn.number, room.view_model.bookmarks.get(turn.number, "")) if turn is not None else None

        self._request("bookmark", bookmark)

    def action_choose_prompt(self) -> None:
        """Open the prompt picker with the prompts that one of the rooms has."""
        from tui.viewer.screens.prompt_picker import PromptPicker

        rooms = [room for room in self.targets if is_possible(room, "choose_prompt")]
        self.prompt_targets = rooms
        prompts = {prompt.id: prompt for room in rooms for prompt in room.view_model.prompts}
        in_use = {room.view_model.prompt for room in rooms}
        with_session = [room.view_model for room in rooms if room.view_model.session is not None]
        extra = tuple(id for id in prompts if all(id in view_model.extra_prompts for view_model in with_session))

        def use(chosen: str | PromptChange | None) -> None:
            match chosen:
                case PromptChange():
                    self.show_status("Open the room to create or change its prompts.")
                case str():
                    known = [room for room in rooms if any(found.id == chosen for found in room.view_model.prompts)]
                    for room in known:
                        self.post_message(self.RoomCommandRequested(room, UsePrompt(chosen)))
                    name = one_line(prompt_name(tuple(prompts.values()), chosen), 60)
                    self._tell(rooms, known, f"prompt {name}", lambda room: "there is no such prompt.")
            self._select_all(selected=False)

        current = in_use.pop() if len(in_use) == 1 else ""
        self.app.push_screen(PromptPicker(tuple(prompts.values()), current, extra if with_session else None), use)

    def _request(self, action: str, command: Callable[[Room], Command | None], word: str = "") -> None:
        """Send a command to each room where it is possible, and say where it is not."""
        rooms, done = self.targets, []
        for room in rooms:
            wanted = command(room) if is_possible(room, action) else None
            if wanted is not None:
                self.post_message(self.RoomCommandRequested(room, wanted))
                done.append(room)
        self._tell(rooms, done, word or ROOM_ACTIONS[action], lambda room: reason_against(room, action))
        self._select_all(selected=False)

    def _tell(self, rooms: Sequence[Room], done: Sequence[Room], word: str, reason: Callable[[Room], str]) -> None:
        """Say to which of several rooms a command went, and why not to the others."""
        if len(rooms) < 2:
            return
        others: dict[str, list[str]] = {}
        for room in rooms:
            if room not in done:
                others.setdefault(first_sentence(reason(room)), []).append(one_line(room.name, 24))
        refused = [f"Not {_listed(names)}: {why}" for why, names in others.items()]
        self.show_status(" ".join([f"{plural(len(done), 'room')}: {word}."] * bool(done) + refused))

    def action_clear_alarms(self) -> None:
        """Clear the alarms and clip marks of all rooms."""
        for room in self.rooms:
            room.clear_alarms()
        self.room_list.touch()
        self.show_state()

    def action_search(self) -> None:
        """Search the turns and gists of all rooms."""
        self._open_search(bookmarks=False)

    def action_bookmarks(self) -> None:
        """Show the bookmarks of all rooms."""
        self._open_search(bookmarks=True)

    def _open_search(self, *, bookmarks: bool) -> None:
        from tui.viewer.screens.room_search import RoomSearchScreen

        screen = RoomSearchScreen(self.rooms, bookmarks=bookmarks)

        def open_room(hit: RoomHit | None) -> None:
            if hit is not None:
                self.room_list.select(self.rooms.index(hit.room))
                words = screen.needle.split()
                needle = words[0] if len(words) == 1 and not bookmarks else ""
                self.post_message(self.RoomOpened(hit.room, hit.turn, needle))

        self.app.push_screen(screen, open_room)

    def action_help(self) -> None:
        """Show the keys and signs of the wall."""
        from tui.viewer.screens.help import HelpScreen

        possible = {active.binding.id or "" for active in self.active_bindings.values() if active.enabled}
        self.app.push_screen(HelpScreen(wall_topics(self._keys, possible), signs_of=SIGNS))

    def action_close(self) -> None:
        """Close the wall; the sessions continue."""
        self.post_message(self.CloseRequested())


def first_sentence(text: str) -> str:
    """Return the first sentence of a text: there is no space for what helps in each of several rooms."""
    sentence, period, _ = text.partition(". ")
    return f"{sentence}." if period else text


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def is_possible(room: Room, action: str) -> bool:
    """Return whether a room accepts an action now."""
    view_model = room.view_model
    if view_model.disconnected:
        return action == "start" and not view_model.host and not view_model.replay_speed
    if action == "stop" and is_finishing(view_model):
        return False
    return is_available(view_model, action, ())


def reason_against(room: Room, action: str) -> str:
    """Return why a room does not accept an action now."""
    if room.view_model.disconnected:
        return "Not connected to the engine."
    if action == "stop" and is_finishing(room.view_model):
        return "The session is finishing. Open the room to end the wait."
    return unavailable_reason(room.view_model, action, ())
