"""Sums of the metrics of all replicas, while replicas come and go. Pure.

A replica reports what its counters gained since its last report. A counter of the cluster therefore never falls when a
replica ends, and starts from zero only if the process with the sums does, as Prometheus expects.
"""

import time
from collections import Counter
from collections.abc import Callable

from tui.gateway.metrics import Counts, Metrics, exposition

REPORT_S = 2.0
"""Interval of a replica's reports."""
GONE_S = 5 * REPORT_S
"""Seconds without a report after which a replica no longer counts as present."""


class Gains:
    """Tells what counters gained since the last report that arrived.

    Args:
        counts: returns their values.
    """

    def __init__(self, counts: Callable[[], Counts]) -> None:
        self._counts = counts
        self._reported: dict[tuple[str, str], float] = {}

    def take(self) -> tuple[dict[tuple[str, str], float], Callable[[], None]]:
        """Return the gains, and what to call once they have arrived."""
        counts = dict(self._counts())
        gains = {key: value - self._reported.get(key, 0.0) for key, value in counts.items()}

        def arrived() -> None:
            self._reported = counts

        return {key: gain for key, gain in gains.items() if gain}, arrived


class MetricTotals:
    """Adds up reports.

    Args:
        clock: returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: Counter[tuple[str, str]] = Metrics().counts
        self._present: dict[str, tuple[float, str, dict[str, float]]] = {}
        """Time, role and gauges of the last report, by replica."""

    def add(self, replica: str, role: str, gains: Counts, gauges: dict[str, float]) -> None:
        """Add a replica's report.

        Args:
            replica: its id.
            role: what it is: ingress or recogniser.
            gains: of its counters, since its last report.
            gauges: current values.
        """
        for key, gain in gains.items():
            self._counts[key] += gain  # type: ignore[assignment]
        self._present[replica] = (self._clock(), role, gauges)

    def occupancy(self) -> tuple[int, int]:
        """Return the open sessions of all replicas, and how many they accept."""
        gauges = self._gauges()
        return gauges["sessions"], gauges["max_sessions"]

    def _gauges(self) -> Counter[str]:
        """Return the sums of the gauges of the replicas that are present."""
        now = self._clock()
        self._present = {name: kept for name, kept in self._present.items() if now - kept[0] <= GONE_S}
        sums: Counter[str] = Counter({"sessions": 0, "max_sessions": 0, "finals_waiting": 0, "backlog_seconds": 0})
        for _, _, gauges in self._present.values():
            for name, value in gauges.items():
                sums[name] += value  # type: ignore[assignment]
        return sums

    def text(self) -> str:
        """Return the sums in Prometheus text format."""
        gauges = self._gauges()
        replicas = Counter(("replicas", f'role="{role}"') for _, role, _ in self._present.values())
        busy_s = self._counts["recogniser_busy_seconds_total", ""]
        audio_s = self._counts["recogniser_audio_seconds_total", ""]
        return exposition(
            {**self._counts, **replicas}, {**gauges, "realtime_factor": audio_s / busy_s if busy_s else 0.0}
        )
