"""A wall without a screen: lines after the names of their rooms, commands to one room or to all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from msgspec.structs import replace

from tests.typist import Typist
from tests.viewer.scripted_engine import DEADLINE_S, ScriptedEngine, meeting, turn
from tui.errors import EngineError
from tui.line_ui.wall import LineRoom, LineWall
from tui.model.commands import Mute, Stop
from tui.model.events import Event, TurnChanged


class Shown:
    """A running wall: what it prints, and what is typed."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.typist = Typist()
        self.ended = False

    async def until(self, *texts: str) -> None:
        await self.until_true(lambda: all(any(text in line for line in self.lines) for text in texts))

    async def until_true(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                if holds():
                    return
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running(*rooms: LineRoom) -> AsyncIterator[Shown]:
    shown = Shown()

    async def run() -> None:
        await LineWall(rooms, shown.lines.append).run(shown.typist)
        shown.ended = True

    task = asyncio.create_task(run())
    try:
        yield shown
    finally:
        shown.typist.type(None)
        await asyncio.wait_for(task, DEADLINE_S)


async def test_each_line_stands_after_the_name_of_its_room() -> None:
    studio, lobby = ScriptedEngine(snapshot=meeting()), ScriptedEngine(snapshot=meeting())
    async with running(LineRoom("studio", studio), LineRoom("the lobby", lobby)) as shown:
        await shown.until("studio: live, 13:24", "the lobby: live, 13:24")
        lobby.emit(TurnChanged(turn(134, "Who is there?")))
        await shown.until("the lobby: turn 134, 13:24: Who is there?")
        assert not any(line.startswith("studio") and "Who is there" in line for line in shown.lines)


async def test_commands_go_to_the_room_that_is_named_or_to_all() -> None:
    studio, lobby = ScriptedEngine(snapshot=meeting()), ScriptedEngine(snapshot=meeting())
    async with running(LineRoom("studio", studio), LineRoom("the lobby", lobby)) as shown:
        shown.typist.type("all mute")
        await shown.until_true(lambda: studio.sent == lobby.sent == [Mute(True)])
        shown.typist.type("the lobby stop")
        await shown.until_true(lambda: lobby.sent == [Mute(True), Stop()])
        shown.typist.type("studio status")
        await shown.until("studio: live, 13:24, 132 turns")
        assert studio.sent == [Mute(True)]


async def test_an_unknown_command_is_answered_and_ends_no_engine() -> None:
    studio = ScriptedEngine(snapshot=meeting())
    async with running(LineRoom("studio", studio)) as shown:
        for line in ("mute", "", "studio", "studio fly", "studio quit", "help"):
            shown.typist.type(line)
        await shown.until("Rooms: studio.", "studio: Unknown command: fly.", "studio: Not possible on a wall", "start:")
        assert studio.sent == []


async def test_detach_and_eof_end_the_wall_and_no_session() -> None:
    studio = ScriptedEngine(snapshot=meeting())
    async with running(LineRoom("studio", studio)) as shown:
        shown.typist.type("detach")
        await shown.until_true(lambda: shown.ended)
    assert studio.sent == []


class Unreachable(ScriptedEngine):
    """An engine that cannot be reached."""

    async def events(self) -> AsyncIterator[Event]:
        self.connections += 1
        raise EngineError("far cannot be reached: no route.", "Is it on?")
        yield self.snapshot  # An asynchronous generator, as of any connection.


async def test_a_lost_room_says_so_and_comes_back_and_one_that_cannot_be_reached_says_why_once() -> None:
    studio, far = ScriptedEngine(snapshot=meeting()), Unreachable()
    async with running(LineRoom("studio", studio), LineRoom("far", far)) as shown:
        await shown.until("far: far cannot be reached: no route. Is it on?", "studio: live")
        studio.snapshot = replace(meeting(), turns=(turn(1, "Here again."),))
        studio.cut()
        await shown.until("studio: connection lost. Reconnecting.", "Here again.")
        await shown.until_true(lambda: far.connections >= 2)
        assert sum("no route" in line for line in shown.lines) == 1
        shown.typist.type("far stop")
        await shown.until("far: Command not sent: not connected to the engine.")
