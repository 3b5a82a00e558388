"""Ten minutes of speech with a fault every twenty seconds: `python -m tests.bench.soak [--minutes 10] [--every 20]`.

An engine of its own listens to a program, streams to an endpoint behind a failing network, and is watched by a viewer
that comes and goes. In the end every sample is counted: what was spoken, what is recorded, what arrived.
"""

import argparse
import asyncio
import itertools
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests import fake_endpoint
from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.faults.engines import assert_all_arrived, options
from tests.faults.proxy import Proxy, between
from tests.server_harness import Viewer
from tests.terminal import LIVEGIST
from tui.engine.process import SOCKET_NAME
from tui.model.commands import Command, Quit, Start, UsePrompt
from tui.model.events import Snapshot, State, StateChanged, StatsChanged
from tui.model.gists import GistStatus
from tui.sessions.journal import fold, read

PROMPTS = ("actions", "takeaway", "improve", "summary")


class Soak:
    """The engine, the network, and what was seen of them."""

    def __init__(self, home: Path, server: Endpoint, proxy: Proxy) -> None:
        self.server = server
        self.proxy = proxy
        self.home = home
        self.viewer = Viewer(home / "run" / SOCKET_NAME)
        self._watching: asyncio.Task[None] | None = None
        self._prompts = itertools.cycle(PROMPTS)
        self.attached = 0
        self.lag_s = 0.0
        self.noticed_s: list[float] = []
        self.swaps = 0
        self.over = asyncio.Event()

    async def attach(self) -> None:
        """Watch, from a snapshot on."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        self.viewer.events.clear()
        self._watching = asyncio.create_task(self.viewer.watch())
        await self.viewer.until(lambda: bool(self.viewer.events))
        self.attached += 1

    async def send(self, command: Command) -> None:
        """Send a command."""
        assert await self.viewer.client.send(command), "the engine is gone"

    async def cut(self) -> None:
        """Reset the connection."""
        self.proxy.cut()

    async def refuse(self) -> None:
        """Be away for four seconds."""
        self.proxy.refuse()
        await asyncio.sleep(4)
        await self.proxy.listen()

    async def blackhole(self) -> None:
        """Swallow everything for eight seconds; note how long it takes to be noticed."""
        if self.viewer.record.state is not State.LIVE:
            # It still waits after the fault before: there is nothing to be noticed.
            return
        began = time.monotonic()
        self.proxy.blackhole()
        try:
            async with asyncio.timeout(8):
                await self.viewer.until(lambda: self.viewer.record.state is State.RECONNECTING)
            self.noticed_s.append(time.monotonic() - began)
            await asyncio.sleep(max(0.0, began + 8 - time.monotonic()))
        except TimeoutError:
            self.noticed_s.append(float("inf"))
        self.proxy.restore()

    async def throttle(self) -> None:
        """Be hardly faster than speech for ten seconds."""
        self.proxy.rate = 40_000
        await asyncio.sleep(10)
        self.proxy.rate = None

    async def throw_out(self) -> None:
        """Let the endpoint fail for three seconds."""
        self.server.close_with = (1011, "internal error")
        self.proxy.cut()
        await asyncio.sleep(3)
        self.server.close_with = None

    async def swap(self) -> None:
        """Swap the prompt five times in a row."""
        for _ in range(5):
            self.swaps += 1
            await self.send(UsePrompt(next(self._prompts)))
            await asyncio.sleep(0.5)

    async def leave(self) -> None:
        """Close the viewer and come back."""
        await self.attach()

    def faults(self) -> "itertools.cycle[Callable[[], Awaitable[None]]]":
        """Return all faults, for ever."""
        return itertools.cycle(
            (self.cut, self.swap, self.refuse, self.blackhole, self.leave, self.throttle, self.throw_out)
        )

    def look(self) -> None:
        """Note what the newest events say."""
        for event in self.viewer.events:
            match event:
                case StatsChanged(stats=stats):
                    self.lag_s = max(self.lag_s, stats.lag_s)
                case Snapshot(state=state) | StateChanged(state=state):
                    if state in (State.ENDED, State.FAILED):
                        self.over.set()
        self.viewer.events.clear()


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process, in MB; 0 where there is no /proc."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def soak(minutes: float, every_s: float, home: Path) -> bool:
    """Run it; print the figures; return whether nothing was lost."""
    os.environ["LIVEGIST_HOME"] = str(home)
    turns = round(minutes * 60)
    sound = speech(*range(1, turns + 1))
    log = (home / "soak.log").open("wb")
    child = await asyncio.create_subprocess_exec(*LIVEGIST, "engine", stderr=log, stdout=log)
    async with fake_endpoint.running() as server, between(server.url) as (proxy, url):
        run = Soak(home, server, proxy)
        await run.attach()
        await run.send(Start(options(sound, url, home)))
        began, faults, count = time.monotonic(), run.faults(), 0
        memory: list[float] = []
        while not run.over.is_set():
            due = began + (count + 1) * every_s
            while time.monotonic() < due and not run.over.is_set():
                await asyncio.sleep(0.5)
                run.look()
            memory.append(memory_mb(child.pid))
            if time.monotonic() - began < minutes * 60 - every_s:
                await next(faults)()
            count += 1
        await run.attach()
        await run.send(Quit())
        await child.wait()
        cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
        return report(run, sound, turns, memory, cpu.ru_utime + cpu.ru_stime, time.monotonic() - began)


def report(run: Soak, sound: bytes, turns: int, memory: list[float], cpu_s: float, took_s: float) -> bool:
    """Count, and print the figures."""
    (folder,) = (run.home / "data" / "sessions").iterdir()
    record = fold(read(folder / "events.jsonl").entries)
    recorded = (folder / "audio.wav").read_bytes()[44:]
    finals = [(turn.number, turn.text) for turn in record.transcript.finals]
    wanted = [(number, said(number)) for number in range(1, turns + 1)]
    answered = [gist.turn for gist in record.gists.values() if gist.turn and gist.status is GistStatus.DONE]
    try:
        assert_all_arrived(recorded, run.server.calls)
        arrived = "every one, each connection one piece of the recording"
    except AssertionError as error:
        arrived = f"NOT ALL: {error}"
    stats = record.stats
    print(f"speech                       {len(sound) / 2 / RATE:.0f} s, {len(sound) // 2} samples, in {took_s:.0f} s")
    same = "the same bytes" if recorded == sound else "NOT THE SAME"
    print(f"samples recorded             {len(recorded) // 2}, {same}")
    print(f"samples at the endpoint      {arrived}")
    once = "once each, in order" if finals == wanted else "NOT AS SPOKEN"
    print(f"turns                        {len(finals)} of {turns}, {once}")
    print(f"turns answered               {len(set(answered))}, twice: {len(answered) - len(set(answered))}")
    print(f"connections, lost, swaps     {stats.connections}, {stats.reconnects}, {run.swaps}; viewers: {run.attached}")
    print(f"silent cuts noticed after    {', '.join(f'{s:.1f}' for s in run.noticed_s)} s")
    print(f"furthest behind              {run.lag_s:.1f} s")
    print(f"engine's memory              {min(memory):.0f}-{max(memory):.0f} MB, at last {memory[-1]:.0f} MB")
    print(f"engine's CPU                 {100 * cpu_s / took_s:.1f} % of a core")
    print(f"overflows                    {stats.overflows}")
    return recorded == sound and finals == wanted and not arrived.startswith("NOT") and record.state is State.ENDED


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--every", type=float, default=20.0, help="seconds between two faults")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lg-soak-", dir="/tmp") as folder:
        well = asyncio.run(soak(given.minutes, given.every, Path(folder)))
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
