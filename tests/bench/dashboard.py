"""Measure what livegist costs, beside its limits and the nearest peer: `python -m tests.bench.dashboard`.

It needs Linux, PulseAudio and PortAudio, some quiet minutes, and nothing else. `--peer PYTHON` names the interpreter
of an environment in which scribit 1.1.0 is installed. It exits with 1 if a figure is far beyond its limit.
"""

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from tests.bench import peers
from tests.bench.endpoint import Pace, last_word
from tests.bench.keys import key_ms
from tests.bench.line import bytes_told
from tests.bench.processes import Meter, memory_mb
from tests.bench.stage import LIVEGIST, Stage, engine_pid, stage
from tests.bench.table import Figure, at, markdown
from tests.bench.terminal import Terminal

STARTS = 7
"""Starts of which the median counts."""
SETTLE_S = 5.0
"""Seconds before a measurement in which what has just begun settles."""
MEASURE_S = 20.0
LAST_WORD = re.compile(last_word(0).replace("0.", r"(\d+)\."))


class Live:
    """A dashboard that listens, and what it is measured for.

    Args:
        terminal: its terminal.
        stage: where it runs.
    """

    def __init__(self, terminal: Terminal, stage: Stage) -> None:
        self._terminal = terminal
        self._stage = stage
        self.engine = engine_pid()

    def start(self) -> None:
        """Start a session and wait until it is under way."""
        self._terminal.press("s")
        self._terminal.wait_for(lambda text: "LIVE" in text and "Gist 0" in text, 30.0)
        self._terminal.watch(SETTLE_S)

    def cost(self, seconds: float = MEASURE_S) -> tuple[float, float]:
        """Return bytes painted a second, and CPU of viewer and engine in percent of a core."""
        meter, painted, started = Meter(self._terminal.pid, self.engine), self._terminal.painted, time.monotonic()
        self._terminal.watch(seconds)
        return (self._terminal.painted - painted) / (time.monotonic() - started), meter.cpu_percent()

    def memory_mb(self) -> tuple[float, float]:
        """Return the memory of viewer and engine."""
        return memory_mb(self._terminal.pid), memory_mb(self.engine)

    def paint_ms(self, seconds: float = 2 * MEASURE_S) -> list[float]:
        """Return for each final turn of so many seconds how long it took from the endpoint's socket to the screen."""
        seen_at: dict[int, float] = {}

        def look() -> None:
            now = time.monotonic()
            for found in LAST_WORD.finditer(self._terminal.text):
                seen_at.setdefault(int(found[1]), now)

        look()
        known = set(seen_at)
        self._terminal.watch(seconds, look)
        sent_at = self._stage.endpoint.sent_at
        return [1000 * (at - sent_at[turn]) for turn, at in seen_at.items() if turn not in known]

    def key_ms(self) -> list[float]:
        """Return how long keys took to be painted while an answer streams in."""
        self._terminal.press("a")
        self._terminal.wait_for(lambda text: "Whole session" in text, 10.0)
        return key_ms(self._terminal, {"tab": "▸"})


def version_ms() -> float:
    """Return how long the version takes to be printed."""
    taken: list[float] = []
    for _ in range(STARTS):
        started = time.monotonic()
        subprocess.run([LIVEGIST, "--version"], check=True, stdout=subprocess.DEVNULL)
        taken.append(1000 * (time.monotonic() - started))
    return statistics.median(taken)


def first_paint_ms(stage: Stage) -> float:
    """Return how long a dashboard takes to its first frame while it starts an engine, too."""
    taken: list[float] = []
    for _ in range(STARTS):
        with stage.dashboard() as terminal:
            terminal.watch(2.0)
            assert terminal.first_paint_s is not None
            taken.append(1000 * terminal.first_paint_s)
    return statistics.median(taken)


