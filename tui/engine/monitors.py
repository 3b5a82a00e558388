"""Monitors of a running session: detect failing writes to disk and sleep of the machine. Pure."""

import time
from collections.abc import Callable

from tui.model.events import Notice, Severity

MIN_SLEEP_S = 2.0
"""Shortest sleep that is reported; smaller differences are the time between reading the two clocks."""


def boot_clock() -> float:
    """Return monotonic seconds that include the time the machine sleeps, which `time.monotonic` leaves out.

    Linux has `CLOCK_BOOTTIME` for this. On macOS, `CLOCK_MONOTONIC` includes sleep, unlike Python's monotonic clock.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SleepDetector:
    """Detects that the machine slept.

    Args:
        clock: monotonic seconds without sleep.
        boot_clock: monotonic seconds including sleep.
    """

    def __init__(self, clock: Callable[[], float], boot_clock: Callable[[], float]) -> None:
        self._clock = clock
        self._boot_clock = boot_clock
        self._ahead = boot_clock() - clock()

    def slept_s(self) -> float:
        """Return the seconds that the machine slept since the last call, or 0."""
        ahead = self._boot_clock() - self._clock()
        slept, self._ahead = ahead - self._ahead, ahead
        return slept if slept >= MIN_SLEEP_S else 0.0


class DiskMonitor:
    """Reports when writing to disk starts to fail, and when it works again."""

    def __init__(self) -> None:
        self._failed = False

    def check(self, failure: OSError | None) -> Notice | None:
        """Return a notice if writing has started to fail or works again; `failure` is `None` while it works."""
        failed, self._failed = self._failed, failure is not None
        if failure is not None and not failed:
            return Notice(
                Severity.ERROR,
                f"The recording cannot be written to disk: {failure.strerror or failure}.",
                "Memory keeps up to ten minutes; streaming continues. Free disk space to save them.",
            )
        if failure is None and failed:
            return Notice(Severity.INFO, "The recording is written to disk again.")
        return None
