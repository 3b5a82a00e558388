"""Measure what a wall of eight live rooms costs, beside its limits: `python -m tests.bench.wall`.

Eight engines of this machine listen to one microphone, each with a home of its own; half of them are reached through
a relay, as over SSH. All of them share the machine with the viewer, so keys are judged by their median. It needs Linux,
PulseAudio and PortAudio. On a machine that does other things, too, run it under `chrt -f 5`. It exits with 1 if a
figure is far beyond its limit.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from tests.bench.keys import key_ms
from tests.bench.live import MEASURE_S, SETTLE_S
from tests.bench.processes import Meter, memory_mb, stat
from tests.bench.stage import LIVEGIST, WAIT_S, Stage, stage
from tests.bench.table import Figure, at, markdown
from tests.bench.terminal import Terminal
from tui.engine.client import EngineClient
from tui.engine.process import SOCKET_NAME
from tui.model.commands import Option, Start
from tui.model.events import Snapshot, State, StateChanged
from tui.paths import private_dir, runtime_dir

ROOMS = 8
SSH = """#!/bin/sh
# Stands in for ssh: runs the relay of the room that the host names.
while [ "$1" != "--" ]; do shift; done
exec env LIVEGIST_HOME="{folder}/$2" {livegist} relay
"""


def start_session(home: Path, options: Mapping[str, Option]) -> None:
    """Start a session in the engine of a home, and wait until it is live."""

    async def run() -> None:
        client = EngineClient(runtime_dir(home) / SOCKET_NAME)
        async with asyncio.timeout(WAIT_S):
            async for event in client.events():
                match event:
                    case Snapshot():
                        await client.send(Start(dict(options)))
                    case StateChanged(state=State.LIVE):
                        return
                    case StateChanged(state=State.FAILED, reason=reason):
                        sys.exit(reason)

    asyncio.run(run())


@contextmanager
def engines(stage: Stage, homes: list[Path]) -> Iterator[None]:
    """Run an engine with a live session in each home."""
    options: dict[str, Option] = {"source": "mic", "url": stage.endpoint.url, "llm_url": stage.endpoint.chat_url}
    with (stage.folder / "engines.log").open("ab") as log:
        running = [
            subprocess.Popen([LIVEGIST, "engine"], env=os.environ | {"LIVEGIST_HOME": str(home)}, stderr=log)
            for home in homes
        ]
    try:
        for home in homes:
            start_session(home, options)
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(WAIT_S)


def members(stage: Stage, homes: list[Path]) -> tuple[list[str], dict[str, str]]:
    """Return the arguments of the wall, and the environment in which it finds the relays."""
    programs = private_dir(stage.folder / "bin")
    (programs / "ssh").write_text(SSH.format(folder=stage.folder, livegist=LIVEGIST))
    (programs / "ssh").chmod(0o700)
    rooms = [home.name if number % 2 else str(home) for number, home in enumerate(homes)]
    return rooms, {"PATH": f"{programs}:{os.environ['PATH']}"}


class Viewer:
    """CPU of the viewer's process alone: the relays run on the other machines."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._at = time.monotonic()
        self._before_s = self._cpu_s()

    def _cpu_s(self) -> float:
        found = stat(self._pid)
        assert found is not None, "the wall has ended"
        return found.cpu_s

    def cpu_percent(self) -> float:
        """Return the share of one core since the start, in percent."""
        return 100 * (self._cpu_s() - self._before_s) / (time.monotonic() - self._at)


def measure(stage: Stage) -> Iterator[Figure]:
    """Measure the wall."""
    homes = [private_dir(stage.folder / f"room{number}") for number in range(1, ROOMS + 1)]
    stage.speak()
    rooms, env = members(stage, homes)
    with engines(stage, homes):
        terminal = Terminal([LIVEGIST, "wall", *rooms], env)
        try:
            terminal.wait_for(lambda text: f"{ROOMS} LIVE" in text and text.count("Gist") >= ROOMS, WAIT_S)
            terminal.watch(SETTLE_S)
            viewer, all_of_it = Viewer(terminal.pid), Meter(terminal.pid)
            painted, started = terminal.painted, time.monotonic()
            terminal.watch(MEASURE_S)
            bytes_s = (terminal.painted - painted) / (time.monotonic() - started)
            cpu, with_relays = viewer.cpu_percent(), all_of_it.cpu_percent()
            keys = key_ms(terminal, {"down": "▸", "up": "▸"})
            used_mb = memory_mb(terminal.pid)
        finally:
            terminal.end()
    yield Figure(f"painted, {ROOMS} live rooms", "B/s", bytes_s, 10_000)
    yield Figure(f"CPU of the viewer, {ROOMS} live rooms", "%", cpu, 15)
    yield Figure(f"CPU of the viewer and {ROOMS // 2} relays", "%", with_relays, 30)
    yield Figure("memory of the viewer", "MB", used_mb, 60)
    yield Figure("key to paint, median", "ms", at(0.5, keys), 10)


@click.command()
def main() -> None:
    """Measure, and print the table."""
    with stage() as made:
        figures = list(measure(made))
    print(markdown(figures))
    if any(figure.regressed for figure in figures):
        sys.exit("A figure is far beyond its limit.")


if __name__ == "__main__":
    main()
