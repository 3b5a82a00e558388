"""What is watched while a session lasts: the disk that takes it, and the machine that may fall asleep. Pure."""

import time
from collections.abc import Callable

from tui.model.events import Notice, Severity

MIN_SLEEP_S = 2.0
"""Shortest sleep of the machine that is told of; less is the time between two readings of two clocks."""


def boot_clock() -> float:
    """Return seconds that go on while the machine sleeps, which `time.monotonic` does not count.

    Linux has a clock for it; the monotonic one of macOS's `clock_gettime` is another than Python's and goes on, too.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SleepDetector:
    """Notices that the machine slept.

    Args:
        clock: seconds awake.
        boot_clock: seconds awake or asleep.
    """

    def __init__(self, clock: Callable[[], float], boot_clock: Callable[[], float]) -> None:
        self._clock = clock
        self._boot_clock = boot_clock
        self._ahead = boot_clock() - clock()

    def slept_s(self) -> float:
        """Return how long the machine slept since this was asked last, 0 if it did not."""
        ahead = self._boot_clock() - self._clock()
        slept, self._ahead = ahead - self._ahead, ahead
        return slept if slept >= MIN_SLEEP_S else 0.0


class DiskMonitor:
    """Says it once when the disk refuses, and once when it takes what is recorded again."""

    def __init__(self) -> None:
        self._failed = False

    def check(self, failure: OSError | None) -> Notice | None:
        """Return what is to be told, given why the disk refuses now (`None` if it does not)."""
        failed, self._failed = self._failed, failure is not None
        if failure is not None and not failed:
            return Notice(
                Severity.ERROR,
                f"The disk does not take the recording: {failure.strerror or failure}.",
                "Memory holds the last ten minutes; streaming goes on. Make room and they are written.",
            )
        if failure is None and failed:
            return Notice(Severity.INFO, "The disk takes the recording again.")
        return None