def starts(stage: Stage, peer: peers.Peer | None) -> Iterator[Figure]:
    """Measure starts."""
    yield Figure("`livegist --version`", "ms", version_ms(), 90)
    theirs = None if peer is None else peer.first_paint_ms(STARTS)
    yield Figure("first paint", "ms", first_paint_ms(stage), 350, theirs, "scribit")


def live(stage: Stage, peer: peers.Peer | None) -> Iterator[Figure]:
    """Measure a session with a dashboard."""
    theirs = None if peer is None else peer.live(SETTLE_S, MEASURE_S)
    stage.speak()
    with stage.dashboard() as terminal:
        terminal.watch(SETTLE_S)
        dashboard = Live(terminal, stage)
        idle, _ = dashboard.cost()
        dashboard.start()
        viewer_mb, engine_mb = dashboard.memory_mb()
        painted, cpu = dashboard.cost()
        finals = dashboard.paint_ms()
        told = bytes_told(MEASURE_S)
        keys = dashboard.key_ms()
        stage.be_quiet()
        stage.endpoint.pace(Pace(talks=False))
        terminal.watch(SETTLE_S)
        quiet, _ = dashboard.cost()
        stage.endpoint.pace(Pace())
    scribit = peers.Cost() if theirs is None else theirs
    yield Figure("painted while live", "B/s", painted, 6000, scribit.painted, "scribit")
    yield Figure("painted while nobody speaks", "B/s", quiet, 800)
    yield Figure("painted without a session", "B/s", idle, 20)
    yield Figure("CPU of viewer and engine, live", "%", cpu, 8, scribit.cpu, "scribit")
    yield Figure("memory of the viewer", "MB", viewer_mb, 50, scribit.memory_mb, "scribit")
    yield Figure("memory of the engine", "MB", engine_mb, 60)
    yield Figure("key to paint, median, while an answer streams in", "ms", at(0.5, keys), 10, scribit.key_ms, "scribit")
    yield Figure("key to paint, 99 of 100", "ms", at(0.99, keys), 30, scribit.key_p99_ms, "scribit")
    yield Figure("final turn on the socket to painted, 99 of 100", "ms", at(0.99, finals), 50)
    yield Figure("events to a viewer far away, live", "B/s", told, 1500)


def alone(stage: Stage) -> Iterator[Figure]:
    """Measure an engine without a viewer."""
    theirs = peers.tutorial_cpu(stage.endpoint.url, stage.speak(), SETTLE_S, MEASURE_S)
    with stage.engine() as engine:
        time.sleep(SETTLE_S)
        meter = Meter(engine)
        time.sleep(MEASURE_S)
        yield Figure("CPU of the engine alone", "%", meter.cpu_percent(), 3, theirs, "the tutorial's script")
    stage.endpoint.pace(Pace(metronome=True))
    with stage.engine(f"cmd:{sys.executable} -m tests.bench.sound"):
        time.sleep(SETTLE_S)
        stage.endpoint.ages_ms.clear()
        time.sleep(MEASURE_S)
        ages = list(stage.endpoint.ages_ms)
    stage.endpoint.pace(Pace())
    yield Figure("sound to socket beyond the chunk, 99 of 100", "ms", at(0.99, ages), 15)


@click.command()
@click.option("--peer", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Python that has scribit.")
@click.option("--only", type=click.Choice(["starts", "live", "alone"]), multiple=True, help="Measure only that.")
def main(peer: Path | None, only: tuple[str, ...]) -> None:
    """Measure, and print the table."""
    figures: list[Figure] = []
    with stage() as made:
        other = None if peer is None else peers.Peer(peer, made)
        if not only or "starts" in only:
            figures += starts(made, other)
        if not only or "live" in only:
            figures += live(made, other)
        if not only or "alone" in only:
            figures += alone(made)
    print(markdown(figures))
    if any(figure.regressed for figure in figures):
        sys.exit("A figure is far beyond its limit.")


if __name__ == "__main__":
    main()
