"""App that shows several engines: the wall of rooms, and one of them as the dashboard."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from textual import on
from textual.app import SystemCommand
from textual.screen import Screen

from tui.config.schema import Highlight, Style
from tui.errors import ConfigError, EngineError, UsageError
from tui.model.commands import Command
from tui.model.events import Event, Notice, Rejected, SessionStarted, Severity
from tui.presentation.formatting import now_iso
from tui.presentation.room import Room
from tui.text import one_line, plural
from tui.viewer.bindings import problems
from tui.viewer.engine_connection import ExitStatus, RoomConnection
from tui.viewer.engine_link import RECONNECT_S, EngineLink
from tui.viewer.frame_rate import FrameRateController
from tui.viewer.messages import CommandRequested
from tui.viewer.screens.dashboard import Dashboard
from tui.viewer.screens.main_screen import FooterScreen, show_notice
from tui.viewer.screens.room_dashboard import RoomDashboard
from tui.viewer.screens.wall import WallScreen
from tui.viewer.viewer_app import ViewerApp
from tui.viewer.wall_bindings import WALL

MAX_RECONNECT_S = 8.0
"""Longest pause before a viewer connects to a room again: each failure doubles it."""


class WallApp(ViewerApp):
    """A viewer of several engines.

    Args:
        connections: the rooms, in the order of the wall.
        name: name of the wall; empty if it has none.
        theme: name of a theme; for an unknown one the default is used, with a notice.
        fps: maximum frames per second of the level meter.
        low_bandwidth: whether to reduce screen updates from the start.
        ascii: whether the terminal shows ASCII only.
        keys: a person's own keys by action id.
        highlights: words and expressions to highlight in turns, as in the config.
        layout_file: stores which panes of a dashboard are hidden or zoomed; `None` to store nothing.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        connections: Sequence[RoomConnection],
        *,
        name: str = "",
        theme: str,
        fps: int,
        low_bandwidth: bool = False,
        ascii: bool = False,
        keys: Mapping[str, str],
        highlights: Mapping[str, Style | Highlight] | None = None,
        layout_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(theme=theme, ascii=ascii, keys=keys, highlights=highlights or {}, layout_file=layout_file)
        self._clock = clock
        self._frame_rate = FrameRateController(fps, low_bandwidth=low_bandwidth)
        self._connections = connections
        self.rooms = [Room(connection.name, connection.host) for connection in connections]
        self._links = {id(room): EngineLink(found.client) for room, found in zip(self.rooms, connections, strict=True)}
        self._open_room: Room | None = None
        self._dashboard: RoomDashboard | None = None
        self.wall = WallScreen(
            self.rooms, name=name, frame_rate=self._frame_rate, keys=self._keys, rules=self._rules, clock=clock
        )

    def get_default_screen(self) -> Screen[None]:
        """Return the wall."""
        return self.wall

    @property
    def open_dashboard(self) -> Dashboard | None:
        """The dashboard of the open room; `None` if none is open."""
        return self._dashboard

    def _key_problems(self) -> list[ConfigError]:
        ids = {binding.id for binding in WALL}
        keys = {id: key for id, key in self._keys.items() if id in ids}
        return [*super()._key_problems(), *problems(keys, WALL)]

    # Connections

    def _connect(self) -> None:
        for room in self.rooms:
            self.run_worker(self._receive_events(room), name=f"events of {room.name}", group=f"events {id(room)}")

    async def _receive_events(self, room: Room) -> None:
        """Handle the events of a room, and reconnect after a lost connection, until the wall is closed."""
        pause_s = RECONNECT_S
        while True:
            reason, hint = "", ""
            try:
                async for event in self._links[id(room)].events():
                    pause_s = RECONNECT_S
                    self._handle_event(room, event)
                    await asyncio.sleep(0)
            except EngineError as error:
                reason, hint = error.message, error.hint
            except OSError as error:
                # Such as too many open files: the other rooms go on.
                reason = f"{error.strerror or error}."
            self._lose(room, reason, hint)
            await asyncio.sleep(pause_s)
            pause_s = min(MAX_RECONNECT_S, 2 * pause_s) if reason else RECONNECT_S

    def _lose(self, room: Room, reason: str, hint: str) -> None:
        """Show that the connection to a room is lost; ring the bell once a session on this machine cannot go on."""
        view_model = room.view_model
        if room is self._open_room and self._dashboard is not None and self._dashboard.is_mounted:
            self._dashboard.set_connection_lost(reason, hint)
        else:
            known = view_model.disconnected and view_model.lost_reason
            view_model.disconnect(reason, hint, now_iso())
            if reason and not known and view_model.lost_at and not view_model.host:
                self.bell()
        self.wall.show_state()

    def _handle_event(self, room: Room, event: Event) -> None:
        ended = room.view_model.session
        attention = room.apply(event, self._rules, self._clock())
        if ended is not None and isinstance(event, SessionStarted):
            self._clear_messages(room)
        for rule, turn in attention.matches:
            self.raise_alarm(rule.action, turn, room.name)
            if rule.action.raises_alarm:
                self._tell(room, turn.text, Severity.INFO)
        if attention.failed:
            self.bell()
            self._tell(room, f"The session failed. {room.view_model.reason}", Severity.WARNING)
        if (start := self._links[id(room)].due_start(event)) is not None:
            self.post_message(WallScreen.RoomCommandRequested(room, start))
        # Until the dashboard is mounted, events change the room only; it then shows all of the room.
        if room is self._open_room and self._dashboard is not None and self._dashboard.is_mounted:
            self._dashboard.show_event(event)
        else:
            self._show_notice(room, event)
        self.wall.show_event(event)

    def _show_notice(self, room: Room, event: Event) -> None:
        match event:
            case Notice(severity=severity, text=text, hint=hint):
                self._tell(room, f"{text} {hint}", severity)
            case Rejected(text=text, hint=hint):
                self._tell(room, f"{text} {hint}", Severity.WARNING)

    def _tell(self, room: Room, text: str, severity: Severity) -> None:
        show_notice(self, severity, f"{_prefix(room)}{one_line(text, 600)}")

    def _clear_messages(self, room: Room) -> None:
        """Clear the messages about a room: its next session has started."""
        for screen in self.screen_stack:
            if isinstance(screen, FooterScreen) and screen.is_mounted and self._room_of(screen.footer.message) is room:
                screen.show_status("")

    def _room_of(self, message: str) -> Room | None:
        """Return the room that a message is about: the one it names, or else the open one."""
        return next((room for room in self.rooms if message.startswith(_prefix(room))), self._open_room)

    @on(WallScreen.RoomCommandRequested)
    async def send_to_room(self, request: WallScreen.RoomCommandRequested) -> None:
        """Send a command to the engine of a room; notify if it cannot be sent."""
        await self._send(request.room, request.command)

    @on(CommandRequested)
    async def send_command(self, request: CommandRequested) -> None:
        """Send a command of the open dashboard to its room, and one of a dialog above the wall to its rooms."""
        for room in [self._open_room] if self._open_room is not None else self.wall.prompt_targets:
            await self._send(room, request.command)

    async def _send(self, room: Room, command: Command) -> None:
        try:
            sent = await self._links[id(room)].send(command)
        except UsageError as error:
            self._tell(room, f"{error.message} {error.hint}", Severity.WARNING)
            return
        if not sent:
            self._tell(room, "Command not sent: not connected to the engine.", Severity.WARNING)

    # One room

    @on(WallScreen.RoomOpened)
    def open_room(self, request: WallScreen.RoomOpened) -> None:
        """Open a room as the dashboard, unless one is open."""
        if self._dashboard is not None:
            return
        room = request.room
        at = self.rooms.index(room)
        self._dashboard = RoomDashboard(
            view_model=room.view_model,
            options=room.options,
            frame_rate=self._frame_rate,
            keys=self._keys,
            rules=self._rules,
            theme_names=self._theme_names,
            layout_state=self._stored_layout(),
            set_up=self._connections[at].set_up,
            clock=self._clock,
            room=room.name,
            levels=room.levels,
            turn=request.turn,
            needle=request.needle,
        )
        self._dashboard.sources = self._connections[at].sources
        self._open_room = room
        self._replay_command = self._connections[at].replay_command
        self.wall.room_list.paused = True
        self.push_screen(self._dashboard)

    @on(Dashboard.DetachRequested)
    def close_room(self) -> None:
        """Go back from the dashboard to the wall."""
        if self._dashboard is not None and self.screen is self._dashboard:
            self._dashboard = self._open_room = None
            self.wall.room_list.paused = False
            self.pop_screen()
            # The last message may be about the open room and its keys.
            self.wall.show_status("")
            self.wall.room_list.touch()
            self.wall.show_state()

    # Closing

    @on(WallScreen.CloseRequested)
    def close_wall(self) -> None:
        """End the viewer; the engines continue."""
        going_on = [room.name for room in self.rooms if room.view_model.state.active]
        note = f"{plural(len(going_on), 'session')} still running: {', '.join(going_on)}." if going_on else ""
        self.exit(ExitStatus(running=False, note=note))

    def action_request_quit(self) -> None:
        """Go back to the wall, or close it."""
        if self.screen is self._dashboard:
            self.close_room()
        elif self.screen is self.wall:
            self.close_wall()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield the actions of the screen, the rooms and the themes."""
        if screen is self.wall:
            for room in self.rooms:
                opens = partial(self.post_message, WallScreen.RoomOpened(room))
                yield SystemCommand(f"Open room {one_line(room.name, 60)}", "As the dashboard", opens)
        yield from super().get_system_commands(screen)


def _prefix(room: Room) -> str:
    """Return the start of each message about a room."""
    return f"{one_line(room.name, 40)}: "
