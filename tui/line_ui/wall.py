"""Line-based wall: prints the events of several engines, each line after the name of its room, and takes commands."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from tui.errors import EngineError, UsageError
from tui.line_ui.app import EngineConnection, read_lines
from tui.line_ui.input import LocalCommand, ShowOnly, parse_command
from tui.line_ui.output import LineFormatter, help_lines
from tui.model.commands import Command, Quit
from tui.model.events import Event
from tui.model.room_address import EVERY_ROOM
from tui.text import one_line

RETRY_S = 0.5
"""Pause before reconnecting to an engine, in seconds; each failure doubles it."""
MAX_RETRY_S = 8.0
USAGE = f"Write the name of a room, or {EVERY_ROOM}, before a command, such as: {EVERY_ROOM} mute. EOF or detach ends."


class LineRoom(NamedTuple):
    """A room and how to reach it."""

    name: str
    client: EngineConnection


class LineWall:
    """Viewer of several engines without a screen.

    Args:
        rooms: the rooms.
        print_line: prints a line.
        clock: monotonic seconds.
    """

    def __init__(
        self, rooms: Sequence[LineRoom], print_line: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rooms = rooms
        self._print_line = print_line
        self._formatters = {room.name: LineFormatter(clock) for room in rooms}
        self._answered = {room.name: asyncio.Event() for room in rooms}
        """Set once a room has sent its first snapshot, or could not be reached."""

    async def run(self, typed: Iterable[str]) -> None:
        """Print events and execute commands until EOF or `detach`; the sessions continue.

        Args:
            typed: lines of input, read in a thread.
        """
        lines: asyncio.Queue[str | None] = asyncio.Queue()
        read_lines(typed, lines, asyncio.get_running_loop())
        receiving = [asyncio.create_task(self._receive_events(room), name=room.name) for room in self._rooms]
        executing = asyncio.create_task(self._execute(lines), name="execute")
        try:
            await asyncio.wait([*receiving, executing], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*receiving, executing):
                task.cancel()
            done = await asyncio.gather(*receiving, executing, return_exceptions=True)
        for ended in done:
            if isinstance(ended, Exception):
                raise ended

    def _print(self, name: str, lines: Iterable[str]) -> None:
        self._print_lines(f"{one_line(name, 60)}: {line}" for line in lines)

    def _print_lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._print_line(line)

    async def _receive_events(self, room: LineRoom) -> None:
        """Print the events of a room, reconnecting after a loss; a reason that stays is printed once."""
        pause_s, reason = RETRY_S, ""
        while True:
            try:
                async for event in room.client.events():
                    pause_s, reason = RETRY_S, ""
                    self._handle_event(room, event)
                self._print(room.name, ["connection lost. Reconnecting."])
            except EngineError as error:
                if reason != error.message:
                    self._print(room.name, [f"{error.message} {error.hint}".strip()])
                reason, pause_s = error.message, min(MAX_RETRY_S, 2 * pause_s)
            self._answered[room.name].set()
            await asyncio.sleep(pause_s)

    def _handle_event(self, room: LineRoom, event: Event) -> None:
        self._print(room.name, self._formatters[room.name].format(event))
        self._answered[room.name].set()

    async def _execute(self, lines: "asyncio.Queue[str | None]") -> None:
        """Execute commands until EOF or `detach`. Those of a pipe wait for the first snapshot of their rooms."""
        while (line := await lines.get()) is not None:
            match line.strip():
                case "":
                    continue
                case "detach":
                    return
                case "help":
                    self._print_lines([USAGE, *help_lines()])
                    continue
            for room, words in self._addressed(line.strip()):
                await self._answered[room.name].wait()
                await self._execute_in(room, words)

    def _addressed(self, line: str) -> list[tuple[LineRoom, str]]:
        """Return the rooms that a line names, each with its command; print the usage if there is none."""
        names = sorted((room.name for room in self._rooms), key=len, reverse=True)
        name = next((name for name in (*names, EVERY_ROOM) if line.startswith(f"{name} ")), "")
        if not name:
            known = ", ".join(one_line(room.name, 60) for room in self._rooms)
            self._print_lines([f"{USAGE} Rooms: {known}."])
        return [(room, line[len(name) :]) for room in self._rooms if name and name in (room.name, EVERY_ROOM)]

    async def _execute_in(self, room: LineRoom, words: str) -> None:
        """Execute a command in a room, and print its answer."""
        formatter = self._formatters[room.name]
        try:
            match parse_command(words, formatter.view_model, {}):
                case LocalCommand.PROMPTS:
                    self._print(room.name, formatter.prompts())
                case LocalCommand.STATUS:
                    self._print(room.name, [formatter.status()])
                case ShowOnly(speaker=speaker):
                    self._print(room.name, formatter.show_only(speaker))
                case LocalCommand() | [Quit()]:
                    self._print(room.name, ["Not possible on a wall, which ends no engine."])
                case commands:
                    await self._send(room, commands)
        except UsageError as error:
            self._print(room.name, [f"{error.message} {error.hint}".strip()])

    async def _send(self, room: LineRoom, commands: Iterable[Command]) -> None:
        for command in commands:
            if not await room.client.send(command):
                self._print(room.name, ["Command not sent: not connected to the engine."])
