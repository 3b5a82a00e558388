"""Walls of scripted engines for tests."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from tests.viewer.dashboard_harness import emit
from tests.viewer.pilot import SettledPilot, run_app, until
from tests.viewer.scripted_engine import PROMPTS, ScriptedEngine, meeting
from tui.config.schema import Highlight, Style
from tui.model.events import Snapshot
from tui.presentation.room import Room
from tui.viewer.engine_connection import RoomConnection
from tui.viewer.wall_app import WallApp

NAMES = ("local", "studio", "lobby", "berlin", "board", "lab", "kitchen", "a room of a very long name")
EMPTY = Snapshot(1, "0", prompt="summary", prompts=PROMPTS)
"""A room without a session."""
MIXED = {"local": meeting(), "studio": EMPTY, "lobby": meeting()}
"""Two rooms with a session and one without."""


class Wall:
    """Scripted engines by the names of their rooms.

    Args:
        snapshots: the first snapshot of each room, by name.
        hosts: machines of the rooms that are on another one, by name.
    """

    def __init__(self, snapshots: Mapping[str, Snapshot], hosts: Mapping[str, str] | None = None) -> None:
        self.engines = {name: ScriptedEngine(snapshot=snapshot) for name, snapshot in snapshots.items()}
        self.hosts = hosts or {}

    def connections(self) -> list[RoomConnection]:
        """Return a connection to each engine."""
        return [RoomConnection(name, engine, self.hosts.get(name, "")) for name, engine in self.engines.items()]

    def __getitem__(self, name: str) -> ScriptedEngine:
        return self.engines[name]


def rooms_of(snapshots: Mapping[str, Snapshot]) -> list[Room]:
    """Return rooms that have received their snapshots."""
    rooms = [Room(name) for name in snapshots]
    for room, snapshot in zip(rooms, snapshots.values(), strict=True):
        room.apply(snapshot, (), 0.0)
    return rooms


def meetings(count: int) -> dict[str, Snapshot]:
    """Return a running meeting for each of so many rooms."""
    names = [*NAMES, *(f"room {number}" for number in range(len(NAMES) + 1, count + 1))]
    return {name: meeting() for name in names[:count]}


@asynccontextmanager
async def showing(
    wall: Wall,
    *,
    size: tuple[int, int] = (120, 36),
    keys: dict[str, str] | None = None,
    highlights: Mapping[str, Style | Highlight] | None = None,
    name: str = "",
    theme: str = "night",
    ascii: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[tuple[WallApp, SettledPilot]]:
    """Run the app until it has shown the first snapshot of each room whose engine accepts connections."""
    app = WallApp(
        wall.connections(),
        name=name,
        theme=theme,
        fps=20,
        ascii=ascii,
        keys=keys or {},
        highlights=highlights,
        clock=clock,
    )
    async with run_app(app, size=size, notifications=True) as pilot:
        accepting = [engine.accepting.is_set() for engine in wall.engines.values()]
        await until(
            pilot,
            lambda: all(room.view_model.synced for room, ready in zip(app.rooms, accepting, strict=True) if ready),
        )
        yield app, pilot


async def update(pilot: SettledPilot, engine: ScriptedEngine, *events: object) -> None:
    """Emit events, and paint the frame that shows them at once."""
    await emit(pilot, engine, *events)  # type: ignore[arg-type]
    assert isinstance(pilot.app, WallApp)
    pilot.app.wall.room_list.touch()
    await pilot.pause()
