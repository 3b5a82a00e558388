"""Measure what livegist costs, beside its limits and the nearest peer: `python -m tests.bench.dashboard`.

It needs Linux, PulseAudio and PortAudio, some quiet minutes, and nothing else. `--peer PYTHON` names the interpreter
of an environment in which scribit 1.1.0 is installed. It exits with 1 if a figure is far beyond its limit.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from tests.bench import peers
from tests.bench.endpoint import Pace
from tests.bench.line import bytes_per_second
from tests.bench.live import MEASURE_S, SETTLE_S, Live
from tests.bench.long_session import LongSession
from tests.bench.plot import svg
from tests.bench.processes import Meter
from tests.bench.stage import LIVEGIST, Stage, stage
from tests.bench.table import Figure, at, markdown

PARTS = ("starts", "live", "alone", "long")
STARTS = 7
"""Starts of which the median counts."""


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
        sent = bytes_per_second(MEASURE_S)
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
    yield Figure("events to a viewer far away, live", "B/s", sent, 1500)


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
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Measure only that.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Where to draw the long session's cost.")
def main(peer: Path | None, only: tuple[str, ...], plot: Path | None) -> None:
    """Measure, and print the table."""
    figures: list[Figure] = []
    with stage() as made:
        other = None if peer is None else peers.Peer(peer, made)
        for part in only or PARTS:
            click.echo(f"measuring: {part}", err=True)
            match part:
                case "starts":
                    figures += starts(made, other)
                case "live":
                    figures += live(made, other)
                case "alone":
                    figures += alone(made)
                case "long":
                    session = LongSession(made)
                    session.run()
                    figures += session.figures()
                    if plot is not None:
                        plot.write_text(svg(session.points), encoding="utf-8")
            click.echo(markdown(figures), err=True)
    print(markdown(figures))
    if any(figure.regressed for figure in figures):
        sys.exit("A figure is far beyond its limit.")


if __name__ == "__main__":
    main()
