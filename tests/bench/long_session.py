"""Three hours of a session in minutes: what it costs at its start, on the way and at its end.

The endpoint speaks at sixty times the pace until the session is long enough, then at its own while it is measured.
"""

import time
from collections.abc import Iterator
from statistics import median

import msgspec

from tests.bench.endpoint import TURN_S, Pace
from tests.bench.live import Live
from tests.bench.stage import LIVEGIST, Stage
from tests.bench.table import Figure
from tests.bench.terminal import Terminal

TURNS = 4000
"""Turns of three hours and twenty minutes at one each three seconds."""
SPEED = 60.0
STOPS = 4
"""Measurements after the first."""
SETTLE_S = 4.0
MEASURE_S = 5.0
STRETCHES = 3
"""Measurements at each stop, of which the middle one counts: a machine that others use has bad moments."""
ATTACHES = 7
STALL_S = 120.0
"""Longest wait for another hundred turns."""


class Point(msgspec.Struct, frozen=True):
    """What a session of some length costs."""

    hours: float
    painted: float
    """Bytes a second."""
    cpu: float
    """Percent of a core, viewer and engine."""
    viewer_mb: float
    engine_mb: float


class LongSession:
    """A session that is made long.

    Args:
        stage: where it runs.
        turns: how many it gets.
    """

    def __init__(self, stage: Stage, turns: int = TURNS) -> None:
        self._stage = stage
        self._turns = turns
        self.points: list[Point] = []
        """What it cost, by its length."""
        self.attach_ms = 0.0
        """Median of the milliseconds that other viewers took to paint the whole session, from the command on."""

    def run(self) -> None:
        """Live it, and measure on the way."""
        stage = self._stage
        stage.speak()
        with stage.dashboard() as terminal:
            dashboard = Live(terminal, stage)
            dashboard.start()
            for stop in range(STOPS + 1):
                self._wait_for(terminal, self._turns * stop // STOPS)
                costs = [dashboard.cost(MEASURE_S) for _ in range(STRETCHES)]
                painted, cpu = (median(of) for of in zip(*costs, strict=True))
                hours = len(stage.endpoint.sent_at) * TURN_S / 3600
                self.points.append(Point(hours, painted, cpu, *dashboard.memory_mb()))
            self.attach_ms = 1000 * median(_attach_s() for _ in range(ATTACHES))

    def _wait_for(self, terminal: Terminal, turns: int) -> None:
        """Let the session grow to so many turns, and settle."""
        sent = self._stage.endpoint.sent_at
        self._stage.endpoint.pace(Pace(speed=SPEED))
        seen, deadline = len(sent), time.monotonic() + STALL_S
        while len(sent) < turns:
            terminal.watch(0.5)
            if len(sent) >= seen + 100:
                seen, deadline = len(sent), time.monotonic() + STALL_S
            if time.monotonic() > deadline:
                raise TimeoutError(f"the session stands still at {len(sent)} turns:\n{terminal.text}")
        self._stage.endpoint.pace(Pace())
        terminal.watch(SETTLE_S)

    def figures(self) -> Iterator[Figure]:
        """Return what is in the table."""
        first, last = self.points[0], self.points[-1]
        yield Figure("viewer, 3 h and 4,000 turns later", "MB more", last.viewer_mb - first.viewer_mb, 10)
        yield Figure("engine, 3 h and 4,000 turns later", "MB more", last.engine_mb - first.engine_mb, 5)
        yield Figure("attach to that session, until painted", "ms", self.attach_ms, 500)


def _attach_s() -> float:
    """Return how long a viewer takes until it shows a session that is under way."""
    terminal = Terminal([LIVEGIST, "attach"])
    try:
        return terminal.wait_for(lambda text: "LIVE" in text and "Gist" in text, STALL_S)
    finally:
        terminal.end()
