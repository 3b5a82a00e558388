"""A dashboard that listens, and what can be measured of it."""

import re
import time

from tests.bench.endpoint import last_word
from tests.bench.keys import key_ms
from tests.bench.processes import Meter, memory_mb
from tests.bench.stage import Stage, engine_pid
from tests.bench.terminal import Terminal

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
        terminal.wait_for(lambda text: "READY" in text, 30.0)
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
